import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { request } from 'undici'
import type { Store } from '../../../storage/contract.js'
import { StorageError } from '../../../storage/contract.js'
import { openMemoryStore } from '../../../storage/memory/memory-store.js'
import { build, listen } from './build.js'
import { everything, open, until } from './converse.js'

const MiB = 1024 * 1024

/** A store that counts the chunks that are read, and fails at one of them. */
function watched (failAt = Infinity): { store: Store, reads: { chunks: number, open: number } } {
  const store = openMemoryStore({ inlineLimit: 10, segmentSize: MiB })
  const get = store.blobs.get.bind(store.blobs)
  const read = store.blobs.read.bind(store.blobs)
  const reads = { chunks: 0, open: 0 }
  store.blobs.get = async function * (blob, offset, length) {
    reads.open++
    try {
      for await (const chunk of get(blob, offset, length)) {
        if (++reads.chunks >= failAt) throw new StorageError('missing', '/secret/path is gone')
        yield chunk
      }
    } finally {
      reads.open--
    }
  }
  store.blobs.read = async (blob, offset, length) => {
    if (failAt <= 1) throw new StorageError('missing', '/secret/path is gone')
    return await read(blob, offset, length)
  }
  return { store, reads }
}

t.test('HDO-20, HDO-21: a large value and its ranges come whole', async t => {
  const app = await build(t, { store: watched().store })
  const { origin } = await listen(app)
  const value = Buffer.alloc(9 * MiB + 5)
  for (let at = 0; at < value.length; at += 4) value.writeUInt32LE(at, Math.min(at, value.length - 4))
  await request(`${origin}/object`, { method: 'PUT', body: value })
  for (const [range, parts] of [[undefined, [[0, value.length]]], [`bytes=5-${8 * MiB}`, [[5, 8 * MiB + 1]]], [`bytes=${MiB - 1}-${MiB}`, [[MiB - 1, MiB + 1]]], [`bytes=0-${3 * MiB},${4 * MiB}-`, undefined]] as const) {
    const read = await request(`${origin}/object`, range === undefined ? {} : { headers: { range } })
    const body = Buffer.from(await read.body.arrayBuffer())
    t.equal(read.headers['content-length'], String(body.length))
    t.equal(read.statusCode, range === undefined ? 200 : 206)
    if (parts !== undefined) t.ok(body.equals(value.subarray(...parts[0])))
    else t.ok(body.includes(value.subarray(0, 3 * MiB + 1)) && body.includes(value.subarray(4 * MiB)))
  }
})

t.test('HDO-22: a gap of any length reads as zeros', async t => {
  const app = await build(t, { store: openMemoryStore({ inlineLimit: 10 }) })
  const { origin } = await listen(app)
  await request(`${origin}/object`, { method: 'PUT', body: 'end', headers: { 'content-range': `bytes ${5 * MiB}-${5 * MiB + 2}/*` } })
  const read = await request(`${origin}/object`)
  t.ok(Buffer.from(await read.body.arrayBuffer()).equals(Buffer.concat([Buffer.alloc(5 * MiB), Buffer.from('end')])))
})

t.test('a value is read at the speed of the client, and no further when it leaves', async t => {
  const { store, reads } = watched()
  const app = await build(t, { store })
  const { port } = await listen(app)
  await app.inject({ method: 'PUT', url: '/object', body: Buffer.alloc(200 * MiB) })
  const socket = await open(port)
  socket.write('GET /object HTTP/1.1\r\nHost: h\r\n\r\n')
  await until(socket, 'HTTP/1.1 200')
  socket.pause()
  let before = -1
  while (before !== reads.chunks) {
    before = reads.chunks
    await sleep(100)
  }
  t.ok(reads.chunks < 400, `${reads.chunks} of 800 chunks were read for a client that takes none`)
  t.equal(reads.open, 1)
  socket.destroy()
  for (let wait = 0; reads.open > 0 && wait < 100; wait++) await sleep(10)
  t.equal(reads.open, 0, 'the read has ended')
  t.equal((await app.inject({ method: 'HEAD', url: '/object' })).statusCode, 200)
  const chunks = reads.chunks
  await app.inject({ method: 'HEAD', url: '/object' })
  t.equal(reads.chunks, chunks, 'GEN-05: HEAD opens nothing')
})

t.test('a failure of the store in the middle of a value cuts the connection; before the first byte it is an answer', async t => {
  for (const failAt of [5, 1]) {
    const app = await build(t, { store: watched(failAt).store })
    const { port } = await listen(app)
    await app.inject({ method: 'PUT', url: '/large', body: Buffer.alloc(4 * MiB) })
    await app.inject({ method: 'PUT', url: '/small', body: Buffer.alloc(100) })
    for (const url of failAt === 1 ? ['/large', '/small'] : ['/large']) {
      const socket = await open(port)
      socket.write(`GET ${url} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)
      const answer = (await everything(socket)).toString('latin1')
      const [head = '', ...body] = answer.split('\r\n\r\n')
      if (failAt === 1) {
        t.match(head, /^HTTP\/1.1 5/)
        t.match(head, /content-type: application\/problem\+json/i)
        continue
      }
      t.match(head, /^HTTP\/1.1 200/)
      t.ok(body.join('\r\n\r\n').length < 4 * MiB, 'the client sees that bytes are missing')
    }
    t.equal((await app.inject({ url: '/' })).statusCode, 200, 'the server goes on')
  }
})

t.test('a reader sees one value, old or new, however the writers come', async t => {
  const app = await build(t, { store: openMemoryStore({ inlineLimit: 10, segmentSize: 64 * 1024 }) })
  const { origin } = await listen(app)
  const value = (letter: string) => Buffer.alloc(2 * MiB, letter)
  await request(`${origin}/object`, { method: 'PUT', body: value('a') })
  const state = { writing: true }
  const writer = (async () => {
    for (const letter of 'bcdefghi') await (await request(`${origin}/object`, { method: 'PUT', body: value(letter) })).body.dump()
    state.writing = false
  })()
  let reads = 0
  while (state.writing) {
    const body = Buffer.from(await (await request(`${origin}/object`)).body.arrayBuffer())
    t.ok(body.equals(Buffer.alloc(2 * MiB, body.subarray(0, 1))))
    reads++
  }
  await writer
  t.ok(reads > 0)
})
