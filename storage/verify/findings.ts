/** What a look at a whole store finds. */
import type { SecondCopy } from './second-copy.js'
import type { BlobID, ObjectID, StoredRecord } from '../contract.js'

/** The part of the store where something is wrong. */
export type FindingKind = 'structure' | 'state' | 'record' | 'value' | 'place' | 'segment' | 'reference' | 'blob' | 'trash' | 'lease' | 'orphan' | 'log' | 'accesses' | 'usage' | 'file'

export interface Finding {
  readonly kind: FindingKind
  /** A sentence that says what is wrong with what, without a dot at its end. */
  readonly problem: string
  readonly objectID?: ObjectID
  /** The CDMI path of the object, where one leads to it. */
  readonly path?: string
  readonly blob?: BlobID
  /** Below the directory of the store. */
  readonly file?: string
  /** The object is where a repair has put it, and says itself that it is damaged: no news. */
  readonly setAside?: true
}

export interface Repaired extends Finding {
  /** What was done: the end of a sentence; undefined: it can only be named. With `dryRun`: whether something can be. */
  readonly done?: string
  /** It can be mended, and something did not let it be: a sentence that says what. */
  readonly refused?: string
}

/** Of what could not be mended: what only a look at all bytes finds. A repair takes one, and must not forget it when it looks again at all else. */
export function damagedBytes (left: readonly Finding[]): Finding[] {
  return left.filter(({ kind }) => kind === 'blob')
}

/** Those of them that such a look has not found again: it sees what is gone, or too short. */
export function notAmong (left: readonly Finding[], bytes: readonly Finding[]): Finding[] {
  const nameOf = ({ blob, objectID }: Finding): string => `${blob ?? ''} ${objectID ?? ''}`
  const known = new Set(damagedBytes(left).map(nameOf))
  return bytes.filter(one => !known.has(nameOf(one)))
}

/** How far a look is. */
export type Look = 'records' | 'names' | 'values' | 'files' | 'log'

export interface LookProgress {
  readonly phase: Look
  /** Of `values` bytes, of others rows. */
  readonly done: number
  /** About; undefined: nobody knows. */
  readonly total: number | undefined
}

export interface VerifyOptions {
  /** Whether the bytes of values are read and compared with their checksums. Default: true. */
  readonly values?: boolean
  readonly signal?: AbortSignal | undefined
  /** Of a store of many servers: milliseconds for which what is among its values and belongs to nothing is left alone. Default: as long as something may come late. */
  readonly surplusGrace?: number | undefined
  /** Often called. */
  readonly progress?: ((progress: LookProgress) => void) | undefined
  /** What is wrong with the attributes of a record, in the words of who keeps them: the end of a sentence. */
  readonly checkRecord?: ((record: StoredRecord) => string | undefined) | undefined
}

export interface RepairOptions extends VerifyOptions {
  /** Nothing is changed. */
  readonly dryRun?: boolean
  /** Of a store in a directory: where files of values are looked for that are gone or have other bytes than were written. */
  readonly copy?: SecondCopy | undefined
}

/** What there is, and was looked at. */
export interface VerifyCounts {
  records: number
  blobs: number
  bytes: number
  events: number
}

/** How the text begins that an object has as its completionStatus once a repair has set it aside. */
export const damagedStatus = 'Error: damaged: '

export function isSetAside ({ completionStatus }: Readonly<Record<string, unknown>>): boolean {
  return typeof completionStatus === 'string' && completionStatus.startsWith(damagedStatus)
}
