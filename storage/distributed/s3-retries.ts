/** When a failed request is tried again: later each time, never at the same moment as everybody else, and not for ever. */
import { setTimeout as wait } from 'node:timers/promises'
import { isPassing, S3Refusal } from './s3-errors.js'

const firstDelay = 50
const longestDelay = 5_000
/** Against a server that fails at once, each time. */
const mostFailures = 12

export class Retries {
  readonly #retryFor: number
  #failures = 0
  #since = 0

  /** `retryFor`: milliseconds after the first failure in which the last attempt may begin. */
  constructor (retryFor: number) {
    this.#retryFor = retryFor
  }

  /** Waits for the next attempt; throws the error itself when there is to be none. */
  async after (error: unknown, signal?: AbortSignal): Promise<void> {
    if (!isPassing(error)) throw error
    const now = performance.now()
    if (this.#failures++ === 0) this.#since = now
    const delay = this.#delay(error)
    if (this.#failures >= mostFailures || now - this.#since + delay > this.#retryFor) throw error
    try {
      await wait(delay, undefined, { ...(signal === undefined ? {} : { signal }) })
    } catch {
      throw signal?.reason
    }
  }

  /** Something was achieved: the next failure counts as the first. */
  progress (): void {
    this.#failures = 0
  }

  #delay (error: unknown): number {
    const ceiling = Math.min(longestDelay, firstDelay * 2 ** this.#failures)
    const delay = ceiling / 2 + Math.random() * ceiling / 2
    const asked = error instanceof S3Refusal ? Number(error.headers['retry-after']) : 0
    return asked > 0 ? Math.max(delay, asked * 1000) : delay
  }
}
