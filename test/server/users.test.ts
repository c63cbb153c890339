import t from 'tap'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashPassword, verifyPassword } from '../../plugins/password.js'
import { changeUsers, readUsers } from '../../plugins/users-file.js'
import { buildServer } from '../../server.js'
import type { FirstUser } from '../../server/first-user.js'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import { ask, authorization, basic, builtServer, cheap, runningServer, writeUsers, type TestServer } from '../helpers/built-server.js'
import type { ServerConfig } from '../../schemas/config.js'
import type { Test } from 'tap'

const get = async (server: TestServer, authorization: string): Promise<number> => (await server.app.inject({ url: '/', headers: { authorization } })).statusCode

/** A server with no users configured, and those that it made. */
async function bareServer (t: Test, data: string, config: ServerConfig = {}): Promise<TestServer & { made: FirstUser[] }> {
  const made: FirstUser[] = []
  const log: string[] = []
  const server = await buildServer({ data, ...config }, { store: openMemoryStore(), log: { write: line => { log.push(line) } }, onFirstUser: user => { made.push(user) } })
  t.teardown(async () => { await server.close() })
  return { ...server, made, directory: data, log, lines: () => [] }
}

t.test('the first start makes one user, says so once, and keeps only a hash', async t => {
  const data = join(t.testdir(), 'store')
  const first = await bareServer(t, data, { logLevel: 'trace' })
  const [user, ...others] = first.made
  t.same(others, [])
  const { name, password, file } = user ?? { name: '', password: '', file: '' }
  t.equal(name, 'admin')
  t.equal(file, join(data, 'users.json'))
  t.equal(await get(first, basic(name, password)), 200)
  t.equal((await first.app.inject({ method: 'PUT', url: '/x', headers: { authorization: basic(name, password) }, payload: 'x' })).statusCode, 201, 'it may write')
  t.equal(await get(first, basic(name, 'wrong')), 401)
  t.equal(statSync(file).mode & 0o777, 0o600)
  const [kept] = await readUsers(file)
  t.equal(await verifyPassword(password, kept?.hash ?? ''), true)
  await first.close()
  for (const text of [readFileSync(file, 'utf8'), ...first.log]) t.notOk(text.includes(password), 'nowhere in clear')

  const second = await bareServer(t, data)
  t.same(second.made, [], 'once')
  t.equal(await get(second, basic(name, password)), 200, 'and it holds')
})

t.test('the first user has the name that is configured', async t => {
  const { made } = await bareServer(t, join(t.testdir(), 'store'), { adminUser: 'root' })
  t.equal(made[0]?.name, 'root')
})

t.test('no user is made where one is configured: by password or by file', async t => {
  const directory = t.testdir()
  const data = join(directory, 'store')
  const byPassword = await bareServer(t, data, { adminPassword: 'from outside', adminUser: 'op' })
  t.same(byPassword.made, [])
  t.equal(existsSync(join(data, 'users.json')), false, 'the password is not kept')
  t.equal(await get(byPassword, basic('op', 'from outside')), 200)
  t.equal(await get(byPassword, basic('admin', 'from outside')), 401)
  const byFile = await bareServer(t, data, { users: await writeUsers(join(directory, 'u.json')) })
  t.same(byFile.made, [])
  t.equal(await get(byFile, authorization), 200)
})

t.test('the configured user and those of the file are there together, and the configured one wins', async t => {
  const users = await writeUsers(join(t.testdir(), 'u.json'), ['admin', 'ann'])
  const server = await builtServer(t, { users, adminPassword: 'from outside' })
  t.equal(await get(server, basic('admin', 'from outside')), 200)
  t.equal(await get(server, authorization), 401, 'the password of the file does not count for that name')
  t.equal(await get(server, basic('ann', 'Right-Secret')), 200)
})

t.test('a users file that is configured must be there and be one', async t => {
  const directory = t.testdir({ 'bad.json': '{"users":[{"name":"x"}]}' })
  await t.rejects(builtServer(t, { users: join(directory, 'none.json') }), { name: 'UsersFileError', message: /none\.json/ })
  await t.rejects(builtServer(t, { users: join(directory, 'bad.json') }), { name: 'UsersFileError', message: /bad\.json/ })
})

t.test('changes of the users file count without a restart; a broken file is logged and changes nothing', async t => {
  const users = await writeUsers(join(t.testdir(), 'u.json'))
  const server = await runningServer(t, { users })
  const status = async (authorization: string): Promise<number> => (await ask(server.url + '/', { headers: { authorization } })).status
  t.equal(await status(basic('bob', 'pw')), 401)
  const hash = await hashPassword('pw', cheap)
  await changeUsers(users, known => [...known, { name: 'bob', hash, access: 'read' }])
  t.equal(await status(basic('bob', 'pw')), 200, 'added')
  t.equal((await ask(server.url + '/x', { method: 'PUT', headers: { authorization: basic('bob', 'pw') }, body: 'x' })).status, 403, 'who may read may not write')
  writeFileSync(users, 'broken')
  t.equal(await status(basic('nobody', 'x')), 401)
  t.equal(await status(basic('bob', 'pw')), 200, 'still there')
  t.match(server.lines().filter(({ level }) => level >= 40), [{ level: 40, msg: /u\.json is not valid JSON; the users known before go on to count/ }])
  await writeUsers(users)
  t.equal(await status(basic('nobody', 'y')), 401)
  t.equal(await status(basic('bob', 'pw')), 401, 'removed')
})

t.test('a users file that comes later counts, too, where a password is configured', async t => {
  const data = join(t.testdir(), 'store')
  const server = await builtServer(t, { data, adminPassword: 'from outside' })
  t.equal(await get(server, basic('ann', 'Right-Secret')), 401)
  await writeUsers(join(data, 'users.json'), ['ann'])
  t.equal(await get(server, basic('ann', 'Right-Secret')), 200)
  t.equal(await get(server, basic('admin', 'from outside')), 200)
})

t.test('anonymous: callers without credentials may do what is configured, wrong credentials are refused all the same', async t => {
  const server = await builtServer(t, { anonymous: 'read' })
  t.equal((await server.app.inject('/')).statusCode, 200)
  t.equal((await server.app.inject({ method: 'PUT', url: '/x', payload: 'x' })).statusCode, 401)
  t.equal(await get(server, basic('admin', 'wrong')), 401)
})
