/** All that is in an embedded store, page by page: in the snapshot of this turn of the event loop, or in one that lasts. */
import { type Accesses, type BlobBirth, type BlobID, type LoggedEvent, type ObjectID, type Segment, type Sequence, StorageError } from '../contract.js'
import { type PassOver, readableOf } from '../backup/unreadable.js'
import type { Census, WholeRecord, WholesQuery } from '../transfer/ends.js'
import { idKey, idText } from '../object-key.js'
import { readU64, u64 } from './bytes.js'
import { readAccesses } from './access-rows.js'
import { openBlob, readBlob, roughSize } from './blob-rows.js'
import { blobKey } from './keys.js'
import { openEvent } from './log-rows.js'
import { checkRecord, EmbeddedRecord, hasSegments, isWhole, sizeOf } from './record-codec.js'
import { allSegments, isCovered, isHole, isReferenced, type StoredSegment } from './segment-writer.js'
import { type Rows, rowsOf } from './tables.js'

/** The tables that have all that moves with a store. */
export interface WholeTables {
  readonly records: Rows
  readonly segments: Rows
  readonly accesses: Rows
  readonly blobs: Rows
  readonly references: Rows
  readonly log: Rows
}

export function censusOf ({ blobs }: Pick<WholeTables, 'blobs'>, records: number): Census {
  const census = { records, blobs: 0, bytes: 0 }
  for (const { value } of blobs.getRange({ start: Buffer.from([0]) })) {
    census.blobs++
    census.bytes += roughSize(value)
  }
  return census
}

export function wholesOf (tables: WholeTables, query: WholesQuery, passOver?: PassOver): WholeRecord[] {
  const { records, segments, accesses } = tables
  const { after, limit, size } = query
  const start = after === undefined ? Buffer.from([0]) : pastKey(idKey(after))
  const page: Array<{ key: Buffer, value: Buffer }> = []
  let read = 0
  for (const row of rowsOf('the records', records, { start, limit })) {
    read += row.value.length
    if (page.length > 0 && read > size) break
    page.push(row)
  }
  const last = page.at(-1)?.key
  if (last === undefined) return []
  const noted = new Map<string, Accesses>()
  for (const { key, value } of accesses.getRange({ start, end: pastKey(last) })) {
    const known = readAccesses(key, value)
    if (known !== undefined) noted.set(key.toString('latin1'), known)
  }
  const wholes = readableOf(page, ({ key, value }) => {
    const id = idText(key)
    checkRecord(key, value, id)
    const found = hasSegments(value) ? allSegments(segments, key) : []
    checkCovered(id, value, found, 0, sizeOf(value))
    return { record: new EmbeddedRecord(id, value), segments: segmentsOf(found), accesses: noted.get(key.toString('latin1')) }
  }, passOver, ({ key }) => ({ objectID: idText(key) }))
  // Only the last page is empty.
  return wholes.length > 0 ? wholes : wholesOf(tables, { ...query, after: idText(last) }, passOver)
}

/** Throws a StorageError 'corrupt' when a map that has no gaps has one in the range: it would be read as zeros. `segments`: those of the range. */
export function checkCovered (id: ObjectID, record: Uint8Array, segments: readonly StoredSegment[], from: number, to: number): void {
  if (isWhole(record) && !isCovered(segments, from, Math.min(to, sizeOf(record)))) throw new StorageError('corrupt', `The map of the value of object ${id} has a gap where none was written`)
}

/** Throws a StorageError 'corrupt' when what is noted of one has other bytes than were written, unless `unreadable` says what to take for it, or `passOver` is told of it. */
export function namedBlobsOf (tables: Pick<WholeTables, 'blobs' | 'references'>, after: BlobID | undefined, limit: number, { unreadable, passOver }: { readonly unreadable?: Omit<BlobBirth, 'blob'>, readonly passOver?: PassOver | undefined } = {}): BlobBirth[] {
  const start = after === undefined ? Buffer.from([0]) : pastKey(blobKey(after))
  const page: BlobBirth[] = []
  for (const { key, value } of tables.blobs.getRange({ start })) {
    const blob = key.toString()
    if (!isReferenced(tables, blob)) continue
    const [row] = readableOf([key], key => unreadable === undefined ? openBlob(key, value) : readBlob(key, value) ?? unreadable, passOver, () => ({ blob }))
    if (row !== undefined && page.push({ blob, size: row.size, hash: row.hash }) >= limit) break
  }
  return page
}

export function eventsOf ({ log }: Pick<WholeTables, 'log'>, after: Sequence, limit: number, passOver?: PassOver): LoggedEvent[] {
  for (let start = u64(after + 1); ;) {
    const rows = rowsOf('the change log', log, { start, limit })
    const last = rows.at(-1)
    const events = readableOf(rows, ({ key, value }) => ({ sequence: readU64(key, 0), event: openEvent(key, value).event }), passOver, () => ({}))
    // Only the last page is empty.
    if (events.length > 0 || last === undefined) return events
    // Behind its key: a number that is wrong may be greater than numbers are exact.
    start = pastKey(last.key)
  }
}

/** As they are known outside of the driver. */
export function segmentsOf (found: readonly StoredSegment[]): Segment[] {
  return found.filter(segment => !isHole(segment)).map(({ offset, length, blob, blobOffset }) => ({ offset, length, blob, blobOffset }))
}

/** The key that follows this one at once. */
export function pastKey (key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.from([0])])
}
