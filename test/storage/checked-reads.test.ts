import t, { type Test } from 'tap'
import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import type { BlobBirth, Store } from '../../storage/contract.js'
import { sealBlob } from '../../storage/embedded/blob-rows.js'
import { openTables } from '../../storage/embedded/tables.js'
import { BlockSums, blockSize, checkOfRange } from '../../storage/files/block-sums.js'
import { openStore } from '../../storage/open-store.js'
import { type Scrub, type ScrubNote, scrubSlowly, untouched } from '../../storage/scrub.js'
import { authorization, runningServer } from '../helpers/built-server.js'
import { eventually } from '../helpers/eventually.js'
import { collect, storeBlob } from './driver.js'
import { noErrors, quickDirectory } from './embedded-driver.js'

const mebibyte = 1024 * 1024

/** Bytes of which no two blocks are the same. */
function aValue (length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32BE(Math.imul(at, 2654435761) >>> 0, at)
  return bytes
}

async function opened (t: Test, directory?: string): Promise<{ store: Store, directory: string }> {
  const place = directory ?? join(await quickDirectory(t), 'store')
  const store = await openStore({ directory: place, trashGrace: 0, sweepInterval: 0 }, noErrors)
  t.teardown(async () => { await store.close() })
  return { store, directory: place }
}

async function flip (directory: string, { blob }: BlobBirth, at: number): Promise<void> {
  const file = join(directory, 'blobs', blob)
  const bytes = await readFile(file)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(file, bytes)
}

t.test('checksums do not depend on how bytes come, and tell of a bit in any block', async t => {
  await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 6 }), fc.nat(), fc.nat(), fc.nat(), async (lengths, first, second, at) => {
    const value = aValue(lengths.reduce((sum, length) => sum + length, 0))
    const [whole, pieces] = [new BlockSums(), new BlockSums()]
    whole.push(value)
    let start = 0
    for (const length of lengths) pieces.push(value.subarray(start, start += length))
    t.equal(pieces.hash(), whole.hash())
    if (value.length === 0) return
    const [from, to] = [first % value.length, second % value.length].sort((a, b) => a - b)
    if (from === undefined || to === undefined) return
    const read = (bytes: Buffer): void => {
      const check = checkOfRange({ blob: 'a/0/0', size: value.length, hash: whole.hash() }, from, to - from + 1)
      if (check === undefined) throw new Error('it can be checked')
      t.ok(check.from <= from && check.to > to && check.to - check.from <= to - from + 1 + 2 * blockSize)
      check.check(bytes.subarray(check.from, check.to))
    }
    read(value)
    const rotten = Buffer.from(value)
    const place = from + at % (to - from + 1)
    rotten[place] = (rotten[place] ?? 0) ^ 4
    t.throws(() => { read(rotten) }, { name: 'StorageError', reason: 'corrupt' })
  }), { numRuns: 60 })
})

t.test('a wrong bit: what has it is never given away, what has not is', async t => {
  const { store, directory } = await opened(t)
  const value = aValue(3 * mebibyte)
  const { birth } = await storeBlob(store, value, { parentID: store.rootID, name: 'value' })
  t.match(birth.hash, /^crc32x64k:[0-9a-f]{384}$/)
  t.ok((await collect(store.blobs.get(birth.blob, 0, value.length))).equals(value))
  t.ok(Buffer.from(await store.blobs.read(birth.blob, 100_001, 200_000)).equals(value.subarray(100_001, 300_001)))
  t.ok((await collect(store.blobs.get(birth.blob, 1, 2 * mebibyte))).equals(value.subarray(1, 2 * mebibyte + 1)))
  await flip(directory, birth, 1_500_000)
  const got: Uint8Array[] = []
  await t.rejects((async () => { for await (const chunk of store.blobs.get(birth.blob, 0, value.length)) got.push(chunk) })(), { name: 'StorageError', reason: 'corrupt', message: /^Blob \S+ has other bytes between 1441792 and 1507328 than were written$/ })
  const before = Buffer.concat(got)
  t.ok(before.length > 0 && before.length <= 1_441_792 && before.equals(value.subarray(0, before.length)))
  await t.rejects(store.blobs.read(birth.blob, 1_499_999, 1), { name: 'StorageError', reason: 'corrupt' }, 'not even the byte beside it')
  t.ok(Buffer.from(await store.blobs.read(birth.blob, 1_507_328, 1000)).equals(value.subarray(1_507_328, 1_508_328)))
  t.equal(store.integrity?.().damagedReads, 2)
  await rm(join(directory, 'blobs', birth.blob))
  await t.rejects(store.blobs.read(birth.blob, 0, 1), { name: 'StorageError', reason: 'missing' })
  t.equal(store.integrity?.().damagedReads, 3)
})

t.test('blobs of builds that noted one checksum for all bytes: read whole they are checked, and the end is held back', async t => {
  const { store, directory } = await opened(t)
  const value = aValue(2 * mebibyte)
  const { birth } = await storeBlob(store, value, { parentID: store.rootID, name: 'value' })
  await store.close()
  const tables = openTables(directory)
  tables.blobs.putSync(Buffer.from(birth.blob), sealBlob(Buffer.from(birth.blob), { since: 0, size: value.length, hash: `crc32:${crc32(value).toString(16).padStart(8, '0')}`, links: 0 }))
  await tables.env.close()
  const again = (await opened(t, directory)).store
  t.ok((await collect(again.blobs.get(birth.blob, 0, value.length))).equals(value))
  await flip(directory, birth, 10)
  let length = 0
  await t.rejects((async () => { for await (const chunk of again.blobs.get(birth.blob, 0, value.length)) length += chunk.length })(), { name: 'StorageError', reason: 'corrupt' })
  t.ok(length < value.length)
  t.equal((await again.blobs.read(birth.blob, 0, 100)).length, 100, 'a part of it cannot be checked')
})

t.test('over HTTP: 500 where nothing was sent yet, a cut connection later, 206 for what is sound; health counts', async t => {
  const { store, directory } = await opened(t)
  const server = await runningServer(t, {}, { store })
  const value = aValue(3 * mebibyte)
  const headers = { authorization }
  const get = async (more: Record<string, string> = {}): Promise<{ status: number, body: Buffer, whole: boolean }> => {
    const request = http.get(`${server.url}/value`, { headers: { ...headers, ...more }, agent: false })
    const [response] = await once(request, 'response') as [http.IncomingMessage]
    const chunks: Buffer[] = []
    const whole = await (async () => {
      try {
        for await (const chunk of response) chunks.push(chunk as Buffer)
        return true
      } catch {
        return false
      }
    })()
    return { status: response.statusCode ?? 0, body: Buffer.concat(chunks), whole }
  }
  const upload = http.request(`${server.url}/value`, { method: 'PUT', headers: { ...headers, 'content-type': 'application/octet-stream' }, agent: false })
  upload.end(value)
  const [made] = await once(upload, 'response') as [http.IncomingMessage]
  t.equal(made.statusCode, 201)
  made.resume()
  t.ok((await get()).body.equals(value))
  const id = (await store.meta.resolve(store.rootID, ['value'])).at(-1)?.id ?? ''
  const blob = (await store.meta.segments(id, 0, 1))?.segments[0]?.blob ?? ''
  await flip(directory, { blob, size: value.length, hash: '' }, 2_000_000)
  const cut = await get()
  t.equal(cut.whole, false, 'the connection is cut')
  t.ok(cut.body.length < value.length && cut.body.equals(value.subarray(0, cut.body.length)))
  t.match(await get({ range: 'bytes=1999999-2000001' }), { status: 500 })
  const sound = await get({ range: 'bytes=0-99999' })
  t.equal(sound.status, 206)
  t.ok(sound.body.equals(value.subarray(0, 100_000)))
  const health = JSON.parse((await server.app.inject('/-/health')).body)
  t.match(health, { status: 'alive', damagedReads: 2, scrub: { running: false, blobs: 0, bytes: 0, damaged: 0 } })
  const lines = server.lines().filter(({ err }) => /has other bytes between/.test(JSON.stringify(err ?? '')))
  t.equal(lines.length, 2, 'once for each request')
})

/** Waits for nothing between passes. */
const quick = { start: 0, pass: 0, note: 0, failure: 0 }

function aScrub (t: Test, store: Store, births: readonly BlobBirth[], notes: ScrubNote[], reported: unknown[], rate = 1e12): Scrub {
  const scrub = scrubSlowly({
    rate,
    pauses: { ...quick, pass: 1e9 },
    births: async (after, limit) => births.filter(({ blob }) => after === undefined || blob > after).slice(0, limit),
    read: ({ blob, size }) => store.blobs.get(blob, 0, size),
    isNeeded: async ({ blob }) => blob !== 'gone/0/0',
    claim: async () => notes.at(-1) ?? untouched,
    async save (note) {
      notes.push(note)
      return true
    },
    async release () {},
    report (error) { reported.push(error) }
  })
  t.teardown(async () => { await scrub.stop() })
  return scrub
}

t.test('the scrub reads every blob, tells of rotten ones, passes over what was removed, and goes on where it was', async t => {
  const { store, directory } = await opened(t)
  const births: BlobBirth[] = []
  for (let n = 0; n < 4; n++) births.push((await storeBlob(store, aValue(100_000 + n), { parentID: store.rootID, name: `n${n}` })).birth)
  births.push({ blob: 'gone/0/0', size: 5, hash: 'crc32:00000000' })
  births.sort((a, b) => a.blob < b.blob ? -1 : 1)
  await flip(directory, births[1] ?? { blob: '', size: 0, hash: '' }, 70_000)
  const [notes, reported]: [ScrubNote[], unknown[]] = [[], []]
  const scrub = aScrub(t, store, births, notes, reported)
  await eventually('a pass is over', () => notes.at(-1)?.last !== undefined)
  await scrub.stop()
  t.match(notes.at(-1), { began: undefined, after: null, last: { blobs: 5, damaged: 1 } })
  t.match(reported, [{ name: 'StorageError', reason: 'corrupt' }])
  const resumed: ScrubNote[] = [{ ...notes[2], began: 1, last: undefined, after: births[2]?.blob ?? '', blobs: 3, bytes: 7, damaged: 1 }]
  aScrub(t, store, births, resumed, reported)
  await eventually('the pass is over', () => resumed.at(-1)?.last !== undefined)
  t.match(resumed.at(-1), { last: { blobs: 5, damaged: 1 } })
  t.equal(reported.length, 1, 'what was read before is not read again')
})

t.test('a pass that ended while the clock was years ahead keeps the next one from nothing', async t => {
  const { store } = await opened(t)
  const { birth } = await storeBlob(store, aValue(100_000), { parentID: store.rootID, name: 'value' })
  const notes: ScrubNote[] = [{ ...untouched, last: { ended: Date.now() + 1e12, blobs: 1, bytes: 1, damaged: 0 } }]
  aScrub(t, store, [birth], notes, [])
  await eventually('there is another pass', () => notes.length > 1 && notes.at(-1)?.began === undefined)
  t.ok((notes.at(-1)?.last?.ended ?? Infinity) <= Date.now())
})

t.test('the scrub is as slow as it is told to be, and can be ended at any time', async t => {
  const { store } = await opened(t)
  const { birth } = await storeBlob(store, aValue(mebibyte), { parentID: store.rootID, name: 'value' })
  const [notes, reported]: [ScrubNote[], unknown[]] = [[], []]
  const scrub = aScrub(t, store, [birth], notes, reported, 1000)
  await eventually('it has begun', () => (store.integrity?.().damagedReads ?? 0) === 0)
  await scrub.stop()
  t.same(reported, [])
  t.same(notes, [], 'a mebibyte takes it a quarter of an hour')
})

t.test('a store notes how far its scrub is, and what is off is not shown', async t => {
  const directory = join(await quickDirectory(t), 'store')
  const store = await openStore({ directory, scrubRate: 0 }, noErrors)
  t.teardown(async () => { await store.close() })
  t.same(store.integrity?.(), { damagedReads: 0, scrub: undefined })
  await store.close()
  const { store: again } = await opened(t, directory)
  t.match(again.integrity?.(), { damagedReads: 0, scrub: { blobs: 0, last: undefined } })
})
