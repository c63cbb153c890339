/** The headers of plain HTTP writes, for all methods that bring a value. */
import type { IncomingMessage } from 'node:http'
import { InvalidRequest, UnsupportedMediaType } from '../../cdmi/errors.js'
import { namesCdmi } from '../http/accept.js'
import { type ValueType, valueTypeOf } from '../http/content-type.js'

/** Fields of CDMI objects: as arguments of a URI they select what a CDMI request is about (GEN-26). */
const fields = new Set(['objectType', 'objectID', 'objectName', 'parentURI', 'parentID', 'domainURI', 'capabilitiesURI', 'completionStatus',
  'percentComplete', 'mimetype', 'metadata', 'valuerange', 'valuetransferencoding', 'value', 'childrange', 'childrenrange', 'children',
  'queuerange', 'queueValues', 'exports', 'snapshots'])

/** Whether a query has CDMI arguments, in the syntax of 2.x or 1.x. */
export function hasCdmiArguments (query: string): boolean {
  if (query.length < 2) return false
  return query.slice(1).split(/[&;]/).some(argument => fields.has(argument.split(/[=:]/, 1)[0] ?? ''))
}

/**
 * What the request says of its value's type; undefined: nothing. Throws InvalidRequest for requests that mean the CDMI form but do not say so in
 * their type: they must never be stored as a plain value (AMB-15).
 */
export function writtenType (request: IncomingMessage, query: string): ValueType | undefined {
  const { headers } = request
  refuseContentCoding(headers['content-encoding'])
  const type = valueTypeOf(headers['content-type'])
  if (type === undefined) {
    if (namesCdmi(headers.accept) || hasCdmiArguments(query)) throw new InvalidRequest('The request means the CDMI form of an object (by its Accept header or the arguments of its URI) but has no Content-Type')
    return undefined
  }
  return type
}

/** A coding would be lost, and the value unreadable with it: to be refused rather than ignored (RFC 9110 §8.4). */
export function refuseContentCoding (header: string | undefined): void {
  if (header === undefined) return
  const codings = header.split(',').map(coding => coding.trim().toLowerCase())
  if (codings.some(coding => coding !== '' && coding !== 'identity')) throw new UnsupportedMediaType('Content-Encoding is not supported; send the value without a content coding')
}
