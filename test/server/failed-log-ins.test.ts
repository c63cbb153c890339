import t from 'tap'
import { ask, authorization, basic, runningServer } from '../helpers/built-server.js'

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
