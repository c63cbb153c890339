/** A data object in CDMI's JSON, or in parts (DOC-50 to DOC-60, GEN-45). */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { withHeaders } from '../../cdmi/describe-error.js'
import { InvalidRange, RangeNotSatisfiable } from '../../cdmi/errors.js'
import { hashItems, type Known } from '../../cdmi/metadata.js'
import { andThen } from '../../cdmi/ready.js'
import { attributesOf, type CdmiObject } from '../../cdmi/record.js'
import { fieldsOf, objectTypes } from '../../cdmi/representation.js'
import type { ByteRange, Content } from '../../cdmi/values.js'
import type { ValueTransferEncoding } from '../../schemas/record.js'
import type { Accesses, StoredRecord } from '../../storage/contract.js'
import { formatContentRange } from '../http/content-range.js'
import { contentTypeOf } from '../http/content-type.js'
import { multipartAnswer, type PartToSend } from '../http/multipart-answer.js'
import { clipRange } from '../http/range.js'
import { sendPieces } from '../http/send-content.js'
import type { Form } from './media-types.js'
import { objectText, type ShownValue } from './object-writer.js'
import type { CdmiQuery } from './query.js'
import { rootPlace } from './request.js'
import { selectFields, wants, wantsItem } from './select-fields.js'
import { cdmiHeaders, sendText } from './send-object.js'

/** What is read of the value, and in which form. */
export interface ObjectRead {
  readonly form: Form
  readonly ranges: readonly ByteRange[]
}

/** Throws InvalidRange and RangeNotSatisfiable (AMB-17, AMB-18). */
export function planObjectRead (record: StoredRecord, form: Form, query: CdmiQuery): ObjectRead {
  if (form === 'plain') return { form, ranges: [] }
  if (form === 'cdmi' && query.values.length > 1) throw new InvalidRange('Several ranges of a value can be had in parts only: ask for "Accept: multipart/mixed", or for one range at a time')
  if (attributesOf(record).completionStatus !== 'Complete' || !wants(query, 'value')) return { form, ranges: [] }
  if (query.values.length === 0) return { form, ranges: [{ offset: 0, length: record.size }] }
  const ranges = query.values.map(spec => {
    const range = clipRange(spec, record.size)
    if (range !== undefined) return range
    // A client that asks for the beginning of an empty value gets all there is of it.
    if (record.size === 0 && (spec.first ?? 0) === 0) return { offset: 0, length: 0 }
    const error = new RangeNotSatisfiable(`A range is not within the value, which has ${record.size} bytes`)
    throw withHeaders(error, { 'content-range': `bytes */${record.size}` })
  })
  if (overlap(ranges)) throw new InvalidRange('The ranges of "value" overlap')
  return { form, ranges }
}

function overlap (ranges: readonly ByteRange[]): boolean {
  const sorted = ranges.toSorted((a, b) => a.offset - b.offset)
  return sorted.some(({ offset }, index) => index > 0 && offset < (sorted[index - 1]?.offset ?? 0) + (sorted[index - 1]?.length ?? 0))
}

export interface DataObjectAnswer {
  readonly object: CdmiObject
  readonly contents: readonly Content[]
  /** Bytes of the value up to its first gap. */
  readonly extent: number
  readonly accesses: Accesses | undefined
  /** Parts of a new value are coming (DOC-82). The old one is there as before, but not in this form (DOC-57). */
  readonly updating: boolean
  readonly read: ObjectRead
  readonly query: CdmiQuery
}

/** At once where there is nothing to wait for. */
export function sendDataObject (request: FastifyRequest, reply: FastifyReply, answer: DataObjectAnswer): FastifyReply | Promise<FastifyReply> {
  const { object, accesses, updating, query } = answer
  const known = wants(query, 'metadata') || wants(query, 'percentComplete')
    ? request.server.cdmi.known(object, accesses, { updating, hash: hashItems.some(item => wantsItem(query, item)) })
    : { updating }
  return andThen(known, known => sendKnown(request, reply, answer, known))
}

function sendKnown (request: FastifyRequest, reply: FastifyReply, { object, contents, extent, updating, read, query }: DataObjectAnswer, known: Known): FastifyReply | Promise<FastifyReply> {
  const { record } = object
  const { valuetransferencoding, completionStatus, mimetype } = attributesOf(record)
  const shows = !updating && completionStatus === 'Complete'
  const encoding = shownEncoding(valuetransferencoding, request.cdmiVersion?.major === 1)
  const narrowed = query.values.length > 0
  const pieces = shows ? contents : []
  const [content] = pieces
  const shown = narrowed && content !== undefined ? formatRange(content.offset, content.length) : formatRange(0, shows ? extent : 0)
  const all = fieldsOf(object, rootPlace(request), known)
  all['valuetransferencoding'] = encoding
  all['valuerange'] = shown
  const fields = selectFields(all, query)
  const headOnly = request.raw.method === 'HEAD'

  if (read.form === 'mixed') {
    const type = contentTypeOf(mimetype, valuetransferencoding)
    const parts: PartToSend[] = pieces.map(body => ({
      headers: {
        'Content-Type': type,
        'Content-Transfer-Encoding': 'binary',
        'Content-Length': String(body.length),
        ...(narrowed ? { 'Content-Range': formatContentRange(body, record.size) } : {})
      },
      body
    }))
    const json = Buffer.from(JSON.stringify(fields))
    const answer = multipartAnswer('mixed', [{ headers: { 'Content-Type': objectTypes.dataobject, 'Content-Length': String(json.length) }, body: json }, ...parts])
    cdmiHeaders(reply, answer.contentType, record)
    if (headOnly) return reply.header('content-length', String(answer.length)).send()
    return sendPieces(reply, answer.pieces, answer.length)
  }

  cdmiHeaders(reply, objectTypes.dataobject, record)
  const value: ShownValue | undefined = content === undefined ? undefined : { encoding: narrowed ? 'base64' : encoding, content }
  return andThen(objectText(fields, value), text => sendText(reply, text, headOnly))
}

/** Clients of CDMI 1.x know no JSON values: to them it is text (GEN-45). */
export function shownEncoding (stored: ValueTransferEncoding = 'base64', version1: boolean): ValueTransferEncoding {
  return stored === 'json' && version1 ? 'utf-8' : stored
}

export function formatRange (offset: number, length: number): string {
  return length === 0 ? '' : `${offset}-${offset + length - 1}`
}
