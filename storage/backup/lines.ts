/** What stands in the lists of a backup, line by line. */
import { crc32 } from 'node:zlib'
import { type BlobBirth, type JsonObject, type Sequence, StorageError, type StoredRecord } from '../contract.js'
import type { WholeRecord } from '../transfer/ends.js'

/** A blob whose bytes are in the backup. */
export interface KeptBlob extends BlobBirth {
  /** Of its bytes. */
  readonly sha256: string
  /** Bytes of the file that has it. */
  readonly stored: number
  /** Whether that file is compressed (gzip). */
  readonly gz: boolean
  /** Where it begins, when the backup is one file. */
  readonly at?: number
}

/** All that is kept of one object; what is undefined is left out. */
export interface RecordLine {
  readonly id: string
  readonly version: number
  readonly type: string
  readonly parentID?: string | undefined
  readonly name?: string | undefined
  readonly attributes: JsonObject
  readonly size: number
  /** Base64. */
  readonly inline?: string | undefined
  readonly segments?: ReadonlyArray<readonly [offset: number, length: number, blob: string, blobOffset: number]> | undefined
  readonly accesses?: readonly [count: number, last: number] | undefined
}

export type LogLine = readonly [sequence: Sequence, event: JsonObject]

export function lineOfRecord ({ record, segments, accesses }: WholeRecord): RecordLine {
  const { id, version, type, parentID, name, size, inline } = record
  const attributes = attributesOf(record)
  return {
    id,
    version,
    type,
    parentID,
    name,
    attributes,
    size,
    inline: inline === undefined ? undefined : Buffer.from(inline.buffer, inline.byteOffset, inline.length).toString('base64'),
    segments: segments.length === 0 ? undefined : segments.map(({ offset, length, blob, blobOffset }) => [offset, length, blob, blobOffset] as const),
    accesses: accesses === undefined ? undefined : [accesses.count, accesses.last]
  }
}

/** They are decoded here. Throws a StorageError 'corrupt' when they cannot be. */
export function attributesOf (record: StoredRecord): JsonObject {
  try {
    return record.attributes
  } catch (error) {
    throw error instanceof StorageError ? error : new StorageError('corrupt', `The attributes of object ${record.id} are not readable`, { cause: error })
  }
}

export function recordOfLine ({ id, version, type, parentID, name, attributes, size, inline, segments = [], accesses }: RecordLine): WholeRecord {
  return {
    record: { id, version, type, parentID, name, attributes, size, inline: inline === undefined ? undefined : Buffer.from(inline, 'base64') },
    segments: segments.map(([offset, length, blob, blobOffset]) => ({ offset, length, blob, blobOffset })),
    accesses: accesses === undefined ? undefined : { count: accesses[0], last: accesses[1] }
  }
}

/** Lines of a part, about. */
const usual = { records: 256, blobs: 1024, log: 1024 } as const

/** Whether the list is cut behind the line about this: the same in every backup. */
export const endsRecords = (id: string): boolean => crc32(id) % usual.records === 0
export const endsBlobs = (blob: string): boolean => crc32(blob) % usual.blobs === 0
export const endsLog = (sequence: Sequence): boolean => sequence % usual.log === 0

/** The file of a backup that has the bytes of a blob. */
export function fileOfBlob (blob: string, gz: boolean): string {
  return `blobs/${blob}${gz ? '.gz' : ''}`
}
