/** Runs at most so many tasks at once, lets a bounded number wait, and refuses the rest. */

export class BoundedQueue {
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor (readonly concurrency: number, readonly length: number) {}

  /** True when `run` would refuse. */
  get full (): boolean {
    return this.#running >= this.concurrency && this.#waiting.length >= this.length
  }

  /** The task's result; `refuse` is thrown when too many wait already. */
  async run<T> (task: () => Promise<T>, refuse: () => Error): Promise<T> {
    if (this.full) throw refuse()
    if (this.#running >= this.concurrency) await new Promise<void>(resolve => { this.#waiting.push(resolve) })
    else this.#running++
    try {
      return await task()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
