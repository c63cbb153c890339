/** Content-Range of writes: where the bytes of the body go (HDO-07, HDO-41, CLI-23, AMB-23). Pure code. */
import { InvalidRange } from '../../cdmi/errors.js'
import type { ByteRange } from '../../cdmi/values.js'

const form = /^(?:bytes(?:[ \t]+|[ \t]*=[ \t]*))?(\d+)[ \t]*-[ \t]*(\d+)(?:[ \t]*\/[ \t]*(\d+|\*))?$/i

/** Reads `bytes a-b/len`, `bytes a-b/*`, `bytes=a-b` or `a-b`; undefined when there is no header. Throws InvalidRange (400). */
export function parseContentRange (header: string | undefined): ByteRange | undefined {
  if (header === undefined) return undefined
  const match = form.exec(header.trim())
  if (match === null) throw new InvalidRange('Content-Range must have the form "bytes first-last/length" or "bytes first-last/*", for example "bytes 21-24/37"')
  const first = Number(match[1])
  const last = Number(match[2])
  const total = match[3] === undefined || match[3] === '*' ? Infinity : Number(match[3])
  if (!Number.isSafeInteger(last)) throw new InvalidRange('The numbers in Content-Range are too large')
  if (first > last) throw new InvalidRange('Content-Range ends before it begins: the first byte must not be behind the last')
  if (last >= total) throw new InvalidRange('Content-Range ends behind the length that it names: the last byte of a value of 37 bytes is 36')
  return { offset: first, length: last - first + 1 }
}

/** The form that is sent. */
export function formatContentRange ({ offset, length }: ByteRange, size: number): string {
  return `bytes ${offset}-${offset + length - 1}/${size}`
}
