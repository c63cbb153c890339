/**
 * Checksums of blobs in files: the CRC-32 of each 64 KiB, so that a piece of a blob can be checked without the rest. They stand in the hash that is noted
 * at birth: `crc32:` and eight digits for a blob of one block, `crc32x64k:` and eight digits for each block of a longer one. Blobs of older builds,
 * and of other places, have one `crc32:` for all of their bytes.
 */
import { crc32 } from 'node:zlib'
import { type BlobBirth, type BlobID, StorageError } from '../contract.js'
import { blockCrc, blockSize } from './block-crc.js'
import { type FlippedBit, flippedBit, isOneBit } from './flipped-bit.js'

export { blockSize }

const whole = 'crc32:'
const blocks = 'crc32x64k:'
const digits = 8

const hexOf = (sum: number): string => sum.toString(16).padStart(digits, '0')

/** Whether the digits from this place on are those of the sum; without a text for each. */
function isHexOf (text: string, at: number, sum: number): boolean {
  for (let place = digits - 1, rest = sum; place >= 0; place--, rest >>>= 4) {
    const digit = rest & 15
    if (text.charCodeAt(at + place) !== (digit < 10 ? 48 : 87) + digit) return false
  }
  return true
}

/** Parts that a block is waited for in; of more and smaller ones, holding them would cost more than is gained. */
const fewParts = 16

/** Adds up the bytes of a blob while they pass. Chunks must stay as they are until the block that they are in is full. */
export class BlockSums {
  readonly #done: string[] = []
  /** Of the block under way, what comes after the bytes of `#sum`. */
  #parts: Uint8Array[] = []
  #sum = 0
  #summed = false
  #filled = 0

  push (chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + blockSize - this.#filled)
      this.#parts.push(part)
      this.#filled += part.length
      at += part.length
      if (this.#filled === blockSize) this.#done.push(hexOf(this.#end()))
      else if (this.#summed || this.#parts.length > fewParts) this.#add()
    }
  }

  #add (): void {
    for (const part of this.#parts) this.#sum = crc32(part, this.#sum)
    this.#parts = []
    this.#summed = true
  }

  /** The sum of the block under way; the next one begins. */
  #end (): number {
    if (this.#filled === blockSize && !this.#summed) this.#sum = blockCrc(this.#parts)
    else this.#add()
    const sum = this.#sum
    this.#parts = []
    this.#sum = this.#filled = 0
    this.#summed = false
    return sum
  }

  /** What is noted at birth. To be asked once, at the end. */
  hash (): string {
    if (this.#filled > 0 || this.#done.length === 0) this.#done.push(hexOf(this.#end()))
    return this.#done.length === 1 ? whole + this.#done.join('') : blocks + this.#done.join('')
  }
}

/** What is known of the bytes of a blob, and how they are read so that it can be compared. */
export interface ByteCheck {
  /** What must be read for the range to be checked, the range included. */
  readonly from: number
  readonly to: number
  /** Takes what was read, piece by piece from `from` on, each but the last a multiple of a block. Throws a StorageError 'corrupt' before anybody has seen wrong bytes of a block. */
  check (bytes: Uint8Array): void
}

/** The check of a range; undefined where none is possible: one checksum for all of a long blob says nothing of a part. */
export function checkOfRange ({ blob, size, hash }: BlobBirth, offset: number, length: number): ByteCheck | undefined {
  const end = offset + length
  if (hash.startsWith(blocks) || (hash.startsWith(whole) && size <= blockSize)) {
    const sums = hash.slice(hash.indexOf(':') + 1)
    const from = offset - offset % blockSize
    let at = from
    return {
      from,
      to: Math.max(end, Math.min(size, Math.ceil(end / blockSize) * blockSize)),
      check (bytes) {
        for (let start = 0; start < bytes.length; start += blockSize, at += blockSize) {
          const first = at / blockSize * digits
          const block = bytes.subarray(start, start + blockSize)
          if (!isHexOf(sums, first, block.length === blockSize ? blockCrc([block]) : crc32(block))) throw wrong(blob, at, Math.min(size, at + blockSize))
        }
      }
    }
  }
  if (!hash.startsWith(whole) || offset > 0 || length !== size) return undefined
  let sum = 0
  let read = 0
  return {
    from: 0,
    to: size,
    check (bytes) {
      sum = crc32(bytes, sum)
      read += bytes.length
      // The last piece is held back until all is known.
      if (read === size && whole + hexOf(sum) !== hash) throw wrong(blob, 0, size)
    }
  }
}

function wrong (blob: BlobID, from: number, to: number): StorageError {
  return new StorageError('corrupt', `Blob ${blob} has other bytes between ${from} and ${to} than were written`)
}

/** Whether this build can compare bytes with that. */
export function isKnownHash (hash: string): boolean {
  return hash.startsWith(whole) || hash.startsWith(blocks)
}

export interface OneBit {
  /** The hash as it was noted. */
  readonly hash: string
  /** Which bit of the blob is wrong; undefined: it is one of the hash. */
  readonly place: FlippedBit | undefined
}

/** Compares what was noted of a blob with what its bytes are now: which bit is wrong. Undefined: it is none, more than one, or that cannot be said. */
export function withOneBit (noted: string, now: string, size: number): OneBit | undefined {
  const start = noted.indexOf(':') + 1
  if (noted.length !== now.length || noted.slice(0, start) !== now.slice(0, start) || !isKnownHash(noted)) return undefined
  const wrong: number[] = []
  for (let at = start; at < now.length; at += digits) if (noted.slice(at, at + digits) !== now.slice(at, at + digits)) wrong.push(at)
  const [at] = wrong
  if (at === undefined || wrong.length > 1 || !/^[0-9a-f]+$/.test(noted.slice(start))) return undefined
  const difference = Number.parseInt(noted.slice(at, at + digits), 16) ^ Number.parseInt(now.slice(at, at + digits), 16)
  if (isOneBit(difference)) return { hash: now, place: undefined }
  const first = (at - start) / digits * blockSize
  const bit = flippedBit(difference, Math.min(blockSize, size - first))
  return bit && { hash: noted, place: { at: first + bit.at, mask: bit.mask } }
}

/** Whether a blob with these checksums is one with that hash. */
export function isHashOf (hash: string, sums: { readonly crc32: string, readonly blocks: string }): boolean {
  return hash === (hash.startsWith(blocks) ? sums.blocks : sums.crc32)
}
