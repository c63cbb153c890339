import { setTimeout as sleep } from 'node:timers/promises'
import { Readable } from 'node:stream'
import t from 'tap'
import { Client, request } from 'undici'
import { openMemoryStore } from '../../../storage/memory/memory-store.js'
import { build, listen } from './build.js'
import { converse, everything, open, until } from './converse.js'

const MiB = 1024 * 1024

t.test('CLI-21, GEN-05: chunked bodies, small and large, without a type', async t => {
  const app = await build(t, { store: openMemoryStore({ inlineLimit: 1000, segmentSize: MiB }) })
  const { origin } = await listen(app)
  for (const size of [0, 1, 999, 1000, 1001, MiB, 3 * MiB + 17]) {
    const value = Buffer.alloc(size, 'abcdefg')
    const put = await request(`${origin}/object`, { method: 'PUT', body: Readable.from(cut(value)) })
    t.ok(put.statusCode === 201 || put.statusCode === 204)
    const read = await request(`${origin}/object`)
    t.equal(read.headers['content-type'], 'application/octet-stream')
    t.equal(read.headers['content-length'], String(size))
    t.ok(Buffer.from(await read.body.arrayBuffer()).equals(value), String(size))
  }
})

t.test('CLI-20, AMB-22: an empty chunked body makes a container, one with bytes does not', async t => {
  const app = await build(t)
  const { port } = await listen(app)
  const chunked = async (body: string) => (await converse(port, `PUT /a/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${body}`)).slice(9, 12)
  t.equal(await chunked('1\r\nx\r\n0\r\n\r\n'), '400')
  t.equal((await app.inject({ url: '/a/' })).statusCode, 404)
  t.equal(await chunked('0\r\n\r\n'), '201')
})

t.test('HDO-08: an upload that ends early, by a lie about its length or a lost connection, stores nothing', async t => {
  for (const inlineLimit of [100_000, 10]) {
    const app = await build(t, { store: openMemoryStore({ inlineLimit, segmentSize: 64 }) })
    await app.inject({ method: 'PUT', url: '/old', body: 'old' })
    const { port } = await listen(app)
    for (const url of ['/new', '/old']) {
      for (const [head, body] of [['Content-Length: 1000', 'x'.repeat(500)], ['Transfer-Encoding: chunked', '1f4\r\n' + 'x'.repeat(500) + '\r\n'], ['Transfer-Encoding: chunked', '5\r\nhello\r\nnonsense\r\n'], ['Transfer-Encoding: chunked', 'fff\r\nx']] as const) {
        const socket = await open(port)
        socket.write(`PUT ${url} HTTP/1.1\r\nHost: h\r\n${head}\r\n\r\n${body}`)
        const come = everything(socket)
        socket.end()
        t.notMatch((await come).toString(), /^HTTP\/1.1 2/, head)
        const gone = await open(port)
        gone.write(`PUT ${url} HTTP/1.1\r\nHost: h\r\n${head}\r\n\r\n${body}`)
        await sleep(5)
        gone.resetAndDestroy()
      }
    }
    // The same server goes on, and its own view of the objects has not changed.
    t.equal((await app.inject({ url: '/new' })).statusCode, 404)
    t.equal((await app.inject({ url: '/old' })).body, 'old')
    t.equal((await app.inject({ method: 'PUT', url: '/new', body: 'new' })).statusCode, 201)
  }
})

t.test('HDO-41: a chunked body that is longer or shorter than its Content-Range', async t => {
  const app = await build(t)
  await app.inject({ method: 'PUT', url: '/object', body: 'value' })
  const { origin } = await listen(app)
  for (const body of ['xy', 'xyzz']) {
    const put = await request(`${origin}/object`, { method: 'PUT', body: Readable.from([Buffer.from(body)]), headers: { 'content-range': 'bytes 0-2/5' } })
    t.equal(put.statusCode, 400)
    await put.body.dump()
  }
  t.equal((await app.inject({ url: '/object' })).body, 'value')
})

t.test('GEN-05: Expect: 100-continue', async t => {
  const app = await build(t)
  const { port } = await listen(app)
  const socket = await open(port)
  socket.write('PUT /object HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n')
  t.match(await until(socket, '\r\n\r\n'), /^HTTP\/1.1 100 /)
  socket.write('value')
  t.match(await until(socket, '\r\n\r\n'), /^HTTP\/1.1 201 /)
  socket.destroy()
  t.equal((await app.inject({ url: '/object' })).body, 'value')
})

t.test('GEN-05: a connection can be used again after refusals, with the rest of their bodies on the way', async t => {
  const app = await build(t, { limits: { value: 100 } })
  await app.inject({ method: 'PUT', url: '/a/' })
  const { origin } = await listen(app)
  const client = new Client(origin)
  t.teardown(async () => { await client.close() })
  let connections = 0
  client.on('connect', () => { connections++ })
  const put = async (path: string, body: string | Readable, headers: Record<string, string> = {}) => {
    const answer = await client.request({ method: 'PUT', path, body, headers })
    await answer.body.dump()
    return answer.statusCode
  }
  t.equal(await put('/object', 'x'.repeat(101)), 413)
  t.equal(await put('/a', 'x'.repeat(90)), 301)
  t.equal(await put('/missing/object', 'x'.repeat(50)), 404)
  t.equal(await put('/object', 'x', { 'if-match': '"other"' }), 412)
  t.equal(await put('/object', '\u00ff', { 'content-type': 'application/cdmi-object' }), 400)
  t.equal(await put('/b/', 'x'.repeat(50)), 400)
  t.equal(await put('/object', 'value'), 201)
  t.equal(connections, 1)
  t.equal(await put('/object', Readable.from([Buffer.alloc(60), Buffer.alloc(60), Buffer.alloc(60)])), 413)
  t.equal(await put('/object', Readable.from([Buffer.from([0xff]), Buffer.alloc(40)]), { 'content-type': 'text/plain;charset=utf-8' }), 400)
  t.equal((await app.inject({ url: '/object' })).body, 'value')
})

t.test('GEN-05: pipelined requests are answered in order', async t => {
  const app = await build(t)
  const { port } = await listen(app)
  await app.inject({ method: 'PUT', url: '/object', body: 'value' })
  const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: h\r\n${more}\r\n`
  const answer = await converse(port, get('/object') + get('/missing') + get('/object', 'Range: bytes=0-1\r\n') + get('/', 'Connection: close\r\n'))
  t.same([...answer.matchAll(/HTTP\/1.1 (\d+)/g)].map(match => match[1]), ['200', '404', '206', '200'])
  t.match(answer, /\r\ndate: /i)
})

t.test('an upload is read at the speed of the store', async t => {
  const store = openMemoryStore({ inlineLimit: 10, segmentSize: MiB })
  let release: () => void = () => {}
  const held = new Promise<void>(resolve => { release = resolve })
  const put = store.blobs.put.bind(store.blobs)
  store.blobs.put = async (lease, source, options) => {
    await held
    return await put(lease, source, options)
  }
  const app = await build(t, { store })
  const { port } = await listen(app)
  const socket = await open(port)
  socket.write(`PUT /object HTTP/1.1\r\nHost: h\r\nContent-Length: ${64 * MiB}\r\nConnection: close\r\n\r\n`)
  let left = 64
  const send = (): void => {
    while (left > 0) {
      left--
      if (!socket.write(Buffer.alloc(MiB))) break
    }
  }
  socket.on('drain', send)
  send()
  let before = -1
  while (before !== socket.bytesWritten - socket.writableLength) {
    before = socket.bytesWritten - socket.writableLength
    await sleep(150)
  }
  t.ok(before < 48 * MiB, `${before} bytes were taken in while the store took none`)
  const come = everything(socket)
  release()
  t.match((await come).toString(), /^HTTP\/1.1 201/)
})

t.test('a store that has no room refuses the upload and takes the next', async t => {
  const store = openMemoryStore({ inlineLimit: 10 })
  const put = store.blobs.put.bind(store.blobs)
  let full = true
  store.blobs.put = async (lease, source, options) => {
    if (!full) return await put(lease, source, options)
    for await (const chunk of source) if (chunk.length > 0) throw Object.assign(new Error('no room'), { statusCode: 507 })
    throw new Error('empty')
  }
  const app = await build(t, { store })
  const { origin } = await listen(app)
  const client = new Client(origin)
  t.teardown(async () => { await client.close() })
  const upload = async () => {
    const answer = await client.request({ method: 'PUT', path: '/object', body: Buffer.alloc(50_000) })
    await answer.body.dump()
    return answer.statusCode
  }
  t.equal(await upload(), 507)
  t.equal((await app.inject({ url: '/object' })).statusCode, 404)
  full = false
  t.equal(await upload(), 201)
})

function * cut (value: Buffer): Generator<Buffer> {
  for (let at = 0; at < value.length; at += 70_001) yield value.subarray(at, at + 70_001)
}
