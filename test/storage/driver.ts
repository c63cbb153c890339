/** What a driver gives to the suite, and short ways to say what the suite's tests say often. */
import type { Test } from 'tap'
import type { BlobBirth, Change, CommitResult, LoggedEvent, ObjectID, RecordPut, Segment, Sequence, Store, StoredRecord } from '../../storage/contract.js'
import { mintObjectID } from '../../storage/object-id.js'
import { isMovable, type MovableMeta, type TransferSource, type TransferTarget } from '../../storage/transfer/ends.js'

export interface Driver {
  readonly name: string
  /** Runs of the property tests; fewer where each write is a request to another server. Default: 40. */
  readonly runs?: number
  /** An empty store with a grace time of 0 and no sweeper in the background; closed with the test. */
  fresh (t: Test): Promise<Store>
  /** Where the driver keeps things beyond a process: a place that can be opened again and again, one at a time. */
  place? (t: Test): Promise<Place>
  /** A place where a transfer can begin and end. */
  ends? (t: Test): Promise<Ends>
}

/** Opened one after the other: whoever opens it closes it before the next. */
export interface Ends {
  source (): Promise<TransferSource>
  target (rootID: ObjectID, last?: Sequence): Promise<TransferTarget>
  store (): Promise<Store>
}

export interface Place {
  open (): Promise<Store>
}

/** The records of a store, with what only a transfer asks of them. */
export function movable ({ meta, name }: Pick<Store, 'meta' | 'name'>): MovableMeta {
  if (!isMovable(meta)) throw new Error(`a store of kind ${name} cannot be moved`)
  return meta
}

export const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString()

/** A put that fills in what a test does not care about. */
export function aRecord (fields: Partial<RecordPut> = {}): RecordPut {
  return { id: mintObjectID(), version: 1, type: 'd', attributes: {}, size: 0, segments: { kind: 'replace', segments: [] }, ...fields }
}

/** A put with an inline value. */
export function aValue (value: string, fields: Partial<RecordPut> = {}): RecordPut {
  const inline = Buffer.from(value)
  return aRecord({ size: inline.length, inline, ...fields })
}

/** The put that follows a stored record or another put: one version later. */
export function next (before: RecordPut | StoredRecord, fields: Partial<RecordPut> = {}): RecordPut {
  const { id, version, type, parentID, name, attributes, size, inline } = before
  return { id, version: version + 1, type, parentID, name, attributes, size, inline, segments: { kind: 'keep' }, ...fields }
}

export async function commit (store: Store, change: Partial<Change>): Promise<CommitResult> {
  return await store.meta.commit({ expect: [], events: [], ...change })
}

/** Commits what must succeed. */
export async function store (target: Store, change: Partial<Change>): Promise<void> {
  const result = await commit(target, change)
  if (result.status !== 'committed') throw new Error(`not committed: ${JSON.stringify(result)}`)
}

/** The fields of a record, for comparison: drivers may give them by getters. */
export function fields (record: StoredRecord | undefined): Record<string, unknown> | undefined {
  if (record === undefined) return undefined
  const { id, version, type, parentID, name, attributes, size, inline } = record
  return { id, version, type, parentID, name, attributes, size, inline: inline === undefined ? undefined : text(inline) }
}

/** What `fields` answers for a record that was put so. */
export function fieldsOfPut ({ id, version, type, parentID, name, attributes, size, inline }: RecordPut): Record<string, unknown> {
  return { id, version, type, parentID, name, attributes, size, inline: inline === undefined ? undefined : text(inline) }
}

export function segmentOf ({ blob, size }: BlobBirth, offset = 0): Segment {
  return { offset, length: size, blob, blobOffset: 0 }
}

/** Stores an object whose value is one blob. */
export async function storeBlob (target: Store, value: string | Uint8Array, fields: Partial<RecordPut> = {}): Promise<{ put: RecordPut, birth: BlobBirth }> {
  const lease = target.lease()
  const birth = await target.blobs.put(lease.id, [Buffer.from(value)])
  const put = aRecord({ size: birth.size, segments: { kind: 'replace', segments: [segmentOf(birth)] }, ...fields })
  await store(target, { lease: lease.id, births: [birth], put: [put] })
  lease.release()
  return { put, birth }
}

/** The value of an object, read through its segment map; gaps are zeros. */
export async function readValue (target: Store, record: StoredRecord): Promise<Buffer> {
  const bytes = Buffer.alloc(record.size)
  if (record.inline !== undefined) bytes.set(record.inline)
  const map = await target.meta.segments(record.id, 0, record.size)
  if (map === undefined || map.version !== record.version) throw new Error('the record changed while it was read')
  for (const { offset, length, blob, blobOffset } of map.segments) {
    if (offset < record.size) bytes.set((await target.blobs.read(blob, blobOffset, length)).subarray(0, record.size - offset), offset)
  }
  return bytes
}

export async function collect (source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of source) parts.push(part)
  return Buffer.concat(parts)
}

/** Follows the log until it has given so many entries. */
export async function follow (target: Store, after: number, count: number): Promise<LoggedEvent[]> {
  const stop = new AbortController()
  const seen: LoggedEvent[] = []
  for await (const entry of target.meta.watch(after, stop.signal)) {
    if (seen.push(entry) === count) stop.abort()
  }
  return seen
}

/** Whether the blob can still be read. */
export async function isReadable (target: Store, { blob, size }: BlobBirth): Promise<boolean> {
  return await target.blobs.read(blob, 0, size).then(() => true, () => false)
}
