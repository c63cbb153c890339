/** Answers of CDMI in JSON: small fields in the order given, and last the value, however long it is (DOC-10). */
import type { Content } from '../../cdmi/values.js'
import type { JsonObject } from '../../storage/contract.js'
import { onePiece, oneRead, shortText } from '../http/send-content.js'
import { andThen } from '../../cdmi/ready.js'
import { base64Length, encodeBase64, encodeBytes } from '../../cdmi/codecs/base64.js'
import { escapeBytes, escapeJsonString } from '../../cdmi/codecs/json-string.js'

/** The field `value`: bytes of an object, and how they are to be shown (DOC-04). They are UTF-8 for `utf-8` and JSON for `json`. */
export interface ShownValue {
  readonly encoding: 'utf-8' | 'base64' | 'json'
  readonly content: Content
}

export interface ObjectText {
  /** In bytes, exactly; undefined where only writing it all would tell. */
  readonly length: number | undefined
  /** All of it, when it is small (CLI-07). */
  readonly body: Uint8Array | string | undefined
  /** All of it, for any length, in chunks that are lent (GetOptions). */
  stream (): AsyncIterable<Uint8Array>
}

/** The JSON text of an object; at once where there is nothing to read. What of a small value cannot be read is thrown here; of a longer one, by the stream. */
export function objectText (fields: JsonObject, value?: ShownValue): ObjectText | Promise<ObjectText> {
  const json = JSON.stringify(fields)
  if (value === undefined) return inOnePiece(json)
  const { content, encoding } = value
  const before = `${json.slice(0, -1)}${json === '{}' ? '' : ','}"value":`
  if (content.length <= shortText) return andThen(content.bytes ?? content.read(), bytes => inOnePiece(`${before}${shortValue(bytes, encoding)}}`))
  return longText(before, value)
}

async function longText (before: string, value: ShownValue): Promise<ObjectText> {
  const { content, encoding } = value
  const quotes = encoding === 'json' ? '' : '"'
  const head = Buffer.from(before + quotes)
  const tail = Buffer.from(`${quotes}}`)
  if (content.length <= oneRead) return inOnePiece(Buffer.concat([head, shown(await content.read(), encoding), tail]))
  // Its length is known only when all of it is there.
  const text = encoding === 'utf-8' && content.length <= onePiece ? shown(await content.read(), encoding) : undefined
  const length = text?.length ?? shownLength(value)
  return {
    length: length === undefined ? undefined : head.length + length + tail.length,
    body: undefined,
    async * stream () {
      yield head
      if (text === undefined) yield * lentStream(value)
      else yield text
      yield tail
    }
  }
}

function inOnePiece (body: Uint8Array | string): ObjectText {
  return { length: Buffer.byteLength(body), body, async * stream () { yield Buffer.from(body) } }
}

/** In short answers every piece is text from the start: that costs less than putting bytes together. */
function shortValue (bytes: Uint8Array, encoding: ShownValue['encoding']): string {
  const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (encoding === 'base64') return `"${value.toString('base64')}"`
  return encoding === 'json' ? value.toString() : JSON.stringify(value.toString())
}

/** A small value. */
export function shown (bytes: Uint8Array, encoding: ShownValue['encoding']): Uint8Array {
  if (encoding === 'json') return bytes
  return encoding === 'base64' ? encodeBytes(bytes) : escapeBytes(bytes)
}

function shownLength ({ encoding, content }: ShownValue): number | undefined {
  if (encoding === 'utf-8') return undefined
  return encoding === 'json' ? content.length : base64Length(content.length)
}

/** One of any length. */
export function shownStream ({ encoding, content }: ShownValue): AsyncIterable<Uint8Array> {
  const bytes = content.stream()
  if (encoding === 'json') return bytes
  return encoding === 'base64' ? encodeBase64(bytes) : escapeJsonString(bytes)
}

/** The same in chunks that are lent. */
async function * lentStream ({ encoding, content }: ShownValue): AsyncGenerator<Uint8Array> {
  const bytes = content.stream({ lent: true })
  if (encoding !== 'base64') {
    yield * encoding === 'json' ? bytes : escapeJsonString(bytes)
    return
  }
  const space = spaces.pop() ?? Buffer.allocUnsafeSlow(spaceSize)
  yield * encodeBase64(bytes, space)
  // Not when the reader has stopped: he may still be at it.
  if (spaces.length < keptSpaces) spaces.push(space)
}

/** For Base64 on its way out: new memory for each answer would cost more than the encoding. Nobody has them. */
const spaces: Buffer[] = []
const keptSpaces = 16
/** Enough for what a store lends at a time. */
const spaceSize = 704 * 1024
