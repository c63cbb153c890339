/** How much may be under way at once, and how many may wait for that: more are refused, so that neither memory nor a queue grows without bound. */
import { StorageError } from '../contract.js'

export interface GateLimits {
  /** How much may be inside at once: requests, or bytes. */
  readonly room: number
  /** How many may wait. */
  readonly waiting: number
  /** Milliseconds after which who waits is sent away. */
  readonly timeout: number
  /** Says to the operator what is missing: "All 64 connections to S3 are busy". */
  readonly full: string
}

interface Waiter { readonly amount: number, admit (): void }

/** Admits in the order of arrival. */
export class Gate {
  readonly #limits: GateLimits
  readonly #queue = new Set<Waiter>()
  #free: number

  constructor (limits: GateLimits) {
    this.#limits = limits
    this.#free = limits.room
  }

  /** Room that nobody has. */
  get free (): number {
    return this.#free
  }

  /** How many wait for room. */
  get waiting (): number {
    return this.#queue.size
  }

  /**
   * Resolves with the way out, to be called once (more often does no harm). Rejects with a StorageError, or with the signal's reason. More than there is room for at
   * all counts as all of it.
   */
  async enter (wanted: number, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted()
    const { room, waiting, full } = this.#limits
    const amount = Math.min(wanted, room)
    if (this.#queue.size === 0 && amount <= this.#free) return this.#admit(amount)
    if (this.#queue.size >= waiting) throw new StorageError('unavailable', `${full}, and ${this.#queue.size} wait already`)
    return await this.#wait(amount, signal)
  }

  /** The same where nobody waits and there is room; else undefined. */
  tryEnter (wanted: number): (() => void) | undefined {
    const amount = Math.min(wanted, this.#limits.room)
    return this.#queue.size === 0 && amount <= this.#free ? this.#admit(amount) : undefined
  }

  async #wait (amount: number, signal: AbortSignal | undefined): Promise<() => void> {
    return await new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#queue.delete(waiter)
        clearTimeout(timer)
        signal?.removeEventListener('abort', aborted)
      }
      const giveUp = (reason: unknown): void => {
        leave()
        reject(reason)
        // Who stood behind may need less.
        this.#next()
      }
      const aborted = (): void => { giveUp(signal?.reason) }
      const timer = setTimeout(() => {
        giveUp(new StorageError('unavailable', `${this.#limits.full}, and that did not change in ${this.#limits.timeout} ms; ${this.#queue.size} wait`))
      }, this.#limits.timeout)
      const waiter = { amount, admit: () => { leave(); resolve(this.#admit(amount)) } }
      signal?.addEventListener('abort', aborted)
      this.#queue.add(waiter)
    })
  }

  #admit (amount: number): () => void {
    this.#free -= amount
    let outside = false
    return () => {
      if (outside) return
      outside = true
      this.#free += amount
      this.#next()
    }
  }

  #next (): void {
    for (const waiter of this.#queue) {
      if (waiter.amount > this.#free) return
      waiter.admit()
    }
  }
}
