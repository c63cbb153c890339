/** How a change goes to the writer. */
import type { AccountLimit, BlobID, LeaseID, ObjectID } from '../contract.js'

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
