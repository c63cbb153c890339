/** Several runs of bytes that take their places in one value (DOC-38, DOC-81). */
import { cutRanges, sliceRanges } from '../storage/segment-map.js'
import type { Segment, Store, StoredRecord } from '../storage/contract.js'
import { InvalidRange, TooLarge } from './errors.js'
import type { Staging } from './staging.js'
import { placeRange, type PlacedValue, type StagedValue } from './values.js'

export interface PlacedPart {
  /** Where its first byte goes. */
  readonly at: number
  readonly staged: StagedValue
}

/** Throws InvalidRange when two parts overlap, TooLarge when one ends beyond `limit`. */
export function checkParts (parts: readonly PlacedPart[], limit: number): void {
  let end = 0
  for (const { at, staged } of parts.toSorted((a, b) => a.at - b.at)) {
    if (staged.size === 0) continue
    if (at < end) throw new InvalidRange('Two parts of the value overlap; nothing was stored')
    end = at + staged.size
  }
  if (end > limit) throw new TooLarge(`The value would be longer than ${limit} bytes, the limit of this server; nothing was stored`)
}

/**
 * The value of `record` (undefined: an empty one) with the parts in their places; what lies between is as it was, or zeros. May write small blobs.
 * The record's segments are read again here: the commit holds only while it is still at its version.
 */
export async function placeParts (store: Store, staging: Staging, record: StoredRecord | undefined, given: readonly PlacedPart[]): Promise<PlacedValue> {
  const parts = given.filter(({ staged }) => staged.size > 0)
  const [first] = parts
  if (first === undefined || parts.length === 1) return await placeRange(store, staging, record, first?.staged ?? nothing, first?.at ?? 0)
  const oldSize = record?.size ?? 0
  const end = Math.max(...parts.map(({ at, staged }) => at + staged.size))
  const size = Math.max(oldSize, end)
  const segmented = record !== undefined && oldSize > 0 && record.inline === undefined

  if (!segmented && size <= store.inlineLimit && !leavesGap(oldSize, parts) && parts.every(({ staged }) => staged.inline !== undefined)) {
    const inline = Buffer.alloc(size)
    inline.set(record?.inline ?? nothingAtAll)
    for (const { at, staged } of parts) inline.set(staged.inline ?? nothingAtAll, at)
    return { size, inline, segments: { kind: 'replace', segments: [] }, births: [] }
  }

  const packed = await packParts(staging, parts)
  const births = packed.flatMap(({ staged }) => staged.births)
  const placed = packed.flatMap(({ at, staged }) => staged.segments.map(segment => ({ ...segment, offset: segment.offset + at })))
  const start = Math.min(...parts.map(({ at }) => at))
  const taken = parts.map(({ at, staged }) => ({ offset: at, length: staged.size })).sort((a, b) => a.offset - b.offset)
  if (segmented) {
    const map = await store.meta.segments(record.id, start, end - start)
    const between = cutRanges(sliceRanges(map?.segments ?? [], [{ offset: start, length: end - start }]).flat(), taken)
    return { size, inline: undefined, segments: { kind: 'splice', offset: start, length: end - start, segments: inOrder([...between, ...placed]) }, births }
  }
  const old: Segment[] = []
  if (record?.inline !== undefined && record.inline.length > 0) {
    const birth = await staging.put([record.inline], record.inline.length)
    births.push(birth)
    old.push(...cutRanges([{ offset: 0, length: record.inline.length, blob: birth.blob, blobOffset: 0 }], taken))
  }
  return { size, inline: undefined, segments: { kind: 'replace', segments: inOrder([...old, ...placed]) }, births }
}

/** The parts with all of them that are in memory stored, in one blob. The caller sees to it that those are not too many bytes. */
export async function packParts (staging: Staging, parts: readonly PlacedPart[]): Promise<PlacedPart[]> {
  const inline = parts.flatMap(({ staged }) => staged.inline ?? [])
  const size = inline.reduce((sum, { length }) => sum + length, 0)
  if (size === 0) return [...parts]
  const birth = await staging.put(inline, size)
  let blobOffset = 0
  return parts.map(({ at, staged }): PlacedPart => {
    if (staged.inline === undefined) return { at, staged }
    const segment = { offset: 0, length: staged.size, blob: birth.blob, blobOffset }
    // Once, however many parts are in it.
    const births = blobOffset === 0 ? [...staged.births, birth] : staged.births
    blobOffset += staged.size
    return { at, staged: { ...staged, inline: undefined, segments: [segment], births } }
  })
}

/** Whether some byte before the end of the new value was never written: values in a record cannot say so (DOC-56). */
function leavesGap (oldSize: number, parts: readonly PlacedPart[]): boolean {
  let end = oldSize
  for (const { at, staged } of parts.toSorted((a, b) => a.at - b.at)) {
    if (at > end) return true
    end = Math.max(end, at + staged.size)
  }
  return false
}

const nothingAtAll = new Uint8Array(0)
const nothing: StagedValue = { size: 0, inline: nothingAtAll, segments: [], births: [], utf8: true }

function inOrder (segments: readonly Segment[]): Segment[] {
  return segments.toSorted((a, b) => a.offset - b.offset)
}
