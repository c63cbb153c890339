/**
 * Values that arrive in parts (PUP): what a request says of its part, and the account of the parts of one set. Pure code.
 */
import { InvalidRange, InvalidRequest } from './errors.js'
import type { ByteRange } from './values.js'

/** When a set is complete: so many parts are there, or all of a range is. */
export type Condition = { readonly count: number } | { readonly range: ByteRange }

/** What a request says of itself: `X-CDMI-Partial`. */
export interface PartialMessage {
  /** Undefined: the null upload ID. */
  readonly uploadID?: string | undefined
  /** Of the null upload ID: more is to come. */
  readonly more?: boolean | undefined
  readonly condition?: Condition | undefined
  /** The parts are the whole new value, or go into the old one. Undefined: see `replaces`. */
  readonly replace?: boolean | undefined
}

/** Offset and length, short because there are many in a record. */
export type Span = readonly [offset: number, length: number]

/** The parts of a set. Nothing overlaps. */
export interface Ledger {
  /** Those that said where they go, ascending. */
  readonly ranges: readonly Span[]
  /** Runs of those that did not: they follow what was there, in order of arrival. Ascending. */
  readonly appended: readonly Span[]
  readonly count: number
}

export const emptyLedger: Ledger = { ranges: [], appended: [], count: 0 }

/** Most ranges of one set: their list is rewritten with each part. */
export const mostRanges = 10_000

/** Where the furthest part ends. */
export function endOf ({ ranges, appended }: Ledger): number {
  return Math.max(endOfSpan(ranges.at(-1)), endOfSpan(appended.at(-1)))
}

function endOfSpan (span: Span | undefined): number {
  return span === undefined ? 0 : span[0] + span[1]
}

/**
 * The account with one part more, and the place of it. `at` undefined: behind all others. The same range again takes the place of the first
 * (PUP-10); one that overlaps another otherwise is InvalidRange (PUP-11).
 */
export function addPart (ledger: Ledger, at: number | undefined, length: number): { readonly ledger: Ledger, readonly at: number } {
  const { ranges, appended, count } = ledger
  if (at === undefined) {
    const end = endOf(ledger)
    const last = appended.at(-1)
    const grows = last !== undefined && endOfSpan(last) === end
    const run: Span = grows ? [last[0], last[1] + length] : [end, length]
    return { ledger: { ranges, appended: [...grows ? appended.slice(0, -1) : appended, run], count: count + 1 }, at: end }
  }
  const place = placeOf(ranges, at)
  const same = ranges[place]
  if (same !== undefined && same[0] === at && same[1] === length) return { ledger, at }
  if (overlaps(ranges, at, length) || overlaps(appended, at, length)) throw new InvalidRange(`The range ${at}-${at + length - 1} overlaps a part that has come before without being the same; nothing was stored`)
  if (ranges.length >= mostRanges) throw new InvalidRange(`A set of parts has at most ${mostRanges} ranges; send longer ones, or end it`)
  return { ledger: { ranges: ranges.toSpliced(place, 0, [at, length]), appended, count: count + 1 }, at }
}

/** Index of the first that begins at `at` or behind it. There may be thousands, and a request may bring thousands. */
function placeOf (spans: readonly Span[], at: number): number {
  let [low, high] = [0, spans.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((spans[middle]?.[0] ?? 0) < at) low = middle + 1
    else high = middle
  }
  return low
}

/** Spans that do not overlap each other end in the order in which they begin. */
function overlaps (spans: readonly Span[], at: number, length: number): boolean {
  return endOfSpan(spans[placeOf(spans, at + length) - 1]) > at
}

/** What is there, ascending: parts that touch are one run. */
export function runsOf ({ ranges, appended }: Ledger): ByteRange[] {
  const runs: ByteRange[] = []
  for (const [offset, length] of [...ranges, ...appended].sort((a, b) => a[0] - b[0])) {
    const last = runs.at(-1)
    if (last !== undefined && last.offset + last.length === offset) runs[runs.length - 1] = { offset: last.offset, length: last.length + length }
    else runs.push({ offset, length })
  }
  return runs
}

/** Whether the condition holds. */
export function isFulfilled (condition: Condition, ledger: Ledger): boolean {
  if ('count' in condition) return ledger.count === condition.count
  const { offset, length } = condition.range
  return runsOf(ledger).some(run => run.offset <= offset && run.offset + run.length >= offset + length)
}

/**
 * Whether the parts are the whole new value (PUP-08). Nothing said: as for writes in one piece, those with places go into the old value, others
 * replace it.
 */
export function replaces (said: boolean | undefined, { ranges }: Ledger): boolean {
  return said ?? ranges.length === 0
}

/** What all messages of a set must agree on. */
export type Terms = Pick<PartialMessage, 'condition' | 'replace'>

/** The terms with those of one message more. Throws InvalidRequest when they differ (PUP-09). */
export function agreedTerms (before: Terms, { condition, replace }: Terms): Terms {
  if (before.condition !== undefined && condition !== undefined && describeCondition(before.condition) !== describeCondition(condition)) {
    throw new InvalidRequest(`X-CDMI-Partial: a request before had the condition ${describeCondition(before.condition)}, this one has ${describeCondition(condition)}; nothing was stored`)
  }
  if (before.replace !== undefined && replace !== undefined && before.replace !== replace) {
    throw new InvalidRequest(`X-CDMI-Partial: a request before had replace=${String(before.replace)}, this one has replace=${String(replace)}; nothing was stored`)
  }
  return { condition: before.condition ?? condition, replace: before.replace ?? replace }
}

function describeCondition (condition: Condition): string {
  if ('count' in condition) return `count=${condition.count}`
  const { offset, length } = condition.range
  return `range=${offset}-${offset + length - 1}`
}
