/** Buffers for bytes that are read and soon done with: new memory for each read costs as much as the read. */

/** Of one buffer: long enough that a call to the system costs little beside its bytes, and short enough that they are in the processor's cache when they are sent. */
export const lentSize = 512 * 1024
/** So many are kept when nobody has them. */
const kept = 16

const free: Buffer[] = []

export function borrow (): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(lentSize)
}

/** Nobody may look at it any more. What is never given back is left to the garbage collector. */
export function giveBack (buffer: Buffer): void {
  if (free.length < kept) free.push(buffer)
}
