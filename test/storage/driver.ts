/** What the shared suite needs to know of a driver under test, and small tools that speak the storage contract. */
import type { Test } from 'tap'
import { mintObjectID } from '../../storage/object-id.js'
import type { BlobBirth, Change, CommitResult, ObjectID, RecordPut, Segment, SegmentChange, Store, StoredRecord } from '../../storage/contract.js'

export interface OpenOptions {
  readonly inlineLimit?: number
  readonly segmentSize?: number
  /** Milliseconds. */
  readonly trashGrace?: number
}

export interface DriverUnderTest {
  readonly name: string
  /** False: all is lost when the store is closed. */
  readonly durable: boolean
  /** A new, empty place. What it gives opens a store there, as often as wanted, one after the other. */
  place (t: Test): Promise<(options?: OpenOptions) => Promise<Store>>
}

export const newID = (): ObjectID => mintObjectID(32473)

/** A put of a new record; the fields given replace the defaults. */
export function birth (fields: Partial<RecordPut> = {}): RecordPut & { readonly id: ObjectID } {
  return { id: newID(), version: 1, type: 'd', attributes: {}, size: 0, segments: { kind: 'keep' }, ...fields }
}

/** A put that changes a stored record; the fields given replace what was. */
export function change (record: StoredRecord, fields: Partial<RecordPut> = {}): RecordPut {
  const { id, version, type, parentID, name, attributes, size, inline } = record
  return { id, version: version + 1, type, parentID, name, attributes, size, inline, segments: { kind: 'keep' }, ...fields }
}

export async function commit (store: Store, fields: Partial<Change>): Promise<CommitResult> {
  return await store.meta.commit({ expect: [], events: [], ...fields })
}

/** Commits and throws when that is refused. */
export async function must (store: Store, fields: Partial<Change>): Promise<void> {
  const result = await commit(store, fields)
  if (result.status !== 'committed') throw new Error(`refused: ${JSON.stringify(result)}`)
}

export async function putBlob (store: Store, bytes: Uint8Array): Promise<{ lease: string, birth: BlobBirth, release: () => void }> {
  const lease = store.lease()
  return { lease: lease.id, birth: await store.blobs.put(lease.id, [bytes]), release: () => { lease.release() } }
}

/** A data object in the root container whose value is these bytes, in one blob. */
export async function segmented (store: Store, name: string, bytes: Uint8Array): Promise<RecordPut & { blob: BlobBirth }> {
  const { lease, birth: blob, release } = await putBlob(store, bytes)
  const put = birth({ parentID: store.rootID, name, size: bytes.length, segments: { kind: 'replace', segments: [{ offset: 0, length: bytes.length, blob: blob.blob, blobOffset: 0 }] } })
  await must(store, { lease, births: [blob], put: [put] })
  release()
  return { ...put, blob }
}

/** The whole value of a record as its segments and inline bytes spell it. */
export async function valueOf (store: Store, id: ObjectID): Promise<Buffer> {
  const record = await store.meta.get(id)
  if (record === undefined) throw new Error(`${id} is gone`)
  if (record.inline !== undefined) return Buffer.from(record.inline)
  const value = Buffer.alloc(record.size)
  const map = await store.meta.segments(id, 0, Math.max(record.size, 1))
  for (const { offset, length, blob, blobOffset } of map?.segments ?? []) value.set(await store.blobs.read(blob, blobOffset, length), offset)
  return value
}

export async function collect<T> (items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** Every blob that is in the BlobStore under the leases given. */
export async function blobsOf (store: Store, leases: Iterable<string>): Promise<string[]> {
  const all: string[] = []
  for (const lease of leases) all.push(...await collect(store.blobs.list(lease)))
  return all.sort()
}

export type { Segment, SegmentChange }
