/** Answers in parts (RFC 2046 §5.1). */
import { randomBytes } from 'node:crypto'
import type { Piece } from './send-content.js'

export interface PartToSend {
  /** In their order. Names and values are the server's own, or checked: line breaks in them would begin something new. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Piece
}

export interface MultipartAnswer {
  readonly contentType: string
  readonly pieces: readonly Piece[]
  /** Exact. */
  readonly length: number
}

/** At least one part. No content can have the boundary in it, but by a chance of 1 in 2^144. */
export function multipartAnswer (subtype: 'byteranges' | 'mixed', parts: readonly PartToSend[]): MultipartAnswer {
  const boundary = randomBytes(18).toString('base64url')
  const pieces: Piece[] = []
  let lead = ''
  for (const { headers, body } of parts) {
    pieces.push(Buffer.from(`${lead}--${boundary}\r\n${headText(headers)}\r\n`, 'latin1'), body)
    lead = '\r\n'
  }
  pieces.push(Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1'))
  return { contentType: `multipart/${subtype}; boundary=${boundary}`, pieces, length: pieces.reduce((sum, piece) => sum + piece.length, 0) }
}

const unsafe = /[^\t\x20-\x7e\x80-\xff]/

function headText (headers: Readonly<Record<string, string>>): string {
  let text = ''
  for (const [name, value] of Object.entries(headers)) {
    // As for the headers of the answer itself: better no answer than one that a stored name or type has made something else of.
    if (unsafe.test(value)) throw new TypeError(`The header ${name} of a part has a character that no header can have`)
    text += `${name}: ${value}\r\n`
  }
  return text
}
