/** Rows in which one bit is wrong: their checksums say which, so that they can be as they were. */
import { crc32 } from 'node:zlib'
import { flippedBit, isOneBit } from '../../files/flipped-bit.js'
import { readU32 } from '../bytes.js'
import { hasSum, readJson } from '../json-rows.js'
import { hasSegments, hasSoundFlags, isSoundRecord } from '../record-codec.js'
import { keySum, unsealed } from '../row-sums.js'
import { readRecord } from './raw-record.js'

export interface SoundRow {
  readonly key: Buffer
  readonly value: Buffer
}

const format = 2
const sumLength = 4

/** All that differ from these bytes in one bit. */
export function * neighbours (bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at++) for (let bit = 0; bit < 8; bit++) yield flipped(bytes, at, 1 << bit)
}

function flipped (bytes: Buffer, at: number, mask: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ mask
  return copy
}

/** Longest row that is looked at bit by bit, in its key and in itself. */
const longest = 4096

/** A row with a checksum as it was written; undefined where more than one bit is wrong. */
export function soundRow (key: Buffer, value: Buffer): SoundRow | undefined {
  if (value.length > longest) return undefined
  for (const other of neighbours(value)) if (isSealed(other) && unsealed(key, other) !== undefined) return { key, value: other }
  for (const other of neighbours(key)) if (isSealed(value) && unsealed(other, value) !== undefined) return { key: other, value }
  return undefined
}

/** The same of a row that is JSON; its key is believed. */
export function soundJson (key: Buffer, value: Buffer): Buffer | undefined {
  if (value.length > longest) return undefined
  for (const other of neighbours(value)) if (hasSum(other) && readJson(key, other) !== undefined) return other
  return undefined
}

/** What looks like a row of an older build proves nothing. */
function isSealed (value: Buffer): boolean {
  return ((value[0] ?? 0) & 0x80) !== 0
}

/** A record as it was written; undefined where more than one bit is wrong. `segments`: whether there are segments of the object with this ID. */
export function soundRecord (id: Buffer, bytes: Buffer, segments: boolean): SoundRow | undefined {
  if (bytes.length <= sumLength) return undefined
  const value = bytes[0] === format ? inBytes(id, bytes, segments) : withFormat(id, bytes)
  if (value !== undefined) return { key: id, value }
  for (const key of neighbours(id)) if (bytes[0] === format && isSoundRecord(key, bytes)) return { key, value: bytes }
  return undefined
}

function withFormat (id: Buffer, bytes: Buffer): Buffer | undefined {
  const other = flipped(bytes, 0, (bytes[0] ?? 0) ^ format)
  return isOneBit((bytes[0] ?? 0) ^ format) && isSoundRecord(id, other) ? other : undefined
}

function inBytes (id: Buffer, bytes: Buffer, segments: boolean): Buffer | undefined {
  const end = bytes.length - sumLength
  if (!hasSoundFlags(bytes)) {
    // Each flag is there twice: the one that fits the rest was right. Of the last one nothing tells; without it less is checked.
    const fitting = Array.from({ length: 8 }, (_, bit) => flipped(bytes, 1, 1 << bit)).filter(other => isSoundRecord(id, other) && hasSegments(other) === segments && readRecord(id, other).problem === undefined)
    return fitting.sort((one, other) => ((one[1] ?? 0) & 0xf) - ((other[1] ?? 0) & 0xf))[0]
  }
  const difference = readU32(bytes, end) ^ crc32(bytes.subarray(2, end), keySum(id))
  if (isOneBit(difference)) {
    const other = Buffer.from(bytes)
    other.writeUInt32BE((readU32(bytes, end) ^ difference) >>> 0, end)
    return other
  }
  const bit = flippedBit(difference, end - 2)
  return bit === undefined ? undefined : flipped(bytes, 2 + bit.at, bit.mask)
}
