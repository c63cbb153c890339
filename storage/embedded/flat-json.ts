/**
 * MessagePack of flat objects: a few short texts of ASCII and numbers, as events and the attributes of most records are. These are the bytes that msgpackr makes; it knows all values, and takes
 * twice as long for these, which is some hundredths of a small write.
 */
import type { JsonObject } from '../contract.js'
import type { ByteWriter } from './byte-writer.js'

/** Fields that are looked at, and characters of a text that is written in a loop. */
const mostFields = 32
const longest = 128
/** Bytes in front of a text or an object, at most. A number has fewer than a text may. */
const perHead = 3
const [map16, float64, uint8, uint16, uint32, string8, fixedString] = [0xde, 0xcb, 0xcc, 0xcd, 0xce, 0xd9, 0xa0]

/** In place of the end: it cannot be written so. */
const unfit = -1

/** False, and nothing was written: it is not such an object. */
export function writeFlat (out: ByteWriter, value: JsonObject): boolean {
  const names = Object.keys(value)
  if (names.length > mostFields) return false
  const begin = out.skip(perHead + names.length * 2 * (perHead + longest))
  const end = putFields(out.bytes, begin, value, names)
  out.length = end === unfit ? begin : end
  return end !== unfit
}

function putFields (bytes: Buffer, begin: number, value: JsonObject, names: readonly string[]): number {
  let at = putHead(bytes, begin, names.length)
  for (const name of names) {
    // msgpackr gives this one back under another name.
    at = name === '__proto__' ? unfit : putText(bytes, at, name)
    if (at === unfit) return unfit
    const field = value[name]
    if (typeof field === 'string') at = putText(bytes, at, field)
    else if (typeof field === 'number') at = putNumber(bytes, at, field)
    else at = isEmpty(field) ? putHead(bytes, at, 0) : unfit
    if (at === unfit) return unfit
  }
  return at
}

function putHead (bytes: Buffer, at: number, fields: number): number {
  bytes[at] = map16
  return bytes.writeUInt16BE(fields, at + 1)
}

function putText (bytes: Buffer, begin: number, text: string): number {
  const { length } = text
  if (length > longest) return unfit
  let at = begin
  if (length < 32) {
    bytes[at++] = fixedString | length
  } else {
    bytes[at++] = string8
    bytes[at++] = length
  }
  for (let n = 0; n < length; n++) {
    const code = text.charCodeAt(n)
    if (code > 0x7f) return unfit
    bytes[at++] = code
  }
  return at
}

function putNumber (bytes: Buffer, at: number, number: number): number {
  if (number < 0) return unfit
  if (!Number.isInteger(number) || number > 0xffffffff) {
    bytes[at] = float64
    return bytes.writeDoubleBE(number, at + 1)
  }
  if (number < 0x80) {
    bytes[at] = number
    return at + 1
  }
  if (number < 0x100) {
    bytes[at] = uint8
    bytes[at + 1] = number
    return at + 2
  }
  const short = number < 0x10000
  bytes[at] = short ? uint16 : uint32
  return short ? bytes.writeUInt16BE(number, at + 1) : bytes.writeUInt32BE(number, at + 1)
}

/** As the metadata of most objects is. */
function isEmpty (field: JsonObject[string] | undefined): boolean {
  return typeof field === 'object' && field !== null && Object.getPrototypeOf(field) === Object.prototype && Object.keys(field).length === 0
}
