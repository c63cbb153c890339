/** Reads what a ByteWriter has written. */
import { missing } from './byte-writer.js'
import { readU16, readU32, readU64 } from './bytes.js'

export class ByteReader {
  readonly #bytes: Buffer
  #at: number

  constructor (bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.#at = at
  }

  /** The next bytes. A view. Throws a RangeError when there are not so many. */
  take (length: number): Buffer {
    this.#at += length
    if (this.#at > this.#bytes.length) throw new RangeError('There are fewer bytes than these say')
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  u8 (): number {
    return this.#bytes[this.#at++] ?? 0
  }

  u32 (): number {
    this.#at += 4
    return readU32(this.#bytes, this.#at - 4)
  }

  u64 (): number {
    this.#at += 8
    return readU64(this.#bytes, this.#at - 8)
  }

  /** Undefined: there is none. */
  text (): string | undefined {
    const length = readU16(this.#bytes, this.#at)
    this.#at += 2
    if (length === missing) return undefined
    this.#at += length
    return this.#bytes.toString('utf8', this.#at - length, this.#at)
  }

  /** The same of one that is always there. */
  textThere (): string {
    const text = this.text()
    if (text === undefined) throw new RangeError('A text is missing')
    return text
  }

  /** The bytes of an ID. A view. */
  id (): Buffer {
    return this.take(this.u8())
  }
}
