/** Which pages of a file were come to: a bit for each, for a set of numbers has at most some 16 million, which is a file of 64 GiB. */
export class PageMarks {
  readonly #bits: Uint8Array
  #count = 0

  /** `last`: the greatest number. Those beyond it are not remembered. */
  constructor (last: number) {
    this.#bits = new Uint8Array(Math.floor(last / 8) + 1)
  }

  /** How many there are. */
  get count (): number {
    return this.#count
  }

  /** False: it was there before. */
  add (number: number): boolean {
    const [at, mask] = [Math.floor(number / 8), 1 << (number % 8)]
    const before = this.#bits[at] ?? 0
    if ((before & mask) !== 0) return false
    this.#bits[at] = before | mask
    this.#count++
    return true
  }
}
