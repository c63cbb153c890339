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
  t.match((await verified(directory, { values: false })).news.map(({ kind }) => kind), ['reference', 'reference'])
  await repaired(directory)
  t.same((await verified(directory, { values: false })).findings, [])
  const after = await opened(t, directory)
  await sweptClean(after)
  t.ok((await valueOf(after, copy.id)).equals(plain))
  await commitAll(after, { remove: [{ id: copy.id, version: 1, subtree: false }] })
  await sweptClean(after)
  t.notOk(await isThere(directory, blob('/plain')), 'what really is garbage goes')
})

t.test('rows that tell to remove what is needed, or cannot be believed: nothing that an object needs goes, other garbage does, and repair ends with a store that is sound', async t => {
  const [doomedBy, emptied] = [['/plain', '/a/copy', '/a/sparse'].map(blob), ['/a', '/copies', '/deep'].map(key)]
  const leases = [12, 40].map((bit, n) => ({ bit, lease: Buffer.from(`0192d6a4-0000-7000-8000-00000000000${n}`) }))
  const unreadable = blob('/a/sparse')
  const directory = await harmed(t, filled, tables => {
    // With the sum of another key, with one of its own, and as an older build wrote it.
    const [other, own, old] = [() => sealNote(Buffer.from('another')), sealNote, () => Buffer.from([1])]
    for (const [n, row] of [other, own, old].entries()) {
      const [name, container] = [blobKey(doomedBy[n] ?? ''), ownerKey(emptied[n] ?? Buffer.alloc(0))]
      tables.doomed.putSync(name, row(name))
      tables.orphans.putSync(container, row(container))
    }
    for (const bit of [62, 8 * 40]) {
      const row = trashKey(1000 + bit, blob('/plain'))
      tables.trash.putSync(row, sealNote(row))
      rename(tables.trash, row, bit)
    }
    for (const { bit, lease } of leases) tables.leases.putSync(lease, flipped(sealLease(lease, leaseStates.open), bit))
    tables.trash.putSync(trashKey(1, 'none/0/0'), Buffer.from([9, 9, 9]))
    tables.doomed.putSync(Buffer.from('0/0/0'), Buffer.from([9]))
    tables.orphans.putSync(ownerKey(Buffer.from([1])), Buffer.from([9, 9]))
    tables.blobs.putSync(blobKey(unreadable), flipped(Buffer.from(tables.blobs.getBinary(blobKey(unreadable)) ?? ''), 70))
  })
  const store = await openQuietly(directory)
  const before = await store.meta.children(id('/a'), { limit: 1000 })
  await sweptClean(store)
  for (const name of [...doomedBy, unreadable]) t.ok(await isThere(directory, name), name)
  t.same(await store.meta.children(id('/a'), { limit: 1000 }), before)
  t.ok(await store.meta.get(id('/deep/one/two')))
  t.ok((await valueOf(store, id('/plain'))).equals(plain))
  await t.rejects(valueOf(store, id('/a/sparse')), { name: 'StorageError', reason: 'corrupt', message: `What is noted of blob ${unreadable} has other bytes than were written` })
  const trash = aRecord({ parentID: root, name: 'trash', size: 100_000, segments: { kind: 'copy', from: id('/plain'), version: 1 } })
  await commitAll(store, { put: [trash] })
  await commitAll(store, { put: [{ ...trash, version: 2, segments: { kind: 'replace', segments: [] }, size: 0 }] })
  await store.close()

  const tables = openTables(directory)
  for (const { lease } of leases) t.equal(leaseState(lease, tables.leases.getBinary(lease)), undefined, 'a start leaves it to verify')
  await tables.env.close()
  const kinds = (await verified(directory, { values: false })).news.map(({ kind }) => kind)
  t.same(kinds.filter(kind => kind === 'lease').length, 2)
  for (const kind of ['trash', 'orphan', 'blob'] as const) t.ok(kinds.includes(kind), kind)
  await repaired(directory)
  t.same((await verified(directory, { values: false })).news.filter(({ kind }) => kind !== 'value'), [])
  const after = await opened(t, directory)
  t.ok((await valueOf(after, id('/a/sparse'))).length > 0, 'one bit of it was wrong')
  await commitAll(after, { remove: [{ id: id('/plain'), version: 1, subtree: false }, { id: id('/deep'), version: 1, subtree: true }] })
  await sweptClean(after)
  t.notOk(await isThere(directory, blob('/plain')))
  t.equal(await after.meta.get(id('/deep/one/two')), undefined)
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
  t.same((await verified(directory, { values: false })).findings.filter(({ kind }) => kind !== 'value'), [])
  const tables: Tables = openTables(directory)
  const row = tables.blobs.getBinary(blobKey(blob('/plain')))
  t.not(readBlob(blobKey(blob('/plain')), row ?? Buffer.alloc(0))?.links, 0)
  await tables.env.close()
})
