/** Part of a body that is handed out to be read, while what comes behind it waits. */

/** A stream that outlives the iterators it hands out: whatever they were left for, the rest can be read, and what broke it is not forgotten. */
export class KeptStream implements AsyncIterable<Uint8Array> {
  readonly #chunks: AsyncGenerator<Uint8Array, undefined>
  #failure: unknown

  constructor (chunks: AsyncGenerator<Uint8Array, undefined>) {
    this.#chunks = chunks
  }

  async * [Symbol.asyncIterator] (): AsyncGenerator<Uint8Array, undefined> {
    for (let chunk = await this.#next(); chunk !== undefined; chunk = await this.#next()) yield chunk
  }

  /** Reads what is left. Throws what the stream has thrown, whoever has seen it. */
  async drain (): Promise<void> {
    while (await this.#next() !== undefined);
  }

  async #next (): Promise<Uint8Array | undefined> {
    if (this.#failure !== undefined) throw this.#failure
    try {
      const { done, value } = await this.#chunks.next()
      return done === true ? undefined : value
    } catch (error) {
      this.#failure = error
      throw error
    }
  }
}
