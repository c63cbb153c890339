/** The Range header (RFC 9110 §14; GEN-14, CLI-22). Pure code. */
import type { ByteRange } from '../../cdmi/values.js'

/** Up to so many parts are sent as asked for, however small the value is. */
const fewParts = 4

const spec = /^(?:(\d+)-(\d*)|-(\d+))$/

/**
 * The ranges to send of a value of `size` bytes: none when not one of them can be satisfied (416), undefined when the header is
 * to be ignored, because it is invalid, has another unit, or because all of the value is the cheaper answer.
 *
 * Ranges that do not overlap come in the order asked for. Others are joined, so that no byte is sent twice; and an answer of many
 * parts must not be longer than twice the value. `partOverhead`: bytes that each part of a multipart answer costs.
 */
export function selectRanges (header: string, size: number, partOverhead: number): readonly ByteRange[] | undefined {
  const specs = parseRange(header)
  if (specs === undefined) return undefined
  const wanted = specs.map(spec => clipRange(spec, size)).filter(range => range !== undefined)
  if (wanted.length < 2) return wanted
  const ranges = joinOverlapping(wanted)
  if (ranges.length <= fewParts) return ranges
  const cost = ranges.reduce((sum, range) => sum + range.length + partOverhead, 0)
  return cost <= 2 * size ? ranges : undefined
}

/** `a-b`, `a-` (no `last`) or `-n` (no `first`; `last` is n). Numbers too long for JavaScript are merely huge. */
export interface RangeSpec { readonly first: number | undefined, readonly last: number | undefined }

/** One range without its unit; undefined when it is not a valid one. */
export function parseRangeSpec (text: string): RangeSpec | undefined {
  const match = spec.exec(text)
  if (match === null) return undefined
  const [, a, b, n] = match
  const first = a === undefined ? undefined : Number(a)
  const last = n !== undefined ? Number(n) : b === undefined || b === '' ? undefined : Number(b)
  return first !== undefined && last !== undefined && first > last ? undefined : { first, last }
}

/** What such a range is of a value of `size` bytes; undefined when it is nothing of it. */
export function clipRange ({ first, last }: RangeSpec, size: number): ByteRange | undefined {
  const offset = first ?? Math.max(0, size - (last ?? 0))
  const end = first === undefined || last === undefined ? size : Math.min(size, last + 1)
  return offset < end ? { offset, length: end - offset } : undefined
}

/** Undefined when the header is not a valid set of byte ranges. */
export function parseRange (header: string): RangeSpec[] | undefined {
  const equals = header.indexOf('=')
  if (equals === -1 || header.slice(0, equals).trim().toLowerCase() !== 'bytes') return undefined
  const specs: RangeSpec[] = []
  for (const part of header.slice(equals + 1).split(',')) {
    const text = part.trim()
    // Empty elements of a list are to be skipped (RFC 9110 §5.6.1.2).
    if (text === '') continue
    const range = parseRangeSpec(text)
    if (range === undefined) return undefined
    specs.push(range)
  }
  return specs.length === 0 ? undefined : specs
}

function joinOverlapping (ranges: readonly ByteRange[]): readonly ByteRange[] {
  const sorted = ranges.toSorted((a, b) => a.offset - b.offset)
  const joined: { offset: number, length: number }[] = []
  let last: { offset: number, length: number } | undefined
  for (const { offset, length } of sorted) {
    if (last !== undefined && offset < last.offset + last.length) {
      last.length = Math.max(last.length, offset + length - last.offset)
    } else {
      last = { offset, length }
      joined.push(last)
    }
  }
  return joined.length === ranges.length ? ranges : joined
}
