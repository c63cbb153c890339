/**
 * Where a part of the program keeps what it counts. Who counts holds the counter itself: to count is to add to a number, for a request has no time for
 * more. What costs something to find out is read only when somebody asks.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Attributes, Tracing } from './tracing.js'
import { type Described, type Family, type Labels, labelsText, type Sample } from './family.js'

/** Rises. */
export class Counter {
  value = 0

  add (amount = 1): void {
    this.value += amount
  }
}

/** How many were how great. */
export class Histogram {
  readonly #buckets: readonly number[]
  readonly #counts: number[]
  #sum = 0

  /** `buckets`: upper bounds, ascending; what is most frequent is best in the first. */
  constructor (buckets: readonly number[]) {
    this.#buckets = buckets
    this.#counts = Array.from({ length: buckets.length + 1 }, () => 0)
  }

  observe (value: number): void {
    const buckets = this.#buckets
    let at = 0
    while (at < buckets.length && value > (buckets[at] ?? Infinity)) at++
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
    this.#sum += value
  }

  get values (): number[] {
    return [...this.#counts, this.#sum]
  }
}

/** What can be read when somebody asks. It may fail, and may take its time: then it is left out. */
export type Reading = () => readonly Family[] | Promise<readonly Family[]>

interface Kept {
  readonly described: Described
  readonly type: 'counter' | 'histogram'
  readonly buckets: readonly number[]
  readonly series: Map<string, { readonly labels: Labels, readonly meter: Counter | Histogram }>
}

/** Milliseconds that what is read may take, at most. */
const patience = 1000

/** Seconds, from what a short value in memory needs to what a long upload does. */
export const durations: readonly number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
/** Of things that go together. */
export const amounts: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

export class Registry {
  /** What makes spans of that which is counted here; undefined: nobody wants any. */
  tracing: Tracing | undefined
  readonly #kept = new Map<string, Kept>()
  readonly #readings = new Map<Reading, Promise<readonly Family[]> | undefined>()

  /** The counter of that name and these labels; made at the first time. Labels must be few: each set of them is a series of its own for ever. */
  counter (described: Described, labels: Labels = {}): Counter {
    const { series } = this.#family(described, 'counter', [])
    return this.#meter(series, labels, Counter, () => new Counter())
  }

  histogram (described: Described, buckets: readonly number[], labels: Labels = {}): Histogram {
    const family = this.#family(described, 'histogram', buckets)
    return this.#meter(family.series, labels, Histogram, () => new Histogram(family.buckets))
  }

  /** To be asked at each `collect`. */
  read (reading: Reading): void {
    this.#readings.set(reading, undefined)
  }

  /** `work`, as a span where somebody wants spans. */
  traced<T> (name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
    return this.tracing === undefined ? work() : this.tracing.span(name, attributes, work)
  }

  /** All that there is now. Never rejects, and takes no longer than a second or so. */
  async collect (): Promise<Family[]> {
    const read = await Promise.all(Array.from(this.#readings.keys(), async reading => await this.#ask(reading)))
    const counted = Array.from(this.#kept.values(), ({ described, type, buckets, series }): Family => ({
      ...described,
      type,
      merging: 'sum',
      samples: Array.from(series.values(), ({ labels, meter }): Sample => ({ labels, values: meter instanceof Counter ? [meter.value] : meter.values })),
      ...type === 'histogram' && { buckets }
    }))
    return [...counted, ...read.flat()]
  }

  /** One that did not answer the last time is not asked once more before it does. */
  async #ask (reading: Reading): Promise<readonly Family[]> {
    const asked = this.#readings.get(reading) ?? this.#begin(reading)
    const enough = new AbortController()
    try {
      return await Promise.race([asked, delay(patience, [], { signal: enough.signal })])
    } finally {
      enough.abort()
    }
  }

  #begin (reading: Reading): Promise<readonly Family[]> {
    // A part that cannot be asked now says so in its own log; here the rest counts.
    const asked = (async () => await reading())().catch(() => []).finally(() => { this.#readings.set(reading, undefined) })
    this.#readings.set(reading, asked)
    return asked
  }

  #family (described: Described, type: Kept['type'], buckets: readonly number[]): Kept {
    const known = this.#kept.get(described.name)
    if (known !== undefined) return known
    const made: Kept = { described, type, buckets, series: new Map() }
    this.#kept.set(described.name, made)
    return made
  }

  #meter<M extends Counter | Histogram> (series: Kept['series'], labels: Labels, Kind: new (...given: never[]) => M, make: () => M): M {
    const key = labelsText(labels)
    const known = series.get(key)?.meter
    if (known instanceof Kind) return known
    const meter = make()
    series.set(key, { labels, meter })
    return meter
  }
}
