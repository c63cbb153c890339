import t from 'tap'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import cdmi, { type CdmiPluginOptions, openMemoryStore } from '../../index.js'

const run = promisify(execFile)
const page = readFileSync('docs/cdmi-extensions.md', 'utf8')

/** The options of the example, as they stand. */
function exampleOptions (): CdmiPluginOptions {
  const [, code = ''] = /register\(cdmi, (\{[^]*?\n\})\)/.exec(page) ?? []
  // eslint-disable-next-line no-new-func
  return new Function('store', `return ${code}`)(openMemoryStore()) as CdmiPluginOptions
}

t.test('every command of the page about extensions does what it says', async t => {
  const app = Fastify()
  await app.register(cdmi, { ...exampleOptions(), users: name => name === 'admin' })
  t.teardown(async () => { await app.close() })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const lines = [...page.matchAll(/```sh\n([^]*?)```/g)].flatMap(([, block = '']) => block.split('\n')).filter(line => line !== '' && !line.startsWith('c() '))
  const settings = lines.filter(line => /^[SOCA]=/.test(line)).map(line => line.replace('http://localhost:6375', origin))
  const commands = lines.filter(line => /^(c|curl) /.test(line))
  t.equal(settings.length, 4)
  t.equal(commands.length, lines.length - 4)
  t.ok(commands.length > 12)
  const answers: string[] = []
  for (const command of commands) {
    const script = [...settings, 'c () { curl --globoff --silent --show-error --fail -u admin:secret "$@"; }', command.replace(/^curl /, 'curl --silent --show-error --fail ')].join('\n')
    const { stdout } = await run('bash', ['-c', script])
    answers.push(stdout)
    t.pass(command)
  }
  const answer = (part: string): string => answers[commands.findIndex(command => command.includes(part))] ?? ''
  t.strictSame(JSON.parse(answer('metadata/colour')), { children: [['a.txt', '5', 'red'], ['old/', '0', null]] })
  t.strictSame(JSON.parse(answer('children=!"')), { children: ['a.txt', 'old/', ['b.txt']] })
  for (const shown of ['metadata/colour', 'children=!"']) t.ok(page.includes('`' + JSON.stringify((JSON.parse(answer(shown)) as { children: unknown }).children) + '`'), `${shown} is answered as the page says`)
  t.match(JSON.parse(answer(']0-1')), { parentURI: '/', children: { length: 3 } })
  t.match(JSON.parse(answer('$S/cdmi_capabilities/dataobject/gold/')), { metadata: { cdmi_latency: '10' } })
  t.match(JSON.parse(answer('"value":"fast"')), { capabilitiesURI: '/cdmi_capabilities/dataobject/gold/', metadata: { cdmi_latency: '10' } })
  t.match(JSON.parse(answer('hall-3')), { metadata: { cdmi_data_affinity_provided: ['hall-3'] } })
  t.match(answer('-X OPTIONS'), /^HTTP\/1\.1 200[^]*access-control-allow-origin: https:\/\/app\.example\.org/)
  t.match(answer('c -i'), /access-control-allow-origin: https:\/\/app\.example\.org/)
  t.notMatch(answer('c -i'), /allow-credentials/)
})
