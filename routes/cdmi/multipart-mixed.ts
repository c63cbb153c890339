/**
 * Requests in parts (`multipart/mixed`, RFC 2046 §5.1; DOC-06, DOC-38): the JSON of an object first, then values. The multipart parser that
 * reads forms would do for neither: it cuts off heads that are too long, and leaves out parts whose head it cannot read, without a word.
 */
import { IncompleteBody, InvalidRequest } from '../../cdmi/errors.js'
import { parseMediaType } from '../http/content-type.js'
import { decodeBase64 } from '../../cdmi/codecs/base64.js'
import { ByteCursor } from '../../cdmi/codecs/byte-cursor.js'
import { KeptStream } from '../../cdmi/codecs/kept-stream.js'
import { decodeQuotedPrintable } from './quoted-printable.js'

export interface MixedPart {
  /** By their names in lower case. Of fields that stand there twice the values are joined. */
  readonly headers: ReadonlyMap<string, string>
  /** Without its transfer encoding. What is left of it when the next part is asked for is dropped. */
  readonly body: AsyncIterable<Uint8Array>
}

/** Longest head of a part, in bytes. */
export const maxPartHead = 16 * 1024
/** Most blanks between a boundary and the end of its line. */
const maxPadding = 1024

const lineBreak = Buffer.from('\r\n')
const blankLine = Buffer.from('\r\n\r\n')
const carriageReturn = 0x0d

/**
 * The parts, one after the other. `contentType` is that of the request. Whoever ends the iteration early leaves the rest of the source unread.
 * Throws InvalidRequest for parts that are broken, IncompleteBody when the last boundary does not come or a part has another length than it says.
 */
export async function * readMultipartMixed (source: AsyncIterable<Uint8Array>, contentType: string): AsyncGenerator<MixedPart, undefined> {
  const reader = new PartReader(source, boundaryOf(contentType))
  try {
    yield * reader.parts()
  } finally {
    reader.release()
  }
}

/** What stands between the parts, by the Content-Type of the request. Throws InvalidRequest when it does not say so. */
export function boundaryOf (contentType: string): string {
  const boundary = parseMediaType(contentType)?.parameters.find(([name]) => name === 'boundary')?.[1] ?? ''
  if (boundary === '') throw new InvalidRequest('The Content-Type names no boundary between the parts; it must be like "multipart/mixed; boundary=…"')
  return boundary
}

class PartReader {
  readonly #cursor: ByteCursor
  readonly #delimiter: Buffer
  /** The last boundary has been read. */
  #ended = false

  constructor (source: AsyncIterable<Uint8Array>, boundary: string) {
    this.#cursor = new ByteCursor(afterLineBreak(source))
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  }

  release (): void {
    this.#cursor.release()
  }

  async * parts (): AsyncGenerator<MixedPart, undefined> {
    while (await this.#piece() !== undefined);
    while (!this.#ended) {
      const headers = await this.#head()
      const raw = new KeptStream(this.#body(contentLengthOf(headers)))
      yield { headers, body: decoded(raw, headers.get('content-transfer-encoding')) }
      await raw.drain()
    }
    do this.#cursor.at = this.#cursor.bytes.length
    while (await this.#cursor.fill())
  }

  /** From the line break behind a boundary to the one before the body, which may be the beginning of the next boundary. */
  async #head (): Promise<ReadonlyMap<string, string>> {
    const cursor = this.#cursor
    for (;;) {
      const end = cursor.bytes.indexOf(blankLine, cursor.at)
      const length = (end === -1 ? cursor.bytes.length : end) - cursor.at
      if (length > maxPartHead) throw new InvalidRequest(`The body has a part whose head is longer than ${maxPartHead} bytes`)
      if (end !== -1) {
        const text = cursor.bytes.toString('latin1', cursor.at + lineBreak.length, end)
        cursor.at = end + lineBreak.length
        return parseHead(text)
      }
      await this.#more()
    }
  }

  async * #body (announced: number | undefined): AsyncGenerator<Uint8Array, undefined> {
    if (!await this.#empty()) {
      let length = 0
      for (let piece = await this.#piece(); piece !== undefined; piece = await this.#piece()) {
        length += piece.length
        if (announced !== undefined && length > announced) throw new IncompleteBody(`The body has a part with more than the ${announced} bytes that its Content-Length announces`)
        yield piece
      }
      if (announced === undefined || announced === length) return
      throw new IncompleteBody(`The body has a part of ${length} bytes where its Content-Length announces ${announced}`)
    }
    if (announced !== undefined && announced !== 0) throw new IncompleteBody(`The body has an empty part where its Content-Length announces ${announced} bytes`)
  }

  /** Steps over the line break before a body, unless it belongs to a boundary: then the body is empty. */
  async #empty (): Promise<boolean> {
    const cursor = this.#cursor
    while (cursor.bytes.length - cursor.at < this.#delimiter.length) await this.#more()
    if (this.#delimiter.equals(cursor.bytes.subarray(cursor.at, cursor.at + this.#delimiter.length)) && await this.#boundary()) return true
    cursor.at += lineBreak.length
    return false
  }

  /** Bytes before the next boundary; undefined when there are none left, and the boundary has been stepped over. */
  async #piece (): Promise<Uint8Array | undefined> {
    const cursor = this.#cursor
    for (;;) {
      const { bytes, at } = cursor
      const found = bytes.indexOf(this.#delimiter, at)
      if (found === at) {
        if (await this.#boundary()) return undefined
        // A line of the body that only begins like a boundary.
        return this.#take(this.#delimiter.length)
      }
      if (found !== -1) return this.#take(found - at)
      // Without what may be the beginning of a boundary.
      const open = bytes.indexOf(carriageReturn, Math.max(at, bytes.length - this.#delimiter.length + 1))
      const length = (open === -1 ? bytes.length : open) - at
      if (length > 0) return this.#take(length)
      await this.#more()
    }
  }

  #take (length: number): Uint8Array {
    const { bytes, at } = this.#cursor
    this.#cursor.at = at + length
    return bytes.subarray(at, at + length)
  }

  /** Steps over the delimiter that is here, to the end of its line; false when it is no boundary, since other text follows it. */
  async #boundary (): Promise<boolean> {
    const cursor = this.#cursor
    for (;;) {
      const after = cursor.at + this.#delimiter.length
      const line = cursor.bytes.toString('latin1', after, after + maxPadding)
      if (line.startsWith('--')) {
        this.#ended = true
        return true
      }
      const end = line.search(/[^\t ]/)
      const rest = end === -1 ? '' : line.slice(end)
      if (rest.startsWith('\r\n')) {
        cursor.at = after + end
        return true
      }
      const undecided = line === '-' || (line.length < maxPadding && (rest === '' || rest === '\r'))
      if (!undecided) return false
      await this.#more()
    }
  }

  async #more (): Promise<void> {
    if (!await this.#cursor.fill()) throw new IncompleteBody('The body ends before the boundary that ends its last part; nothing was stored. (Lines of boundaries and heads must end in CR LF.)')
  }
}

/** A boundary begins with a line break; the first one may stand at the very beginning of the body. */
async function * afterLineBreak (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield lineBreak
  yield * source
}

const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)$/

function parseHead (text: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  if (text === '') return headers
  // Folded lines are one line.
  for (const line of text.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const [, name, value] = field.exec(line) ?? []
    if (name === undefined || value === undefined) throw new InvalidRequest('The body has a part whose head has a line that is not "Name: value"; between the head and the body of a part there must be an empty line')
    const key = name.toLowerCase()
    const other = headers.get(key)
    headers.set(key, other === undefined ? value.trim() : `${other}, ${value.trim()}`)
  }
  return headers
}

function contentLengthOf (headers: ReadonlyMap<string, string>): number | undefined {
  const text = headers.get('content-length')
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw new InvalidRequest('The body has a part whose Content-Length is not a number of bytes')
  return Number(text)
}

function decoded (raw: AsyncIterable<Uint8Array>, encoding = 'binary'): AsyncIterable<Uint8Array> {
  switch (encoding.toLowerCase()) {
    case '7bit':
    case '8bit':
    case 'binary': return raw
    case 'base64': return decodeBase64(raw, { lines: true })
    case 'quoted-printable': return decodeQuotedPrintable(raw)
  }
  throw new InvalidRequest(`The body has a part with the Content-Transfer-Encoding "${encoding}"; binary, 8bit, 7bit, base64 and quoted-printable are known`)
}
