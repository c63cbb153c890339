/** What a driver gives to a backup: all that is in a store at one moment, while others go on changing it. */
import { type BlobID, type BlobStore, type ObjectID, type Sequence, StorageError } from '../contract.js'
import type { MovableMeta } from '../transfer/ends.js'

/** Something of the store that has other bytes than were written: an object, what is noted of a blob, or an entry of the change log. */
export interface Unreadable {
  /** A sentence without a dot, which says of what. */
  readonly problem: string
  readonly objectID?: ObjectID
  readonly blob?: BlobID
}

/** Is told of what is passed over, once or several times. */
export type PassOver = (unreadable: Unreadable) => void

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

/** What can be read of these, in their order. `about`: names what one is about for who is told. */
export function readableOf<T, R> (items: readonly T[], read: (item: T) => R, passOver: PassOver | undefined, about: (item: T) => Omit<Unreadable, 'problem'>): R[] {
  if (passOver === undefined) return items.map(read)
  return items.flatMap(item => {
    try {
      return [read(item)]
    } catch (error) {
      if (!isDamage(error)) throw error
      passOver({ ...about(item), problem: error.message })
      return []
    }
  })
}

/** Whether this is said of what is stored, and not of the way to it. */
export function isDamage (error: unknown): error is StorageError {
  return error instanceof StorageError && (error.reason === 'corrupt' || error.reason === 'missing')
}
