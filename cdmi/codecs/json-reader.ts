/** A JSON text read token by token from a stream: what is small is handed out whole, what may be of any length as a stream of its own. */
import { InvalidJson } from '../errors.js'
import { parseJson } from '../json-value.js'
import { Utf8Check } from '../utf8.js'
import type { Json } from '../../storage/contract.js'
import { ByteCursor } from './byte-cursor.js'
import { forbiddenKey, isBlank, JsonSyntax, quote, unexpected } from './json-syntax.js'
import { unescapeText } from './json-text.js'
import { KeptStream } from './kept-stream.js'

const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const comma = 0x2c

/** A value that goes by. What is left of it when its reader stops is to be drained. */
export type JsonStream =
  /** A string: its characters in UTF-8, without quotes and escapes. */
  | { readonly kind: 'string', readonly text: KeptStream }
  /** Anything else: its JSON as it came. */
  | { readonly kind: 'object' | 'other', readonly json: KeptStream }

export class JsonReader {
  readonly #cursor: ByteCursor
  readonly #tooLong: () => Error
  /** What is read as a whole may go up to this byte of the text; beyond it, what `tooLong` makes is thrown. */
  limit = Infinity

  constructor (source: AsyncIterable<Uint8Array>, tooLong: () => Error) {
    this.#cursor = new ByteCursor(checkedUtf8(source))
    this.#tooLong = tooLong
  }

  /** Bytes consumed so far. */
  get offset (): number {
    return this.#cursor.offset
  }

  /** Lets go of the source. */
  release (): void {
    this.#cursor.release()
  }

  /** Steps into the object that the text must be. False when there is no text at all. */
  async begin (): Promise<boolean> {
    const first = await this.#peek()
    if (first === undefined) return false
    await this.#refuseByteOrderMark(first)
    if (first !== openBrace) throw unexpected(first, this.offset, '"{", the beginning of an object,')
    this.#cursor.at++
    return true
  }

  /** Behind the object there may be nothing. */
  async end (): Promise<void> {
    const extra = await this.#peek()
    if (extra !== undefined) throw unexpected(extra, this.offset, 'the end of the JSON')
  }

  /** Whether the object goes on with a member, or has ended. `first`: nothing of it has been read. */
  async member (first: boolean): Promise<boolean> {
    return await this.#goesOn(first, closeBrace, 'a key in double quotes or "}"', '"," or "}"')
  }

  /** The same for an array. */
  async item (first: boolean): Promise<boolean> {
    return await this.#goesOn(first, closeBracket, 'a value or "]"', '"," or "]"')
  }

  async #goesOn (first: boolean, close: number, beginning: string, next: string): Promise<boolean> {
    const byte = await this.#token(first ? beginning : next)
    if (byte !== close && first) return true
    if (byte !== close && byte !== comma) throw unexpected(byte, this.offset, next)
    this.#cursor.at++
    return byte === comma
  }

  /** A key, and the colon behind it; what follows is the value. */
  async key (): Promise<string> {
    const byte = await this.#token('a key in double quotes')
    if (byte !== quote) throw unexpected(byte, this.offset, 'a key in double quotes')
    const key = await this.value()
    if (typeof key !== 'string' || key === '__proto__') throw forbiddenKey()
    const colon = await this.#token('":"')
    if (colon !== 0x3a) throw unexpected(colon, this.offset, '":"')
    this.#cursor.at++
    return key
  }

  /** Steps into the object or the array that comes next; false when it is something else. */
  async enter (kind: 'object' | 'array'): Promise<boolean> {
    const byte = await this.#token('a value')
    if (byte !== (kind === 'object' ? openBrace : openBracket)) return false
    this.#cursor.at++
    return true
  }

  /** Whether a string comes next. */
  async isString (): Promise<boolean> {
    return await this.#token('a value') === quote
  }

  /** The value that comes next, whole. `key`: the name that it has. */
  async value (key?: string): Promise<Json> {
    await this.#token('a value')
    const cursor = this.#cursor
    const syntax = new JsonSyntax(key)
    const chunks: Uint8Array[] = []
    for (;;) {
      const chunk = this.#push(syntax)
      if (this.offset > this.limit) throw this.#tooLong()
      if (syntax.done && chunks.length === 0) return representable(parseJson(chunk))
      chunks.push(chunk)
      if (syntax.done) return representable(parseJson(Buffer.concat(chunks)))
      if (!await cursor.fill()) throw cutOff(cursor.offset)
    }
  }

  /** The value that comes next, as a stream. It must be drained before anything else is read. */
  async stream (key?: string): Promise<JsonStream> {
    const first = await this.#token('a value')
    if (first === quote) return { kind: 'string', text: new KeptStream(this.#text()) }
    return { kind: first === openBrace ? 'object' : 'other', json: new KeptStream(this.#raw(new JsonSyntax(key))) }
  }

  /** What of the buffered bytes belongs to a value, checked. */
  #push (syntax: JsonSyntax): Buffer {
    const cursor = this.#cursor
    const from = cursor.at
    cursor.at = syntax.push(cursor.bytes, from, cursor.start)
    return cursor.bytes.subarray(from, cursor.at)
  }

  /** Each piece is checked before it is handed on. */
  async * #raw (syntax: JsonSyntax): AsyncGenerator<Uint8Array, undefined> {
    for (;;) {
      const chunk = this.#push(syntax)
      if (chunk.length > 0) yield chunk
      if (syntax.done) return
      if (!await this.#cursor.fill()) throw cutOff(this.offset)
    }
  }

  async * #text (): AsyncGenerator<Uint8Array, undefined> {
    const cursor = this.#cursor
    cursor.at++
    for (;;) {
      const { text, next, closed } = unescapeText(cursor.bytes, cursor.at, cursor.start)
      cursor.at = next
      if (text.length > 0) yield text
      if (closed) return
      if (!await cursor.fill()) throw cutOff(cursor.offset)
    }
  }

  /** The next byte that is not blank, still to be consumed; undefined at the end of the text. */
  async #peek (): Promise<number | undefined> {
    const cursor = this.#cursor
    for (;;) {
      while (cursor.at < cursor.bytes.length) {
        const byte = cursor.bytes[cursor.at] ?? 0
        if (!isBlank(byte)) {
          if (cursor.offset > this.limit) throw this.#tooLong()
          return byte
        }
        cursor.at++
      }
      if (cursor.offset > this.limit) throw this.#tooLong()
      if (!await cursor.fill()) return undefined
    }
  }

  async #token (expected: string): Promise<number> {
    const byte = await this.#peek()
    if (byte === undefined) throw new InvalidJson(`The JSON ends at byte ${this.offset} where ${expected} should be`)
    return byte
  }

  async #refuseByteOrderMark (first: number): Promise<void> {
    const cursor = this.#cursor
    if (first !== 0xef) return
    while (cursor.bytes.length - cursor.at < 3) if (!await cursor.fill()) throw new InvalidJson('The JSON is not valid UTF-8')
    if (cursor.bytes[cursor.at + 1] === 0xbb && cursor.bytes[cursor.at + 2] === 0xbf) throw new InvalidJson('The JSON begins with a byte order mark, which it must not (RFC 8259 §8.1)')
  }
}

/** The whole stream, not only the strings: elsewhere nothing but ASCII is JSON. */
async function * checkedUtf8 (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const check = new Utf8Check()
  for await (const chunk of source) {
    if (!check.push(chunk)) throw new InvalidJson('The JSON is not valid UTF-8')
    yield chunk
  }
}

/** A number beyond all that can be held would be given back as `null`. Values are not deeper than a stack holds. */
function representable (value: Json): Json {
  if (value === Infinity || value === -Infinity) throw new InvalidJson('The JSON has a number that is larger than this server can keep')
  if (typeof value === 'object' && value !== null) for (const item of Object.values(value)) representable(item)
  return value
}

function cutOff (offset: number): Error {
  return new InvalidJson(`The JSON ends at byte ${offset}, in the middle of a value`)
}
