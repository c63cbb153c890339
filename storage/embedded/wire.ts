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
  | { readonly kind: 'noteAccesses', readonly notes: Buffer }
  | { readonly kind: 'beginCounting', readonly what: CountedKind }
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
  | ['done', count: number]
  | ['failed', reason: StorageReason, message: string]

const packr = new Packr({ useRecords: false })

/** What is encoded in one turn of the event loop. */
const atOnce = 500

/** Throws for what cannot be stored at all: a name that is too long, an ID that is none. */
export function encodeChange (change: Change): Buffer | Promise<Buffer> {
  const { put = [], remove = [], births = [], expect, events } = change
  // Most changes are of one record: not even a promise is needed.
  if ([put, remove, births, expect, events].every(({ length }) => length < atOnce)) {
    return encodeItem({ ...wireHead(change), births: births.map(wireBirth), expect: expect.map(wireExpectation), put: put.map(wirePut), remove: remove.map(wireRemoval), events: events.map(encodeJson) })
  }
  return encodeInTurns(change)
}

/** The same bytes, but for the order of the fields. */
async function encodeInTurns (change: Change): Promise<Buffer> {
  const { put = [], remove = [], births = [], expect, events } = change
  const lists = {
    births: await packedList(births, wireBirth),
    expect: await packedList(expect, wireExpectation),
    put: await packedList(put, wirePut),
    remove: await packedList(remove, wireRemoval),
    events: await packedList(events, encodeJson)
  }
  const fields = Object.entries<unknown>(wireHead(change)).map(([name, value]) => [packr.pack(name), packr.pack(value)])
  const listed = Object.entries(lists).map(([name, pieces]) => [packr.pack(name), ...pieces])
  const all = [...fields, ...listed]
  return Buffer.concat([Buffer.from([fewPairs | all.length]), ...all.flat()])
}

function wirePut (put: RecordPut): WireChange['put'][number] {
  const id = idKey(put.id)
  return [id, encodeRecord(put, id), wireSegmentChange(put.segments), ownerIn(put.attributes) ?? null]
}

const wireBirth = ({ blob, size, hash }: NonNullable<Change['births']>[number]): WireBirth => [blob, size, hash]
const wireExpectation = ({ id, version }: Change['expect'][number]): WireChange['expect'][number] => [idKey(id), version]
const wireRemoval = ({ id, version, subtree }: NonNullable<Change['remove']>[number]): WireChange['remove'][number] => [idKey(id), version, subtree]

/** What is not a list. */
function wireHead ({ lease, limits }: Change): Pick<WireChange, 'kind' | 'lease' | 'limits'> {
  return { kind: 'change', lease: lease ?? null, ...limits !== undefined && { limits } }
}

// MessagePack: how a map of up to 15 pairs begins, an array of up to 15 items, of up to 2^16 - 1, and of more.
const fewPairs = 0x80
const fewItems = 0x90
const someItems = 0xdc
const manyItems = 0xdd

/** An array of what `encode` makes of the items, piece by piece. Others have their turn while many are encoded. */
async function packedList<T> (items: readonly T[], encode: (item: T) => unknown): Promise<Buffer[]> {
  const head = Buffer.alloc(5)
  head[0] = manyItems
  head.writeUInt32BE(items.length, 1)
  const pieces: Buffer[] = [head]
  for (let at = 0; at < items.length; at += atOnce) {
    const piece = packr.pack(items.slice(at, at + atOnce).map(encode))
    const first = piece[0] ?? 0
    pieces.push(piece.subarray((first & 0xf0) === fewItems ? 1 : first === someItems ? 3 : 5))
    await setImmediate()
  }
  return pieces
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
    case 'failed': throw new StorageError(result[1], result[2])
    case 'done': throw new TypeError('The writer answered a change as if it were a step of the sweeper')
  }
}

/** How many things a step of the sweeper did. Throws the StorageError that the writer met. */
export function countOf (result: WireResult): number {
  if (result[0] === 'failed') throw new StorageError(result[1], result[2])
  return result[0] === 'done' ? result[1] : 0
}
