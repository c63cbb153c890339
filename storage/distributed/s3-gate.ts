/** How many requests may be under way, and how many may wait for that: more are refused at once, so that no queue grows without bound. */
import { StorageError } from '../contract.js'

interface Waiter { admit (): void }

export class RequestGate {
  readonly #limits: { readonly connections: number, readonly waiting: number, readonly timeout: number }
  readonly #queue = new Set<Waiter>()
  #inside = 0

  /** `timeout`: milliseconds after which who waits is sent away. */
  constructor (limits: { readonly connections: number, readonly waiting: number, readonly timeout: number }) {
    this.#limits = limits
  }

  get waiting (): number { return this.#queue.size }

  /** Resolves with the way out, to be called once (more often does no harm). Rejects with a StorageError, or with the signal's reason. */
  async enter (signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted()
    if (this.#inside < this.#limits.connections) {
      this.#inside++
      return this.#exit()
    }
    if (this.#queue.size >= this.#limits.waiting) throw new StorageError('unavailable', `All ${this.#limits.connections} connections to S3 are busy and ${this.#queue.size} requests wait for one`)
    return await this.#wait(signal)
  }

  async #wait (signal: AbortSignal | undefined): Promise<() => void> {
    return await new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#queue.delete(waiter)
        clearTimeout(timer)
        signal?.removeEventListener('abort', aborted)
      }
      const aborted = (): void => { leave(); reject(signal?.reason) }
      const timer = setTimeout(() => {
        leave()
        reject(new StorageError('unavailable', `No connection to S3 became free in ${this.#limits.timeout} ms; ${this.#queue.size} more requests wait`))
      }, this.#limits.timeout)
      const waiter = { admit: () => { leave(); resolve(this.#exit()) } }
      signal?.addEventListener('abort', aborted)
      this.#queue.add(waiter)
    })
  }

  #exit (): () => void {
    let outside = false
    return () => {
      if (outside) return
      outside = true
      // Who has waited longest takes the place over.
      const [next] = this.#queue
      if (next === undefined) this.#inside--
      else next.admit()
    }
  }
}
