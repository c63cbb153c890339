/** What a driver gives to a backup: all that is in a store at one moment, while others go on changing it. */
import type { BlobStore, ObjectID, Sequence } from '../contract.js'
import type { MovableMeta } from '../transfer/ends.js'

export interface StoreSnapshot {
  readonly rootID: ObjectID
  /** The last place that the change log had given out: the snapshot has all that was committed up to it, and nothing that came later. */
  readonly last: Sequence
  /** When it was taken, in milliseconds since 1970. */
  readonly taken: number
  readonly meta: SnapshotMeta
  /** What `namedBlobs` gave stays there until the snapshot is closed. */
  readonly blobs: Pick<BlobStore, 'get'>
  /** Lets go of `meta`: what an engine keeps for a snapshot costs space. */
  releaseMeta (): void
  /** Throws a StorageError when blobs may have gone all the same. */
  stillHeld (): void
  close (): Promise<void>
}

/** As of a store that is moved. */
export type SnapshotMeta = Pick<MovableMeta, 'census' | 'wholes' | 'namedBlobs' | 'events'>
