/** Whose upgrade it is: several instances of the plugin, and the sockets of others, on one server. */
import { type EventEmitter, once } from 'node:events'
import { connect } from 'node:net'
import { Duplex } from 'node:stream'
import websocket from '@fastify/websocket'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { io } from 'socket.io-client'
import { Cdmi } from '../../../cdmi/model.js'
import { sockets } from '../../../plugins/sockets.js'
import { openMemoryStore } from '../../../storage/memory/memory-store.js'
import { ask, authorization, runningServer } from '../../helpers/built-server.js'
import { admin, adminHeader, Door } from '../../helpers/keyed-app.js'
import { RawClient } from '../../helpers/raw-http.js'
import { socketsApp, webSocket, type Reply } from '../../helpers/sockets-app.js'
import { writer } from '../../helpers/model.js'

/** The status of a refused upgrade. */
async function refusal (url: string): Promise<number | undefined> {
  const socket = new WebSocket(url)
  socket.on('error', () => {})
  const [, response] = await once(socket, 'unexpected-response') as [unknown, { statusCode?: number, resume (): void }]
  response.resume()
  socket.terminate()
  return response.statusCode
}

async function addSockets (app: FastifyInstance, prefix: string, key: string): Promise<void> {
  const cdmi = new Cdmi(openMemoryStore())
  await cdmi.keyed.create(writer, key, Buffer.from('{}'))
  await app.register(async scope => {
    scope.decorate('cdmi', cdmi)
    await scope.register(sockets, { verifier: new Door() })
  }, { prefix })
}

async function listen (t: Test, app: FastifyInstance): Promise<string> {
  t.teardown(() => app.close())
  return (await app.listen({ port: 0, host: '127.0.0.1' })).replace('http', 'ws')
}

const message = { auth: admin, method: 'GET', url: '/data' }

async function overSocketIo (url: string, path: string): Promise<Reply> {
  const socket = io(url.replace('ws', 'http'), { path, transports: ['websocket'], forceNew: true, reconnection: false })
  return await new Promise<Reply>(resolve => {
    socket.on('http message', (answer: Reply) => {
      socket.disconnect()
      resolve(answer)
    })
    socket.emit('http message', message)
  })
}

t.test('KEY-20: two instances under two prefixes of one application do not see each other', async t => {
  const app = Fastify()
  await addSockets(app, '/one', '1')
  await addSockets(app, '/two', '2')
  const url = await listen(t, app)
  t.same((await (await webSocket(t, `${url}/one/ws`)).ask(message)).data, ['1'])
  t.same((await (await webSocket(t, `${url}/two/ws`)).ask(message)).data, ['2'])
  t.same((await overSocketIo(url, '/one/socket.io/')).data, ['1'])
  t.same((await overSocketIo(url, '/two/socket.io')).data, ['2'])
})

t.test('KEY-20: two applications in one process do not see each other, and one may close before the other', async t => {
  const [a, b] = [await socketsApp(t), await socketsApp(t)]
  await a.cdmi.keyed.create(writer, 'a', Buffer.from('{}'))
  const [toA, toB] = [await webSocket(t, a.wsURL), await webSocket(t, b.wsURL)]
  t.same((await toA.ask(message)).data, ['a'])
  t.same((await toB.ask(message)).data, [])
  await a.app.close()
  t.same((await toB.ask(message)).data, [])
})

for (const order of ['before', 'after'] as const) {
  t.test(`the WebSocket routes of an application that registered @fastify/websocket ${order} us go on working, and ours work`, async t => {
    const app = Fastify()
    const theirs = async (): Promise<void> => {
      await app.register(websocket)
      await app.register(async scope => {
        scope.get('/echo', { websocket: true }, socket => { socket.on('message', data => { socket.send(String(data)) }) })
      })
    }
    if (order === 'before') await theirs()
    await addSockets(app, '/cdmi', 'k')
    if (order === 'after') await theirs()
    const url = await listen(t, app)
    const echo = await webSocket(t, `${url}/echo`)
    t.same(await echo.ask({ a: 1 }), { a: 1 })
    t.same((await (await webSocket(t, `${url}/cdmi/ws`)).ask(message)).data, ['k'])
    t.same((await overSocketIo(url, '/cdmi/socket.io')).data, ['k'])
    t.equal(await refusal(`${url}/elsewhere`), 404)
  })
}

t.test('somebody else who listens to upgrades gets all but ours', async t => {
  const { app, wsURL, url, port } = await socketsApp(t)
  const seen: Array<string | undefined> = []
  app.server.on('upgrade', (request, socket) => {
    seen.push(request.url)
    socket.end('HTTP/1.1 418 Teapot\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
  })
  t.equal(await refusal(`ws://127.0.0.1:${port}/other`), 418)
  t.same((await (await webSocket(t, wsURL)).ask(message)).data, [])
  t.same((await overSocketIo(url.replace('http', 'ws'), '/socket.io')).data, [])
  t.same(seen, ['/other'])
})

t.test('an upgrade that nobody wants is an ordinary request, with its body, as if we were not there', async t => {
  for (const tls of [false, true]) {
    const { app, port, wsURL } = await socketsApp(t, { tls })
    if (!tls) {
      t.equal(await refusal(`ws://127.0.0.1:${port}/elsewhere`), 404)
      const socket = connect(port, '127.0.0.1').setEncoding('latin1')
      let answers = ''
      socket.on('data', (text: string) => { answers += text })
      const head = `Host: x\r\nAuthorization: ${adminHeader}\r\nContent-Type: application/json\r\n`
      socket.write(`POST /data/k HTTP/1.1\r\n${head}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 7\r\n\r\n{"a":`)
      await once(socket, 'ready')
      socket.write('1}')
      while (!answers.includes('{"a":1}')) await once(socket, 'data')
      t.match(answers, /^HTTP\/1\.1 201 /)
      answers = ''
      socket.write(`GET /data HTTP/1.1\r\n${head}Connection: close\r\n\r\n`)
      await once(socket, 'close')
      t.match(answers, /^HTTP\/1\.1 200 [^]*\["k"\]$/, 'the connection lives on')
    } else {
      const socket = new WebSocket(`wss://127.0.0.1:${port}/elsewhere`, { rejectUnauthorized: false })
      socket.on('error', () => {})
      const [, response] = await once(socket, 'unexpected-response') as [unknown, { statusCode?: number }]
      t.equal(response.statusCode, 404)
      socket.terminate()
    }
    t.same((await (await webSocket(t, wsURL)).ask(message)).status, 200)
    await app.close()
  }
})

t.test('however often a client asks for an upgrade that nobody wants, its connection stays as it was', async t => {
  const { app, port } = await socketsApp(t)
  const opened = once(app.server, 'connection')
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  t.teardown(() => { socket.destroy() })
  let answers = ''
  socket.on('data', (text: string) => { answers += text })
  const ask = async (): Promise<void> => {
    answers = ''
    socket.write(`GET /data HTTP/1.1\r\nHost: x\r\nAuthorization: ${adminHeader}\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`)
    while (!answers.endsWith('[]')) await once(socket, 'data')
  }
  await ask()
  const [inner] = await opened as [EventEmitter]
  const listeners = (): number => inner.eventNames().reduce((sum, name) => sum + inner.listenerCount(name), 0)
  const before = listeners()
  for (let n = 0; n < 5; n++) await ask()
  t.equal(listeners(), before)
})

t.test('what is no WebSocket handshake at our paths is refused', async t => {
  const { port } = await socketsApp(t)
  for (const [path, headers] of [['/ws', 'Upgrade: h2c'], ['/ws', 'Upgrade: websocket'], ['/ws?x=%zz', 'Upgrade: websocket'], ['/socket.io/?EIO=4&transport=websocket', 'Upgrade: websocket'], ['/socket.io/', 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='], ['/socket.io/?EIO=4&transport=websocket&sid=none', 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']] as const) {
    const socket = connect(port, '127.0.0.1').setEncoding('latin1')
    let answer = ''
    socket.on('data', (text: string) => { answer += text })
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n${headers}\r\n\r\n`)
    await once(socket, 'close')
    t.match(answer, /^HTTP\/1\.1 4\d\d /, `${path} ${headers.slice(0, 30)}`)
  }
})

t.test('an upgrade at our paths that comes to somebody else than a door of sockets gets an answer, and its connection ends', async t => {
  const { port } = await socketsApp(t)
  const handshake = 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  for (const path of ['/ws', '/socket.io/?EIO=4&transport=websocket']) {
    for (const line of [`OPTIONS ${path}`, `HEAD ${path}`, `QUERY ${path}`, `LINK ${path}`, `PUT ${path}`, `GET ftp://x${path}`]) {
      const socket = connect(port, '127.0.0.1').setEncoding('latin1')
      let answer = ''
      socket.on('data', (text: string) => { answer += text })
      socket.write(`${line} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\n${handshake}\r\n`)
      await once(socket, 'close')
      t.match(answer, /^HTTP\/1\.1 [24]\d\d /, line)
    }
  }
})

t.test('hooks of the application see upgrades and may refuse them', async t => {
  const { port } = await socketsApp(t, {
    before: app => app.addHook('onRequest', async (request, reply) => {
      if (request.headers['x-stranger'] !== undefined) return await reply.code(403).send('no')
    })
  })
  for (const path of ['/ws', '/socket.io/?EIO=4&transport=websocket']) {
    const socket = connect(port, '127.0.0.1').setEncoding('latin1')
    let answer = ''
    socket.on('data', (text: string) => { answer += text })
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nX-Stranger: 1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`)
    await once(socket, 'close')
    t.match(answer, /^HTTP\/1\.1 403 /, path)
  }
})

/** One end of a connection in memory. */
class Side extends Duplex {
  other: Side | undefined
  #taken: (() => void) | undefined

  override _read (): void {
    const taken = this.#taken
    this.#taken = undefined
    taken?.()
  }

  override _write (chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const { other } = this
    if (other === undefined) throw new Error('there is no other end')
    other.#taken = done
    other.push(chunk)
  }

  override _final (done: () => void): void {
    this.other?.push(null)
    done()
  }
}

/** A frame of a client, masked with zeros. */
const frame = (opcode: number, text: string): Buffer => Buffer.concat([Buffer.from([0x80 + opcode, 0x80 + text.length, 0, 0, 0, 0]), Buffer.from(text)])

t.test('a socket behind answers that are long is read from: it is answered, and its end is seen', async t => {
  const server = await runningServer(t)
  const lines = (line: string, ...more: string[]): string => [`${line} HTTP/1.1`, 'Host: x', `Authorization: ${authorization}`, ...more, '', ''].join('\r\n')
  const long = 'v'.repeat(300_000)
  await ask(server.url + '/long', { method: 'PUT', headers: { authorization }, body: long })
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
  for (const path of ['/ws', '/socket.io/?EIO=4&transport=websocket']) {
    for (const before of [1, 3, 30]) {
      const client = await RawClient.open(t, server.port)
      client.socket.write(lines('GET /long').repeat(before) + lines(`GET ${path}`, ...upgrade))
      await client.receive(/ 101 /)
      client.socket.write(frame(9, 'are you there'))
      await client.receive(/\x8a\rare you there/)
      client.socket.end()
      await client.end()
      t.equal(client.received.split(long).length - 1, before, `${path} behind ${before}`)
    }
  }
})

t.test('a connection that is no socket of the system, as of a tunnel, can become a socket', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await addSockets(app, '/one', '1')
  await app.ready()
  const [ours, theirs] = [new Side(), new Side()]
  ours.other = theirs
  theirs.other = ours
  app.server.emit('connection', Object.assign(ours, { setTimeout () { return ours } }))
  theirs.write('GET /one/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
  const [answer] = await once(theirs, 'data') as [Buffer]
  t.match(String(answer), / 101 /)
  theirs.end()
  await once(ours, 'close')
})

t.test('an upgrade behind a request that has no answer yet waits for that answer, and ends no process', async t => {
  const { port } = await socketsApp(t)
  const before = `GET /data HTTP/1.1\r\nHost: x\r\nAuthorization: ${adminHeader}\r\n`
  const handshake = 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  const ask = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${adminHeader}\r\nConnection: Upgrade\r\n${handshake}\r\n`
  for (const [path, answer] of [['/ws', / 101 /], ['/socket.io/?EIO=4&transport=websocket', / 101 /], ['/data', /\[\]/]] as const) {
    const socket = connect(port, '127.0.0.1').setEncoding('latin1')
    let answers = ''
    socket.on('data', (text: string) => { answers += text })
    socket.write(`${before}\r\n${before}\r\n${ask(path)}`)
    while (answers.split('HTTP/1.1 ').length < 4) await once(socket, 'data')
    const [, first, second, third] = answers.split('HTTP/1.1 ')
    t.match(first, /^200 OK[^]*\[\]$/)
    t.match(second, /^200 OK[^]*\[\]$/)
    t.match(` ${third}`, answer, path)
    socket.destroy()
  }
  // The connection ends with the answer before: nobody is there for the upgrade.
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  let answers = ''
  socket.on('data', (text: string) => { answers += text })
  socket.write(`${before}Connection: close\r\n\r\n${ask('/socket.io/?EIO=4&transport=websocket')}`)
  await once(socket, 'close')
  t.equal(answers.split('HTTP/1.1 ').length, 2)
})
