/** Bytes put together front to back, in memory that is used again and again: a Buffer for each few of them costs more than the bytes. */
import type { ObjectID } from '../contract.js'
import { maxIDLength } from '../object-key.js'
import { writeU64 } from './bytes.js'

/** Memory at the beginning, and the most that is kept for the next bytes. */
const few = 16 * 1024
const most = 1024 * 1024
/** The longest that a character of a string becomes in UTF-8: those with four bytes are two characters. */
const perCharacter = 3
/** Stands for the length of a text that is missing. */
export const missing = 0xffff

export class ByteWriter {
  /** What was written is in front of `length`; whatever needs room may put other memory in its place. */
  bytes = Buffer.allocUnsafeSlow(few)
  length = 0

  #require (room: number): void {
    const needed = this.length + room
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes.length))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }

  /** Room for bytes that are written later. Answers where it begins. */
  skip (length: number): number {
    this.#require(length)
    this.length += length
    return this.length - length
  }

  u8 (value: number): void {
    this.#require(1)
    this.bytes[this.length++] = value
  }

  u32 (value: number): void {
    const at = this.skip(4)
    this.bytes.writeUInt32BE(value, at)
  }

  /** Throws a RangeError for what is no number of something. */
  u64 (value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not a whole number from 0 on`)
    const at = this.skip(8)
    writeU64(this.bytes, value, at)
  }

  add (bytes: Uint8Array): void {
    const at = this.skip(bytes.length)
    this.bytes.set(bytes, at)
  }

  /** The UTF-8 of a text. Answers how many bytes that is. */
  utf8 (text: string): number {
    this.#require(text.length * perCharacter)
    const length = this.bytes.write(text, this.length)
    this.length += length
    return length
  }

  /** The length of a short text in two bytes, and the text. Throws a RangeError when it is longer than that. */
  text (text: string | undefined): void {
    const at = this.skip(2)
    const length = text === undefined ? missing : this.utf8(text)
    if (text !== undefined && length >= missing) throw new RangeError(`A text has ${length} bytes; at most ${missing - 1} are possible`)
    this.bytes.writeUInt16BE(length, at)
  }

  /** The length of an ID in a byte, and its bytes. Answers how many these are. Throws a RangeError for what is none. */
  id (id: ObjectID): number {
    this.#require(1 + maxIDLength)
    const length = id.length > 2 * maxIDLength ? 0 : this.bytes.write(id, this.length + 1, maxIDLength, 'hex')
    if (length * 2 !== id.length || length === 0) throw new RangeError(`"${id}" is not an object ID`)
    this.bytes[this.length] = length
    this.length += 1 + length
    return length
  }

  /** Forgets what was written, as if it had not been: for who begins, since whoever was here before may have thrown. */
  begin (): void {
    this.length = 0
    if (this.bytes.length > most) this.bytes = Buffer.allocUnsafeSlow(few)
  }

  /** A copy of all that was written, and begins anew. */
  take (): Buffer {
    const taken = Buffer.allocUnsafe(this.length)
    this.bytes.copy(taken, 0, 0, this.length)
    this.begin()
    return taken
  }
}
