import t, { type Test } from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { version } from '../../server/version.js'
import { configOptions } from '../../server/config-sources.js'
import { commandLine, plainNode } from '../helpers/plain-node.js'
import { runInProcess } from '../helpers/run-in-process.js'
import { runCommand } from '../helpers/server-process.js'

/** Flags of the configuration that a command takes, by option. */
const everything = configOptions.map(({ name }) => name)
const commands: ReadonlyArray<{ readonly args: readonly string[], readonly options: readonly string[], readonly own?: readonly string[], readonly configured?: false }> = [
  { args: ['serve'], options: everything },
  { args: ['sweep'], options: ['data', 'meta', 'blobs', 'trashGrace'] },
  { args: ['migrate'], options: ['meta'], own: ['--dry-run'] },
  { args: ['audit'], options: ['data', 'meta'], own: ['--since', '--until', '--object', '--user', '--json'] },
  { args: ['transfer'], options: [], own: ['--from', '--from-blobs', '--to', '--to-blobs', '--skip-damaged', '--json'], configured: false },
  { args: ['verify'], options: ['data', 'meta', 'blobs'], own: ['--no-values', '--json'] },
  { args: ['repair'], options: ['data', 'meta', 'blobs'], own: ['--from', '--dry-run', '--json'] },
  { args: ['backup'], options: ['data', 'meta', 'blobs'], own: ['--to', '--list', '--check', '--at', '--skip-damaged', '--json'] },
  { args: ['restore'], options: ['data', 'meta', 'blobs'], own: ['--from', '--at', '--skip-damaged', '--json'] },
  { args: ['export'], options: ['data', 'meta', 'blobs'], own: ['--container', '--to', '--dry-run', '--json'] },
  { args: ['import'], options: ['data', 'meta', 'blobs'], own: ['--container', '--from', '--existing', '--dry-run', '--json'] },
  { args: ['user', 'add'], options: ['data', 'users'], own: ['--read-only', '--generate'] },
  { args: ['user', 'passwd'], options: ['data', 'users'], own: ['--generate'] },
  { args: ['user', 'remove'], options: ['data', 'users'] },
  { args: ['user', 'list'], options: ['data', 'users'] }
]

t.test('the help of every command lists its flags with their variables, and has an example that this command line takes', async t => {
  for (const { args, options, own = [], configured = true } of commands) {
    const { code, stdout, stderr } = await runInProcess([...args, '--help'])
    t.equal(code, 0)
    t.equal(stderr, '')
    const listed = [...stdout.matchAll(/^ {2}(--[\w-]+)/gm)].map(([, flag]) => flag)
    const flags = configOptions.flatMap(({ name, flag }) => flag !== undefined && options.includes(name) ? [flag] : [])
    t.same(listed, [...flags, ...configured ? ['--config'] : [], ...own], args.join(' '))
    const text = stdout.replace(/\s+/g, ' ')
    for (const { name, flag, description, variable } of configOptions) {
      if (flag !== undefined && options.includes(name)) t.ok(text.includes(`${description} [env: ${variable}]`), `${name} in the help of ${args.join(' ')}`)
    }
    const examples = [...stdout.matchAll(/^ {2}(?:[A-Z_]+=\S+ )*fastify-cdmi (.*?)(?: {2,}.*| < .*)?$/gm)].map(([, example = '']) => example.split(' '))
    t.ok(examples.length > 0, `an example in the help of ${args.join(' ')}`)
    const known = new Set(['--config', ...own, ...flags])
    for (const example of examples) {
      t.same(example.slice(0, args.length), args)
      t.same(example.filter(word => word.startsWith('--') && !known.has(word)), [], example.join(' '))
    }
  }
})

t.test('the help of the whole names the commands; without one it is shown as an error; the version is that of the package', async t => {
  const [help, users, none, printed] = [await runInProcess(['--help']), await runInProcess(['user', '--help']), await runCommand([]), await runCommand(['--version'])]
  for (const command of ['serve', 'sweep', 'migrate', 'audit', 'transfer', 'verify', 'repair', 'backup', 'restore', 'export', 'import', 'user']) t.match(help.stdout, new RegExp(`^ {2}${command} `, 'm'))
  for (const command of ['add', 'passwd', 'remove', 'list']) t.match(users.stdout, new RegExp(`^ {2}${command} `, 'm'))
  t.match(users.stdout, /Examples:/)
  t.match(none, { code: 2, stdout: '', stderr: /Commands:/ })
  t.same(printed, { code: 0, stdout: `${version}\n`, stderr: '' })
})

/** Exit code 2 and a sentence on standard error; no stack. */
async function refused (t: Test, args: readonly string[], pattern: RegExp, environment: Record<string, string> = {}, command: typeof runInProcess | typeof runCommand = runInProcess): Promise<void> {
  const { code, stdout, stderr } = await command(args, environment)
  t.equal(code, 2, args.join(' '))
  t.equal(stdout, '')
  t.match(stderr, pattern)
  t.notMatch(stderr, /\n\s+at |node:|Error:|hidden/)
  t.ok(stderr.trim().split('\n').length <= 3, stderr)
}

t.test('an unknown flag, command, argument, variable or option of the config file is refused with 2 and a sentence', async t => {
  const file = join(t.testdir({ 'config.toml': 'prot = 80\n' }), 'config.toml')
  await refused(t, ['serve', '--prot', '80'], /unknown option '--prot'\n\(Did you mean --port\?\)/)
  await refused(t, ['serve', './data'], /too many arguments/)
  await refused(t, ['srve'], /unknown command 'srve'\n\(Did you mean serve\?\)/)
  await refused(t, ['user', 'change', 'ann'], /unknown command 'change'/)
  await refused(t, ['user', 'add'], /missing required argument 'name'/)
  await refused(t, ['serve'], /^fastify-cdmi: The environment has an unknown variable CDMI_WORKRS; did you mean "CDMI_WORKERS"\?\n$/, { CDMI_WORKRS: '2' })
  await refused(t, ['serve', '--config', file], /^fastify-cdmi: The config file .*config\.toml has an unknown option "prot"; did you mean "port"\?\n$/)
  await refused(t, ['user', 'list'], /^fastify-cdmi: The config file .*config\.toml has an unknown option "prot"; did you mean "port"\?\n$/, { CDMI_CONFIG: file })
})

t.test('a wrong value is refused with 2 and a sentence that says where it was given, and does not repeat it', async t => {
  await refused(t, ['serve', '--port', 'http'], /^fastify-cdmi: The option --port must be integer\n$/)
  await refused(t, ['serve', '--port'], /argument missing/)
  await refused(t, ['serve', '--workers', '0'], /^fastify-cdmi: The option --workers must be >= 1\n$/)
  await refused(t, ['serve', '--docs', 'no'], /^fastify-cdmi: The option --docs must be boolean\n$/)
  await refused(t, ['sweep', '--trash-grace', 'secret'], /^fastify-cdmi: The option --trash-grace must be number\n$/)
  await refused(t, ['serve'], /^fastify-cdmi: The environment variable CDMI_TLS must be one of off, self-signed\n$/, { CDMI_TLS: 'secret' })
  await refused(t, ['serve', '--config', '/nowhere/config.toml'], /^fastify-cdmi: The config file \/nowhere\/config\.toml cannot be read \(ENOENT\)\n$/)
  await refused(t, ['serve', '--data', t.testdir(), '--trust-proxy', '1'], /^fastify-cdmi: .*trustProxy.*\n$/)
})

t.test('a store is in one place: what contradicts itself, or is half of it, is refused with 2 and a sentence; a secret in a flag, too, and it is not repeated', async t => {
  const [meta, blobs] = ['postgres://cdmi@db.example/cdmi', 'file:///srv/cdmi']
  await refused(t, ['serve', '--meta', meta, '--blobs', blobs, '--data', t.testdir()], /^fastify-cdmi: Both data and meta are given .*leave one of them out\n$/)
  await refused(t, ['serve', '--meta', meta], /^fastify-cdmi: The option meta needs blobs, /)
  await refused(t, ['sweep', '--blobs', blobs], /^fastify-cdmi: The option blobs needs meta, /)
  await refused(t, ['serve', '--database-queue', '5'], /^fastify-cdmi: The option database\.queue is for a store in a database /)
  await refused(t, ['serve', '--meta', meta, '--blobs', blobs], /^fastify-cdmi: Nobody could log in: /)
  await refused(t, ['serve', '--meta', meta, '--blobs', blobs, '--workers', '2'], /^fastify-cdmi: Nobody could log in: /)
  await refused(t, ['serve', '--meta', meta, '--blobs', blobs, '--tls', 'self-signed'], /^fastify-cdmi: tls is self-signed, but /, { ADMIN_PASSWORD: 'x' })
  await refused(t, ['user', 'list', '--data', t.testdir()], /^fastify-cdmi: A store in a database has no users file /, { CDMI_META: meta })
  for (const secret of ['postgres://cdmi:hidden@db.example/cdmi', 'postgres://cdmi:hid/den@db.example/cdmi', 'postgres://db.example/cdmi?user=cdmi&password=hidden']) {
    await refused(t, ['serve', '--meta', secret, '--blobs', blobs], /^fastify-cdmi: The option --meta has a secret in it, [^\n]*: use the variable CDMI_META, the config file, or PGPASSWORD\n$/)
  }
  await refused(t, ['sweep', '--blobs', 's3://bucket?accessKeyId=a&secretAccessKey=hidden'], /^fastify-cdmi: The option --blobs has a secret in it, [^\n]*: use the variable CDMI_BLOBS, the config file, or AWS_SECRET_ACCESS_KEY\n$/)
  for (const wrong of ['hidden', 'mysql://cdmi:hidden@db.example/cdmi', 'postgres://cdmi:hidden@db.example/cdmi?schema=hidden"']) {
    await refused(t, ['sweep', '--blobs', blobs], /^fastify-cdmi: The (?:option "meta"|schema in the option "meta") of openStore must be /, { CDMI_META: wrong })
  }
  await refused(t, ['sweep', '--meta', meta], /^fastify-cdmi: [^\n]*"accessKeyId" and "secretAccessKey" together\n$/, { CDMI_BLOBS: 's3://bucket?secretAccessKey=hidden' })
})

t.test('a process that is refused ends with 2 and the sentence', async t => {
  await refused(t, ['serve', '--prot', '80'], /unknown option '--prot'/, {}, runCommand)
  await refused(t, ['serve'], /^fastify-cdmi: The environment has an unknown variable CDMI_PORT; did you mean "PORT"\?\n$/, { CDMI_PORT: '80' }, runCommand)
})

t.test('a reader that goes away is no error', async t => {
  const child = spawn(...plainNode(commandLine, 'serve', '--help'), { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
  t.same(await once(child, 'close'), [0, null])
  t.equal(stderr, '')
})
