/**
 * Leaps of the system's clock, which somebody may set while the process runs. What is given so much time, and has the time of its beginning written down,
 * looks older after a leap forward than it is. A wait gets longer by the leaps that fell into it, so that nothing is given up too early.
 */

interface Leap {
  /** When it was noticed, on the clock that nobody sets. */
  readonly at: number
  /** Milliseconds; less than 0: the clock was set back. */
  readonly by: number
}

/** Milliseconds. Less is how clocks are kept right, and makes no difference. */
const least = 1000
/** Beyond it the two earliest are one. */
const mostLeaps = 100

export class ClockLeaps {
  readonly #wall: () => number
  readonly #steady: () => number
  readonly #leaps: Leap[] = []
  #difference: number

  /** Both in milliseconds: the clock that is set, and one that never is. */
  constructor (wall: () => number = () => Date.now(), steady: () => number = () => performance.now()) {
    this.#wall = wall
    this.#steady = steady
    this.#difference = wall() - steady()
  }

  /**
   * Milliseconds by which something that was written down within the last `span` of them may look too old. Where the clock was set more than once this is
   * the most that it can be, for nobody knows between which leaps that was.
   */
  within (span: number): number {
    this.#look()
    const since = this.#steady() - span
    let most = 0
    let sum = 0
    for (const { at, by } of this.#leaps.toReversed()) {
      if (at < since) break
      sum += by
      most = Math.max(most, sum)
    }
    return most
  }

  #look (): void {
    const difference = this.#wall() - this.#steady()
    const by = difference - this.#difference
    this.#difference = difference
    if (Math.abs(by) < least) return
    this.#leaps.push({ at: this.#steady(), by })
    const [first, second] = this.#leaps
    if (this.#leaps.length > mostLeaps && first !== undefined && second !== undefined) this.#leaps.splice(0, 2, { at: second.at, by: first.by + second.by })
  }
}

/** Those of the system's clock, since this process has started. */
export const clockLeaps = new ClockLeaps()
