import t from 'tap'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAuthenticator, type HashedUser } from '../../plugins/authenticator.js'
import { hashPassword } from '../../plugins/password.js'
import { ask, authorization, basic, cheap, runningServer } from '../helpers/built-server.js'

t.test('after 10 failed log-ins an address gets 429 with Retry-After; other addresses, and who was in already, go on', async t => {
  const { url } = await runningServer(t)
  const get = async (authorization: string, localAddress = '127.0.0.1'): ReturnType<typeof ask> => await ask(url + '/', { headers: { authorization }, localAddress })
  t.equal((await get(authorization, '127.0.0.1')).status, 200)
  for (let n = 0; n < 10; n++) t.equal((await get(basic('admin', `wrong ${n}`))).status, 401)
  const refused = await get(basic('admin', 'wrong'))
  t.equal(refused.status, 429)
  const wait = Number(refused.headers['retry-after'])
  t.ok(wait > 0 && wait <= 60, `${wait} seconds`)
  t.match(JSON.parse(refused.text), { code: 'CDMI_TOO_MANY_REQUESTS', detail: /Too many failed log-ins from your address; try again in \d+ seconds/ })
  t.equal((await get(authorization)).status, 200, 'who was in stays in')
  t.equal((await get(basic('nobody', 'wrong'), '127.0.0.2')).status, 401, 'another address is another count')
})

t.test('a right log-in for the first time works from another address while one is refused', async t => {
  const { url } = await runningServer(t)
  for (let n = 0; n < 10; n++) await ask(url + '/data', { headers: { authorization: basic('admin', `wrong ${n}`) } })
  t.equal((await ask(url + '/data', { headers: { authorization } })).status, 429, 'at the address that failed not even the right one')
  t.equal((await ask(url + '/data', { headers: { authorization }, localAddress: '127.0.0.2' })).status, 200)
})

t.test('behind a proxy that is believed the address is the one that it tells', async t => {
  const { url } = await runningServer(t, { trustProxy: 'loopback' })
  const get = async (authorization: string, client: string): Promise<number> => (await ask(url + '/', { headers: { authorization, 'x-forwarded-for': client } })).status
  for (let n = 0; n < 10; n++) await get(basic('admin', `wrong ${n}`), '192.0.2.1')
  t.equal(await get(authorization, '192.0.2.1'), 429)
  t.equal(await get(authorization, '192.0.2.2'), 200)
})

t.test('failures for one user from elsewhere keep nobody out: the owner logs in at once, for the first time, too', async t => {
  const { url } = await runningServer(t)
  const get = async (authorization: string, localAddress: string): Promise<number> => (await ask(url + '/', { headers: { authorization }, localAddress })).status
  for (let attacker = 2; attacker < 6; attacker++) {
    for (let n = 0; n < 11; n++) await get(basic('admin', `wrong ${n}`), `127.0.0.${attacker}`)
    t.equal(await get(basic('admin', 'wrong'), `127.0.0.${attacker}`), 429)
  }
  t.equal(await get(authorization, '127.0.0.1'), 200)
})

t.test('failures for one user keep no other user of the same address out; failures for many do, but not who has logged in there before', async t => {
  const authenticator = createAuthenticator({ users: (name, password) => name !== 'nobody' && password === 'right', failedAttempts: 2 })
  const outcome = async (name: string, password: string, source = '192.0.2.1'): Promise<string> => await authenticator.verify(name, password, source).then(() => 'in', (error: { code: string }) => error.code)
  const [wrong, wait] = ['CDMI_UNAUTHORIZED', 'CDMI_TOO_MANY_REQUESTS']
  t.equal(await outcome('ann', 'right'), 'in')
  t.same([await outcome('bob', '1'), await outcome('bob', '2'), await outcome('bob', 'right')], [wrong, wrong, wait])
  t.equal(await outcome('cid', 'right'), 'in', 'another user of the address')
  t.same([await outcome('nobody', '1'), await outcome('nobody', '2'), await outcome('nobody', '3')], [wrong, wrong, wait], 'a name that nobody has is counted as others are')
  t.same([await outcome('dan', '1'), await outcome('eve', '1'), await outcome('fay', 'right')], [wrong, wrong, wait], 'three times as many for all names together')
  t.equal(await outcome('ann', 'also wrong'), wrong, 'who was in before answers for their own failures only')
  t.equal(await outcome('cid', 'wrong'), wrong)
  t.equal(await outcome('fay', 'right', '192.0.2.2'), 'in')
})

t.test('many right log-ins at once, from one address, are no failures: who has to wait waits for a second, not for the end of the minute', async t => {
  const gates: Array<() => void> = []
  const authenticator = createAuthenticator({
    failedAttempts: 1,
    users: async () => {
      await new Promise<void>(resolve => { gates.push(resolve) })
      return true
    }
  })
  const logIns = ['ann', 'bob', 'cid', 'dan'].map(async name => await authenticator.verify(name, 'right', '192.0.2.1').then(() => 'in', ({ statusCode, headers }: { statusCode: number, headers: Record<string, string> }) => `${statusCode}, ${headers['retry-after']}`))
  t.equal(await logIns[3], '429, 1')
  for (const open of gates) open()
  t.same(await Promise.all(logIns), ['in', 'in', 'in', '429, 1'])
})

t.test('whether a user exists shows neither in the text of an answer nor in its time', async t => {
  const hash = await hashPassword('right')
  const users = [{ name: 'ann', hash }, { name: 'eve', password: 'right' }]
  const file = join(t.testdir(), 'users.json')
  writeFileSync(file, JSON.stringify({ users: [{ name: 'ann', hash, access: 'write' }] }))
  const { url } = await runningServer(t, { users: file })
  const said = async (name: string): Promise<unknown> => {
    const { status, headers: { date, 'x-request-id': id, ...headers }, text } = await ask(url + '/', { headers: { authorization: basic(name, 'wrong') } })
    return { status, headers, text: text.replaceAll(String(id), '') }
  }
  t.same(await said('ann'), await said('nobody'))
  const authenticator = createAuthenticator({ users, failedAttempts: 1000 })
  const times: Record<string, number[]> = { ann: [], eve: [], nobody: [] }
  for (let round = 0; round < 2; round++) {
    for (const [name, taken] of Object.entries(times)) {
      const start = performance.now()
      await t.rejects(authenticator.verify(name, `wrong ${round}`, '192.0.2.1'), { code: 'CDMI_UNAUTHORIZED' })
      taken.push(performance.now() - start)
    }
  }
  // The machine may be busy, but a hash that is left out makes a hundredfold.
  const fastest = Object.values(times).map(taken => Math.min(...taken))
  t.ok(Math.max(...fastest) < 3 * Math.min(...fastest), `fastest, in ms: ${fastest.join(', ')}`)
})

t.test('who was removed while nobody asked for anything is not let in once more, by no door; a clock that is set back changes nothing', async t => {
  let users: ReadonlyMap<string, HashedUser> = new Map([['ann', { name: 'ann', hash: await hashPassword('right', cheap), access: 'write' }]])
  let next = users
  let generation = 0
  const authenticator = createAuthenticator({
    source: {
      get generation () { return generation },
      find: name => users.get(name),
      async refresh () {
        await new Promise(resolve => { setImmediate(resolve) })
        if (users === next) return
        users = next
        generation++
      }
    }
  })
  const later = (milliseconds: number): void => {
    const { now } = performance
    t.intercept(performance, 'now', { value: () => now.call(performance) + milliseconds })
    const clock = Date.now
    t.intercept(Date, 'now', { value: () => clock() - 86_400_000 })
  }
  await authenticator.verify('ann', 'right', '192.0.2.1')
  t.match(authenticator.recall('ann', 'right'), { name: 'ann' })
  t.match(authenticator.named('ann'), { name: 'ann' })
  const before = authenticator.moment()
  next = new Map()
  later(30_000)
  await t.rejects(authenticator.verify('ann', 'right', '192.0.2.1'), { code: 'CDMI_UNAUTHORIZED' }, 'a socket, which asks this only')
  next = new Map([['ann', { name: 'ann', hash: await hashPassword('right', cheap), access: 'write' }]])
  later(30_000)
  await authenticator.verify('ann', 'right', '192.0.2.1')
  next = new Map()
  later(30_000)
  await authenticator.current?.()
  t.equal(authenticator.recall('ann', 'right'), undefined, 'a request')
  t.equal(authenticator.named('ann'), undefined, 'a certificate')
  t.not(authenticator.moment(), before)
  t.equal(authenticator.current?.(), undefined, 'the next one need not wait')
})

t.test('a users file that cannot be looked at for once, for its file system does not answer, keeps nobody who is in waiting for long', async t => {
  let hangs = false
  const users = new Map<string, HashedUser>([['ann', { name: 'ann', hash: await hashPassword('right', cheap), access: 'write' }]])
  const authenticator = createAuthenticator({
    source: { generation: 0, find: name => users.get(name), refresh: async () => { if (hangs) await new Promise(() => {}) } }
  })
  await authenticator.verify('ann', 'right', '192.0.2.1')
  hangs = true
  const { now } = performance
  t.intercept(performance, 'now', { value: () => now.call(performance) + 30_000 })
  const keptAlive = setInterval(() => {}, 1000)
  t.teardown(() => { clearInterval(keptAlive) })
  await authenticator.current?.()
  t.match(authenticator.recall('ann', 'right'), { name: 'ann' })
})
