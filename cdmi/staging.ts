/** The blobs of one operation: put under a lease, and either named by its commit or left to the sweeper. */
import type { BlobBirth, BlobID, Lease, LeaseID, Store } from '../storage/contract.js'

export class Staging {
  readonly #store: Store
  #lease: Lease | undefined
  readonly #loose = new Set<BlobID>()

  constructor (store: Store) {
    this.#store = store
  }

  /** The lease, taken when the first blob is put: small values need none. */
  get leaseID (): LeaseID {
    this.#lease ??= this.#store.lease()
    return this.#lease.id
  }

  /** Stores a blob; durable when it resolves. */
  async put (source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, size: number | undefined): Promise<BlobBirth> {
    const birth = await this.#store.blobs.put(this.leaseID, source, { size })
    this.#loose.add(birth.blob)
    return birth
  }

  /** Tells that a commit has named these. */
  committed (births: readonly BlobBirth[]): void {
    for (const { blob } of births) this.#loose.delete(blob)
  }

  /** The operation has ended, well or not. */
  end (): void {
    this.#lease?.release([...this.#loose])
    this.#lease = undefined
  }
}
