/**
 * What goes to the writer and what comes back: to its thread, or from another process through the primary. Encoded where the
 * caller is, so that the writer only compares heads and moves bytes.
 */
import { Packr } from 'msgpackr'
import { type BlobID, type CommitResult, type CountedKind, type LeaseID, type ObjectID, type Refused, type Sequence, StorageError, type StorageReason } from '../contract.js'
import { idKey } from '../object-key.js'
import { eachInTurns } from '../in-turns.js'
import { decodeChange, isChange, wireSegment } from './change-frame.js'
import type { WholeRecord } from '../transfer/ends.js'
import type { WireBirth, WireChange, WireWhole } from './wire-change.js'
import { encodeRecord } from './record-codec.js'

/** One item of a batch: a change of the model, or a step of something else. Each is applied whole or not at all. */
export type WireItem = WireChange | WireStep

export type WireStep =
  | { readonly kind: 'openLease' | 'closeLease' | 'dropLease', readonly lease: LeaseID }
  | { readonly kind: 'condemn', readonly grace: number, readonly limit: number }
  | { readonly kind: 'dropPins', readonly keys: readonly Buffer[] }
  | { readonly kind: 'forget', readonly blobs: readonly BlobID[] }
  | { readonly kind: 'prune', readonly limit: number }
  | { readonly kind: 'trimLog', readonly olderThan: number, readonly limit: number }
  | { readonly kind: 'noteAccesses', readonly notes: Buffer }
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

/** The sequence that a change was committed with, or how else it came out. Most are committed: an array for each is most of what the way back to the caller costs. */
export type WireResult = Sequence | WireOutcome

export type WireOutcome =
  | ['conflict', on: 'version' | 'name', id: ObjectID]
  | ['conflict', on: 'lease']
  | ['refused', refused: Refused]
  | ['bound', id: ObjectID]
  | ['done', count: number]
  | ['failed', reason: StorageReason, message: string]

const packr = new Packr({ useRecords: false })

/** Records of other stores, at whatever version they are. */
export async function encodeWholes (wholes: readonly WholeRecord[]): Promise<WireWhole[]> {
  const encoded: WireWhole[] = []
  await eachInTurns(wholes, ({ record, segments, accesses }) => {
    // Drivers give some of the fields by getters.
    const { id, version, type, parentID, name, attributes, size, inline } = record
    const bytes = encodeRecord({ id, version, type, parentID, name, attributes, size, inline, segments: { kind: 'keep' } })
    encoded.push([idKey(id), bytes, segments.map(wireSegment), accesses === undefined ? null : [accesses.count, accesses.last]])
  })
  return encoded
}

/** Changes have an encoding of their own. */
export function encodeStep (item: WireStep): Buffer {
  return packr.pack(item)
}

export function decodeItem (bytes: Uint8Array): WireItem {
  return isChange(bytes) ? decodeChange(bytes) : packr.unpack(bytes) as WireItem
}

/**
 * Bytes after which a batch is sent although more is waiting, and after which the writer takes no more of them into a transaction: it holds all its pages in memory, and has less than
 * twice as many.
 */
export const batchBytes = 4 * 1024 * 1024

/** Several items in one run of bytes of its own, which can change threads without a copy. */
export function packBatch (items: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const heads = 4 + items.length * 4
  const bytes = new Uint8Array(new ArrayBuffer(items.reduce((sum, item) => sum + item.length, heads)))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, items.length)
  let at = heads
  items.forEach((item, index) => {
    view.setUint32(4 + index * 4, item.length)
    bytes.set(item, at)
    at += item.length
  })
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
  if (typeof result === 'number') return { status: 'committed', sequence: result }
  switch (result[0]) {
    case 'conflict': return result[1] === 'lease' ? { status: 'conflict', on: 'lease' } : { status: 'conflict', on: result[1], id: result[2] }
    case 'refused': return result[1]
    case 'bound': return { status: 'refused', on: 'trees', id: result[1] }
    case 'failed': throw new StorageError(result[1], result[2])
    case 'done': throw new TypeError('The writer answered a change as if it were a step of the sweeper')
  }
}

/** How many things a step of the sweeper did. Throws the StorageError that the writer met. */
export function countOf (result: WireResult): number {
  if (typeof result === 'number') throw new TypeError('The writer answered a step of the sweeper as if it were a change')
  const failure = failureOf(result)
  if (failure !== undefined) throw failure
  return result[0] === 'done' ? result[1] : 0
}

/** The StorageError that the writer met; undefined: it met none. */
export function failureOf (result: WireResult): StorageError | undefined {
  return typeof result !== 'number' && result[0] === 'failed' ? new StorageError(result[1], result[2]) : undefined
}
