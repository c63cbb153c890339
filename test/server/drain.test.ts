import t from 'tap'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { io } from 'socket.io-client'
import { WebSocket } from 'ws'
import { Connections } from '../../server/connections.js'
import { type MetaStore, type Store, StoreClosedError } from '../../storage/contract.js'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import { ask, authorization, builtServer, password, runningServer } from '../helpers/built-server.js'
import { eventually } from '../helpers/eventually.js'
import { RawClient } from '../helpers/raw-http.js'

/** Header of an upload that waits for its `length` bytes. */
const uploadOf = (length: number): string[] => ['PUT /x HTTP/1.1', 'Host: localhost', `Authorization: ${authorization}`, `Content-Length: ${length}`, 'Expect: 100-continue']

t.test('a request in flight finishes, with Connection: close; new connections are refused meanwhile', async t => {
  const server = await runningServer(t, { drainTimeout: 30 })
  const busy = await RawClient.open(t, server.port)
  busy.sendHeader(...uploadOf(2))
  await busy.receive(/^HTTP\/1\.1 100 /)
  const closed = server.close()
  await eventually('new connections are refused', async () => await RawClient.open(t, server.port).then(() => false, ({ code }: NodeJS.ErrnoException) => code === 'ECONNREFUSED'))
  busy.socket.write('hi')
  await busy.receive(/HTTP\/1\.1 201 [^]*connection: close/i)
  await busy.end()
  t.equal(await closed, 0, 'nothing was cut')
})

t.test('a download in flight comes to its end', async t => {
  const server = await runningServer(t, { drainTimeout: 30 })
  const value = Buffer.alloc(32 * 1024 * 1024, 'x')
  await ask(server.url + '/large', { method: 'PUT', headers: { authorization }, body: value })
  const client = await RawClient.open(t, server.port)
  client.socket.pause()
  client.sendHeader('GET /large HTTP/1.1', 'Host: localhost', `Authorization: ${authorization}`)
  await once(server.app.server, 'request')
  const closed = server.close()
  client.socket.resume()
  await client.end()
  t.equal(client.received.length - client.received.indexOf('\r\n\r\n') - 4, value.length)
  t.equal(await closed, 0)
})

t.test('idle connections are closed at once: those that were never used and those that are kept alive', async t => {
  const server = await runningServer(t, { drainTimeout: 30 })
  const silent = await RawClient.open(t, server.port)
  const kept = await RawClient.open(t, server.port)
  kept.sendHeader('GET /-/health HTTP/1.1', 'Host: localhost')
  await kept.receive(/"alive"/)
  const start = performance.now()
  t.equal(await server.close(), 0)
  t.ok(performance.now() - start < 5000)
  await silent.end()
  await kept.end()
})

const health = ['GET /-/health HTTP/1.1', 'Host: localhost']

t.test('what had come when the server was told to end is answered: on connections that were idle, and on those that nobody had accepted yet', async t => {
  const server = await runningServer(t, { drainTimeout: 30 })
  const kept = await RawClient.open(t, server.port)
  kept.sendHeader(...health)
  await kept.receive(/"alive"/)
  const fresh = connect({ port: server.port, host: '127.0.0.1' })
  t.teardown(() => { fresh.destroy() })
  let received = ''
  fresh.setEncoding('latin1').on('data', (text: string) => { received += text }).on('error', () => {})
  const ended = once(fresh, 'close')
  await once(fresh, 'connect')
  for (const socket of [kept.socket, fresh]) socket.write(['PUT /made HTTP/1.1', 'Host: localhost', `Authorization: ${authorization}`, 'Content-Length: 2', '', 'hi'].join('\r\n'))
  t.equal(await server.close(), 0)
  await kept.receive(/HTTP\/1\.1 20[14] [^]*connection: close/i)
  await kept.end()
  await ended
  t.match(received, /^HTTP\/1\.1 20[14] [^]*connection: close/i)
})

t.test('drainDelay is waited for before connections end', async t => {
  const server = await runningServer(t, { drainDelay: 0.2 })
  const silent = await RawClient.open(t, server.port)
  const start = performance.now()
  t.equal(await server.close(), 0)
  t.ok(performance.now() - start > 190)
  await silent.end()
})

t.test('where nobody can have come drainDelay is not waited for', async t => {
  const server = await builtServer(t, { drainDelay: 86_400 })
  t.equal(await server.close(), 0)
})

t.test('an answer that has been handed over, and waits for its client to read it, is sent to its end', async t => {
  const value = Buffer.alloc(32 * 1024 * 1024, 'v')
  const server = createServer((_request, response) => { response.end(value) })
  const connections = new Connections(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const client = await RawClient.open(t, (server.address() as AddressInfo).port)
  client.socket.pause()
  client.sendHeader(...health)
  const [, response] = await once(server, 'request') as [IncomingMessage, ServerResponse]
  t.match(response, { writableEnded: true, writableFinished: false })
  await connections.finish(0)
  const drained = connections.drain(30_000)
  server.close()
  client.socket.resume()
  await client.end()
  t.equal(client.received.length - client.received.indexOf('\r\n\r\n') - 4, value.length)
  t.equal(await drained, 0)
})

t.test('a connection whose answer had begun before the server was told to end takes one request more', async t => {
  const begun: ServerResponse[] = []
  const server = createServer((_request, response) => { if (begun.push(response) === 1) response.write('first'); else response.end('second') })
  t.teardown(() => { server.close() })
  const connections = new Connections(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const client = await RawClient.open(t, (server.address() as AddressInfo).port)
  client.sendHeader(...health)
  await client.receive(/first/)
  await connections.finish(0)
  begun[0]?.end()
  await client.receive(/first\r\n0\r\n/)
  client.sendHeader(...health)
  await client.receive(/connection: close[^]*second/i)
  await client.end()
  t.equal(await connections.drain(30_000), 0)
})

t.test('a request that does not come to an end is cut after drainTimeout, counted, and logged', async t => {
  const server = await runningServer(t, { drainTimeout: 0.2 })
  const stuck = await Promise.all([RawClient.open(t, server.port), RawClient.open(t, server.port)])
  for (const client of stuck) {
    client.sendHeader(...uploadOf(100_000))
    await client.receive(/^HTTP\/1\.1 100 /)
  }
  t.equal(await server.close(), 2)
  for (const client of stuck) await client.end()
  t.match(server.lines().find(({ connections }) => connections !== undefined), { level: 40, connections: 2 })
})

/** A store in memory whose commits wait from `hold` to `release`, and do something then. */
function slowStore (released = (): void => {}): { store: Store, asked: Promise<void>, hold: () => void, release: () => void } {
  const store = openMemoryStore()
  let release = (): void => {}
  let ask = (): void => {}
  let held = false
  const gate = new Promise<void>(resolve => { release = resolve })
  const asked = new Promise<void>(resolve => { ask = resolve })
  const commit: MetaStore['commit'] = async change => {
    if (held) {
      ask()
      await gate
      released()
    }
    return await store.meta.commit(change)
  }
  const meta = new Proxy(store.meta, {
    get (meta, name) {
      const value: unknown = Reflect.get(meta, name)
      return name === 'commit' ? commit : typeof value === 'function' ? value.bind(meta) : value
    }
  })
  return { store: { ...store, meta }, asked, hold: () => { held = true }, release }
}

t.test('WebSockets are told that the server goes away (1001); what they asked before is done and answered', async t => {
  const { store, asked, hold, release } = slowStore()
  const server = await runningServer(t, { drainTimeout: 30 }, { store })
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws`)
  t.teardown(() => { socket.terminate() })
  await once(socket, 'open')
  const answer = once(socket, 'message')
  const end = once(socket, 'close')
  hold()
  socket.send(JSON.stringify({ auth: { username: 'admin', password }, method: 'POST', url: '/data/k', data: { a: 1 }, id: 1 }))
  await asked
  const closed = server.close()
  release()
  t.match(JSON.parse(String((await answer)[0])), { id: 1, status: 201 })
  t.equal((await end)[0], 1001)
  t.equal(await closed, 0)
})

t.test('socket.io clients are disconnected, and nothing is cut', async t => {
  const server = await runningServer(t, { drainTimeout: 30 })
  const disconnected = await Promise.all(['websocket', 'polling'].map(async transport => {
    const client = io(server.url, { transports: [transport], reconnection: false, forceNew: true })
    t.teardown(() => { client.close() })
    await new Promise<void>(resolve => { client.once('connect', () => { resolve() }) })
    return { reason: new Promise<string>(resolve => { client.once('disconnect', resolve) }) }
  }))
  t.equal(await server.close(), 0)
  for (const { reason } of disconnected) t.match(await reason, /^(io server disconnect|transport close|transport error)$/)
})

t.test('a client that does not answer the goodbye of its WebSocket is cut', async t => {
  const server = await runningServer(t, { drainTimeout: 0.2 })
  const client = await RawClient.open(t, server.port)
  client.sendHeader('GET /ws HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==')
  await client.receive(/^HTTP\/1\.1 101 /)
  t.equal(await server.close(), 1)
  await client.end()
})

t.test('an offer of HTTP/2 is answered in HTTP/1.1, and its connection ends with the server', async t => {
  const server = await runningServer(t, { drainTimeout: 30 })
  const { status } = await ask(server.url + '/', { headers: { authorization, connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA' } })
  t.equal(status, 200)
  t.equal(await server.close(), 0)
})

t.test('what a request whose client has gone meets after the end of the store is no error in the log', async t => {
  for (const [method, path, type] of [['PUT', '/x', 'text/plain'], ['POST', '/data/x', 'application/json']] as const) {
    const { store, asked, hold, release } = slowStore(() => { throw new StoreClosedError() })
    const server = await runningServer(t, { drainTimeout: 0.2, logLevel: 'debug' }, { store })
    const client = await RawClient.open(t, server.port)
    hold()
    client.sendHeader(`${method} ${path} HTTP/1.1`, 'Host: localhost', `Authorization: ${authorization}`, `Content-Type: ${type}`, 'Content-Length: 2')
    client.socket.write('{}')
    await asked
    client.socket.destroy()
    await server.close()
    release()
    await eventually('it was told of', () => server.lines().some(({ msg }) => msg.startsWith('the store was closed before the request was done')))
    t.same(server.lines().filter(({ level }) => level >= 50), [])
  }
})

t.test('the server can be closed twice, and before it listens', async t => {
  const server = await runningServer(t)
  t.same(await Promise.all([server.close(), server.close()]), [0, 0])
})
