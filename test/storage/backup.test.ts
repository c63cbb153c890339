import t, { type Test } from 'tap'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { backUp, type BackupReport } from '../../storage/backup/back-up.js'
import type { BackupPlace, StoredFile } from '../../storage/backup/backup-place.js'
import { DirectoryPlace } from '../../storage/backup/directory-place.js'
import { findBackup, momentOf } from '../../storage/backup/backup-source.js'
import { endsRecords } from '../../storage/backup/lines.js'
import { backupNames, readManifest } from '../../storage/backup/manifest.js'
import { takeSnapshot } from '../../storage/backup/take-snapshot.js'
import { segmentKey } from '../../storage/embedded/keys.js'
import { unsealed } from '../../storage/embedded/row-sums.js'
import { openTables } from '../../storage/embedded/tables.js'
import { idKey } from '../../storage/object-key.js'
import { type Store, StorageError } from '../../storage/contract.js'
import { mintObjectID } from '../../storage/object-id.js'
import { openStore } from '../../storage/open-store.js'
import type { TransferReport } from '../../storage/transfer.js'
import { withoutValue } from '../../cdmi/lost-value.js'
import type { DistributedStoreOptions } from '../../schemas/store-options.js'
import { backUpStore, openedStore, problemsOf, restoredTo, wholeOf } from './backup-steps.js'
import { aRecord, aValue, type Ends, isReadable, next, store, storeBlob } from './driver.js'
import { embedded, noErrors, quickDirectory } from './embedded-driver.js'
import { memoryEnds } from './memory-driver.js'
import { placeOf, postgresAndFiles } from './postgres-driver.js'
import { postgresServer, schemaOf } from './postgres-server.js'
import { fillStore, readByModel, wholeOfStore } from './whole-store.js'

interface Here {
  readonly directory: string
  readonly store: Store
  readonly place: BackupPlace
}

/** A store that is open, and a place for its backups. */
async function here (t: Test, options: { inlineLimit?: number, segmentSize?: number } = {}): Promise<Here> {
  const { base, directory, store } = await openedStore(t, options)
  return { directory, store, place: new DirectoryPlace(join(base, 'backups')) }
}

const backup = async ({ directory, place }: Here): Promise<BackupReport> => await backUpStore(directory, place)

async function filesIn (place: BackupPlace): Promise<string[]> {
  const entries = await readdir(place.name, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name)).sort()
}

const database = await postgresServer()

t.test('what is restored is what was backed up: objects, IDs, versions, metadata, what is hidden, shared bytes, gaps, accesses, the change log; whatever the store is made of then', async t => {
  const one = await here(t)
  await fillStore(one.store)
  await one.store.sweep()
  const { manifest, blobs } = await backup(one)
  const first = await wholeOfStore(one.store)
  t.ok(first.blobs > 5 && first.objects.length > 40 && first.events.length > 40)
  t.match(manifest, { rootID: first.rootID, sequence: first.last, counts: { records: first.objects.length, blobs: first.blobs, events: first.events.length }, damaged: [] })
  t.match(blobs, { copied: first.blobs, kept: 0, bytes: manifest.counts.bytes })
  t.ok(blobs.stored < blobs.bytes / 10, 'text is compressed')
  t.same(await problemsOf(one.place), [])
  t.same(await readdir(join(one.place.name, 'temporary')), [], 'nothing is left of the work')
  const model = await readByModel(one.store)
  for (const ends of [memoryEnds(), await embedded.ends(t), ...database === undefined ? [] : [await postgresAndFiles(database).ends(t)]]) {
    t.match(await restoredTo(ends, one.place), { complete: true, rootID: first.rootID, records: first.objects.length, events: first.events.length, damaged: [], lost: [] })
    t.strictSame(await wholeOf(ends), first)
    const opened = await ends.store()
    t.strictSame(await readByModel(opened), model)
    await opened.close()
  }
})

t.test('a second backup copies what is new and nothing else, lists that are the same are not written again, and each backup is of its own moment', async t => {
  const one = await here(t)
  await fillStore(one.store)
  await one.store.sweep()
  for (let n = 0; n < 600; n++) await store(one.store, { put: [aValue(`value ${n}`, { id: n % 100 === 50 ? endingID() : mintObjectID(), parentID: one.store.rootID, name: `small-${n}` })], events: [{ n }] })
  const first = await backup(one)
  const [before, filesBefore] = [await wholeOfStore(one.store), await filesIn(one.place)]
  const idle = await backup(one)
  t.match(idle.blobs, { copied: 0, bytes: 0, kept: first.blobs.copied })
  t.equal((await filesIn(one.place)).length, filesBefore.length + 1, 'a manifest, nothing else')

  const { put } = await storeBlob(one.store, Buffer.alloc(20_000, 'new '), { parentID: one.store.rootID, name: 'new' })
  const [gone] = await one.store.meta.children(one.store.rootID, { limit: 1, prefix: 'small-0' })
  await store(one.store, { remove: [{ id: gone?.id ?? '', version: 1, subtree: false }], events: [{ gone: gone?.id ?? '' }] })
  const third = await backup(one)
  const after = await wholeOfStore(one.store)
  t.equal(third.blobs.copied, 1)
  t.ok(third.manifest.lists.records.some(({ hash }) => first.manifest.lists.records.some(part => part.hash === hash)), 'a list of records is shared')

  const names = await backupNames(one.place)
  t.same(names, [first, idle, third].map(({ manifest }) => manifest.name))
  const moments = names.map(momentOf)
  t.same(moments.map(moment => new Date(moment).toISOString()), [first, idle, third].map(({ manifest }) => manifest.taken))
  for (const [at, expected] of [[moments[0] ?? 0, before], [(moments[2] ?? 0) - 1, before], [moments[2] ?? 0, after], [moments[2] ?? 0 + 1e9, after]] as const) {
    const ends = memoryEnds()
    t.match(await restoredTo(ends, one.place, { at }), { complete: true })
    t.strictSame(await wholeOf(ends), expected)
  }
  await t.rejects(findBackup(one.place, { at: (moments[0] ?? 0) - 1 }), { reason: 'missing', message: /^There is no backup of that moment or before it in / })
  await t.rejects(findBackup(one.place, { name: 'x' }), { reason: 'missing', message: /^There is no backup x in / })
  t.ok((await wholeOf(await ends(one.place))).objects.some(({ id }) => id === put.id), 'the last one without a word')
})

/** One behind which a list is cut, so that there are several. */
function endingID (): string {
  for (;;) {
    const id = mintObjectID()
    if (endsRecords(id)) return id
  }
}

async function ends (place: BackupPlace): Promise<Ends> {
  const memory = memoryEnds()
  await restoredTo(memory, place)
  return memory
}

t.test('while a snapshot is there the sweeper removes nothing that it names, and afterwards all that it should', async t => {
  const { directory, store: opened } = await here(t)
  const { put, birth } = await storeBlob(opened, 'old bytes', { parentID: opened.rootID, name: 'a' })
  const other = await storeBlob(opened, 'other bytes', { parentID: opened.rootID, name: 'b' })
  await opened.blobs.remove('no/such/blob')
  const [one, two] = [await takeSnapshot({ directory }, noErrors), await takeSnapshot({ directory }, noErrors)]
  await store(opened, { remove: [{ id: put.id, version: 1, subtree: false }] })
  await opened.sweep()
  await one.close()
  await one.close().catch(() => {})
  t.match(await opened.sweep(), { blobs: 0 }, 'there is another one')
  t.equal(await isReadable(opened, birth), true)
  t.same((await two.meta.namedBlobs(undefined, 10)).map(({ blob }) => blob).sort(), [birth.blob, other.birth.blob].sort())
  two.releaseMeta()
  await opened.sweep()
  t.equal(await isReadable(opened, birth), true, 'its records may go before its blobs do')
  two.stillHeld()
  await two.close()
  t.match(await opened.sweep(), { blobs: 1 })
  t.equal(await isReadable(opened, birth), false)
  t.equal(await isReadable(opened, other.birth), true)
  t.notOk((await readdir(directory)).some(name => name.startsWith('pin-')))
})

t.test('what is committed while a snapshot is read is not in it; what hangs below a removed container is not, either', async t => {
  const one = await here(t)
  const container = aRecord({ type: 'c', parentID: one.store.rootID, name: 'c' })
  await store(one.store, { put: [container] })
  const inner = aRecord({ type: 'c', parentID: container.id, name: 'inner' })
  await store(one.store, { put: [inner] })
  for (let n = 0; n < 600; n++) await store(one.store, { put: [aValue('x', { parentID: inner.id, name: `${n}` })] })
  const kept = await storeBlob(one.store, 'kept', { parentID: one.store.rootID, name: 'kept' })
  await store(one.store, { remove: [{ id: container.id, version: 1, subtree: true }], events: [{ removed: container.id }] })
  const snapshot = await takeSnapshot({ directory: one.directory }, noErrors)
  await store(one.store, { put: [next(kept.put, { attributes: { late: true } }), aValue('late')], events: [{ late: true }] })
  const { manifest } = await backUp(snapshot, one.place)
  await snapshot.close()
  t.match(manifest, { sequence: 1, counts: { records: 2, events: 1, blobs: 1 } })
  const target = memoryEnds()
  t.match(await restoredTo(target, one.place), { complete: true, records: 2 })
  const opened = await target.store()
  t.match(await opened.meta.get(kept.put.id), { version: 1, attributes: {} })
})

t.test('whatever bit of a backup is changed, whatever file is cut short or gone: it is found and named, and never becomes a store that is not the one of before', { timeout: 300_000 }, async t => {
  const one = await here(t, { inlineLimit: 100 })
  await storeBlob(one.store, Buffer.alloc(5000, 'text '), { parentID: one.store.rootID, name: 'text' })
  await storeBlob(one.store, Uint8Array.from({ length: 500 }, (_, n) => (n * n * 31) >> 3), { parentID: one.store.rootID, name: 'noise' })
  await store(one.store, { put: [aValue('x', { parentID: one.store.rootID, name: 'x' })], events: [{ a: 1 }, { b: 2 }] })
  const { manifest } = await backup(one)
  const first = await wholeOfStore(one.store)
  const files = (await filesIn(one.place)).filter(file => !file.endsWith('backup.json'))
  t.ok(files.length >= 6 && files.some(file => !file.endsWith('.gz')), files.join())
  for (const file of files) {
    const bytes = await readFile(file)
    // Its beginning, its middle, its end; cut short; gone.
    for (const [n, wrong] of [flipped(bytes, 12), flipped(bytes, bytes.length >> 1), flipped(bytes, bytes.length - 1), bytes.subarray(0, -1), undefined].entries()) {
      if (wrong === undefined) await rm(file)
      else await writeFile(file, wrong)
      const found = await problemsOf(one.place, { name: manifest.name }).catch((error: unknown) => [String(error)])
      const target = memoryEnds()
      const outcome = await restoredTo(target, one.place, { name: manifest.name }).catch((error: unknown) => error)
      const complete = !(outcome instanceof Error) && (outcome as TransferReport).complete
      // gzip has bits in its head and at its end that do not matter.
      if (complete && JSON.stringify(await wholeOf(target)) === JSON.stringify(first)) continue
      t.equal(complete, false, `change ${n} of ${file}`)
      t.ok(found.some(problem => problem.includes(file.slice(one.place.name.length + 1)) || problem.includes(manifest.name)), `change ${n} of ${file}: ${found.join()}`)
      if (outcome instanceof Error) t.type(outcome, StorageError)
    }
    await writeFile(file, bytes)
  }
  t.same(await problemsOf(one.place), [])

  // What is damaged there is copied again, once it is noticed.
  for (const file of files.filter(file => file.includes('/blobs/'))) await writeFile(file, 'x')
  t.match((await backup(one)).blobs, { copied: 2, kept: 0 })
  t.same(await problemsOf(one.place), [])
})

function flipped (bytes: Uint8Array, at: number): Uint8Array {
  return Uint8Array.from(bytes, (byte, n) => n === Math.min(at, bytes.length - 1) ? byte ^ 4 : byte)
}

/** A store in PostgreSQL, and a place for its backups. */
if (database !== undefined) {
  t.test('the same of a store of many servers: of one moment, while it is written to and swept; nothing that a snapshot names is removed, nothing below removed containers is in it', { timeout: 120_000 }, async t => {
    const base = await quickDirectory(t)
    const options = placeOf(t, database, base)
    const place = new DirectoryPlace(join(base, 'backups'))
    await t.rejects(takeSnapshot(options, noErrors), { reason: 'format', message: /There is no store in schema/ })
    const opened = await openStore({ ...options, trashGrace: 0, sweepInterval: 0, inlineLimit: 1024, segmentSize: 64 * 1024 }, noErrors)
    t.teardown(async () => { await opened.close() })
    await fillStore(opened)
    await opened.sweep()
    const container = aRecord({ type: 'c', parentID: opened.rootID, name: 'c' })
    await store(opened, { put: [container] })
    const inner = aRecord({ type: 'c', parentID: container.id, name: 'inner' })
    await store(opened, { put: [inner] })
    for (let n = 0; n < 20; n++) await store(opened, { put: [aValue('x', { parentID: inner.id, name: `${n}` })] })
    await store(opened, { remove: [{ id: container.id, version: 1, subtree: true }], events: [{ removed: container.id }] })
    const { put, birth } = await storeBlob(opened, Buffer.alloc(9000, 'gone soon'), { parentID: opened.rootID, name: 'soon' })

    const stop = new AbortController()
    const last = { n: 0 }
    const counter = aRecord({ parentID: opened.rootID, name: 'counter', attributes: { n: 0 } })
    await store(opened, { put: [counter], events: [{ n: 0 }] })
    const writing = (async () => {
      for (let before = counter; !stop.signal.aborted;) {
        before = next(before, { attributes: { n: ++last.n } })
        await store(opened, { put: [before], events: [{ n: last.n }] })
      }
    })()
    const snapshot = await takeSnapshot(options, noErrors)
    await store(opened, { remove: [{ id: put.id, version: 1, subtree: false }] })
    await opened.sweep()
    t.equal(await isReadable(opened, birth), true)
    const { manifest } = await backUp(snapshot, place)
    t.equal(await isReadable(opened, birth), true, 'its records may go before its blobs do')
    await snapshot.close()
    stop.abort()
    await writing
    await opened.sweep()
    t.equal(await isReadable(opened, birth), false)
    t.same(await problemsOf(place), [])

    const target = await embedded.ends(t)
    t.match(await restoredTo(target, place), { complete: true, damaged: [] })
    const again = await target.store()
    const ids = [container.id, inner.id, put.id, counter.id]
    const [one, two, three, four] = await again.meta.getMany(ids)
    t.same([one, two, three?.version], [undefined, undefined, 1])
    const log = await again.meta.events(0, 100_000)
    t.same(log.at(-1), { sequence: manifest.sequence, event: four?.attributes }, 'the record is as the last entry of the log says')
    t.same((await again.meta.children(inner.id, { limit: 10 })), [])
    t.strictSame(log, (await opened.meta.events(0, 100_000)).filter(({ sequence }) => sequence <= manifest.sequence))
    await again.close()
    t.match((await backUpOf(options, place)).blobs, { copied: 0 })
  })
}

async function backUpOf (options: DistributedStoreOptions, place: BackupPlace): Promise<BackupReport> {
  const snapshot = await takeSnapshot(options, noErrors)
  try {
    return await backUp(snapshot, place)
  } finally {
    await snapshot.close()
  }
}

t.test('a damaged blob of the store is named, all else is backed up; what an older backup has is not read again, and objects whose values are lost can be restored without these', async t => {
  const one = await here(t)
  const old = await storeBlob(one.store, 'was fine once', { parentID: one.store.rootID, name: 'old' })
  await backup(one)
  const young = await storeBlob(one.store, 'was never copied', { parentID: one.store.rootID, name: 'young' })
  for (const { birth: { blob } } of [old, young]) await writeFile(join(one.directory, 'blobs', blob), 'something else!!')
  const { manifest, blobs } = await backup(one)
  t.match(blobs, { copied: 0, kept: 1 })
  t.same(manifest.damaged.map(({ blob }) => blob), [young.birth.blob])
  t.match(await restoredTo(memoryEnds(), one.place), { complete: false, damaged: [{ blob: young.birth.blob, objects: [{ objectID: young.put.id, path: '/young' }] }] })
  const target = memoryEnds()
  const { damaged } = manifest
  t.match(await restoredTo(target, one.place, undefined, { lose: withoutValue }), { complete: true, lost: [{ objectID: young.put.id, path: '/young', blobs: [young.birth.blob], kept: true }], damaged: [{ blob: young.birth.blob, problem: damaged[0]?.problem ?? '' }] })
  const opened = await target.store()
  t.match(await opened.meta.get(young.put.id), { name: 'young', version: 2, size: 0, attributes: { completionStatus: /^Error: the value was damaged/ } }, 'it is there, and says itself that it has no value')
  t.match(await opened.meta.get(old.put.id), { version: 1, size: 13 })

  // And one whose bytes the backup has lost.
  const [file = ''] = (await filesIn(one.place)).filter(file => file.includes('/blobs/'))
  await writeFile(file, 'rotten')
  t.match(await restoredTo(memoryEnds(), one.place, undefined, { lose: withoutValue }), { complete: false, damaged: { length: 1 } }, 'where no value at all is sound something else is wrong')
  await storeBlob(one.store, 'sound', { parentID: one.store.rootID, name: 'sound' })
  await backup(one)
  await writeFile(file, 'rotten')
  t.match(await restoredTo(memoryEnds(), one.place, undefined, { lose: withoutValue }), { complete: true, lost: { length: 2 } })
})

t.test('a last backup that is of a moment to come is not taken for the last without a word', async t => {
  const one = await here(t)
  await backup(one)
  const snapshot = await takeSnapshot({ directory: one.directory }, noErrors)
  const { manifest: { name } } = await backUp({ ...snapshot, taken: Date.parse('2999-01-01') }, one.place)
  await snapshot.close()
  const { manifest } = await backup(one)
  await t.rejects(findBackup(one.place, undefined), { name: 'StorageError', message: /The last backup .*, 2999-01-01T00-00-00.000Z, is of a moment that has not come by the clock of this machine/ })
  t.match(await findBackup(one.place, { at: Date.now() }), { name: manifest.name })
  t.match(await findBackup(one.place, { name }), { name })
})

if (database !== undefined) {
  t.test('counting all that a large store has may take longer than other statements', async t => {
    const base = await quickDirectory(t)
    const options = { ...placeOf(t, database, base), databaseTimeout: 300 }
    const opened = await openStore(options, noErrors)
    t.teardown(async () => { await opened.close() })
    const snapshot = await takeSnapshot(options, noErrors)
    t.teardown(async () => { await snapshot.close() })
    const [busy, taken] = [new Client({ connectionString: database.url }), schemaOf(options.meta)]
    t.teardown(async () => { await busy.end() })
    await busy.connect()
    await busy.query(`begin; lock table ${taken}.records in access exclusive mode`)
    const census = snapshot.meta.census()
    const waited = await Promise.race([census.then(() => false), delay(600, true)])
    await busy.query('commit')
    t.equal(waited, true)
    t.match(await census, { records: 1 })
  })
}

if (database !== undefined) {
  t.test('what cannot be read of a database is left out where that is wished, and named', async t => {
    const base = await quickDirectory(t)
    const options = placeOf(t, database, base)
    const opened = await openStore(options, noErrors)
    t.teardown(async () => { await opened.close() })
    const [wrong, fine] = [aRecord({ parentID: opened.rootID, name: 'wrong' }), aRecord({ parentID: opened.rootID, name: 'fine' })]
    await store(opened, { put: [wrong, fine], events: [{ n: 1 }, { n: 2 }, { n: 3 }] })
    const client = new Client({ connectionString: database.url })
    t.teardown(async () => { await client.end() })
    await client.connect()
    const taken = schemaOf(options.meta)
    await client.query(`update ${taken}.records set attributes = '{"broken' where id = '\\x${wrong.id}'`)
    await client.query(`update ${taken}.log set event = 'broken' where sequence = 2`)
    const place = new DirectoryPlace(join(base, 'backups'))
    const backUpNow = async (skipDamaged: boolean): Promise<BackupReport> => {
      const snapshot = await takeSnapshot(options, noErrors)
      try {
        return await backUp(snapshot, place, { skipDamaged })
      } finally {
        await snapshot.close()
      }
    }
    await t.rejects(backUpNow(false), { name: 'StorageError', reason: 'corrupt' })
    const { manifest } = await backUpNow(true)
    t.match(manifest.leftOut, [{ objectID: wrong.id }, { problem: /^Entry 2 of the change log/ }])
    t.match(manifest.counts, { records: 2, events: 2 })
    t.same(await problemsOf(place), [])
  })
}

if (database !== undefined) {
  t.test('a backup of a database with a ring of containers comes to an end while there are removed containers', async t => {
    const base = await quickDirectory(t)
    const options = { ...placeOf(t, database, base), databaseTimeout: 3000 }
    const opened = await openStore(options, noErrors)
    t.teardown(async () => { await opened.close() })
    const box = aRecord({ type: 'c', parentID: opened.rootID, name: 'box' })
    const inner = aRecord({ type: 'c', parentID: box.id, name: 'inner' })
    await store(opened, { put: [box, inner, aRecord({ parentID: inner.id, name: 'below' })] })
    const client = new Client({ connectionString: database.url })
    t.teardown(async () => { await client.end() })
    await client.connect()
    const taken = schemaOf(options.meta)
    await client.query(`update ${taken}.records set parent_id = '\\x${inner.id}' where id = '\\x${box.id}'`)
    await client.query(`insert into ${taken}.orphans values ('\\x0100')`)
    const snapshot = await takeSnapshot(options, noErrors)
    t.teardown(async () => { await snapshot.close() })
    t.equal((await backUp(snapshot, new DirectoryPlace(join(base, 'backups')))).manifest.counts.records, 4)
  })
}

t.test('of what was left out of a backup all is named, also where the same is wrong; numbers that are not exact are passed over once', async t => {
  const one = await here(t, { inlineLimit: 10 })
  const puts = [await storeBlob(one.store, Buffer.alloc(100, 'a'), { parentID: one.store.rootID, name: 'a' }), await storeBlob(one.store, Buffer.alloc(100, 'b'), { parentID: one.store.rootID, name: 'b' })]
  await store(one.store, { events: [{ n: 1 }] })
  await one.store.close()
  const tables = openTables(one.directory)
  const changed = (row: Buffer | undefined): Buffer => Buffer.from(row ?? '').map((byte, at) => at === 9 ? byte ^ 1 : byte) as Buffer
  for (const { put } of puts) {
    const key = segmentKey(idKey(put.id), 0)
    tables.segments.putSync(key, changed(tables.segments.getBinary(key)))
  }
  const [entry] = Array.from(tables.log.getRange({ reverse: true, limit: 1 }))
  if (entry === undefined) throw new Error('not there')
  const wrong = Buffer.from(entry.key)
  wrong[0] = 0x40
  tables.log.putSync(wrong, entry.value)
  // As builds before checksums have written them.
  const old = Buffer.from(entry.key)
  old[0] = 0x41
  tables.log.putSync(old, unsealed(entry.key, entry.value) ?? Buffer.alloc(0))
  await tables.env.close()
  const snapshot = await takeSnapshot({ directory: one.directory }, noErrors)
  t.teardown(async () => { await snapshot.close() })
  const { manifest } = await backUp(snapshot, one.place, { skipDamaged: true })
  t.match(manifest.leftOut?.slice(0, 2).map(({ objectID }) => objectID).sort(), puts.map(({ put }) => put.id).sort())
  for (const { objectID, problem } of manifest.leftOut?.slice(0, 2) ?? []) t.equal(problem, `A segment of the value of object ${objectID} has other bytes than were written`)
  t.match(manifest.leftOut?.slice(2), [{ problem: /^Entry 4\d+ of the change log/ }, { problem: /^The change log has an entry 4\d+ behind its last one, / }])
  t.equal(manifest.counts.events, 1)
  t.same(await problemsOf(one.place), [])
})

/** As if the process died before one of its steps. */
class DyingPlace extends DirectoryPlace {
  steps = 0
  constructor (root: string, readonly end: number) { super(root) }

  override async putNew (...parameters: Parameters<DirectoryPlace['putNew']>): Promise<boolean> {
    if (++this.steps >= this.end) throw new Error('dies here')
    return await super.putNew(...parameters)
  }

  override async put (...parameters: Parameters<DirectoryPlace['put']>): Promise<StoredFile> {
    if (++this.steps >= this.end) throw new Error('dies here')
    return await super.put(...parameters)
  }
}

t.test('a backup that is cut short before any of its steps is none, and the next one need not copy what is there', { timeout: 300_000 }, async t => {
  const one = await here(t)
  await fillStore(one.store)
  await one.store.sweep()
  const first = await wholeOfStore(one.store)
  for (let end = 1; ; end++) {
    const root = join(await quickDirectory(t), 'backups')
    const dying = new DyingPlace(root, end)
    const died = await backup({ ...one, place: dying }).then(() => undefined, (error: unknown) => error)
    if (died === undefined) {
      t.ok(end > 12, `${end} steps`)
      return
    }
    t.match(died, { message: 'dies here' })
    const place = new DirectoryPlace(root)
    if (end > 2) t.same(await backupNames(place), [])
    const there = (await filesIn(place).catch(() => [])).filter(file => file.includes('/blobs/')).length
    const { blobs } = await backup({ ...one, place })
    if (blobs.copied !== first.blobs - there || blobs.kept !== there) t.fail(`${there} were there, ${JSON.stringify(blobs)}`)
    const target = memoryEnds()
    await restoredTo(target, place)
    if (JSON.stringify(await wholeOf(target)) !== JSON.stringify(first)) t.fail(`died before step ${end}`)
  }
})

t.test('a place has the backups of one store, and of nothing else; there must be a store, and one that is not being filled', async t => {
  const [one, other] = [await here(t), await here(t)]
  await backup(one)
  await t.rejects(backup({ ...other, place: one.place }), { reason: 'format', message: /has backups of another store/ })
  const directory = t.testdir({ 'something.txt': 'else' })
  await t.rejects(backup({ ...one, place: new DirectoryPlace(directory) }), { reason: 'format', message: /is not empty, and has no backups in it/ })
  await t.rejects(backupNames(new DirectoryPlace(directory)), { reason: 'format', message: /^There are no backups in / })
  t.same(await readdir(directory), ['something.txt'])
  await t.rejects(takeSnapshot({ directory }, noErrors), { name: 'StorageError', reason: 'format', message: /^There is no store in / })
  t.same(await readdir(directory), ['something.txt'], 'and none was made by looking')

  const ends = await embedded.ends(t)
  const target = await ends.target(one.store.rootID)
  await target.close()
  await t.rejects(ends.source(), { reason: 'format', message: /is being filled/ })
})

t.test('a restoration fills an empty place only, and says when it was done before', async t => {
  const one = await here(t)
  await storeBlob(one.store, 'x', { parentID: one.store.rootID, name: 'x' })
  await store(one.store, { events: [{ n: 1 }] })
  await backup(one)
  const ends = await embedded.ends(t)
  t.match(await restoredTo(ends, one.place), { complete: true })
  await t.rejects(restoredTo(ends, one.place), { name: 'AlreadyTransferred' })
  const used = await ends.store()
  await store(used, { put: [aValue('y')], events: [{ n: 2 }] })
  await used.close()
  await t.rejects(restoredTo(ends, one.place), { reason: 'format', message: /is not empty/ })
})

t.test('two backups of the same moment, and two at the same time, are both there', async t => {
  const one = await here(t)
  await fillStore(one.store)
  await one.store.sweep()
  const snapshot = await takeSnapshot({ directory: one.directory }, noErrors)
  const place = (): BackupPlace => new DirectoryPlace(one.place.name)
  await Promise.all([backUp(snapshot, place()), takeSnapshot({ directory: one.directory }, noErrors).then(async other => { await backUp(other, place()); await other.close() })])
  await snapshot.close()
  const names = await backupNames(one.place)
  t.equal(names.length, 2)
  for (const name of names) {
    t.same(await problemsOf(one.place, { name }), [])
    t.equal((await readManifest(one.place, name)).counts.records, (await wholeOfStore(one.store)).objects.length)
  }
})
