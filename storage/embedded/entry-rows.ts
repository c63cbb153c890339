/** Rows of the entries: the letter of a type and an object ID, with a checksum. */
import { StorageError } from '../contract.js'
import { idText } from '../object-key.js'
import { nameOfEntry } from './keys.js'
import { seal, unsealed } from './row-sums.js'

export interface EntryRow {
  /** The letter. */
  readonly type: number
  /** A view. */
  readonly id: Buffer
}

export function sealEntry (key: Uint8Array, type: number, id: Uint8Array): Buffer {
  const row = Buffer.allocUnsafe(1 + id.length)
  row[0] = type
  row.set(id, 1)
  return seal(key, row)
}

/** Undefined: it has other bytes than were written. */
export function readEntry (key: Uint8Array, sealed: Buffer): EntryRow | undefined {
  const row = unsealed(key, sealed)
  return row === undefined ? undefined : { type: row[0] ?? 0, id: row.subarray(1) }
}

/** Throws a StorageError 'corrupt' when it has other bytes than were written. */
export function openEntry (key: Buffer, sealed: Buffer): EntryRow {
  const entry = readEntry(key, sealed)
  if (entry === undefined) throw new StorageError('corrupt', `The entry of the name "${nameOfEntry(key)}" in container ${idText(key, 1, 1 + (key[0] ?? 0))} has other bytes than were written`)
  return entry
}
