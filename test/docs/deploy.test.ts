import t from 'tap'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { commandLine } from '../../bin/command-line.js'
import { configOptions, loadConfig } from '../../server/config-sources.js'
import { checkShared } from '../../server/configured-store.js'
import { sharedOptions } from '../../server/store-config.js'

interface Service {
  readonly image?: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly stop_grace_period?: string
  readonly networks?: readonly string[]
  readonly depends_on?: Readonly<Record<string, unknown>> | readonly string[]
  readonly volumes?: readonly string[]
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, unknown>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const read = (name: string): string => readFileSync(join('deploy', name), 'utf8')
const composed = read('compose.yaml')
const compose = parse(composed, { merge: true }) as Compose
const gateways = Object.entries(compose.services).filter(([, { image }]) => image === 'fastify-cdmi')
const unit = read('fastify-cdmi@.service')
const balancer = read('haproxy.cfg')

/** What the command line reads, and the variables of S3 (docs/s3.md) and Node. */
const variables = new Set([...configOptions.flatMap(({ variable }) => variable ?? []), 'CDMI_CONFIG', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'NODE_ENV'])
const flags = new Set(commandLine().commands.find(command => command.name() === 'serve')?.options.map(({ long }) => long))

t.test('every variable that the gateways are given is one that they read', async t => {
  const given = [
    ...gateways.flatMap(([, { environment = {} }]) => Object.keys(environment)),
    ...[...unit.matchAll(/^Environment=(.*)$/gm)].flatMap(([, line = '']) => line.split(' ').map(pair => pair.split('=', 1)[0] ?? '')),
    ...[...read('Dockerfile').matchAll(/^ENV (.*)$/gm)].flatMap(([, line = '']) => line.split(' ').map(pair => pair.split('=', 1)[0] ?? '')),
    ...readdirSync('deploy').flatMap(name => read(name).match(/\bCDMI_[A-Z_]+/g) ?? [])
  ]
  t.ok(given.length > 10)
  for (const name of new Set(given)) t.ok(variables.has(name), name)
})

t.test('the variables together name one store, in a database, and somebody who can log in', async t => {
  const pairs = (lines: RegExp, text: string): Array<[string, string]> => [...text.matchAll(lines)].flatMap(([, line = '']) => line.split(' ').map((pair): [string, string] => {
    const [name = '', ...value] = pair.split('=')
    return [name, value.join('=')]
  }))
  const [, { environment = {} } = {}] = gateways[0] ?? []
  for (const others of [pairs(/^ENV (.*)$/gm, read('Dockerfile')), pairs(/^Environment=(.*)$/gm, unit)]) {
    const config = loadConfig({ environment: { ...Object.fromEntries(others), ...environment } })
    t.match(sharedOptions(config), { meta: /^postgres:/, blobs: /^s3:/ })
    await checkShared(config)
  }
})

t.test('every flag is one of `serve`', async t => {
  const [start = ''] = /^ExecStart=.*$/m.exec(unit) ?? []
  t.match(start, / serve /)
  t.match(read('Dockerfile'), /^CMD \["serve"\]$/m)
  const given = [...start.matchAll(/ (--[\w-]+)/g)].map(([, flag = '']) => flag)
  t.ok(given.length > 0)
  for (const flag of given) t.ok(flags.has(flag), flag)
})

t.test('the compose file is whole: what a service names is there', async t => {
  const { services, networks, volumes } = compose
  for (const [name, { depends_on: dependsOn = [], networks: joined = [], volumes: mounted = [] }] of Object.entries(services)) {
    for (const other of Array.isArray(dependsOn) ? dependsOn : Object.keys(dependsOn)) t.ok(other in services, `${name} depends on ${other}`)
    for (const network of joined) t.ok(network in networks, `${name} in ${network}`)
    for (const volume of mounted.map(mount => mount.split(':', 1)[0] ?? '')) t.ok(volume.startsWith('./') ? existsSync(join('deploy', volume)) : volume in volumes, `${name} with ${volume}`)
  }
  t.same([...new Set(Array.from(composed.matchAll(/\$\{(\w+)/g), ([, name]) => name))].sort(), Array.from(read('example.env').matchAll(/^(\w+)=/gm), ([, name]) => name).sort())
})

t.test('there are several gateways, all the same, that are given time to end', async t => {
  t.ok(gateways.length > 1)
  const [, inter, fast] = /^ {2}default-server inter (\d+)s fastinter (\d+)ms downinter \S+ fall 2 /m.exec(balancer) ?? []
  // Seconds until the balancer has seen it twice.
  const unseen = Number(inter) + Number(fast) / 1000
  for (const [name, { environment, stop_grace_period: grace = '' }] of gateways) {
    t.same(environment, gateways[0]?.[1].environment, name)
    t.ok(parseInt(grace) > Number(environment?.['CDMI_DRAIN_DELAY']) + Number(environment?.['CDMI_DRAIN_TIMEOUT']), name)
    t.ok(Number(environment?.['CDMI_DRAIN_DELAY']) > unseen, name)
  }
  const seconds = (pattern: RegExp): number => Number(pattern.exec(unit)?.[1])
  t.ok(seconds(/^TimeoutStopSec=(\d+)$/m) > seconds(/--drain-delay (\d+)/) + seconds(/--drain-timeout (\d+)/))
  t.ok(seconds(/--drain-delay (\d+)/) > unseen)
})

t.test('the balancer asks every gateway whether it is ready', async t => {
  t.match(balancer, /^ {2}option httpchk GET \/-\/ready$/m)
  t.same(Array.from(balancer.matchAll(/^ {2}server (\S+) (\S+):6375 check$/gm), ([, name, host]) => [name, host]), gateways.map(([name]) => [name, name]))
  for (const [name] of gateways) t.match(balancer, new RegExp(`^  server ${name} ${name}:6375 track gateways/${name}$`, 'm'))
})

/** What only says whether a file is right. Where it is not installed the other tests must do. */
function installed (program: string): string | undefined {
  return `${process.env['PATH'] ?? ''}:/usr/sbin`.split(':').map(directory => join(directory, program)).find(path => existsSync(path))
}

const [haproxy, systemd] = [installed('haproxy'), installed('systemd-analyze')]

t.test('the balancer takes its configuration', { skip: haproxy === undefined && process.env['CI'] !== 'true' && 'HAPROXY IS NOT INSTALLED' }, async t => {
  const { status, stderr } = spawnSync(haproxy ?? 'haproxy', ['-c', '-f', 'deploy/haproxy.cfg'], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
})

t.test('systemd takes the unit', { skip: systemd === undefined && 'systemd is not installed' }, async t => {
  const directory = t.testdir()
  const program = join(directory, 'node')
  writeFileSync(program, '', { mode: 0o755 })
  const file = join(directory, 'fastify-cdmi@6375.service')
  writeFileSync(file, unit.replace('/usr/bin/node', program))
  const { status, stderr } = spawnSync(systemd ?? '', ['verify', '--man=no', file], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  t.equal(stderr, '')
})

t.test('the manual tells of every file', async t => {
  const manual = readFileSync('docs/scale-out.md', 'utf8')
  for (const name of readdirSync('deploy').filter(name => !name.endsWith('.dockerignore'))) t.ok(manual.includes(`](../deploy/${name})`), name)
})
