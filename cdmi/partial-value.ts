/** The value of a set of parts: how each part gets into it, and how it becomes the value of its object (PUP-03, PUP-08). */
import { sliceRanges, spliceSegments } from '../storage/segment-map.js'
import type { Segment, Store, StoredRecord } from '../storage/contract.js'
import { type PlacedPart, placeParts } from './place-parts.js'
import type { Staging } from './staging.js'
import { type ByteRange, emptyValue, keepValue, type PlacedValue, readSegments } from './values.js'

/** The value of the set with these parts in their places. `record`: the set as it was; undefined: there is none. */
export async function placeInSet (store: Store, staging: Staging, record: StoredRecord | undefined, parts: readonly PlacedPart[]): Promise<PlacedValue> {
  if (parts.length > 0) return await placeParts(store, staging, record, parts)
  return record === undefined ? emptyValue : keepValue(record)
}

/**
 * The value of the object when its set is complete: `runs` of the set over `onto`, or with nothing else. The same blobs, not copies of them; small
 * values move into the record. `set`: the record of the set, to which `placed` happens in the same commit.
 */
export async function completeValue (store: Store, staging: Staging, onto: StoredRecord | undefined, runs: readonly ByteRange[], set: StoredRecord | undefined, placed: PlacedValue): Promise<PlacedValue> {
  const slices = sliceRanges(placed.inline === undefined ? await segmentsAfter(store, set, placed) : [], runs)
  const parts = runs.map(({ offset, length }, index): PlacedPart => ({
    at: offset,
    staged: {
      size: length,
      inline: placed.inline?.subarray(offset, offset + length),
      segments: (slices[index] ?? []).map(segment => ({ ...segment, offset: segment.offset - offset })),
      births: [],
      utf8: undefined
    }
  }))
  const value = await placeParts(store, staging, onto, parts)
  if (value.inline !== undefined || value.size > store.inlineLimit || value.segments.kind !== 'replace' || !isWhole(value.segments.segments, value.size)) return value
  return { size: value.size, inline: await readSegments(store, value.segments.segments, { offset: 0, length: value.size }), segments: { kind: 'replace', segments: [] }, births: [] }
}

async function segmentsAfter (store: Store, record: StoredRecord | undefined, { segments: change }: PlacedValue): Promise<readonly Segment[]> {
  if (change.kind === 'replace') return change.segments.toSorted((a, b) => a.offset - b.offset)
  const old = record === undefined ? [] : (await store.meta.segments(record.id, 0, record.size))?.segments ?? []
  return change.kind === 'splice' ? spliceSegments(old, change) : old
}

/** Whether nothing is missing up to `size`. */
function isWhole (segments: readonly Segment[], size: number): boolean {
  let end = 0
  for (const { offset, length } of segments.toSorted((a, b) => a.offset - b.offset)) {
    if (offset > end) return false
    end = Math.max(end, offset + length)
  }
  return end >= size
}
