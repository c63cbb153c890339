/**
 * What goes to the writer and what comes back: to its thread, or from another process through the primary. Encoded where the
 * caller is, so that the writer only compares heads and moves bytes.
 */
import { setImmediate } from 'node:timers/promises'
import { Packr } from 'msgpackr'
import { type AccountLimit, type BlobID, type Change, type CommitResult, type CountedKind, type LeaseID, type ObjectID, type RecordPut, type Refused, type Segment, StorageError, type StorageReason } from '../contract.js'
import { idKey } from '../object-key.js'
import { encodeJson } from './json-codec.js'
import type { WholeRecord } from '../transfer/ends.js'
import { encodeRecord } from './record-codec.js'
import { ownerIn } from '../usage.js'

/** Offset, length, blob, offset in the blob. */
export type WireSegment = [offset: number, length: number, blob: BlobID, blobOffset: number]
export type WireSegmentChange = ['keep'] | ['replace', WireSegment[]] | ['splice', WireSegment[], offset: number, length: number] | ['copy', from: Buffer, version: number]

export type WireBirth = [blob: BlobID, size: number, hash: string]
export type WireWhole = [id: Buffer, record: Buffer, segments: WireSegment[], accesses: [count: number, last: number] | null]

export interface WireChange {
  readonly kind: 'change'
  readonly lease: LeaseID | null
  readonly births: readonly WireBirth[]
  readonly expect: ReadonlyArray<[id: Buffer, version: number]>
  readonly put: ReadonlyArray<[id: Buffer, record: Buffer, segments: WireSegmentChange, owner: string | null]>
  readonly remove: ReadonlyArray<[id: Buffer, version: number, subtree: boolean]>
  readonly events: readonly Buffer[]
  readonly limits?: readonly AccountLimit[]
  readonly trees?: readonly ObjectID[]
}

/** One item of a batch: a change of the model, or a step of the sweeper. Each is applied whole or not at all. */
export type WireItem =
  | WireChange
  | { readonly kind: 'openLease' | 'closeLease' | 'dropLease', readonly lease: LeaseID }
  | { readonly kind: 'condemn', readonly grace: number, readonly limit: number }
  | { readonly kind: 'dropPins', readonly keys: readonly Buffer[] }
  | { readonly kind: 'forget', readonly blobs: readonly BlobID[] }
  | { readonly kind: 'prune', readonly limit: number }
  | { readonly kind: 'trimLog', readonly olderThan: number, readonly limit: number }
  | { readonly kind: 'noteAccesses', readonly notes: ReadonlyArray<[id: Buffer, count: number, last: number]> }
  | { readonly kind: 'beginCounting', readonly what: CountedKind }
  | { readonly kind: 'countTree', readonly container: ObjectID }
  | { readonly kind: 'recount' }
  | { readonly kind: 'countMore', readonly limit: number }
  | { readonly kind: 'noteScrub', readonly note: Buffer }
  // How the store is filled with all that another one has.
  | { readonly kind: 'beginIntake', readonly root: ObjectID, readonly last: number }
  | { readonly kind: 'move', readonly lease: LeaseID, readonly from: BlobID, readonly birth: WireBirth }
  | { readonly kind: 'take', readonly wholes: readonly WireWhole[], readonly gone: readonly Buffer[] }
  | { readonly kind: 'log', readonly entries: ReadonlyArray<[sequence: number, event: Buffer]> }
  | { readonly kind: 'finishIntake', readonly last: number }
  /** Writes something that nobody reads: to see whether it can be done. */
  | { readonly kind: 'touch' }

export type WireResult =
  | ['committed', sequence: number]
  | ['conflict', on: 'version' | 'name', id: ObjectID]
  | ['conflict', on: 'lease']
  | ['refused', refused: Refused]
  | ['bound', id: ObjectID]
  | ['done', count: number]
  | ['failed', reason: StorageReason, message: string]

const packr = new Packr({ useRecords: false })

/** Records that are encoded in one turn of the event loop. */
const atOnce = 1000

/** Throws for what cannot be stored at all: a name that is too long, an ID that is none. */
export function encodeChange (change: Change): Buffer | Promise<Buffer> {
  const { put = [], events } = change
  // Most changes are of one record: not even a promise is needed.
  if (put.length < atOnce && events.length < atOnce) return encodeItem(wireChange(change, put.map(wirePut), events.map(encodeJson)))
  return encodeInTurns(change)
}

async function encodeInTurns (change: Change): Promise<Buffer> {
  return encodeItem(wireChange(change, await encoded(change.put ?? [], wirePut), await encoded(change.events, encodeJson)))
}

function wirePut (put: RecordPut): WireChange['put'][number] {
  const id = idKey(put.id)
  return [id, encodeRecord(put, id), wireSegmentChange(put.segments), ownerIn(put.attributes) ?? null]
}

function wireChange (change: Change, put: WireChange['put'], events: WireChange['events']): WireChange {
  return {
    kind: 'change',
    lease: change.lease ?? null,
    births: (change.births ?? []).map(({ blob, size, hash }) => [blob, size, hash]),
    expect: change.expect.map(({ id, version }) => [idKey(id), version]),
    put,
    remove: (change.remove ?? []).map(({ id, version, subtree }) => [idKey(id), version, subtree]),
    events,
    ...change.limits !== undefined && { limits: change.limits },
    ...change.trees !== undefined && { trees: change.trees }
  }
}

/** Others have their turn while many are encoded. */
async function encoded<T, E> (items: readonly T[], encode: (item: T) => E): Promise<E[]> {
  const done: E[] = []
  for (const item of items) {
    if (done.push(encode(item)) % atOnce === 0) await setImmediate()
  }
  return done
}

function wireSegmentChange (change: NonNullable<Change['put']>[number]['segments']): WireSegmentChange {
  switch (change.kind) {
    case 'keep': return ['keep']
    case 'replace': return ['replace', change.segments.map(wireSegment)]
    case 'splice': return ['splice', change.segments.map(wireSegment), change.offset, change.length]
    case 'copy': return ['copy', idKey(change.from), change.version]
  }
}

/** Records of other stores, at whatever version they are. */
export async function encodeWholes (wholes: readonly WholeRecord[]): Promise<WireWhole[]> {
  return await encoded(wholes, ({ record, segments, accesses }) => {
    // Drivers give some of the fields by getters.
    const { id, version, type, parentID, name, attributes, size, inline } = record
    const bytes = encodeRecord({ id, version, type, parentID, name, attributes, size, inline, segments: { kind: 'keep' } })
    return [idKey(id), bytes, segments.map(wireSegment), accesses === undefined ? null : [accesses.count, accesses.last]]
  })
}

const wireSegment = ({ offset, length, blob, blobOffset }: Segment): WireSegment => [offset, length, blob, blobOffset]

export function encodeItem (item: WireItem): Buffer {
  return packr.pack(item)
}

export function decodeItem (bytes: Uint8Array): WireItem {
  return packr.unpack(bytes) as WireItem
}

/** Several items in one run of bytes of its own, which can change threads without a copy. */
export function packBatch (items: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const heads = 4 + items.length * 4
  const bytes = new Uint8Array(new ArrayBuffer(items.reduce((sum, item) => sum + item.length, heads)))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, items.length)
  let at = heads
  for (const [index, item] of items.entries()) {
    view.setUint32(4 + index * 4, item.length)
    bytes.set(item, at)
    at += item.length
  }
  return bytes
}

export function unpackBatch (batch: Uint8Array): Buffer[] {
  const bytes = Buffer.from(batch.buffer, batch.byteOffset, batch.length)
  const count = bytes.readUInt32BE(0)
  let at = 4 + count * 4
  return Array.from({ length: count }, (_, index) => {
    const start = at
    at += bytes.readUInt32BE(4 + index * 4)
    return bytes.subarray(start, at)
  })
}

/** Throws the StorageError that the writer met. */
export function commitResultOf (result: WireResult): CommitResult {
  switch (result[0]) {
    case 'committed': return { status: 'committed', sequence: result[1] }
    case 'conflict': return result[1] === 'lease' ? { status: 'conflict', on: 'lease' } : { status: 'conflict', on: result[1], id: result[2] }
    case 'refused': return result[1]
    case 'bound': return { status: 'refused', on: 'trees', id: result[1] }
    case 'failed': throw new StorageError(result[1], result[2])
    case 'done': throw new TypeError('The writer answered a change as if it were a step of the sweeper')
  }
}

/** How many things a step of the sweeper did. Throws the StorageError that the writer met. */
export function countOf (result: WireResult): number {
  if (result[0] === 'failed') throw new StorageError(result[1], result[2])
  return result[0] === 'done' ? result[1] : 0
}
