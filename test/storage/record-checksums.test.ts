import t, { type Test } from 'tap'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import fastify from 'fastify'
import fc from 'fast-check'
import { cdmi } from '../../index.js'
import { findBackup, openBackup } from '../../storage/backup/backup-source.js'
import { DirectoryPlace } from '../../storage/backup/directory-place.js'
import { StorageError } from '../../storage/contract.js'
import { openBlob } from '../../storage/embedded/blob-rows.js'
import { u64 } from '../../storage/embedded/bytes.js'
import { EmbeddedMeta } from '../../storage/embedded/embedded-meta.js'
import { entryKey, ownerKey, referenceKey, segmentKey, trashKey } from '../../storage/embedded/keys.js'
import { openSequence } from '../../storage/embedded/log-rows.js'
import { sealNote } from '../../storage/embedded/note-rows.js'
import { openReader } from '../../storage/embedded/reader-store.js'
import { encodeRecord, isSoundRecord } from '../../storage/embedded/record-codec.js'
import { keySum, opened, sealLength } from '../../storage/embedded/row-sums.js'
import { stateKeys, type Table, type TableName, openTables } from '../../storage/embedded/tables.js'
import { flippedBit } from '../../storage/files/flipped-bit.js'
import { mintObjectID } from '../../storage/object-id.js'
import { idKey } from '../../storage/object-key.js'
import { backUpStore, restoredTo } from './backup-steps.js'
import { aRecord, readValue, store } from './driver.js'
import { quickDirectory } from './embedded-driver.js'
import { memoryEnds } from './memory-driver.js'
import { filledStore, filesBelow, harmed, makeRing, openQuietly, repaired, verified } from './verify-store.js'
import { readByModel } from './whole-store.js'

const filled = await filledStore(t)
const { id, root, blob } = filled
const key = (path: string): Buffer => idKey(id(path))

function flipped (bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  const at = Math.floor(bit / 8) % bytes.length
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8))
  return copy
}

function flipRow (table: Table, row: Buffer, bit: number): void {
  const bytes = table.getBinary(row)
  if (bytes === undefined) throw new Error('there is no such row')
  table.putSync(row, flipped(bytes, bit))
}

t.test('the checksum of a record is the CRC-32 of all that it covers, however long that is', async t => {
  const id = mintObjectID()
  for (const length of [0, 100, 65_000, 65_536, ...Array.from({ length: 300 }, (_, n) => 65_300 + n), 200_000]) {
    const record = encodeRecord({ ...aRecord({ parentID: root, name: 'long', attributes: { n: length } }), id, inline: Buffer.alloc(length, length % 251) })
    if (record.readUInt32BE(record.length - 4) !== crc32(record.subarray(2, record.length - 4), keySum(idKey(id)))) t.fail(`${length} bytes`)
    if (!isSoundRecord(idKey(id), record)) t.fail(`${length} bytes are not sound`)
  }
  t.pass('each of them')
})

async function reader (t: Test): Promise<{ tables: ReturnType<typeof openTables>, meta: EmbeddedMeta }> {
  const directory = await harmed(t, filled, () => {})
  const tables = openTables(directory)
  t.teardown(async () => { await tables.env.close() })
  const refuse = async (): Promise<never> => { throw new Error('nothing is written') }
  return { tables, meta: new EmbeddedMeta(tables, { submit: refuse, async close () {} }, { foreignCommits: true }) }
}

t.test('whatever bit of a record, a name, a map or the change log is wrong: who reads it gets an error, which is counted', async t => {
  const { tables, meta } = await reader(t)
  const rows: ReadonlyArray<readonly [what: string, table: TableName, row: Buffer, read: ReadonlyArray<() => Promise<unknown>>]> = [
    ['a record', 'records', key('/a/many-3'), [async () => await meta.get(id('/a/many-3')), async () => await meta.resolve(root, ['a', 'many-3']), async () => await meta.tree(id('/a'), { types: 'c', limit: 100 }), async () => await meta.wholes({ after: undefined, limit: 100, size: 1e9 })]],
    ['a container', 'records', key('/a'), [async () => await meta.lineage(id('/a/many-3')), async () => await meta.resolve(root, ['a', 'many-3'])]],
    ['a record with a map', 'records', key('/plain'), [async () => await meta.get(id('/plain')), async () => await meta.segments(id('/plain'), 0, 10)]],
    ['a name', 'entries', entryKey(key('/a'), 'many-3'), [async () => await meta.resolve(root, ['a', 'many-3']), async () => await meta.children(id('/a'), { limit: 100 }), async () => await meta.names(id('/a'), { limit: 100 })]],
    ['a segment', 'segments', segmentKey(key('/plain'), 0), [async () => await meta.segments(id('/plain'), 0, 10)]],
    ['what is noted of a blob', 'blobs', Buffer.from(blob('/plain')), [async () => meta.birthOf(blob('/plain')), async () => await meta.namedBlobs(undefined, 1000)]],
    ['an entry of the log', 'log', u64(3), [async () => await meta.events(0, 10)]],
    ['the end of the log', 'state', stateKeys.sequence, [async () => await meta.lastSequence()]]
  ]
  for (const [what, name, row, reads] of rows) {
    const table = tables[name]
    const sound = Buffer.from(table.getBinary(row) ?? '')
    for (const read of reads) await read()
    await fc.assert(fc.asyncProperty(fc.nat(sound.length * 8 - 1), async bit => {
      table.putSync(row, flipped(sound, bit))
      for (const read of reads) {
        const before = meta.damagedReads
        await t.rejects(read(), { name: 'StorageError', reason: 'corrupt' }, `${what}, bit ${bit}`)
        t.equal(meta.damagedReads, before + 1)
      }
    }), { numRuns: 12, seed: 1 })
    table.putSync(row, sound)
  }
})

t.test('a row under another key, a row of a map that is gone, and a name without its record are no answers either', async t => {
  const { tables: { records, entries, segments }, meta } = await reader(t)
  records.putSync(key('/a/many-3'), Buffer.from(records.getBinary(key('/plain')) ?? ''))
  await t.rejects(meta.get(id('/a/many-3')), { name: 'StorageError', reason: 'corrupt' })
  entries.putSync(entryKey(key('/a'), 'many-4'), Buffer.from(entries.getBinary(entryKey(idKey(root), 'plain')) ?? ''))
  await t.rejects(meta.resolve(root, ['a', 'many-4']), { name: 'StorageError', reason: 'corrupt' })
  segments.removeSync(segmentKey(key('/a/copy'), 131_072))
  await t.rejects(meta.segments(id('/a/copy'), 0, 200_000), { name: 'StorageError', reason: 'corrupt', message: /has a gap where none was written$/ })
  t.equal((await meta.segments(id('/a/copy'), 0, 1000))?.segments.length, 1, 'what is there of it')
  t.ok(await meta.segments(id('/a/sparse'), 0, 600_000), 'a gap that was written')
  records.removeSync(key('/deep'))
  await t.rejects(meta.resolve(root, ['deep']), { name: 'StorageError', reason: 'missing' })
  await t.rejects(meta.tree(root, { types: 'c', depth: 1, limit: 1000 }), { name: 'StorageError', reason: 'missing' }, 'what is left is not the whole')
  t.same(await meta.tree(id('/deep'), { types: 'c', limit: 1000 }), [])
})

t.test('containers that are each other\'s ancestors have no lineage, in a store, in what is moved from it, and in a backup of it', async t => {
  const directory = await harmed(t, filled, tables => {
    makeRing(tables, filled)
    // A snapshot asks where things hang while there is something to remove.
    const removed = ownerKey(idKey(mintObjectID()))
    tables.orphans.putSync(removed, sealNote(removed))
  })
  const paths = ['/deep', '/deep/one', '/deep/one/two']
  const store = await openQuietly(directory)
  t.teardown(async () => { await store.close() })
  for (const path of paths) t.same(await store.meta.lineage(id(path)), [])
  t.equal((await store.meta.lineage(id('/plain'))).length, 2)
  const place = new DirectoryPlace(join(await quickDirectory(t), 'backups'))
  await backUpStore(directory, place)
  const backup = openBackup(place, await findBackup(place, undefined))
  for (const path of paths) t.same(await backup.meta.lineage(id(path)), [])
  const ends = memoryEnds()
  await restoredTo(ends, place)
  const moved = await ends.store()
  for (const path of paths) t.same(await moved.meta.lineage(id(path)), [])
})

t.test('who walks through a tree while the store is closed under him is told so, whoever has it open, and however fast it closes', async t => {
  // Where it has no room for a socket nothing is waited for.
  const deep = join(await quickDirectory(t), 'x'.repeat(100))
  const directory = join(deep, 'store')
  const first = await openQuietly(directory)
  await store(first, { put: Array.from({ length: 1100 }, (_, n) => aRecord({ parentID: first.rootID, name: `${n}` })) })
  await first.close()
  for (const open of [openQuietly, openReader]) {
    const one = await open(directory)
    const walk = one.meta.tree(one.rootID, { types: 'c', limit: 10_000 })
    const closed = one.close()
    await t.rejects(walk, { name: 'StorageError', message: 'The store is closed' })
    await t.rejects(one.meta.tree(one.rootID, { types: 'c', limit: 10_000 }), { name: 'StorageError', message: 'The store is closed' })
    await closed
  }
})

t.test('a wrong bit is answered with 500 by every door, logged, and counted in the metrics; its neighbours are served', async t => {
  const directory = await harmed(t, filled, ({ records }) => { flipRow(records, key('/a/many-3'), 8 * 200) })
  const store = await openQuietly(directory)
  const lines: Array<{ level: number, err?: { message: string } }> = []
  const app = fastify({ logger: { level: 'error', stream: { write (line: string) { lines.push(JSON.parse(line) as typeof lines[number]) } } } })
  t.teardown(async () => { await app.close(); await store.close() })
  await app.register(cdmi, { store, anonymous: 'write' })
  for (const accept of ['*/*', 'application/cdmi-object']) {
    const { statusCode, body } = await app.inject({ url: '/a/many-3', headers: { accept } })
    t.equal(statusCode, 500)
    t.notMatch(body, /bytes than were written/)
  }
  t.match(lines.map(({ err }) => err?.message), [/^The record of object \w+ has other bytes than were written$/, /has other bytes/])
  t.equal((await app.inject({ url: '/a/many-4' })).statusCode, 200)
  t.equal(store.integrity?.().damagedReads, 2)
  const families = await store.metrics?.collect()
  t.match(families?.find(({ name }) => name === 'cdmi_damaged_reads_total')?.samples, [{ values: [2] }])
})

/** What the build before checksums wrote. */
async function asBefore (directory: string): Promise<void> {
  const tables = openTables(directory)
  for (const name of ['records', 'entries', 'segments', 'log'] as const) {
    for (const { key, value } of Array.from(tables[name].getRange({ start: Buffer.from([0]) }))) {
      let row = Buffer.from(value.subarray(sealLength))
      if (name === 'records') {
        row = Buffer.from(value.subarray(0, value.length - 4))
        row[0] = 1
        row[1] = (row[1] ?? 0) & 3
      } else opened(name, key, value)
      tables[name].putSync(Buffer.from(key), row)
    }
  }
  for (const { key, value } of Array.from(tables.blobs.getRange({ start: Buffer.from([0]) }))) {
    const { since, size, hash } = openBlob(key, value)
    tables.blobs.putSync(Buffer.from(key), Buffer.concat([u64(since), u64(size), Buffer.from(hash)]))
  }
  for (const name of ['references', 'trash', 'doomed', 'orphans', 'leases', 'accesses'] as const) {
    for (const { key, value } of Array.from(tables[name].getRange({ start: Buffer.from([0]) }))) {
      const row = opened(name, key, value)
      tables[name].putSync(Buffer.from(key), row.length === 0 ? Buffer.from([1]) : Buffer.from(row))
    }
  }
  tables.state.putSync(stateKeys.sequence, u64(openSequence(tables.state.getBinary(stateKeys.sequence))))
  await tables.env.close()
  await writeFile(join(directory, 'format.json'), '{"format":"fastify-cdmi store","version":1}\n')
}

t.test('a store of format version 1 is opened, read and written to; its rows get checksums when they are written anew', async t => {
  const directory = await harmed(t, filled, () => {})
  const sound = await openQuietly(directory)
  const expected = await readByModel(sound)
  const events = await sound.meta.events(0, 1000)
  await sound.close()
  await asBefore(directory)
  t.same((await verified(directory)).findings, [])
  const store = await openQuietly(directory)
  t.teardown(async () => { await store.close() })
  t.same(JSON.parse(await readFile(join(directory, 'format.json'), 'utf8')), { format: 'fastify-cdmi store', version: 4 })
  t.same(await readByModel(store), expected)
  t.same(await store.meta.events(0, 1000), events)
  const record = await store.meta.get(id('/plain'))
  if (record === undefined) throw new Error('it is there')
  const { id: objectID, version, type, parentID, name, attributes, size } = record
  t.match(await store.meta.commit({ expect: [], put: [{ id: objectID, version: version + 1, type, parentID, name, attributes, size, segments: { kind: 'keep' } }], events: [{ again: true }] }), { status: 'committed', sequence: (events.at(-1)?.sequence ?? 0) + 1 })
  t.equal((await readValue(store, record).catch(() => Buffer.alloc(0))).length, 0, 'it is another version now')
  t.equal((await readValue(store, (await store.meta.get(objectID)) ?? record)).length, 100_000)
  await store.close()
  const tables = openTables(directory)
  const rewritten = Buffer.from(tables.records.getBinary(key('/plain')) ?? '')
  t.equal(rewritten[0], 2)
  t.ok(isSoundRecord(key('/plain'), rewritten))
  t.notOk(isSoundRecord(key('/plain'), flipped(rewritten, 800)))
  t.equal(tables.records.getBinary(key('/a/many-3'))?.[0], 1, 'others are as they were')
  await tables.env.close()
  t.same((await verified(directory)).findings, [])
})

t.test('a blob of an older build that came into the trash while the clock was ahead, and is needed again, stays; once nothing needs it, it goes', async t => {
  const name = blob('/plain')
  const directory = await harmed(t, filled, ({ blobs, trash }) => {
    const ahead = Date.now() + 1_000_000_000
    const { size, hash } = openBlob(Buffer.from(name), Buffer.from(blobs.getBinary(Buffer.from(name)) ?? ''))
    blobs.putSync(Buffer.from(name), Buffer.concat([u64(ahead), u64(size), Buffer.from(hash)]))
    trash.putSync(trashKey(ahead, name), Buffer.from([1]))
  })
  const store = await openQuietly(directory)
  t.teardown(async () => { await store.close() })
  await store.sweep()
  t.same((await verified(directory)).findings, [])
  const record = await store.meta.get(id('/plain'))
  if (record === undefined) throw new Error('it is there')
  t.equal((await readValue(store, record)).length, 100_000)
  t.match(await store.meta.commit({ expect: [], remove: [{ id: record.id, version: record.version, subtree: false }], events: [] }), { status: 'committed' })
  await store.sweep()
  await store.sweep()
  t.notOk((await filesBelow(join(directory, 'blobs'))).includes(name))
})

t.test('the difference of two checksums tells which bit it is, and that it is more than one', t => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 3000 }), fc.nat(), fc.nat(), (given, first, second) => {
    const bytes = Buffer.from(given)
    const bits = bytes.length * 8
    const one = flipped(bytes, first % bits)
    t.same(flippedBit(crc32(bytes) ^ crc32(one), bytes.length), { at: Math.floor(first % bits / 8), mask: 1 << (first % 8) })
    const two = flipped(one, second % bits)
    if (first % bits !== second % bits) t.equal(flippedBit(crc32(bytes) ^ crc32(two), bytes.length), undefined)
  }))
  t.equal(flippedBit(0, 100), undefined)
  t.end()
})

// The mark of a format, flags, the head, what follows; and each time the end.
const repairable: ReadonlyArray<readonly [what: string, table: TableName, row: Buffer, bits: readonly number[]]> = [
  ['a record', 'records', key('/a/many-3'), [0, 9, 200]],
  ['a record with a map', 'records', key('/plain'), [13]],
  ['a container', 'records', key('/deep/one'), [40]],
  ['a name', 'entries', entryKey(key('/a'), 'many-3'), [7]],
  ['a segment', 'segments', segmentKey(key('/plain'), 0), [60]],
  ['what is noted of a blob', 'blobs', Buffer.from(blob('/plain')), [3, 90, 250]],
  ['a reference', 'references', referenceKey(blob('/plain'), segmentKey(key('/plain'), 0)), [1]],
  ['an entry of the log', 'log', u64(3), []]
]

for (const [what, name, row, bits] of repairable) {
  t.test(`one wrong bit of ${what}: repair makes it what it was, and nothing is lost`, async t => {
    const before = await harmed(t, filled, () => {})
    const was = openTables(before)
    const sound = Buffer.from(was[name].getBinary(row) ?? '')
    await was.env.close()
    for (const bit of [...bits, sound.length * 8 - 1]) {
      const directory = await harmed(t, filled, tables => { flipRow(tables[name], row, bit) })
      t.ok((await verified(directory)).news.length > 0, `bit ${bit} is found`)
      const repairs = await repaired(directory)
      t.ok(repairs.some(({ done }) => done === 'one bit of it was wrong, and is right again' || done === 'it is as it was'), JSON.stringify(repairs))
      t.same((await verified(directory)).findings, [], `bit ${bit}: nothing is set aside`)
      const tables = openTables(directory)
      const now = tables[name].getBinary(row)
      t.ok(now?.equals(sound), `bit ${bit} is as it was`)
      await tables.env.close()
    }
  })
}

t.test('one wrong bit of a value in a file, or of its checksum: repair makes it what it was, and keeps the file as it was found', async t => {
  const harm = async (_: unknown, directory: string): Promise<void> => {
    const file = join(directory, 'blobs', blob('/plain'))
    await writeFile(file, flipped(await readFile(file), 8 * 70_001 + 3))
  }
  const directory = await harmed(t, filled, harm)
  const store = await openQuietly(directory)
  const record = await store.meta.get(id('/plain'))
  if (record === undefined) throw new Error('it is there')
  await t.rejects(readValue(store, record), StorageError, 'it is not served')
  await store.close()
  t.match((await verified(directory)).news, [{ kind: 'blob', path: '/plain' }])
  t.match(await repaired(directory), [{ done: /^one bit of it was wrong, and is right again; the file as it was is moved-aside\/blobs\// }])
  t.same((await verified(directory)).findings, [])
  t.equal((await filesBelow(join(directory, 'moved-aside'))).length, 1)
  const after = await openQuietly(directory)
  t.teardown(async () => { await after.close() })
  t.ok((await readValue(after, record)).equals(Buffer.alloc(100_000, 'plain ')))

  const sums = await harmed(t, filled, ({ blobs }) => { flipRow(blobs, Buffer.from(blob('/plain')), 8 * 40) })
  t.ok((await verified(sums)).news.length > 0)
  await repaired(sums)
  t.same((await verified(sums)).news, [])
})

t.test('a page of LMDB that leads nowhere is damage of what is below it, and of nothing else', async t => {
  const directory = await harmed(t, filled, () => {})
  const file = join(directory, 'meta.lmdb')
  const bytes = await readFile(file)
  const [head, branch, ends] = [24, 1, 20]
  for (let page = 0; page < bytes.length; page += 4096) {
    if (bytes.readUInt16LE(page + 18) !== branch) continue
    // The last of the pages below: far behind the end of the file.
    const node = page + head + bytes.readUInt16LE(page + head + bytes.readUInt16LE(page + ends) - 2)
    if (node + 8 < bytes.length) bytes.writeUInt16LE(0x7fff, node + 2)
  }
  await writeFile(file, bytes)
  const store = await openQuietly(directory)
  t.teardown(async () => { await store.close() })
  const outcomes = await Promise.all(Array.from({ length: 30 }, async (_, n) => await store.meta.resolve(root, ['a', `many-${n}`]).then(({ length }) => length === 3 ? 'read' : 'not there', (error: unknown) => error instanceof StorageError ? error.reason : String(error))))
  t.same([...new Set(outcomes)].sort(), ['corrupt', 'read'])
  t.match((await verified(directory)).news, [{ kind: 'structure', file: 'meta.lmdb', problem: /restore a backup/ }])
})

t.test('copies of a damaged record are refused: a new checksum would make it look sound', async t => {
  const directory = await harmed(t, filled, () => {})
  const place = join(await quickDirectory(t), 'store')
  await cp(directory, place, { recursive: true })
  const store = await openQuietly(place)
  t.teardown(async () => { await store.close() })
  const source = await store.meta.get(id('/a/many-3'))
  const tables = openTables(place)
  flipRow(tables.records, key('/a/many-3'), 8 * 400)
  const { version = 0, size = 0 } = source ?? {}
  const copy = { id: `${id('/a/many-3').slice(0, -2)}00`, version: 1, type: 'd', parentID: root, name: 'copied', attributes: {}, size, segments: { kind: 'copy', from: id('/a/many-3'), version } } as const
  await t.rejects(store.meta.commit({ expect: [], put: [copy], events: [] }), { name: 'StorageError', reason: 'corrupt' })
  await tables.env.close()
})
