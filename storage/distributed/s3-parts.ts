/** Cuts a source into the parts of an upload: each held in memory whole, so that it can be sent again. */
import { createHash, type Hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { S3Body } from './s3-client.js'

export type Source = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

export const mostParts = 10_000
/** Up to this part the size that was announced decides; the rest must do for a source that was longer than announced. */
const announcedParts = 8_000
const growthStep = 2_000
const mebibyte = 1024 * 1024

/**
 * Bytes of part `number` (from 1). 10,000 parts must hold 5 TiB: with an announced size equal parts, without one parts that
 * grow fourfold every 2,000, so that a blob of 16 GiB still goes in parts of 8 MiB.
 */
export function partSize (number: number, smallest: number, announced: number | undefined): number {
  if (announced !== undefined && number <= announcedParts) return Math.max(smallest, Math.ceil(announced / announcedParts / mebibyte) * mebibyte)
  return smallest * 4 ** Math.floor((number - 1) / growthStep)
}

/** A chunk below this is copied: kept as it is, it might hold a much larger buffer of which it is a slice. */
const worthKeeping = 16 * 1024
const largestSlab = 256 * 1024

export class PartReader {
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>
  readonly #checksum: 'sha256' | 'md5'
  readonly #signal: AbortSignal
  /** What of the last chunk belongs to the next part. */
  #rest: Uint8Array = new Uint8Array(0)
  #ended = false
  #size = 0
  #sum = 0

  /** Looks at the signal between two chunks. */
  constructor (source: Source, checksum: 'sha256' | 'md5', signal: AbortSignal) {
    this.#chunks = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
    this.#checksum = checksum
    this.#signal = signal
  }

  /** True when the last part was given. */
  get ended (): boolean { return this.#ended && this.#rest.length === 0 }

  /** Of all that the parts given so far hold. */
  get size (): number { return this.#size }
  get hash (): string { return 'crc32:' + this.#sum.toString(16).padStart(8, '0') }

  /** The next so many bytes, or what is left. Looks one chunk ahead: `ended` is known when this resolves. */
  async next (length: number): Promise<S3Body> {
    const part = new PartChunks(this.#checksum)
    while (part.length < length) {
      if (this.#rest.length === 0 && !await this.#pull()) break
      const piece = this.#rest.subarray(0, length - part.length)
      this.#rest = this.#rest.subarray(piece.length)
      this.#sum = crc32(piece, this.#sum)
      part.add(piece)
    }
    this.#size += part.length
    if (this.#rest.length === 0) await this.#pull()
    return part.body()
  }

  /** Tells the source that no more is wanted. */
  async close (): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    await this.#chunks.return?.()
  }

  async #pull (): Promise<boolean> {
    while (!this.#ended) {
      // A source that throws has ended, too.
      this.#ended = true
      const { done, value } = await this.#chunks.next()
      if (done === true) break
      this.#ended = false
      this.#signal.throwIfAborted()
      if (value.length === 0) continue
      this.#rest = value
      return true
    }
    this.#signal.throwIfAborted()
    return false
  }
}

class PartChunks {
  readonly #chunks: Uint8Array[] = []
  readonly #algorithm: 'sha256' | 'md5'
  readonly #hash: Hash
  #slab: Uint8Array = new Uint8Array(0)
  #used = 0
  length = 0

  constructor (algorithm: 'sha256' | 'md5') {
    this.#algorithm = algorithm
    this.#hash = createHash(algorithm)
  }

  add (chunk: Uint8Array): void {
    this.#hash.update(chunk)
    this.length += chunk.length
    if (chunk.length >= worthKeeping) {
      this.#closeSlab()
      this.#chunks.push(chunk)
      return
    }
    if (this.#used + chunk.length > this.#slab.length) {
      this.#closeSlab()
      // The first is small: many a value is.
      this.#slab = Buffer.allocUnsafeSlow(Math.min(largestSlab, Math.max(worthKeeping, this.length)))
    }
    this.#slab.set(chunk, this.#used)
    this.#used += chunk.length
  }

  body (): S3Body {
    this.#closeSlab()
    const { length } = this
    const chunks = this.#chunks
    return this.#algorithm === 'sha256' ? { chunks, length, sha256: this.#hash.digest('hex') } : { chunks, length, md5: this.#hash.digest('base64') }
  }

  /** What was gathered becomes a chunk; the room behind it serves the next ones. */
  #closeSlab (): void {
    if (this.#used === 0) return
    this.#chunks.push(this.#slab.subarray(0, this.#used))
    this.#slab = this.#slab.subarray(this.#used)
    this.#used = 0
  }
}
