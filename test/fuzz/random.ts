/** Numbers that look random and are the same again for the same seed: each case has its own, so that it can be made again alone. */

export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** sfc32, with a mixture of these as its state. */
  constructor (...seeds: readonly number[]) {
    let hash = 0x9e3779b9
    const mix = (value: number): number => {
      hash = Math.imul(hash ^ value, 0x85ebca6b)
      hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
      hash ^= hash >>> 16
      return hash
    }
    // A seed may be larger than 32 bits.
    for (const seed of seeds) {
      mix(seed >>> 0)
      mix(Math.floor(seed / 2 ** 32))
    }
    this.#a = mix(1)
    this.#b = mix(2)
    this.#c = mix(3)
    for (let n = 0; n < 12; n++) this.next()
  }

  /** 32 bits. */
  next (): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0
    return sum >>> 0
  }

  /** From 0 on, less than this. */
  below (end: number): number {
    return end <= 0 ? 0 : this.next() % end
  }

  between (first: number, last: number): number {
    return first + this.below(last - first + 1)
  }

  /** True once in so many times. */
  once (times: number): boolean {
    return this.below(times) === 0
  }

  pick<T> (list: readonly T[]): T {
    const one = list[this.below(list.length)]
    if (one === undefined) throw new Error('there is nothing to pick from')
    return one
  }

  bytes (length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    for (let n = 0; n < length; n++) bytes[n] = this.next() >>> 24
    return bytes
  }

  /** Short ones are more likely than long ones. */
  length (longest: number): number {
    return this.below(this.below(longest + 1) + 1)
  }
}
