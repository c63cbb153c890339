/** Whether a JSON text is an object or an array, found without making anything of it: to build what it says costs several times as much as to look at it. */
import { isUtf8 } from 'node:buffer'
import { endOfRun, escaped, hexValue, isBlank } from './codecs/json-syntax.js'
import { InvalidJson } from './errors.js'
import { isObject, maxJsonDepth, parseJson } from './json-value.js'

const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

/** What a text is that `parseJson` takes; of the texts that it refuses, it says why. Throws InvalidJson. */
export function kindOfJson (bytes: Uint8Array): 'object' | 'array' | 'single' {
  const kind = plainKind(bytes)
  if (kind !== undefined) return kind
  const json = parseJson(bytes)
  return isObject(json) ? 'object' : Array.isArray(json) ? 'array' : 'single'
}

/** Whether these bytes are a JSON object, as the `json` transfer encoding wants them (AMB-08). */
export function isJsonObject (bytes: Uint8Array): boolean {
  try {
    return kindOfJson(bytes) === 'object'
  } catch (error) {
    if (error instanceof InvalidJson) return false
    throw error
  }
}

/** What is open, from the outermost on: closing brackets. Used for the length of a call. */
const open = new Uint8Array(maxJsonDepth)

/** Undefined for everything that is wrong or could be, and for what is rare: `parseJson` decides on that. */
export function plainKind (bytes: Uint8Array): 'object' | 'array' | undefined {
  if (!isUtf8(bytes)) return undefined
  let depth = 0
  for (let at = 0; ;) {
    at = pastBlanks(bytes, at)
    const byte = bytes[at]
    if (byte === openBrace || byte === openBracket) {
      const close = byte === openBrace ? closeBrace : closeBracket
      if (depth === maxJsonDepth) return undefined
      open[depth++] = close
      at = pastBlanks(bytes, at + 1)
      if (bytes[at] !== close) {
        if (close === closeBracket) continue
        at = pastKey(bytes, at)
        if (at === -1) return undefined
        continue
      }
    } else {
      if (depth === 0) return undefined
      at = byte === quote ? pastString(bytes, at + 1) : pastScalar(bytes, at)
      if (at === -1) return undefined
    }
    // Behind a value, or at the bracket that ends one.
    for (;;) {
      at = pastBlanks(bytes, at)
      const byte = bytes[at]
      const close = open[depth - 1]
      if (byte === close) {
        at++
        if (--depth > 0) continue
        return pastBlanks(bytes, at) === bytes.length ? close === closeBrace ? 'object' : 'array' : undefined
      }
      if (byte !== 0x2c) return undefined
      at++
      if (close === closeBracket) break
      at = pastKey(bytes, pastBlanks(bytes, at))
      if (at === -1) return undefined
      break
    }
  }
}

function pastBlanks (bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && isBlank(bytes[at] ?? 0)) at++
  return at
}

/** The place after a key and its colon. -1: wrong; or with escapes, or of the length of one that is refused. */
function pastKey (bytes: Uint8Array, from: number): number {
  if (bytes[from] !== quote) return -1
  const end = endOfRun(bytes, from + 1)
  const length = end - from - 1
  if (bytes[end] !== quote || (length === 9 && bytes[from + 1] === 0x5f) || (length === 11 && bytes[from + 1] === 0x63 && bytes[from + 11] === 0x72)) return -1
  const at = pastBlanks(bytes, end + 1)
  return bytes[at] === 0x3a ? at + 1 : -1
}

function pastString (bytes: Uint8Array, from: number): number {
  for (let at = from; ;) {
    at = endOfRun(bytes, at)
    if (bytes[at] === quote) return at + 1
    if (bytes[at] !== backslash) return -1
    const name = bytes[at + 1] ?? 0
    if (name === 0x75) {
      for (let digit = at + 2; digit < at + 6; digit++) if (hexValue(bytes[digit] ?? 0) === -1) return -1
      at += 6
    } else if (escaped[name] !== 0) at += 2
    else return -1
  }
}

const digitEnd = (bytes: Uint8Array, from: number): number => {
  let at = from
  for (let byte = bytes[at] ?? 0; byte >= 0x30 && byte <= 0x39; byte = bytes[at] ?? 0) at++
  return at
}

/** A number or a literal. */
function pastScalar (bytes: Uint8Array, from: number): number {
  switch (bytes[from]) {
    case 0x74: return bytes[from + 1] === 0x72 && bytes[from + 2] === 0x75 && bytes[from + 3] === 0x65 ? from + 4 : -1
    case 0x66: return bytes[from + 1] === 0x61 && bytes[from + 2] === 0x6c && bytes[from + 3] === 0x73 && bytes[from + 4] === 0x65 ? from + 5 : -1
    case 0x6e: return bytes[from + 1] === 0x75 && bytes[from + 2] === 0x6c && bytes[from + 3] === 0x6c ? from + 4 : -1
  }
  const first = bytes[from] === 0x2d ? from + 1 : from
  let at = digitEnd(bytes, first)
  if (at === first || (bytes[first] === 0x30 && at > first + 1)) return -1
  if (bytes[at] === 0x2e) {
    const fraction = at + 1
    at = digitEnd(bytes, fraction)
    if (at === fraction) return -1
  }
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    const sign = bytes[at + 1]
    const exponent = sign === 0x2b || sign === 0x2d ? at + 2 : at + 1
    at = digitEnd(bytes, exponent)
    if (at === exponent) return -1
  }
  return at
}
