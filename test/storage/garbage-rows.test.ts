/** Rows by which the sweeper decides what to delete, with wrong bits in them: nothing that an object needs is deleted for it. */
import t, { type Test } from 'tap'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { idKey } from '../../storage/object-key.js'
import type { Store } from '../../storage/contract.js'
import { u64 } from '../../storage/embedded/bytes.js'
import { readBlob } from '../../storage/embedded/blob-rows.js'
import { blobKey, ownerKey, referenceKey, segmentKey, trashKey } from '../../storage/embedded/keys.js'
import { leaseState, leaseStates, sealLease } from '../../storage/embedded/lease-rows.js'
import { isSoundNote, sealNote } from '../../storage/embedded/note-rows.js'
import { openTables, type Table, type Tables } from '../../storage/embedded/tables.js'
import { aRecord, readValue, store as commitAll } from './driver.js'
import { filledStore, harmed, openQuietly, repaired, verified } from './verify-store.js'

const filled = await filledStore(t)
const { id, blob, root } = filled
const key = (path: string): Buffer => idKey(id(path))
const plain = Buffer.alloc(100_000, 'plain ')

function flipped (bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}

/** A row gets another key, one bit away. */
function rename (table: Table, row: Buffer, bit: number): void {
  const value = table.getBinary(row)
  if (value === undefined) throw new Error('there is no such row')
  table.removeSync(row)
  table.putSync(flipped(row, bit), Buffer.from(value))
}

async function opened (t: Test, directory: string): Promise<Store> {
  const store = await openQuietly(directory)
  t.teardown(async () => { await store.close() })
  return store
}

async function valueOf (store: Store, objectID: string): Promise<Buffer> {
  const record = await store.meta.get(objectID)
  if (record === undefined) throw new Error('it is gone')
  return await readValue(store, record)
}

/** Looks as often as it may take until a blob is gone for good. */
async function sweptClean (store: Store): Promise<void> {
  for (let n = 0; n < 3; n++) await store.sweep()
}

const isThere = async (directory: string, name: string): Promise<boolean> => await access(join(directory, 'blobs', name)).then(() => true, () => false)

t.test('a reference that is found under another key: the blob stays though nothing seems to need it, until repair has put it right', async t => {
  const directory = await harmed(t, filled, () => {})
  const before = await openQuietly(directory)
  const record = await before.meta.get(id('/plain'))
  if (record === undefined) throw new Error('it is there')
  const copy = aRecord({ parentID: root, name: 'second', size: record.size, attributes: record.attributes, segments: { kind: 'copy', from: record.id, version: record.version } })
  await commitAll(before, { put: [copy] })
  await before.close()
  const tables = openTables(directory)
  const row = referenceKey(blob('/plain'), segmentKey(idKey(copy.id), 0))
  rename(tables.references, row, 8 * (row.length - 12) + 1)
  await tables.env.close()
  const store = await openQuietly(directory)
  await commitAll(store, { remove: [{ id: record.id, version: record.version, subtree: false }] })
  await sweptClean(store)
  t.ok(await isThere(directory, blob('/plain')), 'the file is there')
  t.ok((await valueOf(store, copy.id)).equals(plain), 'and is the value')
  await store.close()
  t.match((await verified(directory)).news.map(({ kind }) => kind), ['reference', 'reference'])
  await repaired(directory)
  t.same((await verified(directory)).findings, [])
  const after = await opened(t, directory)
  await sweptClean(after)
  t.ok((await valueOf(after, copy.id)).equals(plain))
  await commitAll(after, { remove: [{ id: copy.id, version: 1, subtree: false }] })
  await sweptClean(after)
  t.notOk(await isThere(directory, blob('/plain')), 'what really is garbage goes')
})

t.test('what is to be removed has got the name of a blob that is needed: it stays, whoever has written the row', async t => {
  const other = `${blob('/plain').slice(0, -1)}~`
  for (const row of [sealNote(Buffer.from(other)), sealNote(blobKey(blob('/plain'))), Buffer.from([1])]) {
    const directory = await harmed(t, filled, ({ doomed }) => { doomed.putSync(blobKey(blob('/plain')), row) })
    const store = await openQuietly(directory)
    await sweptClean(store)
    t.ok(await isThere(directory, blob('/plain')))
    await store.close()
    t.ok((await verified(directory)).news.length > 0)
  }
})

t.test('a container that is there is noted as removed: what is in it stays', async t => {
  for (const row of [sealNote(ownerKey(key('/a'))), sealNote(Buffer.from('x')), Buffer.from([1])]) {
    const directory = await harmed(t, filled, ({ orphans }) => { orphans.putSync(ownerKey(key('/a')), row) })
    const store = await opened(t, directory)
    await sweptClean(store)
    t.ok(await store.meta.get(id('/a/b c/text')))
    t.ok((await store.meta.children(id('/a'), { limit: 1000 })).length > 10)
  }
})

t.test('whatever bit of the trash is wrong, in a row or in its key: no blob that is needed goes, the rest goes on, and repair ends with a store that is sound', async t => {
  const row = trashKey(1000, blob('/plain'))
  for (const bit of [62, 8 * (row.length - 1)]) {
    const directory = await harmed(t, filled, ({ trash }) => {
      trash.putSync(row, sealNote(row))
      rename(trash, row, bit)
    })
    const store = await openQuietly(directory)
    await sweptClean(store)
    await store.close()
    t.ok(await isThere(directory, blob('/plain')))
    t.ok((await verified(directory)).news.length > 0, `bit ${bit}`)
    await repaired(directory)
    t.same((await verified(directory)).findings, [])
  }
})

t.test('a row that cannot be believed keeps no other garbage from going', async t => {
  const directory = await harmed(t, filled, ({ trash, doomed, orphans }) => {
    trash.putSync(trashKey(1, 'none/0/0'), Buffer.from([9, 9, 9]))
    doomed.putSync(Buffer.from('0/0/0'), Buffer.from([9]))
    orphans.putSync(ownerKey(Buffer.from([1])), Buffer.from([9, 9]))
  })
  const store = await opened(t, directory)
  const { version = 0 } = await store.meta.get(id('/plain')) ?? {}
  await commitAll(store, { remove: [{ id: id('/plain'), version, subtree: false }, { id: id('/deep'), version: 1, subtree: true }] })
  await sweptClean(store)
  t.notOk(await isThere(directory, blob('/plain')))
  t.equal(await store.meta.get(id('/deep/one/two')), undefined)
})

t.test('a lease whose row has other bytes than were written is neither open nor closed; a start leaves it to verify', async t => {
  const lease = Buffer.from('0192d6a4-0000-7000-8000-000000000000')
  for (const bit of [12, 40]) {
    const directory = await harmed(t, filled, ({ leases }) => { leases.putSync(lease, flipped(sealLease(lease, leaseStates.open), bit)) })
    const store = await openQuietly(directory)
    await store.sweep()
    await store.close()
    const tables = openTables(directory)
    t.equal(leaseState(lease, tables.leases.getBinary(lease)), undefined)
    await tables.env.close()
    t.match((await verified(directory)).news, [{ kind: 'lease', problem: `The state of lease ${lease.toString()} is not readable` }])
    t.match(await repaired(directory), [{ done: 'one bit of it was wrong, and is right again' }])
    t.same((await verified(directory)).findings, [])
  }
})

t.test('what is noted of a blob cannot be believed: its value is not served, the scrub goes on behind it, and another object takes its place', async t => {
  const directory = await harmed(t, filled, ({ blobs }) => {
    const row = blobKey(blob('/plain'))
    blobs.putSync(row, flipped(Buffer.from(blobs.getBinary(row) ?? ''), 70))
  })
  const store = await opened(t, directory)
  await t.rejects(valueOf(store, id('/plain')), { name: 'StorageError', reason: 'corrupt', message: `What is noted of blob ${blob('/plain')} has other bytes than were written` })
  const record = await store.meta.get(id('/plain'))
  if (record === undefined) throw new Error('it is there')
  await commitAll(store, { put: [{ ...aRecord({ parentID: root, name: 'plain' }), id: record.id, version: record.version + 1 }] })
  t.equal((await valueOf(store, id('/plain'))).length, 0)
})

t.test('rows whose keys say it all, and those of leases: one wrong bit is never a sound row, not of an older build either', async t => {
  const row = Buffer.from('a key')
  const lease = sealLease(row, leaseStates.open)
  for (const bytes of [sealNote(row), lease]) {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      t.notOk(isSoundNote(row, flipped(bytes, bit)))
      t.equal(leaseState(row, flipped(bytes, bit)), undefined)
    }
  }
  t.ok(isSoundNote(row, sealNote(row)))
  t.notOk(isSoundNote(Buffer.from('b key'), sealNote(row)))
  t.equal(leaseState(row, lease), leaseStates.open)
  t.ok(isSoundNote(row, Buffer.from([1])), 'of an older build')
  t.equal(leaseState(row, Buffer.from([2])), leaseStates.closed)
  t.match(readBlob(row, Buffer.concat([u64(5), u64(7), Buffer.from('crc32:00000000')])), { since: 5, size: 7, hash: 'crc32:00000000', links: undefined })
})

t.test('the links of blobs are what their references add up to, whatever happens to them', async t => {
  const directory = await harmed(t, filled, () => {})
  const store = await openQuietly(directory)
  const record = await store.meta.get(id('/plain'))
  if (record === undefined) throw new Error('it is there')
  const copies = [1, 2, 3].map(n => aRecord({ parentID: root, name: `copy-${n}`, size: record.size, segments: { kind: 'copy', from: record.id, version: record.version } }))
  await commitAll(store, { put: copies })
  const map = (await store.meta.segments(record.id, 0, 100_000))?.segments ?? []
  const [one, two] = copies
  if (one === undefined || two === undefined) throw new Error('they are there')
  await commitAll(store, { put: [{ ...one, version: 2, segments: { kind: 'splice', offset: 10, length: 20, segments: map.slice(0, 1).map(segment => ({ ...segment, offset: 10, length: 20 })) } }] })
  await commitAll(store, { remove: [{ id: two.id, version: 1, subtree: false }] })
  await store.sweep()
  await store.close()
  t.same((await verified(directory)).findings.filter(({ kind }) => kind !== 'value'), [])
  const tables: Tables = openTables(directory)
  const row = tables.blobs.getBinary(blobKey(blob('/plain')))
  t.not(readBlob(blobKey(blob('/plain')), row ?? Buffer.alloc(0))?.links, 0)
  await tables.env.close()
})
