/** Which bit is wrong, when it is one: of a run of bytes with a CRC-32 each has a difference of its own. */

/** What flipping the bits of the last byte does to the checksum; and what each further byte behind makes of that. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte
  for (let bit = 0; bit < 8; bit++) sum = (sum & 1) === 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1
  return sum >>> 0
})

export interface FlippedBit {
  readonly at: number
  /** The byte with that bit alone. */
  readonly mask: number
}

/**
 * `difference`: the checksum that was noted, and the one of the bytes as they are, by exclusive or; `length`: how many bytes. Undefined: more than one bit is wrong.
 * That bytes which are wrong altogether look like that happens to 8 × `length` in 2³² of them.
 */
export function flippedBit (difference: number, length: number): FlippedBit | undefined {
  const wanted = difference >>> 0
  const effects = Array.from({ length: 8 }, (_, bit) => table[1 << bit] ?? 0)
  for (let at = length - 1; at >= 0; at--) {
    for (let bit = 0; bit < 8; bit++) {
      const effect = effects[bit] ?? 0
      if (effect === wanted) return { at, mask: 1 << bit }
      effects[bit] = ((effect >>> 8) ^ (table[effect & 0xff] ?? 0)) >>> 0
    }
  }
  return undefined
}

/** Whether a number has exactly one bit. */
export function isOneBit (number: number): boolean {
  return number !== 0 && (number & (number - 1)) === 0
}
