/** What is left to chance, by a seed: the same seed, the same choices and the same bytes. */
import { createCipheriv, hash, randomInt } from 'node:crypto'

export class Chance {
  readonly #seed: string
  readonly #stream

  constructor (seed: string = String(randomInt(2 ** 32))) {
    this.#seed = seed
    this.#stream = createCipheriv('aes-128-ctr', hash('sha256', seed, 'buffer').subarray(0, 16), Buffer.alloc(16))
  }

  /** Of something that has choices of its own: what others do meanwhile does not change them. */
  of (name: string | number): Chance {
    return new Chance(`${this.#seed}/${name}`)
  }

  bytes (length: number): Buffer {
    return this.#stream.update(Buffer.alloc(length))
  }

  /** From `least` on, below `end`; with one number, from 0 on below it. */
  int (least: number, end?: number): number {
    const [from, to] = end === undefined ? [0, least] : [least, end]
    return from + this.bytes(6).readUIntBE(0, 6) % (to - from)
  }

  one<T> (of: readonly T[]): T | undefined {
    return of[this.int(Math.max(1, of.length))]
  }
}
