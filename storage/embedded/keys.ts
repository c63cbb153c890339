/**
 * Keys of the tables. IDs differ in length, so that where something follows an ID its length comes first: no key of one object
 * can be taken for a key of another.
 */
import type { BlobID } from '../contract.js'
import { readU64, writeU64 } from './bytes.js'

/** Length and bytes of an ID: how keys of its children, segments and of the list of removed containers begin. */
export function ownerKey (id: Uint8Array): Buffer {
  const key = Buffer.allocUnsafe(1 + id.length)
  key[0] = id.length
  key.set(id, 1)
  return key
}

/** Key of the entries: the parent, then the bytes of the name. */
export function entryKey (parent: Uint8Array, name: string): Buffer {
  const key = Buffer.allocUnsafe(1 + parent.length + Buffer.byteLength(name))
  key[0] = parent.length
  key.set(parent, 1)
  key.write(name, 1 + parent.length)
  return key
}

/** The name in an entry's key. */
export function nameOfEntry (key: Buffer): string {
  return key.toString('utf8', 1 + (key[0] ?? 0))
}

/** Key of the segments: the object, then the offset. */
export function segmentKey (id: Uint8Array, offset: number): Buffer {
  const key = Buffer.allocUnsafe(9 + id.length)
  key[0] = id.length
  key.set(id, 1)
  writeU64(key, offset, 1 + id.length)
  return key
}

export function offsetOfSegment (key: Uint8Array): number {
  return readU64(key, key.length - 8)
}

export function blobKey (blob: BlobID): Buffer {
  return Buffer.from(blob)
}

/** How all references to a blob begin. The zero byte ends the name, so that no blob's name begins another's. */
export function referencePrefix (blob: BlobID): Buffer {
  return Buffer.from(blob + '\0')
}

/** Key of the reverse index: the blob, then the key of the segment that names it. */
export function referenceKey (blob: BlobID, segment: Buffer): Buffer {
  return Buffer.concat([referencePrefix(blob), segment])
}

/** Key of the trash: when the blob lost its last reference (milliseconds since 1970), then the blob. */
export function trashKey (since: number, blob: BlobID): Buffer {
  const key = Buffer.allocUnsafe(8 + Buffer.byteLength(blob))
  writeU64(key, since, 0)
  key.write(blob, 8)
  return key
}
