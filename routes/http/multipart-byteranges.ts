/** Several ranges in one answer (RFC 9110 §14.6). */
import { randomBytes } from 'node:crypto'
import type { Content } from '../../cdmi/values.js'
import { formatContentRange } from './content-range.js'
import type { Piece } from './send-content.js'

/** Bytes that a part costs beside its content and its type; not exact, for choosing between ranges and the whole. */
export const partOverhead = 130

export interface MultipartAnswer {
  readonly contentType: string
  readonly pieces: readonly Piece[]
  /** Exact. */
  readonly length: number
}

/** `type` is the media type of the value, `size` its whole length. */
export function multipartByteranges (contents: readonly Content[], type: string, size: number): MultipartAnswer {
  const boundary = randomBytes(18).toString('base64url')
  const pieces: Piece[] = []
  let length = 0
  const add = (piece: Piece): void => {
    pieces.push(piece)
    length += piece.length
  }
  let lead = ''
  for (const content of contents) {
    add(Buffer.from(`${lead}--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: ${formatContentRange(content, size)}\r\n\r\n`, 'latin1'))
    add(content)
    lead = '\r\n'
  }
  add(Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1'))
  return { contentType: `multipart/byteranges; boundary=${boundary}`, pieces, length }
}
