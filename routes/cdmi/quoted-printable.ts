/** Quoted-printable (RFC 2045 §6.7) of streams. */
import { InvalidRequest } from '../../cdmi/errors.js'

/** Longest line that is taken. An encoder breaks them after 76 characters. */
const maxLine = 64 * 1024
const lineFeed = 0x0a

/** The bytes behind the text. Throws InvalidRequest. */
export async function * decodeQuotedPrintable (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let open = ''
  for await (const chunk of source) {
    const end = chunk.lastIndexOf(lineFeed) + 1
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    if (end > 0) {
      yield decodeLines(open + bytes.toString('latin1', 0, end))
      open = ''
    }
    open += bytes.toString('latin1', end)
    if (open.length > maxLine) throw new InvalidRequest('A part in quoted-printable has lines that are much too long; an encoder breaks them after 76 characters')
  }
  if (open !== '') yield decodeLines(open)
}

const escape = /=(?:([0-9A-Fa-f]{2})|[^])/g
const foreign = /[^\t\r\n\x20-\x7e]|\r(?!\n)/

function decodeLines (text: string): Uint8Array {
  if (foreign.test(text)) throw new InvalidRequest('A part in quoted-printable has characters that must be written as escapes like "=E9"')
  const lines = text.split('\n')
  const last = lines.pop() ?? ''
  const joined = lines.map(line => line.endsWith('\r') ? decodeLine(line.slice(0, -1), '\r\n') : decodeLine(line, '\n')).join('') + decodeLine(last, '')
  return Buffer.from(joined.replace(escape, (_, hex: string | undefined) => {
    if (hex === undefined) throw new InvalidRequest('A part in quoted-printable has a "=" without two hexadecimal digits after it')
    return String.fromCharCode(Number.parseInt(hex, 16))
  }), 'latin1')
}

/** Blanks at the end of a line were added on the way (rule 3); a line break after "=" is none (rule 5). */
function decodeLine (line: string, lineBreak: string): string {
  let end = line.length
  while (end > 0 && (line[end - 1] === ' ' || line[end - 1] === '\t')) end--
  return line[end - 1] === '=' ? line.slice(0, end - 1) : line.slice(0, end) + lineBreak
}
