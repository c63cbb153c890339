/** Counts failed attempts to log in by where they come from, and says when somebody has to wait. Memory is bounded. */
import { LRUCache } from 'lru-cache'
import { isIPv6 } from 'node:net'

export interface FailureLimitOptions {
  /** Failed attempts that one has in one window. */
  readonly attempts: number
  /** Milliseconds from the first failure until all is forgotten. */
  readonly window: number
}

interface Count { failures: number, until: number }

const counts = 20_000

export class FailureLimit {
  readonly #counts = new LRUCache<string, Count>({ max: counts })
  readonly #options: FailureLimitOptions
  readonly #now: () => number

  constructor (options: FailureLimitOptions, now: () => number = () => performance.now()) {
    this.#options = options
    this.#now = now
  }

  /** Seconds that one has to wait before another attempt; 0 when it may try now. */
  wait (one: string): number {
    const count = this.#current(one)
    if (count === undefined || count.failures < this.#options.attempts) return 0
    return Math.max(1, Math.ceil((count.until - this.#now()) / 1000))
  }

  /** An attempt begins: it counts as failed until `succeeded` says otherwise, so that a burst cannot outrun the count. */
  begin (one: string): void {
    const count = this.#current(one)
    if (count === undefined) this.#counts.set(one, { failures: 1, until: this.#now() + this.#options.window })
    else count.failures++
  }

  /** The attempt that was begun did not fail. */
  succeeded (one: string): void {
    const count = this.#current(one)
    if (count !== undefined && count.failures > 0) count.failures--
  }

  #current (one: string): Count | undefined {
    const count = this.#counts.get(one)
    return count !== undefined && count.until > this.#now() ? count : undefined
  }
}

/** One subscriber has a whole /64 of IPv6 addresses: it is counted as one. */
export function networkOf (address: string): string {
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
  if (!isIPv6(plain)) return plain
  const [head = '', tail] = plain.split('%', 1)[0]?.split('::') ?? []
  const front = head === '' ? [] : head.split(':')
  if (tail === undefined) return front.slice(0, 4).join(':')
  const back = tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => '0')
  return [...front, ...zeros, ...back].slice(0, 4).join(':')
}
