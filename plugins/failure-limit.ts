/** Counts failed attempts to log in by where they come from, and says when somebody has to wait. Memory is bounded. */
import { LRUCache } from 'lru-cache'
import { isIPv6 } from 'node:net'

export interface FailureLimitOptions {
  /** Failed attempts that one has in one window. */
  readonly attempts: number
  /** Milliseconds from the first attempt until all is forgotten. */
  readonly window: number
}

interface Count {
  failures: number
  /** Attempts that have not come to their end: each may be one more. */
  open: number
  readonly until: number
}

const counts = 20_000
/** Seconds that a log-in takes, about. */
const soon = 1

export class FailureLimit {
  /** It grows: `max` would take the room of all of them at once, in each application. */
  readonly #counts = new LRUCache<string, Count>({ maxSize: counts, sizeCalculation: () => 1 })
  readonly #options: FailureLimitOptions
  readonly #now: () => number

  constructor (options: FailureLimitOptions, now: () => number = () => performance.now()) {
    this.#options = options
    this.#now = now
  }

  /** Seconds that one has to wait before another attempt; 0 when it may try now. */
  wait (one: string): number {
    const count = this.#current(one)
    const { attempts } = this.#options
    if (count === undefined || count.failures + count.open < attempts) return 0
    // Those that are under way are soon known to be right or wrong.
    return count.failures < attempts ? soon : Math.max(1, Math.ceil((count.until - this.#now()) / 1000))
  }

  /** An attempt begins: until its end there is one less, so that a burst cannot outrun the count. */
  begin (one: string): void {
    this.#countOf(one).open++
  }

  /** The attempt that was begun has come to its end. */
  end (one: string, failed: boolean): void {
    const count = failed ? this.#countOf(one) : this.#current(one)
    if (count === undefined) return
    if (count.open > 0) count.open--
    if (failed) count.failures++
  }

  #countOf (one: string): Count {
    const known = this.#current(one)
    if (known !== undefined) return known
    const made: Count = { failures: 0, open: 0, until: this.#now() + this.#options.window }
    this.#counts.set(one, made)
    return made
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
