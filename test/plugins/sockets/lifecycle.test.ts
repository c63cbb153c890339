/** Limits, back-pressure, heartbeats, and the end of sockets. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { io } from 'socket.io-client'
import { request } from 'undici'
import { admin } from '../../helpers/keyed-app.js'
import { plainNode } from '../../helpers/plain-node.js'
import { socketsApp, webSocket, type Reply, type SocketsApp } from '../../helpers/sockets-app.js'
import { writer } from '../../helpers/model.js'

const eventName = 'http message'

/** Makes every read of a record wait until it is let go; counts them. */
function hold ({ cdmi }: SocketsApp): { started: () => number, reached: (count: number) => Promise<void>, release: () => void } {
  const { keyed } = cdmi
  const original = keyed.read.bind(keyed)
  let count = 0
  let open: () => void = () => {}
  const gate = new Promise<void>(resolve => { open = resolve })
  let watchers: Array<() => void> = []
  keyed.read = async (...parameters) => {
    count++
    for (const watcher of watchers.splice(0)) watcher()
    await gate
    return await original(...parameters)
  }
  const started = (): number => count
  return {
    started,
    async reached (wanted) { while (started() < wanted) await new Promise<void>(resolve => { watchers = [...watchers, resolve] }) },
    release: () => { open() }
  }
}

t.test('of one WebSocket only so many messages are worked on at once; the rest waits, and all are answered', async t => {
  const app = await socketsApp(t, { sockets: { limits: { messagesInFlight: 4 } } })
  await app.cdmi.keyed.create(writer, 'k', Buffer.from('{}'))
  const held = hold(app)
  const socket = await webSocket(t, app.wsURL)
  const other = await webSocket(t, app.wsURL)
  let answers = 0
  const all = new Promise<void>(resolve => { socket.on('message', () => { if (++answers === 20) resolve() }) })
  for (let n = 0; n < 20; n++) socket.send(JSON.stringify({ auth: admin, id: n, method: 'GET', url: `/data/k${n}` }))
  await held.reached(4)
  t.equal((await other.ask({ auth: admin, method: 'GET', url: '/data' })).status, 200, 'others are not kept waiting')
  t.equal(held.started(), 4)
  held.release()
  await all
  t.equal(held.started(), 20)
})

for (const transports of [['websocket'], ['polling']]) {
  t.test(`of one socket.io connection by ${transports[0]} only so many messages are worked on at once`, async t => {
    const app = await socketsApp(t, { sockets: { limits: { messagesInFlight: 4 } } })
    await app.cdmi.keyed.create(writer, 'k', Buffer.from('{}'))
    const held = hold(app)
    const socket = io(app.url, { transports, forceNew: true, reconnection: false })
    t.teardown(() => { socket.disconnect() })
    await once(socket as unknown as NodeJS.EventEmitter, 'connect')
    let answers = 0
    const all = new Promise<void>(resolve => { socket.on(eventName, () => { if (++answers === 40) resolve() }) })
    for (let n = 0; n < 20; n++) socket.emit(eventName, { auth: admin, id: n, method: 'GET', url: `/data/k${n}` })
    await held.reached(4)
    for (let n = 20; n < 40; n++) socket.emit(eventName, { auth: admin, id: n, method: 'GET', url: `/data/k${n}` })
    t.equal((await request(`${app.url}/data`)).statusCode, 401)
    t.equal(held.started(), 4)
    held.release()
    await all
    t.equal(held.started(), 40)
  })
}

t.test('a client that does not read its answers is not read any more', async t => {
  const app = await socketsApp(t, { sockets: { limits: { messagesInFlight: 4 } } })
  await app.cdmi.keyed.create(writer, 'k', Buffer.from(JSON.stringify({ a: 'x'.repeat(1_000_000) })))
  const { keyed } = app.cdmi
  const original = keyed.read.bind(keyed)
  let reads = 0
  keyed.read = async (...parameters) => {
    reads++
    return await original(...parameters)
  }
  const socket = await webSocket(t, app.wsURL)
  socket.pause()
  const total = 300
  for (let n = 0; n < total; n++) socket.send(JSON.stringify({ auth: admin, id: n, method: 'GET', url: '/data/k' }))
  // Until nothing moves: some answers fit into the buffers of the two operating systems' sockets.
  const probe = await webSocket(t, app.wsURL)
  let before = -1
  while (before !== reads) {
    before = reads
    for (let n = 0; n < 50; n++) await probe.ask({ auth: admin, method: 'GET', url: '/data' })
  }
  t.ok(reads < total / 2, `${reads} of ${total} were read`)
  let answers = 0
  const all = new Promise<void>(resolve => { socket.on('message', () => { if (++answers === total) resolve() }) })
  socket.resume()
  await all
  t.equal(reads, total)
})

t.test('a message longer than the limit is 413 up to twice the limit; beyond that the socket closes with 1009', async t => {
  const { wsURL } = await socketsApp(t, { sockets: { limits: { frame: 1000 } } })
  const socket = await webSocket(t, wsURL)
  t.equal((await socket.ask('x'.repeat(1001))).status, 413)
  t.equal((await socket.ask({ auth: admin, method: 'GET', url: '/data' })).status, 200)
  const closed = once(socket, 'close')
  socket.send('x'.repeat(2001))
  t.equal((await closed)[0], 1009)
})

t.test('a socket that sends no message for the idle time is closed with a code and a reason', async t => {
  const { wsURL, url } = await socketsApp(t, { sockets: { limits: { socketIdle: 100 } } })
  const socket = await webSocket(t, wsURL)
  const [code, reason] = await once(socket, 'close') as [number, Buffer]
  t.equal(code, 4408)
  t.match(String(reason), '100 ms')
  for (const transports of [['websocket'], ['polling']]) {
    const client = io(url, { transports, forceNew: true, reconnection: false })
    await once(client as unknown as NodeJS.EventEmitter, 'disconnect')
    t.pass(`socket.io by ${transports[0]}`)
  }
})

t.test('a socket that does not answer heartbeats is ended; one that does stays', async t => {
  const { wsURL } = await socketsApp(t, { sockets: { heartbeat: 50 } })
  const alive = await webSocket(t, wsURL)
  const dead = await webSocket(t, wsURL)
  dead.pong = () => {}
  ;(dead as unknown as { _autoPong: boolean })._autoPong = false
  const [code] = await once(dead, 'close') as [number]
  t.equal(code, 1006)
  t.equal((await alive.ask({ auth: admin, method: 'GET', url: '/data' })).status, 200)
})

t.test('when the application closes, messages under way are answered and sockets close with 1001', async t => {
  const app = await socketsApp(t)
  await app.cdmi.keyed.create(writer, 'k', Buffer.from('{}'))
  const held = hold(app)
  const socket = await webSocket(t, app.wsURL)
  const client = io(app.url, { transports: ['websocket'], forceNew: true, reconnection: false })
  await once(client as unknown as NodeJS.EventEmitter, 'connect')
  const answer = socket.ask({ auth: admin, method: 'GET', url: '/data/k' })
  const other = new Promise<Reply>(resolve => { client.on(eventName, resolve) })
  client.emit(eventName, { auth: admin, method: 'GET', url: '/data/k' })
  await held.reached(2)
  const closed = once(socket, 'close')
  const disconnected = once(client as unknown as NodeJS.EventEmitter, 'disconnect')
  const end = app.app.close()
  held.release()
  t.equal((await answer).status, 200)
  t.equal((await other).status, 200)
  const [code, reason] = await closed as [number, Buffer]
  t.equal(code, 1001)
  t.equal(String(reason), 'The server is closing')
  await disconnected
  await end
})

t.test('a client that does not close its side cannot keep the application from closing', async t => {
  const { app, port } = await socketsApp(t)
  for (const path of ['/ws', '/socket.io/?EIO=4&transport=websocket']) {
    const socket = connect(port, '127.0.0.1')
    t.teardown(() => { socket.destroy() })
    socket.on('error', () => {})
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`)
    await once(socket, 'data')
  }
  await app.close()
  t.pass('closed')
})

t.test('a process ends by itself after its application has closed, whatever sockets were open', async t => {
  const child = spawn(...plainNode(fileURLToPath(new URL('ends-by-itself.js', import.meta.url))), { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { output += text })
  const [code] = await once(child, 'close') as [number]
  t.equal(code, 0)
  t.match(output, 'closed')
})
