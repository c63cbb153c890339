/** The Accept header (RFC 9110 §12.5.1; GEN-09). Pure code. */
import { isCdmiType } from './content-type.js'

interface MediaRange {
  /** `type/subtype`, `type/*` or `*\/*`, lower case. */
  readonly range: string
  readonly quality: number
}

const element = /^([!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+)[ \t]*(?:;|$)/
const weight = /;[ \t]*q[ \t]*=[ \t]*(0(?:\.\d*)?|1(?:\.0*)?)[ \t]*(?=;|$)/

/** The ranges of the header; what is not one is skipped. Absent and empty mean everything. */
export function parseAccept (header: string | undefined): readonly MediaRange[] {
  if (header === undefined || header.trim() === '') return everything
  const ranges: MediaRange[] = []
  for (const part of header.toLowerCase().split(',')) {
    const text = part.trim()
    const range = element.exec(text)?.[1]
    if (range !== undefined) ranges.push({ range, quality: Number(weight.exec(text)?.[1] ?? 1) })
  }
  return ranges
}

const everything: readonly MediaRange[] = [{ range: '*/*', quality: 1 }]

/** How much a client wants `type`, 0 to 1: the most specific range that fits decides. */
export function qualityOf (ranges: readonly MediaRange[], type: string): number {
  const wildcard = type.slice(0, type.indexOf('/')) + '/*'
  let best = 0
  let quality = 0
  for (const one of ranges) {
    const specific = one.range === type ? 3 : one.range === wildcard ? 2 : one.range === '*/*' ? 1 : 0
    if (specific > best) [best, quality] = [specific, one.quality]
    else if (specific === best && specific > 0) quality = Math.max(quality, one.quality)
  }
  return quality
}

/** The offer that the client wants most, the first of equals; undefined when it wants none. */
export function preferredType<T extends string> (header: string | undefined, offers: readonly T[]): T | undefined {
  const ranges = parseAccept(header)
  let best: T | undefined
  let highest = 0
  for (const offer of offers) {
    const quality = qualityOf(ranges, offer)
    if (quality > highest) [best, highest] = [offer, quality]
  }
  return best
}

/** Whether the header names a media type of CDMI. */
export function namesCdmi (header: string | undefined): boolean {
  if (header === undefined || !/cdmi-/i.test(header)) return false
  return parseAccept(header).some(({ range, quality }) => quality > 0 && isCdmiType(range))
}
