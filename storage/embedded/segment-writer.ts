/** Segment maps and the reverse index of blobs, inside a write transaction. */
import { type BlobID, StorageError } from '../contract.js'
import { idText } from '../object-key.js'
import { linkOf, readBlob, sealBlob } from './blob-rows.js'
import { readU64, successor, writeU64 } from './bytes.js'
import { offsetOfSegment, ownerKey, referenceKey, referencePrefix, segmentKey, trashKey, blobKey } from './keys.js'
import { sealNote } from './note-rows.js'
import { hasSegments, isWhole, sizeOf } from './record-codec.js'
import { seal, unsealed } from './row-sums.js'
import { hasKeys, type Rows, type Table, type Tables } from './tables.js'
import type { WireSegment, WireSegmentChange } from './wire-change.js'

export interface StoredSegment { key: Buffer, offset: number, length: number, blobOffset: number, blob: BlobID }

/** The blob of bytes that were never written. They have rows as all others: else nobody could tell them from those whose row got lost. */
const nothing = ''

/** Whether its bytes were never written, and are read as zeros. For the driver alone: outside of it, what no segment names was never written. */
export const isHole = ({ blob }: Pick<StoredSegment, 'blob'>): boolean => blob === nothing

/** What a map is after a change: whether it has rows, and whether these cover the whole value. */
export interface MapState { readonly present: boolean, readonly whole: boolean }

/** Length (8 bytes), offset in the blob (8), blob; with a checksum. */
export function encodeSegment (key: Buffer, length: number, blobOffset: number, blob: BlobID): Buffer {
  const bytes = Buffer.allocUnsafe(16 + Buffer.byteLength(blob))
  writeU64(bytes, length, 0)
  writeU64(bytes, blobOffset, 8)
  bytes.write(blob, 16)
  return seal(key, bytes)
}

/** Throws a StorageError 'corrupt' when it has other bytes than were written. */
export function decodeSegment (key: Buffer, row: Buffer): StoredSegment {
  const segment = readSegment(key, row)
  if (segment === undefined) throw new StorageError('corrupt', `A segment of the value of object ${idText(key, 1, 1 + (key[0] ?? 0))} has other bytes than were written`)
  return segment
}

/** Undefined: it has other bytes than were written. */
export function readSegment (key: Buffer, row: Buffer): StoredSegment | undefined {
  const value = unsealed(key, row)
  return value === undefined ? undefined : segmentIn(key, value)
}

function segmentIn (key: Buffer, value: Buffer): StoredSegment {
  return { key, offset: offsetOfSegment(key), length: readU64(value, 0), blobOffset: readU64(value, 8), blob: value.toString('utf8', 16) }
}

/** Whether these, in their order, cover a range without a gap. */
export function isCovered (segments: ReadonlyArray<Pick<StoredSegment, 'offset' | 'length'>>, from: number, to: number): boolean {
  let at = from
  for (const { offset, length } of segments) {
    if (offset > at) return false
    at = Math.max(at, offset + length)
  }
  return at >= to
}

/** The ranges that segments leave out, in whatever order they are. */
function uncovered (segments: readonly WireSegment[], from: number, to: number): Array<{ offset: number, length: number }> {
  const left: Array<{ offset: number, length: number }> = []
  let at = from
  for (const [offset, length] of segments.toSorted(([one], [other]) => one - other)) {
    if (offset > at) left.push({ offset: at, length: Math.min(offset, to) - at })
    at = Math.max(at, offset + length)
  }
  if (at < to) left.push({ offset: at, length: to - at })
  return left.filter(({ length }) => length > 0)
}

/**
 * The segment with which a value begins. Mostly it has all of it, and a look at one row costs a fraction of one at those of a range: for that LMDB's binding
 * makes functions, which V8 keeps for longer than they are used, with all that hangs on them. Undefined also for one that has other bytes than were written: who
 * wants none of it need not know.
 */
function atStart (segments: Table, id: Buffer): StoredSegment | undefined {
  const key = segmentKey(id, 0)
  const row = segments.getBinary(key)
  return row && readSegment(key, row)
}

/** The segments of an object that overlap the range, ascending, and its holes. Reads the snapshot, or the transaction under way. */
export function overlapping (segments: Table, id: Buffer, offset: number, length: number): StoredSegment[] {
  const whole = atStart(segments, id)
  if (whole !== undefined && length > 0 && whole.length >= offset + length) return [whole]
  const found: StoredSegment[] = []
  const start = segmentKey(id, offset)
  // The one that begins before the range and may reach into it.
  for (const { key, value } of segments.getRange({ start, end: ownerKey(id), reverse: true, exclusiveStart: true, limit: 1 })) {
    const before = decodeSegment(key, value)
    if (before.offset + before.length > offset) found.push(before)
  }
  for (const { key, value } of segments.getRange({ start, end: segmentKey(id, offset + length) })) found.push(decodeSegment(key, value))
  return found
}

/** The ranges of a value of which a whole map has lost the rows. Rows that cannot be read are found by themselves. */
export function gapsIn (segments: Rows, id: Buffer, size: number): Array<{ offset: number, length: number }> {
  const gaps: Array<{ offset: number, length: number }> = []
  const owner = ownerKey(id)
  let at = 0
  for (const { key, value } of segments.getRange({ start: owner, end: successor(owner) })) {
    const offset = offsetOfSegment(key)
    if (offset > at) gaps.push({ offset: at, length: offset - at })
    at = Math.max(at, offset + (readSegment(key, value)?.length ?? Infinity))
  }
  if (at < size) gaps.push({ offset: at, length: size - at })
  return gaps
}

/** All segments of an object, and its holes. */
export function allSegments (segments: Rows, id: Buffer): StoredSegment[] {
  return segmentRows(segments, id).map(({ key, value }) => decodeSegment(key, value))
}

/** Those of them that can be read. */
export function readableSegments (segments: Rows, id: Buffer): StoredSegment[] {
  return segmentRows(segments, id).flatMap(({ key, value }) => readSegment(key, value) ?? [])
}

function segmentRows (segments: Rows, id: Buffer): Array<{ key: Buffer, value: Buffer }> {
  const owner = ownerKey(id)
  return Array.from(segments.getRange({ start: owner, end: successor(owner) }))
}

export class SegmentWriter {
  readonly #tables: Tables
  /** Blobs that got or lost references in the change under way: what their links change by, and whether one was lost. */
  readonly #touched = new Map<BlobID, { links: number, lost: boolean }>()

  constructor (tables: Tables) {
    this.#tables = tables
  }

  /** Applies a change to the map of `id`. `old`: the head of the record that is replaced; `size`: that of the value from now on. */
  apply (id: Buffer, change: WireSegmentChange, old: Buffer | undefined, size: number): MapState {
    const had = old !== undefined && hasSegments(old)
    const wasWhole = had && isWhole(old)
    const before = old === undefined ? 0 : sizeOf(old)
    switch (change[0]) {
      case 'keep':
        if (wasWhole) this.#leaveOut(id, [], before, size)
        return { present: had, whole: wasWhole }
      case 'replace': {
        const [, segments] = change
        if (had) this.clear(id)
        for (const segment of segments) this.#add(id, segment)
        if (segments.length > 0) this.#leaveOut(id, segments, 0, size)
        return { present: segments.length > 0, whole: segments.length > 0 }
      }
      case 'splice': {
        const [, segments, offset, length] = change
        const end = Math.min(size, offset + length)
        if (had) this.#cut(id, offset, length)
        for (const segment of segments) this.#add(id, segment)
        // Of the map of an older build nobody knows what its gaps are.
        if (had && !wasWhole) return { present: true, whole: false }
        if (!had && segments.length === 0) return { present: false, whole: false }
        // Without a map nothing was ever written.
        const known = had ? before : 0
        this.#leaveOut(id, [], known, Math.min(offset, size))
        this.#leaveOut(id, segments, offset, end)
        this.#leaveOut(id, [], Math.max(known, end), size)
        return { present: true, whole: true }
      }
      case 'copy': {
        const [, from] = change
        if (had) this.clear(id)
        const copied = allSegments(this.#tables.segments, from)
        for (const { offset, length, blob, blobOffset } of copied) this.#add(id, [offset, length, blob, blobOffset])
        const source = this.#tables.records.getBinaryFast(from)
        return { present: copied.length > 0, whole: source !== undefined && isWhole(source) && size <= sizeOf(source) }
      }
    }
  }

  /** Notes the bytes of a range that none of these segments has. */
  #leaveOut (id: Buffer, segments: readonly WireSegment[], from: number, to: number): void {
    for (const { offset, length } of uncovered(segments, from, to)) this.#add(id, [offset, length, nothing, 0])
  }

  clear (id: Buffer): void {
    for (const { key, value } of segmentRows(this.#tables.segments, id)) {
      const segment = readSegment(key, value)
      if (segment !== undefined) this.#remove(segment)
      // Which blob it named nobody knows; what is wrong with an object does not keep it from being replaced.
      else this.#tables.segments.removeSync(key)
    }
  }

  /** Empties the range: what overlaps it loses its middle, and keeps head and tail. */
  #cut (id: Buffer, offset: number, length: number): void {
    if (length === 0) return
    const end = offset + length
    for (const segment of overlapping(this.#tables.segments, id, offset, length)) {
      this.#remove(segment)
      const segmentEnd = segment.offset + segment.length
      if (segment.offset < offset) this.#add(id, [segment.offset, offset - segment.offset, segment.blob, segment.blobOffset])
      if (segmentEnd > end) this.#add(id, [end, segmentEnd - end, segment.blob, segment.blobOffset + end - segment.offset])
    }
  }

  #add (id: Buffer, [offset, length, blob, blobOffset]: WireSegment): void {
    const key = segmentKey(id, offset)
    this.#tables.segments.putSync(key, encodeSegment(key, length, blobOffset, blob))
    if (blob === nothing) return
    const reference = referenceKey(blob, key)
    this.#tables.references.putSync(reference, sealNote(reference))
    this.#touch(blob, key, false)
  }

  #remove ({ key, blob }: StoredSegment): void {
    this.#tables.segments.removeSync(key)
    if (blob === nothing) return
    this.#tables.references.removeSync(referenceKey(blob, key))
    this.#touch(blob, key, true)
  }

  #touch (blob: BlobID, segment: Buffer, isLoss: boolean): void {
    const touched = this.#touched.get(blob)
    if (touched === undefined) {
      this.#touched.set(blob, { links: linkOf(segment), lost: isLoss })
      return
    }
    touched.links ^= linkOf(segment)
    touched.lost ||= isLoss
  }

  /** To be called at the end of each change: what lost its last reference goes to the trash, to be looked at again after the grace time. */
  settle (now: number): void {
    for (const [blob, { links, lost }] of this.#touched) {
      const key = blobKey(blob)
      const row = this.#tables.blobs.getBinary(key)
      // One that cannot be read is left for a look at the store to find: under a checksum of its own nobody would see any more that it was wrong.
      const noted = row === undefined ? undefined : readBlob(key, row)
      if (noted === undefined) continue
      const isGarbage = lost && !isReferenced(this.#tables, blob)
      if (isGarbage) {
        if (noted.since > 0) this.#tables.trash.removeSync(trashKey(noted.since, blob))
        this.abandon(blob, now)
      }
      // Of the links of a row of an older build nobody knows anything, until there are none.
      if (noted.links === undefined && !isGarbage) continue
      this.#tables.blobs.putSync(key, sealBlob(key, { ...noted, links: ((noted.links ?? 0) ^ (noted.links === undefined ? 0 : links)) >>> 0, ...isGarbage && { since: now } }))
    }
    this.#touched.clear()
  }

  /** A blob without any reference goes to the trash. */
  abandon (blob: BlobID, since: number): void {
    const key = trashKey(since, blob)
    this.#tables.trash.putSync(key, sealNote(key))
  }

  /** Forgets what a change that was broken off had noted. */
  reset (): void {
    this.#touched.clear()
  }
}

export function isReferenced ({ references }: { readonly references: Rows }, blob: BlobID): boolean {
  return hasKeys(references, referencePrefix(blob))
}
