/** Whether what was measured again and again stays as it is, or grows. */
import { median } from './statistics.js'

export interface Trend {
  /** The middle of all. */
  readonly median: number
  /** By how much it grows from the first to the last, along the line. */
  readonly growth: number
  /** By how much it may. */
  readonly allowed: number
  readonly flat: boolean
}

export interface Tolerance {
  /** Of the median. */
  readonly share: number
  /** In any case. */
  readonly least: number
}

/**
 * The line through the samples is the middle of the lines through any two of them (Theil and Sen): one high sample, or a few, do not lift it. What is measured at equal distances;
 * what falls is flat.
 */
export function trendOf (samples: readonly number[], { share, least }: Tolerance): Trend {
  const slopes: number[] = []
  for (const [from, first] of samples.entries()) {
    for (let to = from + 1; to < samples.length; to++) slopes.push(((samples[to] ?? 0) - first) / (to - from))
  }
  const middle = median(samples)
  const growth = median(slopes) * Math.max(0, samples.length - 1)
  const allowed = Math.max(least, share * middle)
  return { median: middle, growth, allowed, flat: growth <= allowed }
}
