/** The headers of conditional requests (RFC 9110 §13). They are only parsed here: `cdmi/preconditions.ts` has the rules. */
import type { IncomingHttpHeaders } from 'node:http'
import { InvalidRequest } from '../../cdmi/errors.js'
import { entityTag, lastModified, type Preconditions } from '../../cdmi/preconditions.js'
import type { StoredRecord } from '../../storage/contract.js'
import { parseHttpDate } from './http-date.js'

const tag = /[ \t]*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")?[ \t]*(?:,|$)/y

/** Undefined when a request has no conditions. Throws InvalidRequest for broken lists: to ignore them could overwrite something. */
export function preconditionsOf (headers: IncomingHttpHeaders): Preconditions | undefined {
  const ifMatch = headers['if-match']
  const ifNoneMatch = headers['if-none-match']
  const ifModifiedSince = headers['if-modified-since']
  const ifUnmodifiedSince = headers['if-unmodified-since']
  if (ifMatch === undefined && ifNoneMatch === undefined && ifModifiedSince === undefined && ifUnmodifiedSince === undefined) return undefined
  return {
    ifMatch: ifMatch === undefined ? undefined : parseEntityTags('If-Match', ifMatch),
    ifNoneMatch: ifNoneMatch === undefined ? undefined : parseEntityTags('If-None-Match', ifNoneMatch),
    ifModifiedSince: ifModifiedSince === undefined ? undefined : parseHttpDate(ifModifiedSince),
    ifUnmodifiedSince: ifUnmodifiedSince === undefined ? undefined : parseHttpDate(ifUnmodifiedSince)
  }
}

/** `*`, or the tags of a list with their quotes. */
export function parseEntityTags (field: string, text: string): '*' | string[] {
  if (text.trim() === '*') return '*'
  const tags: string[] = []
  tag.lastIndex = 0
  while (tag.lastIndex < text.length) {
    const match = tag.exec(text)
    if (match === null) throw new InvalidRequest(`${field} must be "*" or a list of entity tags in double quotes`)
    if (match[1] !== undefined) tags.push(match[1])
  }
  if (tags.length === 0) throw new InvalidRequest(`${field} is empty; it must be "*" or a list of entity tags in double quotes`)
  return tags
}

/**
 * Whether the ranges of a request still fit what the client has (RFC 9110 §13.1.5). Only a strong validator will do: a date
 * is one when the object cannot have changed twice in that second with the client's copy made in between.
 */
export function ifRangeHolds (header: string | undefined, record: StoredRecord, now: number = Date.now()): boolean {
  if (header === undefined) return true
  if (header.startsWith('"') || header.startsWith('W/')) return header === entityTag(record)
  const modified = lastModified(record)
  return parseHttpDate(header) === modified && (record.version === 1 || now - modified * 1000 >= 2000)
}
