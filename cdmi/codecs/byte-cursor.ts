/** A stream of bytes, looked at chunk by chunk by a parser that need not care where the chunks end. */

const nothing = Buffer.alloc(0)

export class ByteCursor {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #check: ((chunk: Uint8Array) => void) | undefined
  #refused = false
  #start = 0
  /** What is there to look at. */
  bytes: Buffer = nothing
  /** The first byte of `bytes` that is still to be consumed. */
  at = 0

  /** `check`: sees each chunk before anybody else does, and throws to refuse it: then it is the last. */
  constructor (source: AsyncIterable<Uint8Array>, check?: (chunk: Uint8Array) => void) {
    this.#chunks = source[Symbol.asyncIterator]()
    this.#check = check
  }

  /** Bytes of the stream before `bytes`. */
  get start (): number {
    return this.#start
  }

  /** Bytes consumed so far. */
  get offset (): number {
    return this.#start + this.at
  }

  /** Gets more bytes, after those that are still to be consumed. False at the end of the stream. */
  async fill (): Promise<boolean> {
    for (;;) {
      if (this.#refused) return false
      const { done, value } = await this.#chunks.next()
      if (done === true) return false
      if (value.length === 0) continue
      this.#see(value)
      const chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      const rest = this.bytes.subarray(this.at)
      this.#start += this.at
      this.bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      this.at = 0
      return true
    }
  }

  #see (chunk: Uint8Array): void {
    try {
      this.#check?.(chunk)
    } catch (error) {
      this.#refused = true
      throw error
    }
  }

  /** Lets go of the source. Not awaited: it may be waiting for more. */
  release (): void {
    this.#chunks.return?.().catch(() => {})
  }
}
