/** Rows of the blobs, with a checksum; of older builds without one. */
import { type BlobID, StorageError } from '../contract.js'
import { readU32, readU64, successor, writeU64 } from './bytes.js'
import { referencePrefix } from './keys.js'
import { keySum, seal, sealLength, sealMark, unsealed } from './row-sums.js'
import type { Rows } from './tables.js'

export interface BlobRow {
  /** Since when without a reference, in milliseconds since 1970; 0: it has one. */
  readonly since: number
  readonly size: number
  readonly hash: string
  /**
   * What the keys of all its references add up to, so that one that is missing is not taken for one that was never there: nothing is removed then.
   * Undefined in a row of an older build.
   */
  readonly links: number | undefined
}

/** Since when (8 bytes), size (8), links (4), hash. */
export function sealBlob (key: Uint8Array, { since, size, hash, links }: BlobRow & { readonly links: number }): Buffer {
  const bytes = Buffer.allocUnsafe(20 + Buffer.byteLength(hash))
  writeU64(bytes, since, 0)
  writeU64(bytes, size, 8)
  bytes.writeUInt32BE(links, 16)
  bytes.write(hash, 20)
  return seal(key, bytes)
}

/** Undefined: it has other bytes than were written. Nothing says so of a row of an older build. */
export function readBlob (key: Uint8Array, row: Buffer): BlobRow | undefined {
  const bytes = unsealed(key, row)
  if (bytes === undefined) return undefined
  const isOld = bytes === row
  return { since: readU64(bytes, 0), size: readU64(bytes, 8), hash: bytes.toString('utf8', isOld ? 16 : 20), links: isOld ? undefined : readU32(bytes, 16) }
}

/** Throws a StorageError 'corrupt' when it has other bytes than were written. */
export function openBlob (key: Buffer, row: Buffer): BlobRow {
  const blob = readBlob(key, row)
  if (blob === undefined) throw new StorageError('corrupt', `What is noted of blob ${key.toString()} has other bytes than were written`)
  return blob
}

/** The size alone, without a look at the checksum: for who adds up what need not be exact. */
export function roughSize (row: Uint8Array): number {
  return readU64(row, row[0] === sealMark ? sealLength + 8 : 8)
}

/** What one reference adds, or takes away: the same. `segment`: the key of the segment. */
export function linkOf (segment: Uint8Array): number {
  return keySum(segment)
}

/** The links of a blob as its references are. */
export function linksIn (references: Rows, blob: BlobID): number {
  const { length } = referencePrefix(blob)
  return referencesTo(references, blob).reduce((links, key) => links ^ linkOf(key.subarray(length)), 0) >>> 0
}

/** Keys of all references to a blob. */
export function referencesTo (references: Rows, blob: BlobID): Buffer[] {
  const prefix = referencePrefix(blob)
  return Array.from(references.getKeys({ start: prefix, end: successor(prefix) }))
}
