/** The inside of a JSON string as UTF-8, a chunk at a time. */
import { backslash, badEscape, controlCharacter, endOfRun, escaped, halfPair, hexValue, isHigh, isLow, quote } from './json-syntax.js'

export interface TextPiece {
  readonly text: Uint8Array
  /** The first byte that is still to be read: an escape may not be there whole. */
  readonly next: number
  /** The closing quote was read. */
  readonly closed: boolean
}

/** Without an escape: the bytes as they are, not copied. `start` is the number of the first byte of `bytes`, for messages. Throws InvalidJson. */
export function unescapeText (bytes: Buffer, from: number, start: number): TextPiece {
  const end = endOfRun(bytes, from)
  if (end === bytes.length) return { text: bytes.subarray(from), next: end, closed: false }
  if (bytes[end] === quote) return { text: bytes.subarray(from, end), next: end + 1, closed: true }
  return withEscapes(bytes, from, end, start)
}

/** Text never gets longer by losing its escapes. */
function withEscapes (bytes: Buffer, from: number, firstEscape: number, start: number): TextPiece {
  const text = Buffer.allocUnsafe(bytes.length - from)
  let size = bytes.copy(text, 0, from, firstEscape)
  let at = firstEscape
  let closed = false
  while (at < bytes.length && !closed) {
    const byte = bytes[at] ?? 0
    if (byte === backslash) {
      const length = escapeLength(bytes, at, start)
      if (length === 0) break
      if (length === 2) text[size++] = escaped[bytes[at + 1] ?? 0] ?? 0
      else size = writeCharacter(text, size, codePoint(bytes, at, length))
      at += length
    } else if (byte >= 0x20) {
      closed = byte === quote
      if (!closed) text[size++] = byte
      at++
    } else throw controlCharacter(start + at)
  }
  return { text: text.subarray(0, size), next: at, closed }
}

/** 2, 6, or 12 for a pair; 0 when it is not there whole. */
function escapeLength (bytes: Buffer, at: number, start: number): 0 | 2 | 6 | 12 {
  const length = bytes.length - at
  if (length < 2) return 0
  if (bytes[at + 1] !== 0x75) {
    if (escaped[bytes[at + 1] ?? 0] === 0) throw badEscape(start + at)
    return 2
  }
  if (length < 6) return 0
  const unit = unitAt(bytes, at)
  if (unit === -1) throw badEscape(start + at)
  if (isLow(unit)) throw halfPair(start + at + 6)
  if (!isHigh(unit)) return 6
  if (length >= 7 && bytes[at + 6] !== backslash) throw halfPair(start + at + 6)
  if (length >= 8 && bytes[at + 7] !== 0x75) throw halfPair(start + at + 6)
  if (length < 12) return 0
  if (!isLow(unitAt(bytes, at + 6))) throw halfPair(start + at + 6)
  return 12
}

/** The number in the escape; -1 when there are not four digits. */
function unitAt (bytes: Buffer, at: number): number {
  let unit = 0
  for (let digit = at + 2; digit < at + 6; digit++) {
    const value = hexValue(bytes[digit] ?? 0)
    if (value === -1) return -1
    unit = unit * 16 + value
  }
  return unit
}

function codePoint (bytes: Buffer, at: number, length: 6 | 12): number {
  const unit = unitAt(bytes, at)
  return length === 6 ? unit : 0x10000 + ((unit & 0x3ff) << 10) + (unitAt(bytes, at + 6) & 0x3ff)
}

function writeCharacter (text: Buffer, at: number, point: number): number {
  if (point < 0x80) {
    text[at++] = point
  } else if (point < 0x800) {
    text[at++] = 0xc0 | point >> 6
    text[at++] = 0x80 | point & 0x3f
  } else if (point < 0x10000) {
    text[at++] = 0xe0 | point >> 12
    text[at++] = 0x80 | point >> 6 & 0x3f
    text[at++] = 0x80 | point & 0x3f
  } else {
    text[at++] = 0xf0 | point >> 18
    text[at++] = 0x80 | point >> 12 & 0x3f
    text[at++] = 0x80 | point >> 6 & 0x3f
    text[at++] = 0x80 | point & 0x3f
  }
  return at
}
