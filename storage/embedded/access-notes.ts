/** How often objects were used, and when last, on its way to the writer: row by row in one piece of bytes, for there may be thousands in a second. */
import type { Accesses, ObjectID } from '../contract.js'
import { maxIDLength } from '../object-key.js'
import { readU64, writeU64 } from './bytes.js'

/** Bytes of the count and the time. */
const accessesLength = 16
const longestRow = 1 + maxIDLength + accessesLength

export interface AccessNote extends Accesses { readonly id: Buffer }

export function encodeNotes (notes: ReadonlyArray<readonly [ObjectID, Accesses]>): Buffer {
  const bytes = Buffer.allocUnsafe(notes.length * longestRow)
  let at = 0
  for (const [id, { count, last }] of notes) {
    const length = bytes.write(id, at + 1, maxIDLength, 'hex')
    bytes[at] = length
    at += 1 + length
    writeU64(bytes, count, at)
    writeU64(bytes, last, at + 8)
    at += accessesLength
  }
  return bytes.subarray(0, at)
}

export function * decodeNotes (bytes: Buffer): Generator<AccessNote> {
  for (let at = 0; at < bytes.length;) {
    const start = at + 1
    const end = start + (bytes[at] ?? 0)
    at = end + accessesLength
    yield { id: bytes.subarray(start, end), count: readU64(bytes, end), last: readU64(bytes, end + 8) }
  }
}

/** About as many as there are. */
export const countNotes = (bytes: Buffer): number => Math.ceil(bytes.length / (1 + accessesLength))
