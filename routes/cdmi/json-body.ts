/**
 * CDMI requests as they come in (GEN-08): one JSON object, small but for its field `value`, which may be of any length and stand at any place
 * among the others. The small fields are gathered; the value goes by as a stream.
 */
import { InvalidJson, TooLarge } from '../../cdmi/errors.js'
import { parseJson } from '../../cdmi/json-value.js'
import { Utf8Check } from '../../cdmi/utf8.js'
import type { Json, JsonObject } from '../../storage/contract.js'
import { ByteCursor } from '../../cdmi/codecs/byte-cursor.js'
import { forbiddenKey, isBlank, JsonSyntax, quote, unexpected } from '../../cdmi/codecs/json-syntax.js'
import { unescapeText } from '../../cdmi/codecs/json-text.js'
import { KeptStream } from '../../cdmi/codecs/kept-stream.js'

/** The field `value` of a body, unread. What is left of it when the callback returns is checked and dropped. */
export type JsonValueStream =
  /** A string: its characters in UTF-8, without quotes and escapes. */
  | { readonly kind: 'string', readonly text: AsyncIterable<Uint8Array> }
  /** Anything else: its JSON as it came. */
  | { readonly kind: 'object' | 'other', readonly json: AsyncIterable<Uint8Array> }

export interface CdmiBodyOptions {
  /** Most bytes of all that is not the value; default 1 MiB. More is TooLarge. */
  readonly limit?: number | undefined
  /**
   * Called when the value is met, with the fields that stood before it. Whatever it makes of the value is to be thrown away when the
   * reader throws in the end: only then is the body known to be JSON.
   */
  readonly onValue: (value: JsonValueStream, fields: Readonly<JsonObject>) => Promise<void>
}

const defaultLimit = 1024 * 1024
const openBrace = 0x7b
const closeBrace = 0x7d
const valueField = 'value'

/** Reads a body: its fields but `value`. No body at all is `{}` (CLI-03). Throws InvalidJson, TooLarge, and what the source and `onValue` throw. */
export async function readCdmiBody (source: AsyncIterable<Uint8Array>, { limit = defaultLimit, onValue }: CdmiBodyOptions): Promise<JsonObject> {
  const cursor = new ByteCursor(checkedUtf8(source))
  try {
    return await new BodyReader(cursor, limit, onValue).read()
  } finally {
    cursor.release()
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

class BodyReader {
  readonly #cursor: ByteCursor
  readonly #limit: number
  readonly #onValue: CdmiBodyOptions['onValue']
  readonly #fields: JsonObject = {}
  /** Bytes that were the value's, once it has been read. */
  #valueLength: number | undefined

  constructor (cursor: ByteCursor, limit: number, onValue: CdmiBodyOptions['onValue']) {
    this.#cursor = cursor
    this.#limit = limit
    this.#onValue = onValue
  }

  async read (): Promise<JsonObject> {
    const first = await this.#nextByte()
    if (first === undefined) return this.#fields
    await this.#refuseByteOrderMark(first)
    if (first !== openBrace) throw unexpected(first, this.#cursor.offset, '"{", the beginning of an object,')
    this.#cursor.at++
    if (await this.#nextToken('a key in double quotes or "}"') === closeBrace) this.#cursor.at++
    else while (await this.#member());
    const extra = await this.#nextByte()
    if (extra !== undefined) throw unexpected(extra, this.#cursor.offset, 'the end of the body')
    return this.#fields
  }

  /** One `"key": value` and what follows it. False when that was the end of the object. */
  async #member (): Promise<boolean> {
    const key = await this.#key()
    const byte = await this.#nextToken('":"')
    if (byte !== 0x3a) throw unexpected(byte, this.#cursor.offset, '":"')
    this.#cursor.at++
    await this.#nextToken('a value')
    if (key === valueField) await this.#value()
    else this.#fields[key] = await this.#small(key)
    const next = await this.#nextToken('"," or "}"')
    if (next !== 0x2c && next !== closeBrace) throw unexpected(next, this.#cursor.offset, '"," or "}"')
    this.#cursor.at++
    return next === 0x2c
  }

  async #key (): Promise<string> {
    const byte = await this.#nextToken('a key in double quotes')
    if (byte !== quote) throw unexpected(byte, this.#cursor.offset, 'a key in double quotes')
    const key = await this.#small()
    if (typeof key !== 'string' || key === '__proto__') throw forbiddenKey()
    if (key === valueField ? this.#valueLength !== undefined : Object.hasOwn(this.#fields, key)) throw new InvalidJson(`The body has the field "${key}" more than once`)
    return key
  }

  /** A key, or the value of the field `key`. */
  async #small (key?: string): Promise<Json> {
    const chunks: Uint8Array[] = []
    for await (const chunk of this.#checked(new JsonSyntax(key))) {
      chunks.push(chunk)
      this.#checkLimit()
    }
    const [only] = chunks
    return parseJson(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks))
  }

  async #value (): Promise<void> {
    const start = this.#cursor.offset
    this.#valueLength = 0
    const first = this.#cursor.bytes[this.#cursor.at]
    const stream = new KeptStream(first === quote ? this.#text() : this.#checked(new JsonSyntax(valueField)))
    await this.#onValue(first === quote
      ? { kind: 'string', text: stream }
      : { kind: first === openBrace ? 'object' : 'other', json: stream }, this.#fields)
    await stream.drain()
    this.#valueLength = this.#cursor.offset - start
  }

  /** The bytes of a JSON value, each checked before it is handed on. */
  async * #checked (syntax: JsonSyntax): AsyncGenerator<Uint8Array, undefined> {
    const cursor = this.#cursor
    for (;;) {
      const from = cursor.at
      cursor.at = syntax.push(cursor.bytes, from, cursor.start)
      if (cursor.at > from) yield cursor.bytes.subarray(from, cursor.at)
      if (syntax.done) return
      if (!await cursor.fill()) throw cutOff(cursor.offset)
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

  /** The next byte that is not blank, still to be consumed; undefined at the end of the body. */
  async #nextByte (): Promise<number | undefined> {
    const cursor = this.#cursor
    for (;;) {
      while (cursor.at < cursor.bytes.length) {
        const byte = cursor.bytes[cursor.at] ?? 0
        if (!isBlank(byte)) {
          this.#checkLimit()
          return byte
        }
        cursor.at++
      }
      this.#checkLimit()
      if (!await cursor.fill()) return undefined
    }
  }

  async #nextToken (expected: string): Promise<number> {
    const byte = await this.#nextByte()
    if (byte === undefined) throw new InvalidJson(`The body ends at byte ${this.#cursor.offset} where ${expected} should be`)
    return byte
  }

  async #refuseByteOrderMark (first: number): Promise<void> {
    const cursor = this.#cursor
    if (first !== 0xef) return
    while (cursor.bytes.length - cursor.at < 3) if (!await cursor.fill()) throw new InvalidJson('The JSON is not valid UTF-8')
    if (cursor.bytes[cursor.at + 1] === 0xbb && cursor.bytes[cursor.at + 2] === 0xbf) throw new InvalidJson('The body begins with a byte order mark; JSON must not (RFC 8259 §8.1)')
  }

  #checkLimit (): void {
    if (this.#cursor.offset - (this.#valueLength ?? 0) > this.#limit) throw new TooLarge(`The fields of the body, all but "${valueField}", are longer than ${this.#limit} bytes, the limit of this server`)
  }
}

function cutOff (offset: number): Error {
  return new InvalidJson(`The body ends at byte ${offset}, in the middle of its JSON`)
}
