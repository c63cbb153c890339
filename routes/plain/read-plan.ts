/** What a read of a data object answers: its status and the ranges of the value that go with it. Pure code. */
import type { IncomingHttpHeaders } from 'node:http'
import { NotFound, NotModified } from '../../cdmi/errors.js'
import { checkPreconditions } from '../../cdmi/preconditions.js'
import { attributesOf } from '../../cdmi/record.js'
import type { ByteRange } from '../../cdmi/values.js'
import type { StoredRecord } from '../../storage/contract.js'
import { ifRangeHolds, preconditionsOf } from '../http/conditional.js'
import { contentTypeOf } from '../http/content-type.js'
import { partOverhead } from '../http/multipart-byteranges.js'
import { selectRanges } from '../http/range.js'

export interface ReadPlan {
  readonly status: 200 | 202 | 206 | 304 | 416
  /** To be sent; empty where there is no body. */
  readonly ranges: readonly ByteRange[]
}

const none: readonly ByteRange[] = []
const notModified: ReadPlan = { status: 304, ranges: none }
const withheld: ReadPlan = { status: 202, ranges: none }
const unsatisfiable: ReadPlan = { status: 416, ranges: none }
const headOnly: ReadPlan = { status: 200, ranges: none }

/** `method`: Range has a meaning for GET alone (RFC 9110 §14.2). `ranged`: ranges are offered; else Range is passed over, as there. Throws PreconditionFailed, and for broken conditions. */
export function planRead (record: StoredRecord, method: string, headers: IncomingHttpHeaders, ranged: boolean): ReadPlan {
  const { mimetype = 'application/octet-stream', completionStatus, valuetransferencoding } = attributesOf(record)
  try {
    checkPreconditions(preconditionsOf(headers), record, true)
  } catch (error) {
    if (error instanceof NotModified) return notModified
    throw error
  }
  if (completionStatus === 'Processing') return withheld
  // It ended with an error: there is none, and none will come (DOC-22).
  if (completionStatus !== 'Complete') throw new NotFound(`The value of this object (${completionStatus})`)
  if (method === 'HEAD') return headOnly
  const { range } = headers
  if (ranged && range !== undefined && ifRangeHolds(singleHeader(headers['if-range']), record)) {
    const ranges = selectRanges(range, record.size, partOverhead + contentTypeOf(mimetype, valuetransferencoding).length)
    if (ranges !== undefined) return ranges.length === 0 ? unsatisfiable : { status: 206, ranges }
  }
  return { status: 200, ranges: [{ offset: 0, length: record.size }] }
}

/** Node joins or drops repeated fields of this kind; its types do not know. */
function singleHeader (value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}
