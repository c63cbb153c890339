/** How often objects were used, and when last, on its way to the writer: row by row in one piece of bytes, for there may be thousands in a second. */
import type { Accesses, ObjectID } from '../contract.js'
import { maxIDLength } from '../object-key.js'
import { readU64, writeU64 } from './bytes.js'

/** Bytes of the count and the time, as they are stored. */
const accessesLength = 16
const longestRow = 1 + maxIDLength + accessesLength

export interface AccessNote {
  readonly id: Buffer
  /** A view of the row as it is stored when it is the first one of the object. */
  readonly row: Buffer
}

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
    yield { id: bytes.subarray(start, end), row: bytes.subarray(end, at) }
  }
}

/** About as many as there are. */
export const countNotes = (bytes: Buffer): number => Math.ceil(bytes.length / (1 + accessesLength))

export function decodeAccesses (row: Buffer): Accesses {
  return { count: readU64(row, 0), last: readU64(row, 8) }
}

/** Adds what was stored before to a row that is about to be stored. */
export function addAccesses (row: Buffer, before: Buffer): void {
  const [one, other] = [decodeAccesses(row), decodeAccesses(before)]
  writeU64(row, one.count + other.count, 0)
  writeU64(row, Math.max(one.last, other.last), 8)
}
