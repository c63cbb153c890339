/** Bytes on their way, and what they add up to. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { type BlobBirth, StorageError } from '../contract.js'
import { BlockSums, isHashOf, isKnownHash } from '../files/block-sums.js'

/** What tells the bytes of a blob from others. */
export interface Sums {
  readonly size: number
  /** As stores keep it: it tells of bytes that have changed since they were written. */
  readonly crc32: string
  /** The same for each of its blocks. */
  readonly blocks: string
  /** It tells whether here and there are the same. */
  readonly sha256: string
}

/** Thrown for a blob of the source that is not what was written: the rest can be transferred all the same. */
export class Damaged extends Error {
  override readonly name = 'Damaged'
}

/** Passes bytes on, and adds them up. */
export class Summing {
  readonly #hash = createHash('sha256')
  #size = 0
  #crc = 0
  readonly #blocks = new BlockSums()

  /** `tell` is told of the bytes of each chunk. */
  async * through (source: AsyncIterable<Uint8Array>, tell: (bytes: number) => void = () => {}): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.#hash.update(chunk)
      this.#crc = crc32(chunk, this.#crc)
      this.#blocks.push(chunk)
      this.#size += chunk.length
      tell(chunk.length)
      yield chunk
    }
  }

  /** Reads to the end. */
  async all (source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const bytes = this.through(source)
    while ((await bytes.next()).done !== true) signal.throwIfAborted()
  }

  /** To be asked once, at the end. */
  sums (): Sums {
    return { size: this.#size, crc32: 'crc32:' + this.#crc.toString(16).padStart(8, '0'), blocks: this.#blocks.hash(), sha256: this.#hash.digest('hex') }
  }
}

/** Reads a blob of the source; what it lacks is damage. */
export async function * readSource (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield * source
  } catch (error) {
    if (error instanceof StorageError && (error.reason === 'missing' || error.reason === 'corrupt')) throw new Damaged(error.message, { cause: error })
    throw error
  }
}

/** Throws Damaged when these bytes are not those that were written. */
export function checkSource ({ blob, hash }: BlobBirth, sums: Sums): void {
  if (!isKnownHash(hash)) throw new Damaged(`Blob ${blob} has a checksum that this build cannot check`)
  if (isHashOf(hash, sums)) return
  if (hash.length > sums.crc32.length) throw new Damaged(`Blob ${blob} has other bytes than were written: the checksums of its blocks differ`)
  throw new Damaged(`Blob ${blob} has the checksum ${sums.crc32}; when it was written it was ${hash}`)
}
