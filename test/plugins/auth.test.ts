import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { readFileSync } from 'node:fs'
import { chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { Client } from 'undici'
import auth, { type AuthOptions } from '../../plugins/auth.js'
import { type Authenticator, createAuthenticator } from '../../plugins/authenticator.js'
import errors from '../../plugins/errors.js'
import { FailureLimit, networkOf } from '../../plugins/failure-limit.js'
import { BoundedQueue } from '../../plugins/bounded-queue.js'
import { generatePassword, hashPassword, isPasswordHash, verifyPassword } from '../../plugins/password.js'
import { changeUsers, openUsersFile, readUsers } from '../../plugins/users-file.js'

const cheap = { N: 16, r: 1, p: 1 }
const basic = (name: string, password: string): string => 'Basic ' + Buffer.from(`${name}:${password}`).toString('base64')

async function build (t: Test, options: AuthOptions, log: string[] = []): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: 'trace', stream: { write: (line: string) => { log.push(line) } } } })
  t.teardown(() => app.close())
  await app.register(async scope => {
    await scope.register(errors, { realm: options.realm })
    await scope.register(auth, options)
    scope.route({ method: ['GET', 'POST'], url: '/who', onRequest: scope.authenticate, handler: async request => request.principal })
  })
  return app
}

async function directory (t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cdmi-auth-'))
  t.teardown(() => rm(path, { recursive: true }))
  return path
}

t.test('GEN-39, GEN-40, CLI-08: without or with bad credentials 401 and one Basic challenge', async t => {
  const app = await build(t, { users: [{ name: 'ann', hash: await hashPassword('right', cheap) }], realm: 'the "shop"' })
  const bad = [undefined, basic('ann', 'wrong'), basic('nobody', 'right'), 'Basic', 'Basic !!!', 'Bearer abc', basic('ann', 'right').slice(0, 12), 'Basic ' + Buffer.from('ann').toString('base64')]
  for (const authorization of bad) {
    const answer = await app.inject({ url: '/who', headers: authorization === undefined ? {} : { authorization } })
    t.equal(answer.statusCode, 401, String(authorization))
    t.equal(answer.headers['www-authenticate'], 'Basic realm="the \\"shop\\"", charset="UTF-8"')
    t.match(answer.json(), { status: 401, code: 'CDMI_UNAUTHORIZED', title: 'Unauthorized', detail: 'Credentials are missing or wrong' })
  }
})

t.test('right credentials become the principal, in every request anew', async t => {
  const app = await build(t, {
    users: [
      { name: 'ann', hash: await hashPassword('right', cheap) },
      { name: 'bob', password: 'clear', access: 'read' },
      { name: 'Zoë', hash: await hashPassword('pä:ss', cheap) }
    ]
  })
  const who = async (authorization: string): Promise<unknown> => (await app.inject({ url: '/who', headers: { authorization } })).json()
  t.same(await who(basic('ann', 'right')), { name: 'ann', authentication: 'basic', access: 'write' })
  t.same(await who(basic('ann', 'right')), { name: 'ann', authentication: 'basic', access: 'write' }, 'remembered')
  t.same(await who(basic('bob', 'clear')), { name: 'bob', authentication: 'basic', access: 'read' })
  t.same(await who(basic('Zoë', 'pä:ss')), { name: 'Zoë', authentication: 'basic', access: 'write' }, 'UTF-8, colon in the password')
  t.same(await who(basic('Zoe\u0308', 'pa\u0308:ss')), { name: 'Zoë', authentication: 'basic', access: 'write' }, 'decomposed accents')
  t.same(await who(basic('bob', 'clear').replace('Basic', 'bAsIc')), { name: 'bob', authentication: 'basic', access: 'read' })
  t.equal((await app.inject('/who')).statusCode, 401, 'no session')
})

t.test('users may be a function', async t => {
  let calls = 0
  const app = await build(t, {
    users: async (name, password) => {
      calls++
      if (password !== 'pw') return false
      return name === 'limited' ? { access: 'read', name: 'Limited Person' } : true
    }
  })
  const who = async (name: string, password: string): Promise<{ statusCode: number, json: () => unknown }> => await app.inject({ url: '/who', headers: { authorization: basic(name, password) } })
  t.same((await who('any', 'pw')).json(), { name: 'any', authentication: 'basic', access: 'write' })
  t.same((await who('limited', 'pw')).json(), { name: 'Limited Person', authentication: 'basic', access: 'read' })
  t.equal((await who('any', 'no')).statusCode, 401)
  await who('any', 'pw')
  t.equal(calls, 3, 'verified credentials are remembered, wrong ones are not')
})

t.test('anonymous callers: refused by default, a principal by option; wrong credentials are wrong in both', async t => {
  const users = [{ name: 'ann', hash: await hashPassword('right', cheap) }]
  t.equal((await (await build(t, { users })).inject('/who')).statusCode, 401)
  for (const access of ['read', 'write'] as const) {
    const app = await build(t, { users, anonymous: access })
    t.same((await app.inject('/who')).json(), { name: 'ANONYMOUS@', authentication: 'anonymous', access })
    t.equal((await app.inject({ url: '/who', headers: { authorization: basic('ann', 'wrong') } })).statusCode, 401)
    t.same((await app.inject({ url: '/who', headers: { authorization: basic('ann', 'right') } })).json().name, 'ann')
  }
})

t.test('an application around may have decorators of the same names', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.decorate('authenticate' as 'version', 'theirs' as never)
  app.decorate('basicAuth', (() => {}) as never)
  app.decorateRequest('principal', null as never)
  await app.register(async scope => {
    await scope.register(errors)
    await scope.register(auth, { users: () => true })
    scope.get('/who', { onRequest: scope.authenticate }, async request => request.principal.name)
  })
  t.equal((await app.inject({ url: '/who', headers: { authorization: basic('x', 'y') } })).body, 'x')
  t.equal((app as unknown as { authenticate: string }).authenticate, 'theirs')
})

t.test('bad users are refused at start with a sentence that names them', async t => {
  t.throws(() => createAuthenticator({ users: [{ name: 'a:b', password: 'x' }] }), /a:b has a colon/)
  t.throws(() => createAuthenticator({ users: [{ name: 'ann' }] }), /ann needs either a password or a hash/)
  t.throws(() => createAuthenticator({ users: [{ name: 'ann', password: 'x', hash: 'y' }] }), /ann needs either/)
  t.throws(() => createAuthenticator({ users: [{ name: 'ann', hash: 'scrypt$3$1$1$x$y' }] }), /the hash of ann is not one/)
  const hash = await hashPassword('x', cheap)
  t.throws(() => createAuthenticator({ users: [{ name: 'ann', hash }, { name: 'ann', hash }] }), /ann is there twice/)
  await t.rejects(build(t, { users: [], realm: 'Füü' }), /realm/)
})

t.test('after 10 failures in a minute an address has to wait: 429 with Retry-After; remembered credentials go on', async t => {
  const app = await build(t, { users: (_name, password) => password === 'right' })
  const attempt = async (password: string, remoteAddress: string): Promise<{ statusCode: number, headers: Record<string, unknown> }> =>
    await app.inject({ url: '/who', remoteAddress, headers: { authorization: basic('ann', password) } })
  t.equal((await attempt('right', '192.0.2.1')).statusCode, 200)
  for (let i = 0; i < 10; i++) t.equal((await attempt('wrong' + i, '192.0.2.1')).statusCode, 401)
  const refused = await attempt('wrong', '192.0.2.1')
  t.equal(refused.statusCode, 429)
  t.ok(Number(refused.headers['retry-after']) > 0 && Number(refused.headers['retry-after']) <= 60)
  t.equal((await attempt('right', '192.0.2.1')).statusCode, 200, 'who was in stays in')
  t.equal((await attempt('wrong', '192.0.2.2')).statusCode, 401, 'another address is another count')
})

t.test('a burst of wrong passwords cannot outrun the count; a burst of the same right one is one attempt', async t => {
  let calls = 0
  const authenticator = createAuthenticator({
    users: async (_name, password) => {
      calls++
      await new Promise(resolve => setImmediate(resolve))
      return password === 'right'
    }
  })
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => authenticator.verify('ann', `wrong ${i}`, '::1').then(() => '', (error: Error & { code: string }) => error.code)))
  t.equal(calls, 10)
  t.equal(answers.filter(code => code === 'CDMI_UNAUTHORIZED').length, 10)
  t.equal(answers.filter(code => code === 'CDMI_TOO_MANY_REQUESTS').length, 40)
  calls = 0
  await Promise.all(Array.from({ length: 50 }, () => authenticator.verify('ann', 'right', '2001:db8::2')))
  t.equal(calls, 1)
})

t.test('failures are counted per address, per /64 in IPv6, and forgotten when the window has passed', async t => {
  let now = 1000
  const limit = new FailureLimit({ attempts: 2, window: 60_000 }, () => now)
  const fail = (source: string): void => {
    limit.begin(networkOf(source))
    limit.end(networkOf(source), true)
  }
  const wait = (source: string): number => limit.wait(networkOf(source))
  fail('2001:db8::1')
  fail('2001:db8:0:0:ffff::2')
  t.equal(wait('2001:db8:0:0:1:2:3:4'), 60)
  t.equal(wait('2001:db8:0:1::1'), 0)
  fail('::ffff:192.0.2.1')
  fail('192.0.2.1')
  t.equal(wait('192.0.2.1'), 60)
  now += 30_500
  t.equal(wait('192.0.2.1'), 30)
  now += 30_000
  t.equal(wait('192.0.2.1'), 0)
  fail('192.0.2.1')
  limit.begin('192.0.2.1')
  t.equal(wait('192.0.2.1'), 1, 'what is under way may be one more')
  limit.end('192.0.2.1', false)
  t.equal(wait('192.0.2.1'), 0)
})

t.test('few hashes at once, few waiting, the rest refused', async t => {
  const queue = new BoundedQueue(2, 1)
  const gates: (() => void)[] = []
  let most = 0
  let running = 0
  const run = (): Promise<string> => queue.run(async () => {
    most = Math.max(most, ++running)
    await new Promise<void>(resolve => { gates.push(resolve) })
    running--
    return 'done'
  }, () => new Error('full'))
  const tasks = [run(), run(), run()]
  await t.rejects(run(), /full/)
  for (let i = 0; i < 3; i++) {
    await new Promise(resolve => setImmediate(resolve))
    gates.shift()?.()
  }
  t.same(await Promise.all(tasks), ['done', 'done', 'done'])
  t.equal(most, 2)
})

t.test('a hash is scrypt with N 65536, r 8, p 2; costs that would hurt the server are refused', async t => {
  const hash = await hashPassword('secret')
  t.match(hash, /^scrypt\$65536\$8\$2\$[\w-]{22}\$[\w-]{43}$/)
  t.equal(await verifyPassword('secret', hash), true)
  t.equal(await verifyPassword('Secret', hash), false)
  t.not(await hashPassword('secret', cheap), await hashPassword('secret', cheap), 'salted')
  for (const bad of ['', 'scrypt', hash.replace('65536', '65535'), hash.replace('65536', '67108864'), hash + '!', 'plain']) t.equal(isPasswordHash(bad), false)
  t.match(generatePassword(), /^([a-z2-9]{5}-){3}[a-z2-9]{5}$/)
})

t.test('an unknown name costs the same hash as a wrong password', async t => {
  const authenticator = createAuthenticator({ users: [{ name: 'ann', password: 'right' }] })
  const time = async (name: string): Promise<number> => {
    const start = performance.now()
    await authenticator.verify(name, 'wrong', 'here').catch(() => {})
    return performance.now() - start
  }
  const known = await time('ann')
  const unknown = await time('nobody')
  t.ok(unknown > known / 4 && unknown < known * 4, `${known} ms and ${unknown} ms`)
})

t.test('remembered credentials cost microseconds', async t => {
  const authenticator = createAuthenticator({ users: () => true })
  await authenticator.verify('ann', 'a password of usual length', 'here')
  const rounds = 20_000
  for (let i = 0; i < rounds; i++) authenticator.recall('ann', 'a password of usual length')
  const start = performance.now()
  for (let i = 0; i < rounds; i++) authenticator.recall('ann', 'a password of usual length')
  const each = (performance.now() - start) * 1000 / rounds
  t.comment(`${each.toFixed(2)} µs`)
  t.ok(each < 50, `${each} µs`)
})

t.test('users file: written whole, for its owner alone, hashes only', async t => {
  const file = join(await directory(t), 'users.json')
  await t.rejects(readUsers(file), /There is no users file .*fastify-cdmi user add/)
  const hash = await hashPassword('secret', cheap)
  await changeUsers(file, users => [...users, { name: 'ann', hash, access: 'write' }])
  await changeUsers(file, users => [...users, { name: 'bob', hash, access: 'read' }])
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.same((await readUsers(file)).map(user => user.name), ['ann', 'bob'])
  const before = await readFile(file, 'utf8')
  t.notMatch(before, 'secret')
  await t.rejects(changeUsers(file, () => { throw new Error('no') }), /no/)
  t.equal(await readFile(file, 'utf8'), before)
  await writeFile(`${file}.new`, '')
  await t.rejects(changeUsers(file, users => users), /Somebody else is changing/)
  for (const [text, message] of [['{', /not valid JSON/], ['{"users":[{"name":"a"}]}', /does not have the form/], ['{"users":[{"name":"a","hash":"x","access":"read"}]}', /no valid hash for a/], [`{"users":[${`{"name":"a","hash":"${hash}","access":"read"},`.repeat(2).slice(0, -1)}]}`, /names a twice/]] as const) {
    await writeFile(file, text)
    await t.rejects(readUsers(file), message)
  }
  await writeFile(file, JSON.stringify({ users: ['Jose\u0301', 'Jos\u00e9'].map(name => ({ name, hash, access: 'read' })) }))
  await t.rejects(readUsers(file), /names José twice/, 'in another spelling')
})

t.test('users file: what root changes stays with its owner, for the server is somebody else', { skip: process.geteuid?.() !== 0 && 'only root can give files away' }, async t => {
  const nobody = 65534
  const owner = async (file: string): Promise<number[]> => { const { uid, gid } = await stat(file); return [uid, gid] }
  const place = await directory(t)
  await chown(place, nobody, nobody)
  const file = join(place, 'users.json')
  await changeUsers(file, users => users)
  t.same(await owner(file), [nobody, nobody], 'a new one is of the owner of its directory')
  await chown(file, 1, 2)
  await changeUsers(file, users => users)
  t.same(await owner(file), [1, 2])
})

t.test('users file: changes count without a restart, a broken file leaves the users as they were', async t => {
  const file = join(await directory(t), 'users.json')
  const add = async (name: string): Promise<void> => {
    const hash = await hashPassword('pw', cheap)
    await changeUsers(file, users => [...users, { name, hash, access: 'write' }])
  }
  await add('ann')
  const warnings: string[] = []
  const source = await openUsersFile(file, message => { warnings.push(message) })
  const authenticator = createAuthenticator({ source })
  t.equal((await authenticator.verify('ann', 'pw', 'x')).name, 'ann')
  await t.rejects(authenticator.verify('bob', 'pw', 'x'))
  await add('bob')
  t.equal((await authenticator.verify('bob', 'pw', 'x')).name, 'bob', 'added')
  await writeFile(file, 'broken')
  await t.rejects(authenticator.verify('carl', 'pw', 'x'))
  t.match(warnings, [/not valid JSON; the users known before go on/])
  t.equal((await authenticator.verify('bob', 'pw', 'x')).name, 'bob')
  await writeFile(file, '{"users":[]}')
  await source.refresh()
  t.equal(authenticator.recall('bob', 'pw'), undefined, 'removed: not remembered either')
  await t.rejects(authenticator.verify('bob', 'pw', 'x'), { code: 'CDMI_UNAUTHORIZED' })
})

t.test('a connection is no log-in: other credentials on it, and users that are gone, are refused', async t => {
  const file = join(await directory(t), 'users.json')
  const hash = await hashPassword('pw', cheap)
  await changeUsers(file, () => [{ name: 'ann', hash, access: 'write' }, { name: 'bob', hash, access: 'read' }])
  const source = await openUsersFile(file, () => {})
  const app = await build(t, { source })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const client = new Client(`http://127.0.0.1:${port}`, { pipelining: 1 })
  t.teardown(async () => { await client.close() })
  const sockets = new Set<unknown>()
  app.server.on('connection', socket => { sockets.add(socket) })
  const who = async (authorization?: string): Promise<unknown> => {
    const { statusCode, body } = await client.request({ method: 'GET', path: '/who', headers: authorization === undefined ? {} : { authorization } })
    const said = await body.text()
    return statusCode === 200 ? (JSON.parse(said) as { name: string }).name : statusCode
  }
  t.equal(await who(basic('ann', 'pw')), 'ann')
  t.equal(await who(basic('ann', 'pw')), 'ann')
  t.equal(await who(basic('ann', 'PW')), 401)
  t.equal(await who(), 401)
  t.equal(await who(basic('bob', 'pw')), 'bob')
  t.equal(await who(basic('ann', 'pw')), 'ann')
  await changeUsers(file, users => users.filter(({ name }) => name !== 'ann'))
  await source.refresh()
  t.equal(await who(basic('ann', 'pw')), 401, 'removed')
  t.equal(await who(basic('bob', 'pw')), 'bob')
  t.equal(sockets.size, 1, 'all on one connection')
})

t.test('a connection that ends while its request waits to be let in has no address any more, and that is no fault', async t => {
  let look = (): void => {}
  const looked = new Promise<void>(resolve => { look = resolve })
  const log: string[] = []
  const app = await build(t, { users: [{ name: 'ann', password: 'right' }], source: { generation: 0, find: () => undefined, refresh: async () => { await looked } } }, log)
  await app.listen({ port: 0, host: '127.0.0.1' })
  for (const password of ['right', 'wrong']) {
    const client = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    const [[inner]] = await Promise.all([once(app.server, 'connection') as Promise<[Socket]>, once(client, 'connect')])
    const asked = once(app.server, 'request')
    client.write(`POST /who HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic('ann', password)}\r\nContent-Length: 0\r\n\r\n`)
    await asked
    client.destroy()
    await once(inner, 'close')
  }
  look()
  t.equal((await app.inject({ url: '/who', headers: { authorization: basic('ann', 'right') } })).statusCode, 200)
  t.same(log.map(line => JSON.parse(line) as { level: number }).filter(({ level }) => level >= 50), [])
})

t.test('passwords and authorization headers never reach the log', async t => {
  const log: string[] = []
  const app = await build(t, { users: (_name, password) => password === 'Right-Secret' }, log)
  for (const password of ['Right-Secret', 'Wrong-Secret']) await app.inject({ url: '/who', headers: { authorization: basic('ann', password) } })
  const text = log.join('')
  t.ok(text.length > 0)
  for (const secret of ['Right-Secret', 'Wrong-Secret', basic('ann', 'Right-Secret').slice(6), basic('ann', 'Wrong-Secret').slice(6)]) t.notOk(text.includes(secret))
})

t.test('an authenticator of an application needs nothing but `verify`: the example of the manual', async t => {
  const [, example = ''] = /### An authenticator of your own[^]*?```js\n([^]*?)```/.exec(readFileSync('docs/authentication.md', 'utf8')) ?? []
  const file = join(t.testdir(), 'example.mjs')
  await writeFile(file, `${example}\nexport { authenticator, sessions }\n`)
  const { authenticator, sessions } = await import(file) as { authenticator: Authenticator, sessions: Map<string, unknown> }
  const app = await build(t, { authenticator, clientUser: 'common-name' })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const client = new Client(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  t.teardown(async () => { await client.close() })
  const ask = async (name: string, password: string): Promise<[number, unknown]> => {
    const { statusCode, body } = await client.request({ path: '/who', method: 'GET', headers: { authorization: basic(name, password) } })
    return [statusCode, await body.json()]
  }
  const ann = { name: 'ann', authentication: 'basic', access: 'write' }
  t.same(await ask('ann', 'd2c1'), [200, ann])
  t.same(await ask('ann', 'd2c1'), [200, ann])
  for (const [name, password] of [['ann', 'd2c2'], ['bob', 'd2c1']] as const) t.match(await ask(name, password), [401, { code: 'CDMI_UNAUTHORIZED' }])
  sessions.clear()
  t.match(await ask('ann', 'd2c1'), [401, { code: 'CDMI_UNAUTHORIZED' }], 'nothing is remembered, on the same connection neither')
  await t.rejects(build(t, { authenticator: {} as Authenticator }), /"authenticator" of the plugin needs a function "verify"/)
})

t.test('what an authenticator of an application can do besides is used', async t => {
  const calls: string[] = []
  let moment = 1
  const ann = { name: 'ann', authentication: 'basic', access: 'write' } as const
  const app = await build(t, {
    authenticator: {
      async verify (name) { calls.push(`verify ${name}`); return ann },
      recall (name) { calls.push(`recall ${name}`); return name === 'known' ? ann : undefined },
      moment: () => moment,
      current () { calls.push('current'); return Promise.resolve() }
    }
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const client = new Client(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  t.teardown(async () => { await client.close() })
  const ask = async (name: string): Promise<string[]> => {
    calls.length = 0
    const { body } = await client.request({ path: '/who', method: 'GET', headers: { authorization: basic(name, 'x') } })
    await body.dump()
    return [...calls]
  }
  t.same(await ask('new'), ['current', 'recall new', 'verify new'])
  t.same(await ask('new'), ['current'], 'the same moment')
  moment++
  t.same(await ask('known'), ['current', 'recall known'])
})

for (const nobody of [undefined, null, false]) {
  t.test(`an authenticator of an application that says ${nobody} for nobody lets nobody in`, async t => {
    const answer = nobody as undefined
    const app = await build(t, { authenticator: { async verify () { return answer }, recall: () => answer } })
    for (const method of ['GET', 'POST'] as const) {
      t.match(await app.inject({ method, url: '/who', headers: { authorization: basic('ann', 'x') } }), { statusCode: 401, headers: { 'www-authenticate': /^Basic / } })
    }
  })
}

t.test('what is no authenticator is refused at the start', async t => {
  const verify = async (): Promise<undefined> => undefined
  for (const member of ['recall', 'current', 'moment', 'named']) {
    await t.rejects(build(t, { authenticator: { verify, [member]: 1 } as unknown as Authenticator }), { name: 'OptionError', message: `The option "authenticator" of the plugin has a "${member}" that is no function` })
  }
  await t.rejects(build(t, { authenticator: null as unknown as Authenticator }), /"authenticator" of the plugin needs a function "verify"/)
})
