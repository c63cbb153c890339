/** A JSON text read token by token from a stream: what is small is handed out whole, what may be of any length as a stream of its own. */
import { InvalidJson } from '../errors.js'
import { parseJson } from '../json-value.js'
import { andThen } from '../ready.js'
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
const colon = 0x3a
const byteOrderMark = [0xef, 0xbb, 0xbf] as const

/** A value that goes by. What is left of it when its reader stops is to be drained. */
export type JsonStream =
  /** A string: its characters in UTF-8, without quotes and escapes. */
  | { readonly kind: 'string', readonly text: KeptStream }
  /** Anything else: its JSON as it came. */
  | { readonly kind: 'object' | 'other', readonly json: KeptStream }

/** Answers at once where what it needs has come, else a promise; and throws so, too. */
type Soon<T> = T | Promise<T>

/** No byte: more of the text is to be waited for. */
const starving = -1

export class JsonReader {
  readonly #cursor: ByteCursor
  readonly #tooLong: () => Error
  /** What is read as a whole may go up to this byte of the text; beyond it, what `tooLong` makes is thrown. */
  limit = Infinity

  constructor (source: AsyncIterable<Uint8Array>, tooLong: () => Error) {
    // The whole stream, not only the strings: elsewhere nothing but ASCII is JSON.
    const utf8 = new Utf8Check()
    this.#cursor = new ByteCursor(source, chunk => {
      if (!utf8.push(chunk)) throw new InvalidJson('The JSON is not valid UTF-8')
    })
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
    if (first === byteOrderMark[0]) await this.#refuseByteOrderMark()
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
  member (first: boolean): Soon<boolean> {
    return this.#goesOn(first, closeBrace, 'a key in double quotes or "}"', '"," or "}"')
  }

  /** The same for an array. */
  item (first: boolean): Soon<boolean> {
    return this.#goesOn(first, closeBracket, 'a value or "]"', '"," or "]"')
  }

  #goesOn (first: boolean, close: number, beginning: string, next: string): Soon<boolean> {
    return andThen(this.#token(first ? beginning : next), byte => {
      if (byte !== close && first) return true
      if (byte !== close && byte !== comma) throw unexpected(byte, this.offset, next)
      this.#cursor.at++
      return byte === comma
    })
  }

  /** A key, and the colon behind it; what follows is the value. */
  key (): Soon<string> {
    return andThen(this.#token('a key in double quotes'), byte => {
      if (byte !== quote) throw unexpected(byte, this.offset, 'a key in double quotes')
      return andThen(this.value(), key => {
        if (typeof key !== 'string' || key === '__proto__') throw forbiddenKey()
        return andThen(this.#token('":"'), byte => {
          if (byte !== colon) throw unexpected(byte, this.offset, '":"')
          this.#cursor.at++
          return key
        })
      })
    })
  }

  /** Steps into the object or the array that comes next; false when it is something else. */
  enter (kind: 'object' | 'array'): Soon<boolean> {
    return andThen(this.#token('a value'), byte => {
      if (byte !== (kind === 'object' ? openBrace : openBracket)) return false
      this.#cursor.at++
      return true
    })
  }

  /** Whether a string comes next. */
  isString (): Soon<boolean> {
    return andThen(this.#token('a value'), byte => byte === quote)
  }

  /** The value that comes next, whole. `key`: the name that it has. */
  value (key?: string): Soon<Json> {
    return andThen(this.#token('a value'), () => {
      const syntax = new JsonSyntax(key)
      const chunk = this.#pushWithin(syntax)
      return syntax.done ? representable(parseJson(chunk)) : this.#longer(syntax, chunk)
    })
  }

  /** The rest of a value of which so much is there. */
  async #longer (syntax: JsonSyntax, first: Uint8Array): Promise<Json> {
    const chunks = [first]
    while (!syntax.done) {
      if (!await this.#cursor.fill()) throw cutOff(this.offset)
      chunks.push(this.#pushWithin(syntax))
    }
    return representable(parseJson(Buffer.concat(chunks)))
  }

  /** The value that comes next, as a stream. It must be drained before anything else is read. */
  stream (key?: string): Soon<JsonStream> {
    return andThen(this.#token('a value'), (first): JsonStream => {
      if (first === quote) return { kind: 'string', text: new KeptStream(this.#text()) }
      return { kind: first === openBrace ? 'object' : 'other', json: new KeptStream(this.#raw(new JsonSyntax(key))) }
    })
  }

  /** What of the buffered bytes belongs to a value, checked. */
  #push (syntax: JsonSyntax): Buffer {
    const cursor = this.#cursor
    const from = cursor.at
    cursor.at = syntax.push(cursor.bytes, from, cursor.start)
    return cursor.bytes.subarray(from, cursor.at)
  }

  /** The same of what is read as a whole. */
  #pushWithin (syntax: JsonSyntax): Buffer {
    const chunk = this.#push(syntax)
    if (this.offset > this.limit) throw this.#tooLong()
    return chunk
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

  /** Not a generator: see KeptStream. */
  #text (): AsyncIterator<Uint8Array, undefined> {
    const cursor = this.#cursor
    let [begun, ended] = [false, false]
    return {
      async next () {
        // Only now: until then the quote is still to be read, and belongs to the text.
        if (!begun) cursor.at++
        begun = true
        while (!ended) {
          const { text, next, closed } = unescapeText(cursor.bytes, cursor.at, cursor.start)
          cursor.at = next
          ended = closed
          if (text.length > 0) return { done: false, value: text }
          if (!ended && !await cursor.fill()) throw cutOff(cursor.offset)
        }
        return { done: true, value: undefined }
      }
    }
  }

  /** The next byte that is not blank, still to be consumed; undefined at the end of the text. */
  #peek (): Soon<number | undefined> {
    const byte = this.#peekNow()
    return byte === starving ? this.#peekLater() : byte
  }

  #peekNow (): number {
    const cursor = this.#cursor
    const { bytes } = cursor
    let at = cursor.at
    while (at < bytes.length && isBlank(bytes[at] ?? 0)) at++
    cursor.at = at
    if (cursor.offset > this.limit) throw this.#tooLong()
    return bytes[at] ?? starving
  }

  async #peekLater (): Promise<number | undefined> {
    while (await this.#cursor.fill()) {
      const byte = this.#peekNow()
      if (byte !== starving) return byte
    }
    return undefined
  }

  #token (expected: string): Soon<number> {
    const byte = this.#peekNow()
    return byte === starving ? this.#tokenLater(expected) : byte
  }

  async #tokenLater (expected: string): Promise<number> {
    const byte = await this.#peekLater()
    if (byte === undefined) throw new InvalidJson(`The JSON ends at byte ${this.offset} where ${expected} should be`)
    return byte
  }

  async #refuseByteOrderMark (): Promise<void> {
    const cursor = this.#cursor
    while (cursor.bytes.length - cursor.at < byteOrderMark.length) if (!await cursor.fill()) throw new InvalidJson('The JSON is not valid UTF-8')
    if (byteOrderMark.every((byte, index) => cursor.bytes[cursor.at + index] === byte)) throw new InvalidJson('The JSON begins with a byte order mark, which it must not (RFC 8259 §8.1)')
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
