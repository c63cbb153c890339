import t, { type Test } from 'tap'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { WebSocket } from 'ws'
import { ask, authorization, password, runningServer } from '../helpers/built-server.js'
import { RawClient } from '../helpers/raw-http.js'

const noIPv6 = ((): string | false => {
  if (Object.values(networkInterfaces()).some(addresses => addresses?.some(({ address }) => address === '::1'))) return false
  console.error('SKIPPED: this machine has no ::1; what the server does there is not tested')
  return 'this machine has no ::1'
})()

async function occupied (t: Test, host: string): Promise<number> {
  const other = createServer()
  t.teardown(() => { other.close() })
  other.listen({ host, port: 0 })
  await once(other, 'listening')
  return (other.address() as AddressInfo).port
}

t.test('localhost answers on 127.0.0.1', async t => {
  const { port, url } = await runningServer(t, { host: 'localhost' })
  t.equal(url, `http://localhost:${port}`)
  t.equal((await ask(`http://127.0.0.1:${port}/`, { headers: { authorization } })).status, 200)
})

t.test('localhost answers on ::1: requests, expectations, upgrades', { skip: noIPv6 }, async t => {
  const { port } = await runningServer(t, { host: 'localhost' })
  t.equal((await ask(`http://[::1]:${port}/`, { headers: { authorization } })).status, 200)
  const client = await RawClient.open(t, port, '::1')
  client.sendHeader('PUT /x HTTP/1.1', 'Host: localhost', `Authorization: ${authorization}`, 'Content-Length: 2', 'Expect: 100-continue')
  await client.receive(/^HTTP\/1\.1 100 /)
  client.socket.write('hi')
  await client.receive(/HTTP\/1\.1 201 /)
  const socket = new WebSocket(`ws://[::1]:${port}/ws`)
  t.teardown(() => { socket.terminate() })
  await once(socket, 'open')
  socket.send(JSON.stringify({ auth: { username: 'admin', password }, method: 'GET', url: '/data', id: 1 }))
  const [answer] = await once(socket, 'message') as [Buffer]
  t.match(JSON.parse(answer.toString()), { id: 1, status: 200 })
})

t.test('localhost: the drain ends connections to ::1, too, and refuses new ones', { skip: noIPv6 }, async t => {
  const server = await runningServer(t, { host: 'localhost', drainTimeout: 30 })
  const idle = await RawClient.open(t, server.port, '::1')
  const busy = await RawClient.open(t, server.port, '::1')
  busy.sendHeader('PUT /x HTTP/1.1', 'Host: localhost', `Authorization: ${authorization}`, 'Content-Length: 2', 'Expect: 100-continue')
  await busy.receive(/^HTTP\/1\.1 100 /)
  const socket = new WebSocket(`ws://[::1]:${server.port}/ws`)
  t.teardown(() => { socket.terminate() })
  await once(socket, 'open')
  const code = once(socket, 'close')
  const closed = server.close()
  await idle.end()
  t.same((await code)[0], 1001)
  await t.rejects(RawClient.open(t, server.port, '::1'), { code: 'ECONNREFUSED' })
  busy.socket.write('hi')
  await busy.receive(/HTTP\/1\.1 201 /)
  t.equal(await closed, 0)
})

t.test('an address of one family is that one only', async t => {
  const { port, url } = await runningServer(t, { host: '127.0.0.1' })
  t.equal(url, `http://127.0.0.1:${port}`)
  await t.rejects(RawClient.open(t, port, '::1'))
})

t.test('every network: the URL is one that a browser can open', async t => {
  const { port, url } = await runningServer(t, { host: '0.0.0.0' })
  t.equal(url, `http://localhost:${port}`)
  t.equal((await ask(url + '/-/health')).status, 200)
})

t.test('an IPv6 address stands in brackets in the URL', { skip: noIPv6 }, async t => {
  const { port, url } = await runningServer(t, { host: '::1' })
  t.equal(url, `http://[::1]:${port}`)
  t.equal((await ask(url + '/-/health')).status, 200)
})

t.test('GEN-38: the port is the one that the operator names, 443 and 80 or any other: one that is taken is an error, and the server can be closed all the same', async t => {
  const port = await occupied(t, '127.0.0.1')
  for (const host of ['127.0.0.1', 'localhost']) await t.rejects(runningServer(t, { host, port }), { code: 'EADDRINUSE' })
})

t.test('localhost: a port that somebody else has on ::1 is an error, for half of the clients would reach him', { skip: noIPv6 }, async t => {
  const port = await occupied(t, '::1')
  await t.rejects(runningServer(t, { host: 'localhost', port }), { code: 'EADDRINUSE' })
})
