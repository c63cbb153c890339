import t from 'tap'
import { appendFile, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { StorageError } from '../../storage/contract.js'
import { u64 } from '../../storage/embedded/bytes.js'
import { type BlobRow, openBlob, sealBlob } from '../../storage/embedded/blob-rows.js'
import { accountKey, readAmount, readCounting, sealAmount } from '../../storage/embedded/counting.js'
import { openSequence } from '../../storage/embedded/log-rows.js'
import { sealJson } from '../../storage/embedded/json-rows.js'
import { readMoved, sealMoved } from '../../storage/embedded/moved-rows.js'
import { readRoot } from '../../storage/embedded/root-row.js'
import { Mender } from '../../storage/embedded/verify/mender.js'
import { entryKey, ownerKey, referenceKey, segmentKey } from '../../storage/embedded/keys.js'
import { stateKeys, type Tables } from '../../storage/embedded/tables.js'
import { sealNote } from '../../storage/embedded/note-rows.js'
import { sealEntry } from '../../storage/embedded/entry-rows.js'
import { sealRecord } from '../../storage/embedded/record-codec.js'
import { encodeSegment } from '../../storage/embedded/segment-writer.js'
import { idKey } from '../../storage/object-key.js'
import { aRecord, readValue, segmentOf, store as commitAll, storeBlob } from './driver.js'
import { filledStore, filesBelow, harmed, makeRing, openQuietly, repaired, verified } from './verify-store.js'

const filled = await filledStore(t)
const counted = await filledStore(t, { counts: true })
const { id, blob, root } = filled
const key = (path: string): Buffer => idKey(id(path))
const file = (directory: string, path: string): string => join(directory, 'blobs', blob(path))

async function flip (path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[at] = (bytes[at] ?? 0) ^ 0x14
  await writeFile(path, bytes)
}

function change (table: Tables['records'], row: Buffer, edit: (bytes: Buffer) => unknown): void {
  const bytes = table.getBinary(row)
  if (bytes === undefined) throw new Error('there is no such row')
  const copy = Buffer.from(bytes)
  const edited = edit(copy)
  table.putSync(row, edited instanceof Buffer ? edited : copy)
}

/** As an older build wrote rows whose keys say it all. */
const old = Buffer.from([1])

const withLinks = (noted: BlobRow): BlobRow & { links: number } => ({ ...noted, links: noted.links ?? 0 })

/** What is noted of a blob, changed and with a checksum that fits. */
function note (blobs: Tables['blobs'], edit: (noted: BlobRow & { links: number }) => BlobRow & { links: number }): void {
  change(blobs, Buffer.from(blob('/plain')), bytes => sealBlob(Buffer.from(blob('/plain')), edit(withLinks(openBlob(Buffer.from(blob('/plain')), bytes)))))
}

interface Case {
  readonly what: string
  readonly harm: (tables: Tables, directory: string) => unknown
  /** What verify says. */
  readonly found: RegExp
  /** What repair says of it. */
  readonly done: RegExp
  /** Path of an object that is there afterwards, with its ID. */
  readonly there?: readonly [path: string, id: string]
  /** Whether its value can be read. */
  readonly readable?: boolean
  /** A file below moved-aside. */
  readonly saved?: RegExp
}

const cases: readonly Case[] = [
  { what: 'bits of a value', harm: async (_, directory) => { await flip(file(directory, '/plain'), 70_000) }, found: /^\/plain \(object \w+\) has lost bytes of its value: blob \S+ has other bytes than were written$/, done: /^it is \/lost%2Bfound\/plain now$/, there: ['/lost+found/plain', id('/plain')], readable: false },
  { what: 'a file of a value that is gone', harm: async (_, directory) => { await rm(file(directory, '/plain')) }, found: /^\/plain .* blob \S+ is gone$/, done: /lost%2Bfound\/plain now/, there: ['/lost+found/plain', id('/plain')], readable: false },
  { what: 'a file of a value that is too short', harm: async (_, directory) => { await truncate(file(directory, '/plain'), 99_000) }, found: /has 99000 bytes where 100000 were written$/, done: /lost%2Bfound/, there: ['/lost+found/plain', id('/plain')], readable: false },
  { what: 'a file of a value that is too long', harm: async (_, directory) => { await appendFile(file(directory, '/plain'), 'x') }, found: /has 100001 bytes where 100000 were written$/, done: /lost%2Bfound/ },
  { what: 'a file that copies share', harm: async (_, directory) => { await rm(file(directory, '/a/copy')) }, found: /^\/(a\/copy|copies\/long|copies\/copy) /, done: /lost%2Bfound\/(copy|long)/ },
  { what: 'the bytes of a set of parts', harm: async (_, directory) => { for (const name of await filesBelow(join(directory, 'blobs'))) if ((await readFile(join(directory, 'blobs', name))).length === 100_000 && name !== blob('/plain')) await rm(join(directory, 'blobs', name)) }, found: /^Object FF\w+ has lost bytes/, done: /^it is \/lost%2Bfound\/\w+ now$/ },
  { what: 'a file too many', harm: async (_, directory) => { const name = join(directory, 'blobs', 'other', '0', 'zzzz'); await mkdir(dirname(name), { recursive: true }); await writeFile(name, 'x') }, found: /^The file blobs\/\S+\/zzzz belongs to nothing$/, done: /^it is moved-aside\/blobs\/\S+\/zzzz now$/, saved: /^blobs\/.*\/zzzz$/ },
  { what: 'a file that is none of ours', harm: async (_, directory) => { await writeFile(join(directory, 'blobs', 'notes.txt'), 'x') }, found: /^The file blobs\/notes\.txt belongs to nothing$/, done: /moved-aside\/blobs\/notes\.txt now$/, saved: /^blobs\/notes\.txt$/ },
  { what: 'a record with a broken head', harm: ({ records }) => { change(records, key('/a/many-3'), bytes => { bytes[0] = 9 }) }, found: /^.*object \w+\)? has a record of a form that this build does not know$/i, done: /^it is \/lost%2Bfound\/many-3 now$/, there: ['/lost+found/many-3', id('/a/many-3')], saved: /^rows\/records-/ },
  { what: 'a record that is cut short', harm: ({ records }) => { change(records, key('/plain'), bytes => bytes.subarray(0, 20)) }, found: /has a record that is cut short$/, done: /lost%2Bfound\/plain now/, there: ['/lost+found/plain', id('/plain')], readable: true, saved: /^rows\/records-/ },
  { what: 'a container whose record is broken', harm: ({ records }) => { change(records, key('/a'), bytes => { bytes[1] = 0x80 }) }, found: /has a record whose head is not readable$/, done: /it was made anew with all that is in it/, there: ['/a/b c/text', id('/a/b c/text')], readable: true, saved: /^rows\/records-/ },
  { what: 'attributes that cannot be decoded', harm: ({ records }) => { change(records, key('/plain'), bytes => { const start = 25 + bytes.readUInt16BE(23); bytes.fill(0xc1, start, start + 4) }) }, found: /^\/plain .* has attributes that are not readable$/, done: /lost%2Bfound\/plain now/, there: ['/lost+found/plain', id('/plain')], readable: true, saved: /^rows\/records-/ },
  { what: 'attributes of a container that cannot be decoded', harm: ({ records }) => { change(records, key('/deep'), bytes => { const start = 25 + bytes.readUInt16BE(23); bytes.fill(0xc1, start, start + 4) }) }, found: /^\/deep\/ .* has attributes that are not readable$/, done: /^it stays/, there: ['/deep/one/two', id('/deep/one/two')] },
  { what: 'attributes of another shape', harm: ({ records }) => { change(records, key('/plain'), bytes => { const at = bytes.indexOf('completionStatus'); bytes.write('completionStatuz', at); sealRecord(key('/plain'), bytes) }) }, found: /^\/plain .* has a record that is wrong: /, done: /lost%2Bfound\/plain now/, there: ['/lost+found/plain', id('/plain')], readable: true },
  { what: 'a value in a record that is too short', harm: ({ records }) => { change(records, key('/a/many-3'), bytes => bytes.subarray(0, bytes.length - 100)) }, found: /has 1400 bytes of its value where 1500 were written$/, done: /lost%2Bfound\/many-3 now/, there: ['/lost+found/many-3', id('/a/many-3')] },
  { what: 'a record that is gone', harm: ({ records }) => { records.removeSync(key('/plain')) }, found: /leads to object \w+, whose record is gone$|has bytes in blob \S+, and no record$/, done: /lost%2Bfound\/plain now/, there: ['/lost+found/plain', id('/plain')], readable: true },
  { what: 'the record of a container that is gone', harm: ({ records }) => { records.removeSync(key('/deep/one')) }, found: /whose record is gone$|, which is gone$/, done: /made anew/, there: ['/deep/one/two', id('/deep/one/two')] },
  { what: 'the record of the root', harm: ({ records }) => { records.removeSync(idKey(root)) }, found: /^The root container \(object \w+\) has no record$/, done: /made anew/, there: ['/a/b c/text', id('/a/b c/text')], readable: true },
  { what: 'a name that is gone', harm: ({ entries }) => { entries.removeSync(entryKey(key('/a'), 'many-3')) }, found: /^\/a\/many-3 .* is not found under its name$/, done: /its name leads to it again/, there: ['/a/many-3', id('/a/many-3')], readable: true },
  { what: 'a name that leads elsewhere', harm: ({ entries }) => { change(entries, entryKey(key('/a'), 'many-3'), () => Buffer.concat([Buffer.from('d'), key('/plain')])) }, found: /is not what its name leads to$|which is elsewhere$/, done: /the name leads nowhere any more|its name leads to it again/, there: ['/a/many-3', id('/a/many-3')], readable: true },
  { what: 'a name with the letter of another type', harm: ({ entries }) => { change(entries, entryKey(key('/a'), 'many-3'), () => sealEntry(entryKey(key('/a'), 'many-3'), 0x63, key('/a/many-3'))) }, found: /is not what its name leads to$/, done: /its name leads to it again/, there: ['/a/many-3', id('/a/many-3')] },
  { what: 'a second name', harm: ({ entries }) => { entries.putSync(entryKey(key('/a'), 'second'), Buffer.concat([Buffer.from('d'), key('/plain')])) }, found: /^\/a\/second leads to object \w+, which is elsewhere$/, done: /the name leads nowhere any more/ },
  { what: 'a name that is not readable', harm: ({ entries }) => { entries.putSync(Buffer.concat([ownerKey(key('/a')), Buffer.from([0xff, 0xfe])]), Buffer.concat([Buffer.from('d'), key('/plain')])) }, found: /^The name \w+ is not readable$/, done: /its bytes are in moved-aside\/rows\/entries-/, saved: /^rows\/entries-/ },
  {
    what: 'containers in a ring',
    harm: tables => { makeRing(tables, filled) },
    found: /is below itself$/,
    done: /lost%2Bfound\/(deep|one)\/ now/
  },
  { what: 'two segments for the same bytes', harm: ({ segments, records }) => { const first = segments.getBinary(segmentKey(key('/plain'), 0)); if (first !== undefined && records.doesExist(key('/plain'))) segments.putSync(segmentKey(key('/plain'), 10), encodeSegment(segmentKey(key('/plain'), 10), 50, 0, blob('/plain'))) }, found: /has two segments for the same bytes, from 10 on$|is not noted among those/, done: /lost%2Bfound\/plain now|it is noted/ },
  { what: 'a segment beyond the end', harm: ({ segments }) => { change(segments, segmentKey(key('/plain'), 0), () => encodeSegment(segmentKey(key('/plain'), 0), 9_000_000, 0, blob('/plain'))) }, found: /has a segment up to byte \d+, and a size of 100000$|needs more bytes/, done: /lost%2Bfound\/plain now/ },
  { what: 'a map that is gone', harm: ({ segments }) => { segments.removeSync(segmentKey(key('/plain'), 0)) }, found: /has no value in files, though its record says so$|does not need it$/, done: /lost%2Bfound\/plain now|in the trash/ },
  { what: 'the note that there is a map', harm: ({ records }) => { change(records, key('/plain'), bytes => { bytes[1] = 0xf0 }) }, found: /has a value in files that its record does not know of$/, done: /its record says so now/, there: ['/plain', id('/plain')], readable: true },
  { what: 'a reference that is gone', harm: ({ references }) => { references.removeSync(referenceKey(blob('/plain'), segmentKey(key('/plain'), 0))) }, found: /is not noted among those that need blob|needed by nothing, and would never be removed$/, done: /it is noted|in the trash/, there: ['/plain', id('/plain')], readable: true },
  { what: 'a reference too many', harm: ({ references }) => { references.putSync(referenceKey(blob('/plain'), segmentKey(key('/a/empty'), 0)), old) }, found: /is noted as needed by something that does not need it$/, done: /the note is gone/, there: ['/plain', id('/plain')], readable: true },
  { what: 'the row of a blob that is gone', harm: ({ blobs }) => { blobs.removeSync(Buffer.from(blob('/plain'))) }, found: /needs blob \S+, of which the store knows nothing more$|belongs to nothing$/, done: /the store knows the file again; it is \/lost%2Bfound\/plain now/, there: ['/lost+found/plain', id('/plain')], readable: true },
  { what: 'the row of a blob that is not readable', harm: ({ blobs }) => { change(blobs, Buffer.from(blob('/plain')), bytes => bytes.subarray(0, 12)) }, found: /has a row that is not readable$/, done: /lost%2Bfound\/plain now/, there: ['/lost+found/plain', id('/plain')], readable: true },
  { what: 'digits of a checksum', harm: ({ blobs }) => { note(blobs, noted => ({ ...noted, hash: noted.hash.replace(/..$/, digits => digits === '00' ? '11' : '00') })) }, found: /has other bytes than were written$/, done: /lost%2Bfound/, readable: false, there: ['/lost+found/plain', id('/plain')] },
  { what: 'a blob that nothing needs', harm: ({ blobs }) => { blobs.putSync(Buffer.from('none/0/0'), Buffer.concat([u64(0), u64(1), Buffer.from('crc32:00000000')])) }, found: /^Blob none\/0\/0 is needed by nothing/, done: /in the trash/ },
  { what: 'a needed blob that is doomed', harm: ({ doomed }) => { doomed.putSync(Buffer.from(blob('/plain')), old) }, found: /is about to be removed, and is needed$/, done: /it stays/, there: ['/plain', id('/plain')], readable: true },
  { what: 'a container that is there and noted as removed', harm: ({ orphans }) => { orphans.putSync(ownerKey(key('/a')), old) }, found: /^\/a\/ .* is there, and is noted as removed$/, done: /what is in it stays/, there: ['/a/b c/text', id('/a/b c/text')], readable: true },
  { what: 'a lease', harm: ({ leases }) => { leases.putSync(Buffer.from('a-lease'), Buffer.from([7])) }, found: /^The state of lease a-lease is not readable$/, done: /it is closed/ },
  { what: 'an entry of the change log', harm: ({ log }) => { change(log, u64(3), bytes => bytes.subarray(0, 12)) }, found: /^Entry 3 of the change log is not readable$/, done: /moved-aside\/rows\/log-/, saved: /^rows\/log-/ },
  { what: 'the end of the change log', harm: ({ state }) => { state.putSync(stateKeys.sequence, u64(2)) }, found: /^The change log has entries up to \d+, and is said to end at 2$/, done: /it goes on behind them/ },
  { what: 'a sum of references that is wrong', harm: ({ blobs }) => { note(blobs, noted => ({ ...noted, links: 7 })) }, found: /^The notes of what needs blob \S+ are others than were written$/, done: /that follow from the maps of values count/, there: ['/plain', id('/plain')], readable: true },
  { what: 'a row of the trash that is not readable', harm: ({ trash }) => { trash.putSync(Buffer.concat([u64(5), Buffer.from('none/0/0')]), Buffer.from([9, 9])) }, found: /^The row \w+ of the trash is not readable$/, done: /its bytes are in moved-aside\/rows\/trash-/, saved: /^rows\/trash-/ },
  { what: 'a row of what is to be removed with a sum of another', harm: ({ doomed }) => { doomed.putSync(Buffer.from(blob('/plain')), sealNote(Buffer.from('another/0/1234'))) }, found: /^The row \S+ of what is to be removed has other bytes than were written$/, done: /its bytes are in/, saved: /^rows\/doomed-/, there: ['/plain', id('/plain')], readable: true },
  { what: 'a removed container with a sum of another', harm: ({ orphans }) => { orphans.putSync(ownerKey(key('/a')), sealNote(Buffer.from('another'))) }, found: /^The row \w+ of the removed containers is not readable$/, done: /its bytes are in/, saved: /^rows\/orphans-/, there: ['/a/b c/text', id('/a/b c/text')], readable: true },
  { what: 'accesses of nothing', harm: ({ accesses }) => { accesses.putSync(Buffer.from('0011', 'hex'), Buffer.alloc(16)) }, found: /^The accesses of object 0011 are noted, and it is not there$/, done: /they are forgotten/ }
]

t.test('a sound store is sound, whatever is in it, and a look changes nothing', async t => {
  const directory = await harmed(t, filled, () => {})
  const { findings, result } = await verified(directory)
  t.same(findings, [])
  t.match(result, { online: false })
  t.ok(result.records > 40 && result.blobs > 5 && result.bytes > 500_000 && result.events > 40)
  t.same(await repaired(directory), [])
  t.equal((await verified(directory, { values: false })).result.bytes, 0)
})

for (const { what, harm, found, done, there, readable, saved } of cases) {
  t.test(`${what}: found by verify, mended or moved aside by repair, sound afterwards`, async t => {
    const directory = await harmed(t, filled, harm)
    const before = await verified(directory)
    t.ok(before.news.length > 0)
    t.same(before.news.filter(({ problem }) => !found.test(problem)).map(({ problem }) => problem), [], 'nothing else is found')
    t.same((await repaired(directory, { dryRun: true })).map(({ problem }) => problem), before.findings.map(({ problem }) => problem), 'a dry run tells the same')
    t.same((await verified(directory)).findings, before.findings, 'and changes nothing')
    const repairs = await repaired(directory)
    t.ok(repairs.some(repair => done.test(repair.done ?? '')), JSON.stringify(repairs))
    t.same(repairs.filter(({ done }) => done === undefined), [])
    t.same((await verified(directory)).news, [], 'sound')
    t.same((await repaired(directory)).filter(({ setAside }) => setAside !== true), [], 'a second repair has nothing to do')
    const files = await filesBelow(join(directory, 'moved-aside'))
    if (saved !== undefined) t.ok(files.some(name => saved.test(name)), files.join(' '))
    const store = await openQuietly(directory)
    t.teardown(async () => { await store.close() })
    const names = there?.[0].slice(1).split('/') ?? []
    const record = (await store.meta.resolve(root, names)).at(-1)
    if (there !== undefined && record !== undefined) {
      t.equal(record.id, there[1])
      t.equal((await store.meta.lineage(record.id)).length, names.length + 1)
      if (readable === true) await readValue(store, record)
      if (readable === false) await t.rejects(readValue(store, record), StorageError)
    }
    await store.sweep()
    await store.close()
    t.same((await verified(directory)).news, [], 'and after a round of the sweeper')
  })
}

t.test('what is on account wrongly is found, also under a record that is gone, and put right', async t => {
  const before = await verified(counted.directory)
  t.same(before.findings, [])
  const wrong = await harmed(t, counted, ({ usage }) => {
    change(usage, accountKey('owner:alice'), bytes => { bytes[7] = (bytes[7] ?? 0) ^ 1 })
    usage.putSync(accountKey(`children:${counted.id('/deep')}`), sealAmount(accountKey(`children:${counted.id('/deep')}`), { bytes: 0, objects: 7 }))
    usage.putSync(accountKey(`tree:${counted.id('/deep/one')}`), sealAmount(accountKey(`tree:${counted.id('/deep/one')}`), { bytes: 1, objects: 2 }))
  })
  t.same((await verified(wrong)).findings.map(({ kind, problem }) => [kind, problem]), [
    ['usage', `Container ${counted.id('/deep')} is said to have 7 children, and has 1`],
    ['usage', 'What is counted for owner:alice has other bytes than were written'],
    ['usage', `Container ${counted.id('/deep/one')} with all below it is said to have 2 objects and 1 bytes, and has 2 and 0`]
  ])
  t.same((await repaired(wrong)).map(({ done }) => done), ['it is counted right now', 'it is counted right now', 'it is counted right now'])
  t.same((await verified(wrong)).findings, [])
  const lost = await harmed(t, counted, ({ records }) => { records.removeSync(idKey(counted.id('/plain'))) })
  t.match((await verified(lost)).findings.at(-1), { kind: 'usage', problem: 'alice is said to have 4 objects and 100000 bytes, and has 3 and 0' })
  await repaired(lost)
  t.same((await verified(lost)).news, [])
  const store = await openQuietly(lost)
  t.teardown(async () => { await store.close() })
  t.same(await store.meta.miscounts(), [])
})

t.test('an account with a wrong bit is never used: who needs it gets an error, whoever does not goes on, and verify finds it', async t => {
  const alice = accountKey('owner:alice')
  const directory = await harmed(t, counted, ({ usage }) => {
    change(usage, alice, bytes => { bytes[7] = (bytes[7] ?? 0) ^ 1 })
    change(usage, accountKey(`children:${counted.id('/deep')}`), bytes => { bytes[15] = (bytes[15] ?? 0) ^ 1 })
  })
  const store = await openQuietly(directory)
  t.teardown(async () => { await store.close() })
  const corrupt = { name: 'StorageError', reason: 'corrupt', message: /What is counted for owner:alice has other bytes than were written$/ }
  await t.rejects(store.meta.usage('owner:alice'), corrupt)
  const record = aRecord({ parentID: counted.id('/deep'), name: 'more', attributes: { owner: 'alice', metadata: {}, completionStatus: 'Complete', created: 1, modified: 1 } })
  const more = { expect: [], put: [record], events: [] }
  await t.rejects(store.meta.commit({ ...more, limits: [{ account: 'owner:alice', objects: 1000 }] }), corrupt)
  t.match(await store.meta.commit(more), { status: 'committed' })
  t.match(await store.meta.usage(`children:${counted.id('/deep')}`), { objects: 2 }, 'children lie together, and are counted anew')
  await t.rejects(store.meta.usage('owner:alice'), corrupt, 'it has not got a checksum that fits')
  await store.close()
  t.match((await verified(directory)).findings, [{ problem: 'What is counted for owner:alice has other bytes than were written' }])
  t.match(await repaired(directory), [{ done: 'it is counted right now' }])
  t.same((await verified(directory)).findings, [])
})

t.test('an account that lacks what is taken from it refuses no change, and goes on being found wrong', async t => {
  const directory = await harmed(t, counted, ({ usage }) => { usage.putSync(accountKey('owner:alice'), sealAmount(accountKey('owner:alice'), { bytes: 5, objects: 0 })) })
  const store = await openQuietly(directory)
  t.teardown(async () => { await store.close() })
  t.match(await store.meta.commit({ expect: [], remove: [{ id: counted.id('/plain'), version: 1, subtree: false }], events: [] }), { status: 'committed' })
  t.same(await store.meta.usage('owner:alice'), { bytes: 0, objects: 0, whole: true })
  t.match((await verified(directory)).findings, [{ problem: 'alice is said to have 0 objects and 0 bytes, and has 3 and 0' }])
})

t.test('what says what is counted, how far the scrub is, and which container is the root: a wrong bit is found, never used, and mended', async t => {
  const scrub = sealJson(stateKeys.scrub, { began: 1, blobs: 2, bytes: 3, damaged: 0 })
  const directory = await harmed(t, counted, ({ state }) => {
    state.putSync(stateKeys.scrub, scrub)
    change(state, stateKeys.counting, bytes => { bytes[3] = (bytes[3] ?? 0) ^ 1 })
    change(state, stateKeys.scrub, bytes => { bytes[9] = (bytes[9] ?? 0) ^ 1 })
  })
  t.match((await verified(directory)).findings, [{ kind: 'usage', problem: /^The note of what is counted/ }, { kind: 'state', problem: /^The note of how far the scrub is/ }])
  const store = await openQuietly(directory)
  t.teardown(async () => { await store.close() })
  t.match(store.integrity?.().scrub, { damaged: 0, last: undefined })
  await t.rejects(store.meta.usage('owner:alice'), { name: 'StorageError', reason: 'corrupt', message: /The note of what is counted for quotas has other bytes/ })
  const put = [aRecord({ parentID: counted.root, name: 'one more' })]
  await t.rejects(store.meta.commit({ expect: [], put, events: [], limits: [{ account: 'owner:alice', objects: 1000 }] }), { name: 'StorageError', reason: 'corrupt' })
  t.match(await store.meta.commit({ expect: [], put, events: [] }), { status: 'committed' })
  await store.meta.beginCounting('owners')
  while (await store.meta.countMore(1000) > 0);
  t.match(await store.meta.usage('owner:alice'), { bytes: 100_000, objects: 4, whole: true }, 'counted anew')
  await store.close()
  t.match(await repaired(directory), [{ kind: 'state', done: 'it begins anew' }])

  const rootless = await harmed(t, counted, ({ state }) => { change(state, stateKeys.root, bytes => { bytes[30] = (bytes[30] ?? 0) ^ 1 }) })
  await t.rejects(openQuietly(rootless), { reason: 'corrupt', message: /^The note which container is the root of the store in .* has other bytes than were written; fastify-cdmi repair/ })
  t.match(await repaired(rootless), [{ kind: 'state', problem: /^The note which container is the root/, done: 'one bit of it was wrong, and is right again' }])
  t.same((await verified(rootless)).findings, [])
})

t.test('no single wrong bit of a row of the state, of an account or of what was moved is believed; rows of older builds are', t => {
  const key = Buffer.from('lease/0/1234')
  const cases: ReadonlyArray<readonly [row: Buffer, read: (row: Buffer) => unknown, old: Buffer]> = [
    [sealJson(stateKeys.counting, { owners: true, trees: {} }), readCounting, Buffer.from('{"owners":true,"trees":{}}')],
    [sealAmount(key, { bytes: 70_000_000_000, objects: 300 }), row => readAmount(key, row), Buffer.concat([u64(70_000_000_000), u64(300)])],
    [sealMoved(key, 'other/0/5678'), row => readMoved(key, row), Buffer.from('other/0/5678')],
    [Buffer.from(root), readRoot, Buffer.from(root)]
  ]
  for (const [row, read, old] of cases) {
    t.not(read(row), undefined)
    t.same(read(row), read(old))
    for (let bit = 0; bit < row.length * 8; bit++) {
      const wrong = Buffer.from(row)
      wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      if (read(wrong) !== undefined) t.fail(`bit ${bit} of ${row.toString('latin1')}`)
    }
  }
  t.end()
})

t.test('entries of the change log behind a gap are no less believed when nobody can read where it ends', async t => {
  let [last = 0, wrong = 0] = []
  const directory = await harmed(t, filled, ({ log, state }) => {
    last = openSequence(state.getBinary(stateKeys.sequence))
    log.removeSync(u64(3))
    wrong = last + 1000
    log.putSync(u64(wrong), Buffer.from(log.getBinary(u64(4)) ?? ''))
    change(state, stateKeys.sequence, bytes => { bytes[7] = (bytes[7] ?? 0) ^ 1 })
  })
  t.match(await repaired(directory), [{ kind: 'log', problem: /^The change log has entries up to/, done: 'it goes on behind them' }, { kind: 'log', problem: `The change log has an entry ${wrong}, far behind its end` }])
  t.same((await verified(directory)).findings, [])
  const store = await openQuietly(directory)
  t.teardown(async () => { await store.close() })
  t.equal(await store.meta.lastSequence(), last)
  t.same((await store.meta.events(0, 10_000)).map(({ sequence }) => sequence), Array.from({ length: last }, (_, at) => at + 1).filter(sequence => sequence !== 3))
})

t.test('an object that is set aside says what is wrong with it, and where it was; its file put back makes it whole', async t => {
  let bytes = Buffer.alloc(0)
  const directory = await harmed(t, filled, async (_, directory) => {
    bytes = await readFile(file(directory, '/plain'))
    await rm(file(directory, '/plain'))
  })
  await repaired(directory)
  t.equal((await verified(directory)).findings.length, 1, 'it goes on being named')
  await mkdir(dirname(file(directory, '/plain')), { recursive: true })
  await writeFile(file(directory, '/plain'), bytes)
  t.same((await verified(directory)).findings, [])
  const store = await openQuietly(directory)
  t.teardown(async () => { await store.close() })
  const record = await store.meta.get(id('/plain'))
  t.match(record?.attributes, { completionStatus: /^Error: damaged: has lost bytes of its value: blob \S+ is gone$/, metadata: { damage: /is gone$/, damage_path: '/plain' } })
  if (record !== undefined) t.ok((await readValue(store, record)).equals(bytes))
  const events = await store.meta.events(0, 10_000)
  t.match(events.at(-1)?.event, { operation: 'rename', principal: 'fastify-cdmi repair', objectName: 'plain', parentURI: '/lost%2Bfound/', formerName: 'plain', formerParentURI: '/' })
  await store.close()
  t.match(await repaired(directory), [{ path: '/lost%2Bfound/plain', done: 'it can be read, and be moved to where it was' }])
  t.same(await repaired(directory), [], 'once')
  const after = await openQuietly(directory)
  t.teardown(async () => { await after.close() })
  t.match(await after.meta.get(id('/plain')), { attributes: { completionStatus: 'Complete', metadata: { damage_path: '/plain' } } })
})

for (const [what, harm] of Object.entries({ 'are gone': rm, 'are others': async (path: string) => { await flip(path, 70_000) } })) {
  t.test(`bytes that ${what} and that a repair could not see to are told as left at its end, once, though no later round reads bytes`, async t => {
    const directory = await harmed(t, filled, async ({ entries }, directory) => {
      await harm(file(directory, '/plain'))
      // What is mended makes it look again.
      entries.removeSync(entryKey(key('/a'), 'many-3'))
    })
    const mender = Mender.prototype
    const { mend } = mender
    t.teardown(() => { mender.mend = mend })
    mender.mend = async function (this: Mender, faults) {
      return await mend.call(this, faults.map(fault => fault.kind === 'blob' ? { ...fault, mends: [] } : fault))
    }
    const repairs = await repaired(directory)
    t.match(repairs, [{ kind: 'place', done: 'its name leads to it again' }, { kind: 'blob', path: '/plain', problem: /is gone$|other bytes than were written$/, done: undefined }])
    t.equal(repairs.length, 2)
  })
}

t.test('an object that has lost bytes of two blobs is set aside once, and nothing is told as left', async t => {
  const directory = await harmed(t, filled, () => {})
  const store = await openQuietly(directory)
  const lease = store.lease()
  const births = [await store.blobs.put(lease.id, [Buffer.alloc(10_000, 'first')]), await store.blobs.put(lease.id, [Buffer.alloc(10_000, 'second')])]
  const put = aRecord({ parentID: root, name: 'long', attributes: { metadata: {}, completionStatus: 'Complete', created: 1, modified: 1 }, size: 20_000, segments: { kind: 'replace', segments: births.map((birth, at) => segmentOf(birth, at * 10_000)) } })
  await commitAll(store, { lease: lease.id, births, put: [put] })
  lease.release()
  await store.close()
  for (const { blob } of births) await rm(join(directory, 'blobs', blob))
  t.match(await repaired(directory), [{ kind: 'blob', done: 'it is /lost%2Bfound/long now' }, { kind: 'blob', done: 'it is set aside already' }])
})

t.test('something else may be called lost+found, and names may be taken', async t => {
  const directory = await harmed(t, filled, () => {})
  const store = await openQuietly(directory)
  await storeBlob(store, 'x', { parentID: root, name: 'lost+found', attributes: { metadata: {}, completionStatus: 'Complete', created: 1, modified: 1 } })
  await store.close()
  await rm(file(directory, '/a/copy'))
  await repaired(directory)
  t.same((await verified(directory)).news, [])
  const after = await openQuietly(directory)
  t.teardown(async () => { await after.close() })
  t.equal((await after.meta.resolve(root, ['lost+found-2', 'copy'])).length, 3)
})

t.test('all kinds of damage at once come to an end', async t => {
  const directory = await harmed(t, filled, async (tables, directory) => {
    for (const { harm } of cases.filter(({ what }) => !/record|attributes|file|map|segment|row|blob|elsewhere|letter/.test(what))) await harm(tables, directory)
  })
  await repaired(directory)
  t.same((await verified(directory)).news, [])
})

t.test('a store that a server has open is looked at while it is written to: what changes meanwhile is no damage', async t => {
  const directory = await harmed(t, filled, () => {})
  const store = await openQuietly(directory)
  t.teardown(async () => { await store.close() })
  const ending = new AbortController()
  const writing = (async () => {
    for (let n = 0; !ending.signal.aborted; n++) {
      const { put } = await storeBlob(store, Buffer.alloc(20_000, `${n}`), { parentID: id('/deep'), name: `n${n}`, attributes: { metadata: {}, completionStatus: 'Complete', created: 1, modified: 1 } })
      await store.meta.commit({ expect: [], events: [{ n }], remove: [{ id: put.id, version: 1, subtree: false }] })
      if (n % 5 === 0) await store.sweep()
      await setImmediate()
    }
  })()
  for (let n = 0; n < 5; n++) {
    const { findings, result } = await verified(directory)
    t.same(findings, [])
    t.equal(result.online, true)
  }
  ending.abort()
  await writing
  await t.rejects(repaired(directory), { name: 'StorageError', reason: 'locked' })
})

t.test('where there is no store, or its records are gone, that is said, and nothing is made', async t => {
  await t.rejects(verified(join(t.testdir(), 'none')), { reason: 'format', message: /^There is no store in / })
  const directory = await harmed(t, filled, () => {})
  await rm(join(directory, 'meta.lmdb'))
  await t.rejects(repaired(directory), { reason: 'missing', message: /has lost meta\.lmdb, .*restore a backup$/ })
})
