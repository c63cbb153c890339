/**
 * Rows of the state that are JSON, with a checksum of key and text behind it, in white space: who reads JSON passes that over, so that older builds read these rows as their own. What they
 * write has none, and is believed.
 */
import { crc32 } from 'node:zlib'
import { keySum } from './row-sums.js'

/** Two bits each, the highest first. */
const digits = ' \t\n\r'
const sumLength = 16

export function sealJson (key: Uint8Array, value: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(value))
  const sum = crc32(text, keySum(key))
  return Buffer.concat([text, Buffer.from(Array.from({ length: sumLength }, (_, at) => digits[(sum >>> (30 - 2 * at)) & 3]).join(''))])
}

/** Whether there is something behind the text that may be a checksum. */
export function hasSum (row: Buffer): boolean {
  return row.length - endOfText(row) === sumLength
}

/** Undefined: it has other bytes than were written, or is no JSON. */
export function readJson (key: Uint8Array, row: Buffer): unknown {
  const end = endOfText(row)
  const text = row.subarray(0, end)
  if (end < row.length && (row.length - end !== sumLength || crc32(text, keySum(key)) !== sumIn(row.subarray(end)))) return undefined
  try {
    return JSON.parse(text.toString())
  } catch {
    // An older build has written it: there is no other sign that it is not what was written.
    return undefined
  }
}

function endOfText (row: Buffer): number {
  let end = row.length
  while (end > 0 && isDigit(row[end - 1])) end--
  return end
}

function isDigit (byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
}

function sumIn (white: Buffer): number {
  return white.reduce((total, byte) => ((total << 2) | digits.indexOf(String.fromCharCode(byte))) >>> 0, 0)
}
