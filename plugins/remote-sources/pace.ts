/** How fast an answer comes. A server that sends a byte now and then would hold its transfer for ever; one that this server is too slow for must not suffer for it. */

export interface LeastPace {
  /** Bytes in a second; 0: as few as it likes. */
  readonly rate: number
  /** Milliseconds of waiting that it may be behind. */
  readonly grace: number
}

export class Pace {
  readonly #least: LeastPace
  /** Milliseconds that may still be waited: each byte that comes adds what it may take. */
  #left: number
  /** Bytes that have come. */
  received = 0
  /** It was given up for this. */
  tooSlow = false

  constructor (least: LeastPace) {
    this.#least = least
    this.#left = least.grace
  }

  /** Waits for something of the answer; `giveUp` is called when that takes too long, and must make the waiting end. */
  async wait<T> (next: () => Promise<T>, giveUp: () => void): Promise<T> {
    if (this.#least.rate === 0) return await next()
    const begun = performance.now()
    const timer = setTimeout(() => {
      this.tooSlow = true
      giveUp()
    }, Math.max(0, this.#left))
    try {
      return await next()
    } finally {
      clearTimeout(timer)
      this.#left -= performance.now() - begun
    }
  }

  /** These have come. */
  count (bytes: number): void {
    const { rate, grace } = this.#least
    this.received += bytes
    if (rate > 0) this.#left = Math.min(grace, this.#left + bytes / rate * 1000)
  }
}
