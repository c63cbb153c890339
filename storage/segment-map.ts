/** Arithmetic of segment maps: pure, for drivers that keep a map in one piece. */
import type { Segment } from './contract.js'

/** What is left of a segment outside the range: nothing, its head, its tail, or both. */
export function cutSegment (segment: Segment, offset: number, length: number): Segment[] {
  const end = offset + length
  const segmentEnd = segment.offset + segment.length
  if (segmentEnd <= offset || segment.offset >= end) return [segment]
  const rest: Segment[] = []
  if (segment.offset < offset) rest.push({ ...segment, length: offset - segment.offset })
  if (segmentEnd > end) rest.push({ offset: end, length: segmentEnd - end, blob: segment.blob, blobOffset: segment.blobOffset + end - segment.offset })
  return rest
}

/** The map after `segments` have taken the range over. */
export function spliceSegments (map: readonly Segment[], { offset, length, segments }: { offset: number, length: number, segments: readonly Segment[] }): Segment[] {
  const kept = length === 0 ? map : map.flatMap(segment => cutSegment(segment, offset, length))
  return [...kept, ...segments].sort((a, b) => a.offset - b.offset)
}
