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

/** Undefined: it has other bytes than were written, or is no JSON. */
export function readJson (key: Uint8Array, row: Buffer): unknown {
  const [text = '', sum = ''] = row.toString('latin1').split(/([ \t\n\r]*)$/)
  const bytes = row.subarray(0, text.length)
  const wanted = Array.from(sum).reduce((total, digit) => ((total << 2) | digits.indexOf(digit)) >>> 0, 0)
  if (sum.length !== 0 && (sum.length !== sumLength || crc32(bytes, keySum(key)) !== wanted)) return undefined
  try {
    return JSON.parse(bytes.toString())
  } catch {
    // An older build has written it: there is no other sign that it is not what was written.
    return undefined
  }
}
