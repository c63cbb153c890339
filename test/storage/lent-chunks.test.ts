/** Chunks that are lent: their memory is used again, and never while somebody may still look at it. */
import t, { type Test } from 'tap'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { join } from 'node:path'
import { PassThrough, pipeline, Readable, Writable } from 'node:stream'
import { crc32 } from 'node:zlib'
import Fastify from 'fastify'
import fc from 'fast-check'
import { cdmi } from '../../index.js'
import { blockCrc, blockSize, newRoom } from '../../storage/files/block-crc.js'
import { BlobFiles } from '../../storage/files/blob-files.js'
import { openStore } from '../../storage/open-store.js'
import { eventually } from '../helpers/eventually.js'
import { RawClient } from '../helpers/raw-http.js'
import { listen } from '../routes/plain/build.js'
import { collect } from './driver.js'
import { noErrors, quickDirectory } from './embedded-driver.js'

const mebibyte = 1024 * 1024

t.test('the checksum of a block is its CRC-32, in whatever parts it comes', async t => {
  fc.assert(fc.property(fc.array(fc.nat(blockSize), { maxLength: 5 }), fc.infiniteStream(fc.nat(255)), (cuts, bytes) => {
    const block = Buffer.from(Array.from(bytes.take(blockSize / 64))).toString('latin1').repeat(64)
    const value = Buffer.from(block, 'latin1')
    const ends = [...cuts.sort((a, b) => a - b), blockSize]
    return blockCrc(ends.map((end, index) => value.subarray(ends[index - 1] ?? 0, end))) === crc32(value)
  }), { numRuns: 30 })
  for (let n = 0; n < 20; n++) {
    const block = randomBytes(blockSize)
    t.equal(blockCrc([block]), crc32(block))
    const before = randomBytes(n)
    t.equal(blockCrc([block], crc32(before)), crc32(Buffer.concat([before, block])), `behind ${n} bytes`)
  }
  for (const byte of [0, 255]) t.equal(blockCrc([Buffer.alloc(blockSize, byte)]), crc32(Buffer.alloc(blockSize, byte)))
})

t.test('so it is of a block in the memory where none is copied, and in memory that was such before', async t => {
  const rooms = [newRoom(), newRoom()]
  for (const room of rooms) {
    if (room === undefined) throw new Error('there is no such memory')
    t.not(room.buffer, rooms[0] === room ? rooms[1]?.buffer : rooms[0]?.buffer)
    for (const at of [0, 7, 65_536, room.length - blockSize]) {
      const block = Buffer.from(room.buffer, room.byteOffset + at, blockSize)
      block.set(randomBytes(blockSize))
      t.equal(blockCrc([block]), crc32(block))
      t.equal(blockCrc([block], 5), crc32(block, 5))
      t.equal(blockCrc([block.subarray(0, 100), block.subarray(100)]), crc32(block))
    }
  }
})

t.test('of very many readers each has little at a time; when they have gone it is more again', async t => {
  const blobs = new BlobFiles({ root: t.testdir(), leaseIsOpen: async () => true, left () {} })
  const value = randomBytes(2 * mebibyte)
  const { blob } = await blobs.put('lease', [value])
  const lent = (): AsyncGenerator<Uint8Array> => blobs.get(blob, 0, value.length, { lent: true })
  const held = async (reader: AsyncGenerator<Uint8Array>): Promise<number> => (await reader.next()).value?.length ?? 0
  const readers = Array.from({ length: 300 }, lent)
  const lengths: number[] = []
  for (const reader of readers) lengths.push(await held(reader))
  t.equal(lengths[0], mebibyte / 2)
  t.equal(lengths.at(-1), blockSize)
  t.ok(lengths.reduce((sum, length) => sum + length, 0) < 80 * mebibyte)
  const last = readers.pop()
  const rest: Uint8Array[] = []
  if (last !== undefined) for await (const chunk of last) rest.push(Buffer.from(chunk))
  t.ok(Buffer.concat(rest).equals(value.subarray(blockSize)), 'and gets all of it')
  for (const reader of readers) await reader.return(undefined)
  const next = lent()
  t.equal(await held(next), mebibyte / 2)
  await next.return(undefined)
})

t.test('who asks for the next chunk gives back the last one; who stops early keeps it', async t => {
  const blobs = new BlobFiles({ root: t.testdir(), leaseIsOpen: async () => true, left () {} })
  const values = Array.from({ length: 3 }, () => randomBytes(mebibyte))
  const births = await Promise.all(values.map(async value => await blobs.put('lease', [value])))
  const lent = (index: number): AsyncGenerator<Uint8Array> => blobs.get(births[index]?.blob ?? '', 0, mebibyte, { lent: true })
  const pieces: ArrayBufferLike[] = []
  const placeOf = ({ buffer, byteOffset }: Uint8Array): string => `${pieces.includes(buffer) ? pieces.indexOf(buffer) : pieces.push(buffer) - 1} ${byteOffset}`
  const seen = async (index: number): Promise<Set<string>> => {
    const places = new Set<string>()
    const copies: Buffer[] = []
    for await (const chunk of lent(index)) {
      places.add(placeOf(chunk))
      copies.push(Buffer.from(chunk))
    }
    t.ok(Buffer.concat(copies).equals(values[index] ?? Buffer.alloc(0)))
    return places
  }
  const stopEarly = async (): Promise<Uint8Array> => {
    const stopped = lent(0)
    const { value } = await stopped.next()
    await stopped.return(undefined)
    return value ?? Buffer.alloc(0)
  }
  const kept = [await stopEarly()]
  const first = await seen(1)
  const second = await seen(2)
  t.ok([...second].every(place => first.has(place)), 'the same memory serves again')
  // More than there are in one piece of memory.
  for (let n = 0; n < 40; n++) {
    kept.push(await stopEarly())
    await seen(1 + n % 2)
  }
  t.ok(kept.every(chunk => chunk.length === mebibyte && values[0]?.subarray(0, chunk.length).equals(chunk)))
  t.equal(new Set(kept.map(placeOf)).size, kept.length)
  t.ok(pieces.length > 1)
  const whole = await collect(blobs.get(births[0]?.blob ?? '', 0, mebibyte))
  await seen(1)
  t.ok(whole.equals(values[0] ?? Buffer.alloc(0)), 'what is not lent stays')
})

/** Values in files, each of one letter in places, so that bytes of another one are seen. */
async function served (t: Test, onSend?: (payload: Readable, raw: http.ServerResponse) => Readable): Promise<{ origin: string, values: Buffer[], get (index: number, accept?: string): Promise<http.IncomingMessage>, all (index: number, accept?: string): Promise<Buffer>, damage (index: number, at: number): Promise<void> }> {
  const directory = join(await quickDirectory(t), 'store')
  const store = await openStore({ directory, sweepInterval: 0, scrubRate: 0 }, noErrors)
  const app = Fastify()
  t.teardown(async () => {
    await app.close()
    await store.close()
  })
  await app.register(cdmi, { store, anonymous: 'write' })
  if (onSend !== undefined) app.addHook('onSend', async (_request, reply, payload) => typeof (payload as Readable | null)?.pipe === 'function' ? onSend(payload as Readable, reply.raw) : payload)
  const { origin } = await listen(app)
  const values = Array.from({ length: 4 }, (_, index) => Buffer.alloc(12 * mebibyte, `${index}: a value of its own. `))
  for (const [index, value] of values.entries()) {
    const request = http.request(`${origin}/value${index}`, { method: 'PUT', agent: false })
    request.end(value)
    const [response] = await once(request, 'response') as [http.IncomingMessage]
    response.resume()
    await once(response, 'end')
  }
  const get = async (index: number, accept = '*/*'): Promise<http.IncomingMessage> => {
    const request = http.get(`${origin}/value${index}`, { agent: false, headers: { accept } })
    const [response] = await once(request, 'response') as [http.IncomingMessage]
    return response
  }
  return {
    origin,
    values,
    get,
    all: async (index, accept) => await collect(await get(index, accept)),
    async damage (index, at) {
      const id = (await store.meta.resolve(store.rootID, [`value${index}`])).at(-1)?.id ?? ''
      const segments = (await store.meta.segments(id, 0, 12 * mebibyte))?.segments ?? []
      const found = segments.find(({ offset, length }) => at >= offset && at < offset + length)
      const file = join(directory, 'blobs', found?.blob ?? '')
      const bytes = await readFile(file)
      const place = at - (found?.offset ?? 0)
      bytes[place] = (bytes[place] ?? 0) ^ 1
      await writeFile(file, bytes)
    }
  }
}

t.test('a slow client gets the bytes of its own value, whatever others read and leave meanwhile', async t => {
  const { values, get, all } = await served(t)
  const slow = await get(0)
  slow.pause()
  for (let round = 0; round < 3; round++) {
    const left = await get(1)
    left.destroy()
    t.same((await Promise.all([all(2), all(3)])).map((bytes, index) => bytes.equals(values[index + 2] ?? bytes)), [true, true])
  }
  t.ok((await collect(slow)).equals(values[0] ?? Buffer.alloc(0)))
})

t.test('a slow client gets the Base64 of its own value, whatever others read and leave meanwhile', async t => {
  const { values, get, all } = await served(t)
  const accept = 'application/cdmi-object'
  const slow = await get(0, accept)
  slow.pause()
  const valueIn = (text: Buffer): string => (JSON.parse(text.toString()) as { value: string }).value
  for (let round = 0; round < 2; round++) {
    const left = await get(1, accept)
    t.equal(left.headers['content-type'], accept)
    left.destroy()
    t.same((await Promise.all([all(2, accept), all(3, accept)])).map((bytes, index) => valueIn(bytes) === values[index + 2]?.toString('base64')), [true, true])
  }
  t.ok(valueIn(await collect(slow)) === values[0]?.toString('base64'))
})

const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex')

const listeners: Readonly<Record<string, (payload: Readable, seen: string[]) => Readable>> = {
  'does nothing': payload => payload,
  'counts what passes' (payload, seen) {
    const parts: Buffer[] = []
    payload.on('data', (chunk: Buffer) => { parts.push(Buffer.from(chunk)) }).on('end', () => { seen.push(md5(Buffer.concat(parts))) })
    return payload
  },
  'pipes it elsewhere as well' (payload, seen) {
    const hash = createHash('md5')
    payload.pipe(hash).on('finish', () => { seen.push((hash.read() as Buffer).toString('hex')) })
    return payload
  },
  'has looked whether there is something' (payload) {
    payload.once('readable', () => {})
    return payload
  }
}

for (const [what, listen] of Object.entries(listeners)) {
  t.test(`a slow client gets the bytes of its own value, and so does a hook that ${what}`, async t => {
    const seen: string[] = []
    const { origin, values, all } = await served(t, payload => listen(payload, seen))
    const whole = values[0] ?? Buffer.alloc(0)
    const piece = whole.subarray(0, mebibyte)
    const client = await RawClient.open(t, Number(new URL(origin).port))
    client.socket.pause()
    const pieces = 6
    client.socket.write(`GET /value0 HTTP/1.1\r\nHost: x\r\nRange: bytes=0-${mebibyte - 1}\r\n\r\n`.repeat(pieces) + 'GET /value0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    for (let round = 0; round < 3; round++) await Promise.all([all(1), all(2), all(3)])
    client.socket.resume()
    await client.end()
    const bodies = client.received.split(/HTTP\/1\.1 20[06] [^]*?\r\n\r\n/).slice(1)
    t.same(bodies.map(body => md5(Buffer.from(body, 'latin1'))), [...Array<string>(pieces).fill(md5(piece)), md5(whole)])
    if (seen.length > 0) t.equal(seen.filter(hash => hash === md5(piece)).length, pieces)
  })
}

t.test('who reads a value in a hook sees its end, or that its client has left', async t => {
  const ends: string[] = []
  let began = (): void => {}
  const { origin } = await served(t, payload => {
    const sink = new Writable({ highWaterMark: 1, write (_chunk, _encoding, done) { setTimeout(done, 50) } })
    pipeline(payload, sink, error => { ends.push(error == null ? 'all' : 'left') })
    began()
    return Readable.from(['done'])
  })
  for (const range of [`bytes=0-${mebibyte - 1}`, 'bytes=0-']) {
    const begun = new Promise<void>(resolve => { began = resolve })
    const client = await RawClient.open(t, Number(new URL(origin).port))
    client.socket.write(`GET /value0 HTTP/1.1\r\nHost: x\r\nRange: ${range}\r\n\r\n`)
    await begun
    client.socket.destroy()
    await eventually('the hook has seen it', () => ends.length > 0)
    t.equal(ends.splice(0).length, 1)
  }
})

t.test('what a slow client has got of a value that cannot be read to its end is of that value', async t => {
  const { values, get, all, damage } = await served(t)
  await damage(0, 9 * mebibyte)
  const slow = await get(0)
  slow.pause()
  for (let round = 0; round < 3; round++) await Promise.all([all(2), all(3)])
  const got: Buffer[] = []
  await t.rejects((async () => { for await (const chunk of slow) got.push(chunk as Buffer) })(), 'the connection is cut')
  const bytes = Buffer.concat(got)
  t.ok(bytes.length <= 9 * mebibyte && values[0]?.subarray(0, bytes.length).equals(bytes))
})

t.test('a hook of the application may keep the chunks that pass it', async t => {
  const kept: Buffer[] = []
  let keeping = true
  const { values, all } = await served(t, payload => {
    const through = new PassThrough()
    payload.on('data', (chunk: Buffer) => { if (keeping) kept.push(chunk) })
    return payload.pipe(through)
  })
  t.ok((await all(0)).equals(values[0] ?? Buffer.alloc(0)))
  keeping = false
  await Promise.all([all(1), all(2), all(3)])
  t.ok(Buffer.concat(kept).equals(values[0] ?? Buffer.alloc(0)))
})

t.test('whoever has put a write of his own on a response may keep what it gets, and need not say that it is taken', async t => {
  const kept: Buffer[] = []
  let keeping = true
  const { values, all } = await served(t, (payload, raw) => {
    const { write } = raw
    raw.write = (chunk: Buffer) => {
      if (keeping) kept.push(chunk)
      return write.call(raw, chunk, 'buffer' as BufferEncoding)
    }
    return payload
  })
  t.ok((await all(0)).equals(values[0] ?? Buffer.alloc(0)))
  keeping = false
  await Promise.all([all(1), all(2), all(3)])
  t.ok(Buffer.concat(kept).equals(values[0] ?? Buffer.alloc(0)))
})
