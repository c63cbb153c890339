/** Part of a body that is handed out to be read, while what comes behind it waits. */

const end = { done: true, value: undefined } as const

/** A stream that outlives the iterators it hands out: whatever they were left for, the rest can be read, and what broke it is not forgotten. */
export class KeptStream implements AsyncIterable<Uint8Array> {
  readonly #chunks: AsyncIterator<Uint8Array, undefined>
  #failure: unknown

  constructor (chunks: AsyncIterator<Uint8Array, undefined>) {
    this.#chunks = chunks
  }

  /** Not a generator: for a short text that costs more than to read it. */
  [Symbol.asyncIterator] (): AsyncIterableIterator<Uint8Array, undefined> {
    let left = false
    return {
      [Symbol.asyncIterator] () { return this },
      next: async () => left ? end : await this.#next(),
      async return () {
        left = true
        return end
      }
    }
  }

  /** Reads what is left. Throws what the stream has thrown, whoever has seen it. */
  async drain (): Promise<void> {
    while ((await this.#next()).done !== true);
  }

  async #next (): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#failure !== undefined) throw this.#failure
    try {
      return await this.#chunks.next()
    } catch (error) {
      this.#failure = error
      throw error
    }
  }
}
