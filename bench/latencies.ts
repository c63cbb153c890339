/** Times of many requests, in little memory. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

/** Milliseconds. */
export interface Times {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export class Latencies {
  readonly #histogram: RecordableHistogram = createHistogram()

  /** Milliseconds. */
  add (time: number): void {
    // In microseconds; it takes nothing less than one.
    this.#histogram.record(Math.max(1, Math.round(time * 1000)))
  }

  /** Of all since the last time that they were taken. */
  take (): Times {
    const { count } = this.#histogram
    const at = (percent: number): number => count === 0 ? 0 : this.#histogram.percentile(percent) / 1000
    const times = { count, p50: at(50), p99: at(99), max: count === 0 ? 0 : this.#histogram.max / 1000 }
    this.#histogram.reset()
    return times
  }
}
