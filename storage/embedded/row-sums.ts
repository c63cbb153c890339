/**
 * Rows with a checksum: a mark, the sum of the key and of what follows, then the row as it was before there were checksums. Rows of older builds have none until they
 * are written anew; how they begin is no bit away from the mark. The sum has the key in it, so that a row that is found under another one is not believed.
 */
import { crc32 } from 'node:zlib'
import { StorageError } from '../contract.js'
import { readU32 } from './bytes.js'

/** How a row begins that has a checksum. */
export const sealMark = 0x81
/** Bytes in front of a row that has a checksum. */
export const sealLength = 5
/** Up to here a loop is faster than a call of zlib. */
const shortRow = 64

/** FNV-1a: each step can be undone, so that no single wrong byte goes unseen. */
const offsetBasis = 0x811c9dc5
const prime = 0x01000193

/** A number for the bytes of a key: where a checksum begins. `from`: goes on from another one. */
export function keySum (key: Uint8Array, from = offsetBasis): number {
  return sumBytes(key, 0, key.length, from)
}

/** The same for some of the bytes. */
export function sumBytes (bytes: Uint8Array, start: number, end: number, from = offsetBasis): number {
  let sum = from
  for (let at = start; at < end; at++) sum = Math.imul(sum ^ (bytes[at] ?? 0), prime)
  return sum >>> 0
}

/** The checksum of what has this key. `start`: the number for the key. */
function sumOf (start: number, row: Uint8Array): number {
  return row.length > shortRow ? crc32(row, start) : keySum(row, start)
}

/** The first byte of a short row, without a view of it: for who looks at thousands. -1: it has other bytes than were written. */
export function firstByte (start: number, sealed: Uint8Array): number {
  const first = sealed[0] ?? 0xff
  if (first !== sealMark) return isOldBeginning(first) ? first : -1
  if (sealed.length <= sealLength || sealed.length > sealLength + shortRow) return -1
  return readU32(sealed, 1) === sumBytes(sealed, sealLength, sealed.length, start) ? sealed[sealLength] ?? 0 : -1
}

/** A row with its checksum. */
export function seal (key: Uint8Array, row: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(sealLength + row.length)
  sealed[0] = sealMark
  sealed.writeUInt32BE(sumOf(keySum(key), row), 1)
  sealed.set(row, sealLength)
  return sealed
}

/** The row in a sealed one, or in one of an older build. A view; undefined: it has other bytes than were written. */
export function unsealed<Bytes extends Uint8Array> (key: Uint8Array, sealed: Bytes): Bytes | undefined {
  return openSealed(keySum(key), sealed) as Bytes | undefined
}

/** The same, where the number for the key is known. */
export function openSealed (start: number, sealed: Uint8Array): Uint8Array | undefined {
  const first = sealed[0] ?? 0xff
  if (first === sealMark) {
    const row = sealed.subarray(sealLength)
    return sealed.length >= sealLength && readU32(sealed, 1) === sumOf(start, row) ? row : undefined
  }
  return isOldBeginning(first) ? sealed : undefined
}

/** A high byte of a number of 64 bits, or the letter of a type. */
function isOldBeginning (first: number): boolean {
  return first === 0 || (first >= 0x41 && first <= 0x5a) || (first >= 0x61 && first <= 0x7a)
}

/** The row; throws a StorageError 'corrupt' where it has other bytes than were written. `what`: names the row. */
export function opened (what: string, key: Uint8Array, sealed: Buffer): Buffer {
  const row = unsealed(key, sealed)
  if (row === undefined) throw new StorageError('corrupt', `${what} has other bytes than were written`)
  return row
}
