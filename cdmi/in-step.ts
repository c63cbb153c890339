/** What is begun in one turn of the event loop goes on in step. */

/**
 * How many go on at once: the writer has something to do while the event loop gets the next ones ready. Each step is taken by all of them before the next step,
 * which is why they cost less than one after the other: the processor has the code of a step at hand, and does not fetch it anew for each of them.
 */
const most = 16

export class InStep {
  #joined = 0
  #next: Promise<void> | undefined
  #release: () => void = () => {}

  /** Resolves when this turn of the event loop is over, or enough have come; for all of them at once, in the order in which they asked. */
  join (): Promise<void> {
    const next = this.#next ??= this.#begin()
    if (++this.#joined === most) this.#release()
    return next
  }

  #begin (): Promise<void> {
    return new Promise(resolve => {
      const release = (): void => {
        clearImmediate(end)
        this.#joined = 0
        this.#next = undefined
        resolve()
      }
      const end = setImmediate(release)
      this.#release = release
    })
  }
}
