/** Rows of what was moved from another store: the name of a blob here, with a checksum. Older builds have written the name alone. */
import type { BlobID } from '../contract.js'
import { seal, sealMark, unsealed } from './row-sums.js'

/** What names of blobs begin with, as far as none is a bit away from the mark. */
const firstOfName = 0x2d

export function sealMoved (key: Uint8Array, blob: BlobID): Buffer {
  return seal(key, Buffer.from(blob))
}

/** Undefined: there is none, or it has other bytes than were written. Then the blob is moved once more. */
export function readMoved (key: Uint8Array, row: Buffer | undefined): BlobID | undefined {
  const first = row?.[0] ?? 0
  if (row === undefined || (first !== sealMark && (first < firstOfName || first > 0x7a))) return undefined
  return (first === sealMark ? unsealed(key, row) : row)?.toString()
}
