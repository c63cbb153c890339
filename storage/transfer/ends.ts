/**
 * What a driver gives to a transfer beside the contract: all that is in a store, page by page, and the way to fill an empty one with it. The model
 * asks for none of this. The store that is read is one that nobody changes meanwhile; the store that is filled is nobody's until it is whole.
 */
import { type Accesses, type BlobBirth, type BlobID, type BlobStore, type Lease, type LeaseID, type LoggedEvent, type MetaStore, type ObjectID, type Segment, type Sequence, StorageError, type StoredRecord } from '../contract.js'
import type { PassOver } from '../backup/unreadable.js'

/** All that is kept of one object. */
export interface WholeRecord {
  readonly record: StoredRecord
  /** The whole map, ascending. */
  readonly segments: readonly Segment[]
  readonly accesses: Accesses | undefined
}

export interface WholesQuery {
  /** Only records with IDs greater than this. */
  readonly after?: ObjectID | undefined
  /** At most so many; only the last page is empty. */
  readonly limit: number
  /** About the bytes that attributes and values of a page may have, all together; one record is given in any case. */
  readonly size: number
}

/** How much there is, about. */
export interface Census {
  readonly records: number
  readonly blobs: number
  readonly bytes: number
}

export type IntakeBeginning =
  /** The store was empty, and is being filled from now on. */
  | 'begun'
  /** It was being filled from the same store already. */
  | 'resumed'
  /** It is being filled from another one. */
  | 'foreign'
  /** It was filled from the same store, that has come to its end, and neither has a longer change log since. */
  | 'finished'
  /** There is something in it. */
  | 'occupied'

/** The store that fills another one. */
export interface Origin {
  readonly rootID: ObjectID
  /** The last place that its change log has given out. */
  readonly last: Sequence
}

/** How an empty store is filled with all that another one has. From `begin` to `finish` nobody can open it to serve it, and nothing sweeps it. */
export interface Intake {
  /** The root of `from` is that of this store from then on. What is answered with 'foreign', 'finished' or 'occupied' is left alone. */
  begin (from: Origin): Promise<IntakeBeginning>
  /** For each of these blobs of the other store the blob here that has its bytes; undefined: none yet. */
  moved (blobs: readonly BlobID[]): Promise<ReadonlyArray<BlobID | undefined>>
  /** Gives birth to a blob that has the bytes of `from`, and remembers that. False: the lease was closed, nothing has happened. */
  move (lease: LeaseID, from: BlobID, birth: BlobBirth): Promise<boolean>
  /** Stores these objects exactly as they are, whatever was here of them, and removes those. Segments name blobs of this store. May be repeated. */
  take (wholes: readonly WholeRecord[], gone: readonly ObjectID[]): Promise<void>
  /** Enters these into the change log, each at its own place. They ascend, and are behind the last one that is there. */
  log (entries: readonly LoggedEvent[]): Promise<void>
  /** Ends it: the change log goes on behind `last`, the store can be opened. */
  finish (last: Sequence): Promise<void>
}

/** The records of a store that can be moved. `passOver` is told of what cannot be read, which is left out; without it that is an error. */
export interface MovableMeta extends MetaStore {
  census (): Promise<Census>
  /** All objects, also those to which no path leads, in the order of the bytes of their IDs. */
  wholes (query: WholesQuery, passOver?: PassOver): Promise<WholeRecord[]>
  /** Blobs that segments name, in the order of their names. */
  namedBlobs (after: BlobID | undefined, limit: number, passOver?: PassOver): Promise<BlobBirth[]>
  events (after: Sequence, limit: number, passOver?: PassOver): Promise<LoggedEvent[]>
  readonly intake: Intake
}

/** What a transfer asks of the records that it reads. */
export type SourceMeta = Pick<MovableMeta, 'prune' | 'census' | 'wholes' | 'namedBlobs' | 'events' | 'lastSequence' | 'lineage'>

/** A store that is read by a transfer, and by nobody else. */
export interface TransferSource {
  readonly meta: SourceMeta
  readonly blobs: Pick<BlobStore, 'get'>
  readonly rootID: ObjectID
  /** Aborted when others may come. */
  readonly lost?: AbortSignal | undefined
  /** Throws a StorageError when somebody else may have changed it since it was opened. */
  stillAlone (): Promise<void>
  close (): Promise<void>
}

/** A store that is filled by a transfer: `begin` was answered well. */
export interface TransferTarget {
  readonly meta: MovableMeta
  readonly blobs: Pick<BlobStore, 'get' | 'put'>
  readonly lost?: AbortSignal | undefined
  lease (): Lease
  close (): Promise<void>
}

export function isMovable (meta: MetaStore): meta is MovableMeta {
  return 'intake' in meta
}

/** Why an unfinished store cannot be opened: the end of a sentence. */
export const unfinished = 'is being filled by a transfer that has not come to its end; run the same "fastify-cdmi transfer", or "fastify-cdmi restore", again to finish it, or remove it and begin anew'

/** There is nothing to be done: an earlier transfer has come to its end, though perhaps nobody has heard of it. */
export class AlreadyTransferred extends Error {
  override readonly name = 'AlreadyTransferred'
}

/** Throws a StorageError when a store cannot be filled, AlreadyTransferred when it need not be. `what` begins the sentence. */
export function requireFillable (beginning: IntakeBeginning, what: string): void {
  if (beginning === 'finished') throw new AlreadyTransferred(`${what} was filled from this store before`)
  if (beginning === 'occupied') throw new StorageError('format', `${what} is not empty; a transfer needs a target that has never been used`)
  if (beginning === 'foreign') throw new StorageError('format', `${what} is being filled from another store; go on with that transfer, or remove the target and begin anew`)
}
