/** Checks a stream of bytes for valid UTF-8 without decoding it (DOC-04, AMB-11). */
import { isUtf8 } from 'node:buffer'

const none = new Uint8Array(0)

/** Bytes at the end of a chunk that begin a character which the next chunk must end: 0 to 3. */
export function openTail (chunk: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= chunk.length; back++) {
    const byte = chunk[chunk.length - back] ?? 0
    if (byte < 0x80) return 0
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return needed > back ? back : 0
    }
  }
  return 0
}

export class Utf8Check {
  #tail: Uint8Array = none
  #valid = true

  /** Takes the next chunk. False as soon as the stream cannot be UTF-8 any more. */
  push (chunk: Uint8Array): boolean {
    if (!this.#valid) return false
    const bytes = this.#tail.length > 0 ? Buffer.concat([this.#tail, chunk]) : chunk
    const open = openTail(bytes)
    // A copy: the caller may reuse its buffer.
    this.#tail = open > 0 ? Uint8Array.from(bytes.subarray(bytes.length - open)) : none
    this.#valid = isUtf8(bytes.subarray(0, bytes.length - open))
    return this.#valid
  }

  /** Whether all that was pushed is UTF-8, with no character cut off at the end. */
  end (): boolean {
    return this.#valid && this.#tail.length === 0
  }
}
