/**
 * What is worth a place in a cache: what was asked for a short time ago. Of very many objects that are read here and there each would be kept, never be found
 * again, and have to be thrown out, which costs several times what it would save.
 */
import type { ObjectID } from '../contract.js'

/** A power of two; four bytes each. */
const remembered = 65_536

const noBytes = new Uint8Array()

/** FNV-1a. */
const offsetBasis = 0x811c9dc5
const prime = 0x01000193

export class SecondSight {
  /** A number for the object that was seen last of all that have this place. */
  readonly #seen = new Uint32Array(remembered)

  /**
   * Whether the object, with these bytes, was seen among the last ten thousands: not for sure, for others may have taken its place. From now on it was.
   */
  again (id: ObjectID, bytes: Uint8Array = noBytes): boolean {
    let number = offsetBasis
    for (let at = 0; at < id.length; at++) number = Math.imul(number ^ id.charCodeAt(at), prime)
    for (let at = 0; at < bytes.length; at++) number = Math.imul(number ^ (bytes[at] ?? 0), prime)
    const place = (number ^ (number >>> 16)) & (remembered - 1)
    number >>>= 0
    if (this.#seen[place] === number) return true
    this.#seen[place] = number
    return false
  }
}
