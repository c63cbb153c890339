/** The change log: entries with a checksum, and its end. */
import { type JsonObject, type Sequence, StorageError } from '../contract.js'
import { readU64, u64 } from './bytes.js'
import { decodeJson } from './json-codec.js'
import { keySum, opened, seal } from './row-sums.js'

const numberLength = 8

/** When, then the encoded event. */
export function sealEvent (key: Uint8Array, when: number, event: Uint8Array): Buffer {
  return seal(key, Buffer.concat([u64(when), event]))
}

/** Throws a StorageError 'corrupt' when it has other bytes than were written. */
export function openEvent (key: Buffer, sealed: Buffer): { readonly when: number, readonly event: JsonObject } {
  const row = opened(`Entry ${readU64(key, 0)} of the change log`, key, sealed)
  return { when: readU64(row, 0), event: decodeJson(row.subarray(numberLength)) }
}

/** When an entry was made, without a look at the rest. */
export function timeOfEvent (key: Buffer, sealed: Buffer): number {
  return readU64(opened(`Entry ${readU64(key, 0)} of the change log`, key, sealed), 0)
}

/** The number of the last entry and its checksum. Older builds have written the number alone. */
export function sealSequence (sequence: Sequence): Buffer {
  const number = u64(sequence)
  const sum = Buffer.allocUnsafe(4)
  sum.writeUInt32BE(keySum(number))
  return Buffer.concat([number, sum])
}

/** Undefined: it is none, or has other bytes than were written. */
export function readSequence (row: Buffer): Sequence | undefined {
  const sequence = readU64(row, 0)
  const sound = row.length === numberLength || (row.length === numberLength + 4 && row.readUInt32BE(numberLength) === keySum(row.subarray(0, numberLength)))
  return sound && Number.isSafeInteger(sequence) ? sequence : undefined
}

/** 0 where nothing is noted. Throws a StorageError 'corrupt' when it has other bytes than were written. */
export function openSequence (row: Buffer | undefined): Sequence {
  const sequence = row === undefined ? 0 : readSequence(row)
  if (sequence === undefined) throw new StorageError('corrupt', 'The number of the last entry of the change log has other bytes than were written')
  return sequence
}
