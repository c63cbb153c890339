/** Files of values that are gone or have other bytes than were written, brought back from a second copy: compared first, and then put where they were. */
import { open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { LRUCache } from 'lru-cache'
import { type BlobID, StorageError } from '../../contract.js'
import { DirectorySync } from '../../files/directory-sync.js'
import { makeDirectory } from '../../files/make-directory.js'
import { MovedAside } from '../../files/moved-aside.js'
import { isHashOf, isKnownHash } from '../../files/block-sums.js'
import { toStorageError } from '../../storage-errors.js'
import { Summing } from '../../transfer/checked-bytes.js'
import type { SecondCopy } from '../../verify/second-copy.js'
import { blobKey } from '../keys.js'
import type { Tables } from '../tables.js'
import { readableBlob } from './blob-checks.js'
import { blobNames } from './blob-names.js'
import type { Fault } from './faults.js'

/** Blobs that are remembered, of any number that may have to come back. */
const mostDone = 1000

export interface ReturnedBlobsOptions {
  readonly directory: string
  readonly tables: Tables
  readonly copy: SecondCopy
  readonly signal: AbortSignal
  /** Nothing is changed, and it is not looked at what the bytes are. */
  readonly dryRun: boolean
}

export class ReturnedBlobs {
  readonly #options: ReturnedBlobsOptions
  readonly #files: MovedAside
  readonly #sync = new DirectorySync()
  /** Several objects may have lost the same blob: they come one after the other. */
  readonly #done = new LRUCache<BlobID, boolean>({ max: mostDone })

  constructor (options: ReturnedBlobsOptions) {
    this.#options = options
    this.#files = new MovedAside(options.directory)
  }

  /** What was done about a fault: the end of a sentence. Undefined: it is about something else, or the second copy has not what was written. */
  async bringBack ({ blob, file }: Fault): Promise<string | undefined> {
    if (blob === undefined || file === undefined || !blobNames.test(blob)) return undefined
    let done = this.#done.get(blob)
    if (done === undefined) {
      done = await this.#return(blob)
      this.#done.set(blob, done)
    }
    const { copy, dryRun } = this.#options
    return done ? `${dryRun ? 'it would come back' : 'it is back'}, from ${copy.name}` : undefined
  }

  async #return (blob: BlobID): Promise<boolean> {
    const { tables, copy, dryRun } = this.#options
    const row = tables.blobs.getBinary(blobKey(blob))
    const noted = row === undefined ? undefined : readableBlob(blobKey(blob), row)
    // Without it nobody knows what was written.
    if (noted === undefined) return false
    const { size, hash } = noted
    const bytes = isKnownHash(hash) ? await copy.find(blob) : undefined
    if (bytes === undefined || dryRun) return bytes !== undefined
    return await this.#write(blob, bytes, { size, hash })
  }

  async #write (blob: BlobID, bytes: AsyncIterable<Uint8Array>, { size, hash }: { readonly size: number, readonly hash: string }): Promise<boolean> {
    const path = join(this.#options.directory, 'blobs', blob)
    // Not a name of a blob: what a repair leaves that is killed belongs to nothing, and the next one moves it aside.
    const draft = `${path}.back`
    try {
      await makeDirectory(dirname(path), 0o700)
      const sums = new Summing()
      const handle = await open(draft, 'w', 0o600)
      try {
        for await (const chunk of sums.through(bytes)) {
          this.#options.signal.throwIfAborted()
          await handle.writeFile(chunk)
        }
        await handle.sync()
      } finally {
        await handle.close()
      }
      const found = sums.sums()
      if (found.size !== size || !isHashOf(hash, found)) {
        await rm(draft)
        return false
      }
      await this.#files.move(`blobs/${blob}`)
      await rename(draft, path)
      for (let directory = dirname(path), up = 0; up < 3; directory = dirname(directory), up++) await this.#sync.sync(directory)
      return true
    } catch (error) {
      await rm(draft, { force: true })
      this.#options.signal.throwIfAborted()
      if (error instanceof StorageError && (error.reason === 'missing' || error.reason === 'corrupt')) return false
      throw toStorageError(error, `writing ${draft}`)
    }
  }
}
