/** Rows of removed containers below which there may still be something: the containers above with an account for all below them, with a checksum. */
import type { ObjectID } from '../contract.js'
import { isSoundNote } from './note-rows.js'
import { seal, sealMark, unsealed } from './row-sums.js'

/** `key`: of the row. `trees`: what is below counts there until it is gone. */
export function sealOrphan (key: Uint8Array, trees: readonly ObjectID[]): Buffer {
  return seal(key, Buffer.from(trees.join(' ')))
}

/** The containers above; undefined: the row has other bytes than were written. */
export function readOrphan (key: Uint8Array, row: Buffer): readonly ObjectID[] | undefined {
  // Nothing but a checksum, or of an older build.
  if (isSoundNote(key, row)) return []
  const bytes = row[0] === sealMark ? unsealed(key, row) : undefined
  return bytes === undefined || bytes.length === 0 ? undefined : bytes.toString('latin1').split(' ')
}
