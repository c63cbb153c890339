import t from 'tap'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readUsers } from '../../plugins/users-file.js'
import { ask, basic } from '../helpers/built-server.js'
import { eventually } from '../helpers/eventually.js'
import { runInProcess } from '../helpers/run-in-process.js'
import { runCommand, startServer } from '../helpers/server-process.js'

const generated = /^The password of bob, shown only now: ((?:[a-z2-9]{5}-){3}[a-z2-9]{5})\n/

t.test('users are added, listed, changed and removed; a server that runs notices; whatever is refused changes nothing', async t => {
  const directory = join(t.testdir(), 'store')
  const file = join(directory, 'users.json')
  /** Without something to read it need be no process of its own. */
  const user = async (args: readonly string[], input?: string): ReturnType<typeof runCommand> => {
    const whole = ['user', ...args, '--data', directory]
    return input === undefined ? await runInProcess(whole) : await runCommand(whole, {}, input)
  }

  t.same(await user(['list']), { code: 1, stdout: '', stderr: `fastify-cdmi: There is no users file ${file}; make one with "fastify-cdmi user add NAME --users ${file}"\n` })
  t.same(await user(['add', 'ann'], 'first password\nnot a password\n'), { code: 0, stdout: `ann is in ${file}.\n`, stderr: '' }, 'before there is a store')
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.equal((await stat(directory)).mode & 0o777, 0o700)
  t.notMatch(await readFile(file, 'utf8'), /first password/)

  const server = await startServer(t, directory, ['--log-level', 'error'], { ADMIN_PASSWORD: '' })
  t.notMatch(server.output(), /password/, 'there is a user, so none is made')
  const status = async (name: string, password: string, method = 'GET'): Promise<number> =>
    (await ask(`${server.origin}/cdmi/2.0.0/${method === 'GET' ? '' : name}`, { method, headers: { authorization: basic(name, password) } })).status
  t.equal(await status('ann', 'first password'), 200)

  await t.test('--generate prints a password once; --read-only may look and not write', async t => {
    const { code, stdout } = await user(['add', 'bob', '--read-only', '--generate'])
    t.equal(code, 0)
    const [, password = ''] = generated.exec(stdout) ?? []
    t.equal(await status('bob', password), 200)
    t.equal(await status('bob', password, 'PUT'), 403)
    t.notMatch(await readFile(file, 'utf8'), new RegExp(password))
    t.same(await user(['list']), { code: 0, stdout: 'ann\twrite\nbob\tread\n', stderr: '' })
  })

  await t.test('what is refused changes nothing', async t => {
    const before = await readFile(file, 'utf8')
    const refused = async (args: readonly string[], input: string | undefined, code: number, pattern: RegExp): Promise<void> => {
      const done = await user(args, input)
      t.match(done, { code, stdout: '', stderr: pattern }, args.join(' '))
      t.equal(done.stderr.split('\n').length, 2, 'a sentence')
    }
    await refused(['add', 'ann'], undefined, 2, /There is a user ann already; "fastify-cdmi user passwd ann"/)
    await refused(['add', 'a:b'], undefined, 2, /A name .* neither ":" nor control characters/)
    await refused(['add', 'cid'], '\n', 2, /A password must not be empty; nothing was changed/)
    await refused(['passwd', 'cid'], undefined, 2, /There is no user cid in /)
    await refused(['remove', 'cid'], undefined, 2, /There is no user cid in /)
    t.equal(await readFile(file, 'utf8'), before)
  })

  await t.test('passwd: the new password counts at once, the old one soon no more', async t => {
    t.same(await user(['passwd', 'ann'], 'second password\r\n'), { code: 0, stdout: 'ann has a new password.\n', stderr: '' })
    t.equal(await status('ann', 'second password'), 200)
    await eventually('the old password is refused', async () => await status('ann', 'first password') === 401)
  })

  await t.test('remove: who was logged in is out', async t => {
    t.equal(await status('ann', 'second password'), 200)
    t.same(await user(['remove', 'ann']), { code: 0, stdout: `ann is no longer in ${file}.\n`, stderr: '' })
    await eventually('ann is out', async () => await status('ann', 'second password') === 401)
    t.same((await readUsers(file)).map(({ name }) => name), ['bob'])
  })
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.equal(await server.stop(), 0)
})

t.test('--users and the config file name the users file; names and passwords are compared in normalization form C', async t => {
  const directory = t.testdir({ 'config.toml': 'users = "people.json"\n' })
  const environment = { CDMI_CONFIG: join(directory, 'config.toml') }
  t.equal((await runCommand(['user', 'add', 'Jose\u0301'], environment, 'x\n')).code, 0)
  t.equal((await runInProcess(['user', 'add', 'Jos\u00e9', '--users', join(directory, 'people.json')])).code, 2)
  t.same((await readUsers(join(directory, 'people.json'))).map(({ name }) => name), ['Jos\u00e9'])
})
