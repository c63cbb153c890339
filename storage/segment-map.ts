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

/** What is left of the segments outside the ranges; both ascending. */
export function cutRanges (segments: readonly Segment[], ranges: readonly Range[]): Segment[] {
  const rest: Segment[] = []
  let from = 0
  for (const segment of segments) {
    while (endOf(ranges[from]) <= segment.offset) from++
    let pieces = [segment]
    for (let at = from; (ranges[at]?.offset ?? Infinity) < endOf(segment); at++) {
      pieces = pieces.flatMap(piece => cutSegment(piece, ranges[at]?.offset ?? 0, ranges[at]?.length ?? 0))
    }
    rest.push(...pieces)
  }
  return rest
}

/** For each range what of the segments lies in it; both ascending. */
export function sliceRanges (segments: readonly Segment[], ranges: readonly Range[]): Segment[][] {
  let from = 0
  return ranges.map(range => {
    while (endOf(segments[from]) <= range.offset) from++
    const inside: Segment[] = []
    for (let at = from; ; at++) {
      const segment = segments[at]
      if (segment === undefined || segment.offset >= endOf(range)) return inside
      const offset = Math.max(segment.offset, range.offset)
      inside.push({ offset, length: Math.min(endOf(segment), endOf(range)) - offset, blob: segment.blob, blobOffset: segment.blobOffset + offset - segment.offset })
    }
  })
}

interface Range { readonly offset: number, readonly length: number }

/** Beyond the last there is nothing to be passed over. */
function endOf (range: Range | undefined): number {
  return range === undefined ? Infinity : range.offset + range.length
}

/** The map after `segments` have taken the range over. */
export function spliceSegments (map: readonly Segment[], { offset, length, segments }: { offset: number, length: number, segments: readonly Segment[] }): Segment[] {
  const kept = length === 0 ? map : map.flatMap(segment => cutSegment(segment, offset, length))
  return [...kept, ...segments].sort((a, b) => a.offset - b.offset)
}
