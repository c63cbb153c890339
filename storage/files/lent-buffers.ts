/** Buffers for bytes that are read and soon done with: new memory for each read costs as much as the read. */
import { blockSize } from './block-crc.js'

/** Of one buffer: long enough that a call to the system costs little beside its bytes, and short enough that they are in the processor's cache when they are sent. */
export const lentSize = 512 * 1024
/** So many are kept when nobody has them. */
const kept = 16
/** When more read than that, each gets less at a time: thousands of clients with slow lines would else have a mebibyte each, for hours. */
const mostReaders = 128
/** Bytes that each gets then: one that has a checksum of its own. */
const shortSize = blockSize

const free: Buffer[] = []
let readers = 0

/** One more reads what is lent; `endReading` once he is done. */
export function beginReading (): void {
  readers++
}

export function endReading (): void {
  readers--
}

export function borrow (): Buffer {
  return readers > mostReaders ? Buffer.allocUnsafeSlow(shortSize) : free.pop() ?? Buffer.allocUnsafeSlow(lentSize)
}

/** Nobody may look at it any more. What is never given back is left to the garbage collector. */
export function giveBack (buffer: Buffer): void {
  if (free.length < kept && buffer.length === lentSize) free.push(buffer)
}
