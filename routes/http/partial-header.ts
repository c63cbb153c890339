/** X-CDMI-Partial (PUP): the request brings a part of a value. Pure code. */
import { InvalidRequest } from '../../cdmi/errors.js'
import type { Condition, PartialMessage } from '../../cdmi/partial-upload.js'
import { parseContentRange } from './content-range.js'

const longestID = 1024

/** Undefined: no header. Throws InvalidRequest and InvalidRange for what the standard does not know (PUP-16). */
export function parsePartial (header: string | string[] | undefined): PartialMessage | undefined {
  if (header === undefined) return undefined
  const [first = '', ...elements] = String(header).split(';').map(element => element.trim())
  const whole = first.toLowerCase()
  if (elements.length === 0 && (whole === 'true' || whole === 'false')) return { more: whole === 'true' }
  const [name, uploadID] = pairOf(first)
  if (name !== 'upload-id' || uploadID === '') throw new InvalidRequest('X-CDMI-Partial must be "true", "false", or begin with "upload-id=" and an ID')
  if (uploadID.length > longestID) throw new InvalidRequest(`X-CDMI-Partial: an upload ID has at most ${longestID} characters`)
  let condition: Condition | undefined
  let replace: boolean | undefined
  for (const element of elements) {
    const [name, value] = pairOf(element)
    if (name === 'count' || name === 'range') {
      if (condition !== undefined) throw new InvalidRequest('X-CDMI-Partial: a set of parts has one condition, "count" or "range", once')
      condition = name === 'count' ? { count: countOf(value) } : { range: rangeOf(value) }
    } else if (name === 'replace') {
      if (replace !== undefined || (value !== 'true' && value !== 'false')) throw new InvalidRequest('X-CDMI-Partial: "replace" is "true" or "false", once')
      replace = value === 'true'
    } else {
      throw new InvalidRequest('X-CDMI-Partial: behind the upload ID come "count=", "range=" and "replace=", with semicolons between them, and nothing else')
    }
  }
  return { uploadID, condition, replace }
}

/** Name, in lower case, and value: empty where there is none. */
function pairOf (element: string): [name: string, value: string] {
  const at = element.indexOf('=')
  return at < 0 ? [element.toLowerCase(), ''] : [element.slice(0, at).trim().toLowerCase(), element.slice(at + 1).trim()]
}

function countOf (value: string): number {
  const count = Number(value)
  if (!/^\d+$/.test(value) || count === 0 || !Number.isSafeInteger(count)) throw new InvalidRequest('X-CDMI-Partial: "count" is a number of parts, from 1 on')
  return count
}

/** The same forms as those of Content-Range, where the range of a part is. */
function rangeOf (value: string): { offset: number, length: number } {
  const range = parseContentRange(value)
  if (range === undefined) throw new InvalidRequest('X-CDMI-Partial: "range" has the form "first-last"')
  return range
}
