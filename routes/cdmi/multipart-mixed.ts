/** Requests in parts (`multipart/mixed`, RFC 2046 §5.1; DOC-06, DOC-38): the JSON of an object first, then values. */
import { IncompleteBody, InvalidRequest } from '../../cdmi/errors.js'
import { parseMediaType } from '../http/content-type.js'
import { PartReader } from '../http/part-reader.js'
import { decodeBase64 } from '../../cdmi/codecs/base64.js'
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

/**
 * The parts, one after the other. `contentType` is that of the request. Whoever ends the iteration early leaves the rest of the source unread.
 * Throws InvalidRequest for parts that are broken, IncompleteBody when the last boundary does not come or a part has another length than it says.
 */
export async function * readMultipartMixed (source: AsyncIterable<Uint8Array>, contentType: string): AsyncGenerator<MixedPart, undefined> {
  const reader = new PartReader(source, boundaryOf(contentType), maxPartHead)
  try {
    for (let text = await reader.head(); text !== undefined; text = await reader.head()) {
      const headers = parseHead(text)
      const raw = new KeptStream(bodyOf(reader, contentLengthOf(headers)))
      yield { headers, body: decoded(raw, headers.get('content-transfer-encoding')) }
      await raw.drain()
    }
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

/** Of the length that the head announces, if it does. */
async function * bodyOf (reader: PartReader, announced: number | undefined): AsyncGenerator<Uint8Array, undefined> {
  let length = 0
  for (let piece = await reader.piece(); piece !== undefined; piece = await reader.piece()) {
    length += piece.length
    if (announced !== undefined && length > announced) throw new IncompleteBody(`The body has a part with more than the ${announced} bytes that its Content-Length announces`)
    yield piece
  }
  if (announced !== undefined && announced !== length) throw new IncompleteBody(`The body has a part of ${length} bytes where its Content-Length announces ${announced}`)
}

const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)$/

function parseHead (text: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  if (text === '') return headers
  for (const line of text.split('\r\n')) {
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
