/**
 * Entity tags and preconditions (RFC 9110 §8.8, §13). Doors parse the headers; the rules and their order are here, because
 * they must be checked against the very record that a change replaces.
 */
import type { StoredRecord } from '../storage/contract.js'
import { NotModified, PreconditionFailed } from './errors.js'
import { attributesOf } from './record.js'

export interface Preconditions {
  /** Entity tags as in the header, quotes and `W/` included. */
  readonly ifMatch?: '*' | readonly string[] | undefined
  readonly ifNoneMatch?: '*' | readonly string[] | undefined
  /** Whole seconds since the epoch. */
  readonly ifModifiedSince?: number | undefined
  readonly ifUnmodifiedSince?: number | undefined
}

/** A strong tag: object ID and version. Every change of an object raises its version. */
export function entityTag (record: StoredRecord): string {
  return `"${record.id}.${record.version}"`
}

/** Whole seconds, as Last-Modified has them. */
export function lastModified (record: StoredRecord): number {
  return Math.floor(attributesOf(record).modified / 1_000_000)
}

const strong = (tags: readonly string[], tag: string): boolean => tags.includes(tag)
const weak = (tags: readonly string[], tag: string): boolean => tags.some(one => (one.startsWith('W/') ? one.slice(2) : one) === tag)

/**
 * Throws PreconditionFailed (412), or NotModified (304) for reads, in the order of RFC 9110 §13.2.2.
 * `record` undefined: there is no such object.
 */
export function checkPreconditions (conditions: Preconditions | undefined, record: StoredRecord | undefined, reading: boolean): void {
  if (conditions === undefined) return
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions
  const tag = record && entityTag(record)
  if (ifMatch !== undefined) {
    if (tag === undefined) throw new PreconditionFailed('If-Match: the object does not exist')
    if (ifMatch !== '*' && !strong(ifMatch, tag)) throw new PreconditionFailed(`If-Match: the object has changed; its entity tag is ${tag} now`)
  } else if (ifUnmodifiedSince !== undefined && record !== undefined && lastModified(record) > ifUnmodifiedSince) {
    throw new PreconditionFailed('If-Unmodified-Since: the object was changed after that time')
  }
  if (ifNoneMatch !== undefined) {
    if (tag !== undefined && (ifNoneMatch === '*' || weak(ifNoneMatch, tag))) {
      if (reading) throw new NotModified()
      throw new PreconditionFailed(ifNoneMatch === '*' ? 'If-None-Match: *: the object exists already' : `If-None-Match: the object has the entity tag ${tag}`)
    }
  } else if (reading && ifModifiedSince !== undefined && record !== undefined && lastModified(record) <= ifModifiedSince) {
    throw new NotModified()
  }
}
