/**
 * Buffers for bytes that are read and soon done with: new memory for each read costs as much as the read. Most of them are where blocks are summed without
 * a copy.
 */
import { blockSize, newRoom } from './block-crc.js'

/** Of one buffer, of which a value of that size takes all, and a longer one a half at a time: so long that a call to the system costs little beside its bytes. */
export const lentSize = 1024 * 1024
/** So many that are elsewhere are kept when nobody has them. */
const kept = 16
/** When more read than that, each gets less: thousands of clients with slow lines would else have a mebibyte each, for hours. */
const mostReaders = 128
/** Bytes that each gets then: two of those that have a checksum of their own. */
const shortSize = 2 * blockSize

/** One piece of memory that is lent in parts. */
interface Room {
  readonly memory: ArrayBufferLike | undefined
  readonly free: Buffer[]
  /** Parts that may come back. */
  left: number
}

const elsewhere: Buffer[] = []
let room: Room | undefined
let readers = 0

function furnish (): Room {
  const bytes = newRoom()
  if (bytes === undefined) return { memory: undefined, free: [], left: 0 }
  const free = Array.from({ length: bytes.length / lentSize }, (_, n) => Buffer.from(bytes.buffer, bytes.byteOffset + n * lentSize, lentSize))
  return { memory: bytes.buffer, free, left: free.length }
}

/** For one reader; to be ended by one of the two below. */
export function borrow (): Buffer {
  room ??= furnish()
  const buffer = readers >= mostReaders ? Buffer.allocUnsafeSlow(shortSize) : room.free.pop() ?? elsewhere.pop() ?? Buffer.allocUnsafeSlow(lentSize)
  readers++
  return buffer
}

/** Nobody may look at it any more. */
export function giveBack (buffer: Buffer): void {
  readers--
  if (buffer.length !== lentSize) return
  if (buffer.buffer === room?.memory) room.free.push(buffer)
  else if (elsewhere.length < kept) elsewhere.push(buffer)
}

/** Somebody may look at it yet, nobody knows for how long: it is left to the garbage collector, with all that is in one piece with it once nothing of that is lent any more. */
export function leave (buffer: Buffer): void {
  readers--
  if (room !== undefined && buffer.buffer === room.memory && --room.left === 0) room = undefined
}
