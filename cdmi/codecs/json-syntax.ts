/** The syntax of JSON (RFC 8259), checked as the bytes pass, for values too long to be held. */
import { InvalidJson } from '../errors.js'
import { maxJsonDepth } from '../json-value.js'
import { pastPlain } from './plain-run.js'

export const quote = 0x22
export const backslash = 0x5c
const lowerU = 0x75

/** What the next byte may be. */
const aValue = 0
const itemOrEnd = 1
const keyOrEnd = 2
const aKey = 3
const colon = 4
const commaOrEnd = 5
const stringByte = 6
const escape = 7
const hexDigit = 8
const literal = 9
// Numbers: after the sign, after a leading zero, within the integer, after the point, within the fraction, after the e, after its sign, within the exponent.
const minus = 10
const zero = 11
const integer = 12
const point = 13
const fraction = 14
const exponent = 15
const exponentSign = 16
const exponentDigits = 17

type Frame = 'array' | 'object' | 'constructor'

/** Longest way to write a key that is refused: "constructor", all of it in escapes. */
const longestSuspect = 'constructor'.length * 6

/**
 * Checks one JSON value. What `parseJson` refuses is refused here: wrong syntax, deep nesting, and the keys that could get at
 * prototypes; and halves of surrogate pairs, which no UTF-8 could hold. Whether the bytes are UTF-8 is for others to see.
 */
export class JsonSyntax {
  /** The value has ended. */
  done = false
  readonly #frames: Frame[] = []
  #state = aValue
  #literal = ''
  #literalAt = 0
  /** The string is a key; as far as it could be a suspect one, its bytes. */
  #inKey = false
  #key = ''
  #constructorKey: boolean
  /** Hexadecimal digits still to come, the number so far, and whether the first half of a pair waits for the second. */
  #digits = 0
  #unit = 0
  #pair = false

  /** `key`: the name that the value has. */
  constructor (key?: string) {
    this.#constructorKey = key === 'constructor'
  }

  /**
   * Checks `bytes` from `from` on; `start` is the number of the first byte of `bytes`, for messages. Returns the place after the last byte
   * that belongs to the value; the end of a number is known only with the byte that follows it. Throws InvalidJson.
   */
  push (bytes: Uint8Array, from: number, start: number): number {
    let at = from
    while (at < bytes.length && !this.done) {
      if (this.#state === stringByte) {
        at = this.#string(bytes, at, start)
        continue
      }
      const byte = bytes[at] ?? 0
      if (this.#state >= minus) {
        if (this.#number(byte)) at++
        else this.#numberEnd(byte, start + at)
        continue
      }
      this.#step(byte, start + at)
      at++
    }
    return at
  }

  #step (byte: number, offset: number): void {
    switch (this.#state) {
      case escape: return this.#escape(byte, offset)
      case hexDigit: return this.#hexDigit(byte, offset)
      case literal:
        if (byte !== this.#literal.charCodeAt(this.#literalAt++)) throw unexpected(byte, offset, `"${this.#literal}"`)
        if (this.#literalAt === this.#literal.length) this.#valueEnd()
        return
    }
    if (isBlank(byte)) return
    switch (this.#state) {
      case aValue: return this.#begin(byte, offset)
      case itemOrEnd:
        if (byte === 0x5d) return this.#close()
        return this.#begin(byte, offset)
      case keyOrEnd:
        if (byte === 0x7d) return this.#close()
        return this.#beginKey(byte, offset, 'a key in double quotes or "}"')
      case aKey: return this.#beginKey(byte, offset, 'a key in double quotes')
      case colon:
        if (byte !== 0x3a) throw unexpected(byte, offset, '":"')
        this.#state = aValue
        return
      default: return this.#next(byte, offset)
    }
  }

  #begin (byte: number, offset: number): void {
    switch (byte) {
      case quote:
        this.#inKey = false
        this.#state = stringByte
        return
      case 0x7b: return this.#open(this.#constructorKey ? 'constructor' : 'object', keyOrEnd)
      case 0x5b: return this.#open('array', itemOrEnd)
      case 0x74: return this.#beginLiteral('true')
      case 0x66: return this.#beginLiteral('false')
      case 0x6e: return this.#beginLiteral('null')
      case 0x2d:
        this.#state = minus
        return
    }
    if (!isDigit(byte)) throw unexpected(byte, offset, 'a value')
    this.#state = byte === 0x30 ? zero : integer
  }

  #beginKey (byte: number, offset: number, expected: string): void {
    if (byte !== quote) throw unexpected(byte, offset, expected)
    this.#inKey = true
    this.#key = ''
    this.#state = stringByte
  }

  #beginLiteral (text: string): void {
    this.#literal = text
    this.#literalAt = 1
    this.#state = literal
  }

  #open (frame: Frame, state: number): void {
    this.#frames.push(frame)
    if (this.#frames.length > maxJsonDepth) throw new InvalidJson(`The JSON is nested more than ${maxJsonDepth} levels deep`)
    this.#constructorKey = false
    this.#state = state
  }

  #close (): void {
    this.#frames.pop()
    this.#valueEnd()
  }

  #next (byte: number, offset: number): void {
    const inArray = this.#frames.at(-1) === 'array'
    if (byte === 0x2c) this.#state = inArray ? aValue : aKey
    else if (byte === (inArray ? 0x5d : 0x7d)) this.#close()
    else throw unexpected(byte, offset, inArray ? '"," or "]"' : '"," or "}"')
  }

  #valueEnd (): void {
    this.#constructorKey = false
    this.#state = commaOrEnd
    this.done = this.#frames.length === 0
  }

  /** Everything up to what is not simply a character of the string. */
  #string (bytes: Uint8Array, from: number, start: number): number {
    if (this.#pair && bytes[from] !== backslash) throw halfPair(start + from)
    const at = endOfRun(bytes, from)
    const byte = at < bytes.length ? bytes[at] ?? 0 : 0
    // Most keys are all here, and have not the length of a suspect one.
    if (this.#inKey && !(byte === quote && this.#key === '' && at - from !== 9 && at - from !== 11)) this.#addToKey(bytes, from, at)
    if (at === bytes.length) return at
    if (byte === backslash) {
      if (this.#inKey) this.#addToKey(bytes, at, at + 1)
      this.#state = escape
    } else if (byte !== quote) throw controlCharacter(start + at)
    else if (this.#inKey) this.#keyEnd()
    else this.#valueEnd()
    return at + 1
  }

  #addToKey (bytes: ArrayLike<number>, from: number, to: number): void {
    if (this.#key.length > longestSuspect) return
    const end = Math.min(to, from + longestSuspect + 1)
    for (let at = from; at < end; at++) this.#key += String.fromCharCode(bytes[at] ?? 0)
  }

  #keyEnd (): void {
    this.#state = colon
    const raw = this.#key
    if (raw.length < 9 || raw.length > longestSuspect) return
    const key = raw.includes('\\') ? unescapeKey(raw) : raw
    if (key === '__proto__' || (key === 'prototype' && this.#frames.at(-1) === 'constructor')) throw forbiddenKey()
    this.#constructorKey = key === 'constructor'
  }

  #escape (byte: number, offset: number): void {
    if (this.#inKey) this.#addToKey([byte], 0, 1)
    if (byte === lowerU) {
      this.#digits = 4
      this.#unit = 0
      this.#state = hexDigit
      return
    }
    if (this.#pair) throw halfPair(offset)
    if (escaped[byte] === 0) throw badEscape(offset)
    this.#state = stringByte
  }

  #hexDigit (byte: number, offset: number): void {
    if (this.#inKey) this.#addToKey([byte], 0, 1)
    const digit = hexValue(byte)
    if (digit === -1) throw badEscape(offset)
    this.#unit = this.#unit * 16 + digit
    if (--this.#digits > 0) return
    this.#state = stringByte
    if (this.#pair !== isLow(this.#unit)) throw halfPair(offset)
    this.#pair = isHigh(this.#unit)
  }

  /** Whether this byte goes on with the number. */
  #number (byte: number): boolean {
    const digit = isDigit(byte)
    switch (this.#state) {
      case minus:
        if (!digit) return false
        this.#state = byte === 0x30 ? zero : integer
        return true
      case zero:
      case integer:
        if (digit) return this.#state === integer
        if (byte === 0x2e) this.#state = point
        else if (byte === 0x65 || byte === 0x45) this.#state = exponent
        else return false
        return true
      case point:
      case fraction:
        if (digit) this.#state = fraction
        else if (this.#state === fraction && (byte === 0x65 || byte === 0x45)) this.#state = exponent
        else return false
        return true
      case exponent:
        if (digit) this.#state = exponentDigits
        else if (byte === 0x2b || byte === 0x2d) this.#state = exponentSign
        else return false
        return true
      default:
        if (digit) this.#state = exponentDigits
        return digit
    }
  }

  #numberEnd (byte: number, offset: number): void {
    const whole = this.#state === zero || this.#state === integer || this.#state === fraction || this.#state === exponentDigits
    if (!whole) throw unexpected(byte, offset, 'a digit')
    this.#valueEnd()
  }
}

/** The place of the first byte from `from` on that is not simply a character of a string: a quote, a backslash, a control character. */
export function endOfRun (bytes: Uint8Array, from: number): number {
  const { length } = bytes
  let at = from
  for (const soon = Math.min(length, from + bytewise); at < soon && ordinary[bytes[at] ?? 0] === 1;) at++
  if (at < from + bytewise || at === length) return at
  at = pastPlain(bytes, at)
  while (at < length && ordinary[bytes[at] ?? 0] === 1) at++
  return at
}

/** So many bytes are looked at one by one before a run counts as long. */
const bytewise = 256

const ordinary = new Uint8Array(256).fill(1, 0x20)
ordinary[quote] = ordinary[backslash] = 0

/** What a character after a backslash stands for; 0 where there is no such escape. */
export const escaped = new Uint8Array(256)
for (const [name, character] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t']) escaped[name?.charCodeAt(0) ?? 0] = character?.charCodeAt(0) ?? 0

/** -1 for what is no hexadecimal digit. */
export function hexValue (byte: number): number {
  if (isDigit(byte)) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** Whether a UTF-16 code unit is the first or the second half of a pair. */
export const isHigh = (unit: number): boolean => (unit & 0xfc00) === 0xd800
export const isLow = (unit: number): boolean => (unit & 0xfc00) === 0xdc00

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39

export function isBlank (byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function unescapeKey (raw: string): string {
  return raw.replace(/\\u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** `offset` is the number of the byte, from 0. */
export function unexpected (byte: number, offset: number, expected: string): Error {
  const found = byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `the byte 0x${byte.toString(16).padStart(2, '0')}`
  return new InvalidJson(`The JSON is not valid: at byte ${offset} there is ${found} where ${expected} should be`)
}

export function controlCharacter (offset: number): Error {
  return new InvalidJson(`The JSON is not valid: at byte ${offset} a string has a control character, which must be written as an escape like "\\n"`)
}

export function badEscape (offset: number): Error {
  return new InvalidJson(`The JSON is not valid: at byte ${offset} a string has an escape that JSON does not know`)
}

export function halfPair (offset: number): Error {
  return new InvalidJson(`Before byte ${offset} of the JSON a string has half of a surrogate pair, which is no character`)
}

export function forbiddenKey (): Error {
  return new InvalidJson('The JSON has a key "__proto__" or "constructor.prototype", which is refused')
}
