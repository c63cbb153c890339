/**
 * The storage contract: what the CDMI model asks of a store, and all that it may ask.
 *
 * The model works by *read, compute, commit*: it reads records (each with its version), computes new ones in pure code and
 * calls `commit`, which checks every expectation and applies everything at once, or answers with a conflict and changes
 * nothing. No callback runs inside a transaction and there is no query language, so that an embedded B-tree and a
 * database server can both do each operation in one step.
 *
 * A driver knows records, names, bytes and transactions; it knows no rule of CDMI and never looks into `attributes`.
 */

import type { Registry } from '../metrics/registry.js'
import type { Account, AccountLimit, CountedKind, Miscount, Usage } from './contract-counts.js'
import type { ObjectID } from './contract-ids.js'

export type * from './contract-counts.js'
export type * from './contract-ids.js'
export * from './contract-errors.js'

/** Names one run of one writer. Every blob is put under a lease; a commit that gives birth to blobs checks that it is open. */
export type LeaseID = string
/** Names one immutable run of bytes. Never used twice. It begins with its lease: `<lease>/<rest>`. */
export type BlobID = string
/** A place in the change log: rises with every entry, never used twice. */
export type Sequence = number

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
export interface JsonObject { [key: string]: Json }

/** One object as stored. Immutable; a reader may hold it as long as it likes. */
export interface StoredRecord {
  readonly id: ObjectID
  /** 1 at birth; each commit that puts the record stores the number before plus one. */
  readonly version: number
  /** One letter that the index repeats beside each name, so that listings need no records: see `cdmi/record.ts`. */
  readonly type: string
  /** Both or neither: the one place in the tree where the object hangs. The root and objects without a path have none. */
  readonly parentID: ObjectID | undefined
  readonly name: string | undefined
  /** What the model keeps with the object. Drivers may decode it on first use, and look only at `owner` and `within`, which are told in `storage/usage.ts`. */
  readonly attributes: JsonObject
  /** Bytes of the value, gaps included. 0 for objects that have none. */
  readonly size: number
  /** The whole value, when it is kept in the record; undefined when it is in segments (or there is none: size 0). */
  readonly inline: Uint8Array | undefined
}

/** A record without its value: `size` tells how long that is. */
export type RecordHead = Omit<StoredRecord, 'inline'>

/** `length` bytes of the value from `offset` on are the bytes of `blob` from `blobOffset` on. What no segment covers reads as zeros. */
export interface Segment {
  readonly offset: number
  readonly length: number
  readonly blob: BlobID
  readonly blobOffset: number
}

export interface BlobBirth {
  readonly blob: BlobID
  readonly size: number
  /** `<algorithm>:<hex>` of the whole blob, made while it was written. */
  readonly hash: string
}

/** How a put changes the segment map of its record. */
export type SegmentChange =
  /** The map stays as it is (a change of attributes only). */
  | { readonly kind: 'keep' }
  /** The new map, whole. An empty one for inline values. */
  | { readonly kind: 'replace', readonly segments: readonly Segment[] }
  /** The range `offset` up to `offset + length` is covered by `segments` instead; what overlaps it is cut, the rest stays. */
  | { readonly kind: 'splice', readonly offset: number, readonly length: number, readonly segments: readonly Segment[] }
  /**
   * The whole value of the record `from`, kept in the record or in segments, becomes the value of this one; the put has its `size` and no `inline`. `from`
   * must be at `version`, and is neither put nor removed by the same change.
   */
  | { readonly kind: 'copy', readonly from: ObjectID, readonly version: number }

export interface RecordPut {
  readonly id: ObjectID
  /**
   * The version to store. n: the stored record must be at n - 1. 1: the record must not exist, nor anything that was below one of this ID when that
   * was removed (`prune`).
   */
  readonly version: number
  readonly type: string
  readonly parentID?: ObjectID | undefined
  readonly name?: string | undefined
  readonly attributes: JsonObject
  readonly size: number
  readonly inline?: Uint8Array | undefined
  readonly segments: SegmentChange
}

export interface RecordRemoval {
  readonly id: ObjectID
  /** The stored record must be at this version. */
  readonly version: number
  /**
   * True for an object that may have children: it and its name are gone with the commit, and everything below it is out of
   * reach with it (`lineage` finds nothing); the driver removes the descendants in the background (`prune`).
   */
  readonly subtree: boolean
}

/** Everything that one operation changes. Applied whole or not at all. */
export interface Change {
  /** Needed when `births` is not empty. */
  readonly lease?: LeaseID
  readonly births?: readonly BlobBirth[]
  /** Records that must be stored at exactly this version, though they are not changed (the ancestors of what is). */
  readonly expect: readonly { readonly id: ObjectID, readonly version: number }[]
  readonly put?: readonly RecordPut[]
  readonly remove?: readonly RecordRemoval[]
  /** Appended to the change log in the same transaction, in this order. */
  readonly events: readonly JsonObject[]
  /** What may not become more than this by the change. What is above it already may stay so, and become less. Of accounts that are not counted nothing is refused. */
  readonly limits?: readonly AccountLimit[]
  /** Containers that the change makes, and that have an account of all below them from their first object on: see `countTree`. Trees are counted already. */
  readonly trees?: readonly ObjectID[]
}

export type CommitResult =
  | { readonly status: 'committed', readonly sequence: Sequence }
  /** A record is not at the version that was expected (`id` says which): read again, compute again. */
  | { readonly status: 'conflict', readonly on: 'version', readonly id: ObjectID }
  /** The name is taken in its parent by another object (`id`). */
  | { readonly status: 'conflict', readonly on: 'name', readonly id: ObjectID }
  /** The lease was closed: the blobs may be gone. The whole operation, upload included, must begin anew. */
  | { readonly status: 'conflict', readonly on: 'lease' }
  | Refused
  /** A container (`id`) would get to where other trees have it on account than where it is: with all that is below it, which no commit could count. Nothing is changed. */
  | { readonly status: 'refused', readonly on: 'trees', readonly id: ObjectID }

/** A limit of the change does not hold. Nothing is changed, and to read again helps only when others have made room. */
export interface Refused {
  readonly status: 'refused'
  readonly account: Account
  readonly on: 'bytes' | 'objects'
  /** Without the change, and how much more that would be. */
  readonly used: number
  readonly more: number
  readonly limit: number
}

/** A child as a listing sees it, without its record. */
export interface Entry {
  readonly name: string
  readonly id: ObjectID
  readonly type: string
}

export interface ChildrenQuery {
  /** Only names greater than this, in the order of their UTF-8 bytes. */
  readonly after?: string | undefined
  /** Only names that begin with this. */
  readonly prefix?: string | undefined
  /** At most so many; the caller pages on with `after`. */
  readonly limit: number
}

/** Names of children in bytes, so that a listing makes nothing for each of them. */
export interface NamePage {
  readonly count: number
  /** The UTF-8 of the names, one after the other. */
  readonly bytes: Uint8Array
  /** Where each of them ends in `bytes`. */
  readonly ends: Uint32Array
  /** The letter of each type. */
  readonly types: Uint8Array
  /** Whether there may be more behind them. A page without names has none behind it. */
  readonly more: boolean
}

export interface TreeQuery {
  /** Letters of the types whose children are looked for. */
  readonly types: string
  /** Levels below the first record; undefined: all. */
  readonly depth?: number | undefined
  /** At most so many records. */
  readonly limit: number
  /** About the bytes that their attributes may have, all together; undefined: any number. */
  readonly size?: number | undefined
}

export interface LoggedEvent {
  readonly sequence: Sequence
  readonly event: JsonObject
}

/** How often an object was used, and when last. */
export interface Accesses {
  readonly count: number
  /** Microseconds since 1970. */
  readonly last: number
}

/**
 * How new the answer must be. `newest`, the default: all that is committed is in it. `acknowledged`: at least all commits of which somebody was told before
 * the question; it may have been put together then, which costs less. For who only shows it: who computes a change from it could fail again and again.
 */
export type Enough = 'newest' | 'acknowledged'

/** Names, records, segment maps, leases and the change log. Every method is one transaction or one snapshot. */
export interface MetaStore {
  /** The record, or undefined. Says nothing of whether its ancestors still exist: see `lineage`. */
  get (id: ObjectID): Promise<StoredRecord | undefined>
  /** The same for many, in their order, in one snapshot. The caller sees to it that there are not too many for memory. */
  getMany (ids: readonly ObjectID[]): Promise<ReadonlyArray<StoredRecord | undefined>>
  /**
   * Walks down from `from`: its record, then the child `names[0]` of it, and so on, in one snapshot. Stops at the first that is
   * missing, so that all were found exactly when the answer has `names.length + 1` records; empty when `from` is missing. `enough`: see there.
   */
  resolve (from: ObjectID, names: readonly string[], enough?: Enough): Promise<StoredRecord[]>
  /**
   * What `resolve` would answer whom everything acknowledged is enough (so that it ends, too, at the first that is missing), where that can be said without a wait; else
   * undefined. `toChange`: what is at the end
   * is about to change, so that nobody will ask for it again as it is.
   */
  known?(from: ObjectID, names: readonly string[], toChange?: boolean): readonly StoredRecord[] | undefined
  /** From the top (an object without a parent) down to `id`, in one snapshot. Empty when it, or an ancestor of it, is gone, and when there is no top, since containers of a damaged store are each other's ancestors. */
  lineage (id: ObjectID): Promise<StoredRecord[]>
  /** Children in the order of the UTF-8 bytes of their names. Does not check that the parent exists. */
  children (id: ObjectID, query: ChildrenQuery): Promise<Entry[]>
  /** The names alone, in the same order: at most `limit`, and fewer when that is a good page; `more` tells the end. */
  names (id: ObjectID, query: ChildrenQuery): Promise<NamePage>
  /** The record and what is below it, parents before their children, in one snapshot. Empty when it is missing. Throws TreeTooLarge beyond `size`. */
  tree (id: ObjectID, query: TreeQuery): Promise<RecordHead[]>
  /**
   * The segments that overlap `offset` up to `offset + length`, whole (not cut to the range), ascending, and the version of the record they belong to,
   * in one snapshot; undefined when the record is gone. The caller compares the version with the record it holds.
   */
  segments (id: ObjectID, offset: number, length: number): Promise<{ version: number, segments: Segment[] } | undefined>
  /** Resolves when the change is durable (flushed), or with the conflict. Rejects with a StorageError when neither is known to be possible. */
  commit (change: Change): Promise<CommitResult>

  /** What was noted of the accesses of an object; undefined when nothing was. At once where that can be said without a wait; then it throws, too. */
  accesses (id: ObjectID): Accesses | undefined | Promise<Accesses | undefined>
  /**
   * Adds the counts, and keeps the later times; objects that are gone are passed over. Not part of their records: no version rises. What was noted
   * last may be lost with the process, nothing else waits for it.
   */
  noteAccesses (notes: ReadonlyMap<ObjectID, Accesses>): Promise<void>

  /**
   * From now on, and for ever, the store counts what its owners have, the children of its containers, or what trees have: in the commit that changes it, by
   * whomever that is made. Idempotent. What owners had before is counted by `countMore`; children of a container are counted when the first comes or goes;
   * which trees there are is told by `countTree`, and by changes.
   */
  beginCounting (kind: CountedKind): Promise<void>
  /**
   * From now on, and for as long as it is there, the container is counted with all that is below it, by the places of the objects: one that comes or goes changes
   * the accounts of the trees that it comes to or leaves. Idempotent. What was there before is counted by `countMore`. Trees may lie in each other.
   */
  countTree (container: ObjectID): Promise<void>
  /** Counts up to `limit` objects that were there before. Returns at how many it has looked; 0 = all are counted. For one caller or many. */
  countMore (limit: number): Promise<number>
  /** Undefined: nobody has counted that. */
  usage (account: Account): Promise<Usage | undefined>
  /** Counts anew, as if it had just begun: for who has found something counted wrong. */
  recount (): Promise<void>
  /** What is counted wrong, in one snapshot; what is not counted yet is not wrong. It looks at all records. */
  miscounts (): Promise<Miscount[]>

  /** Entries of the change log after `after`, ascending, at most `limit`. */
  events (after: Sequence, limit: number): Promise<LoggedEvent[]>
  /** The last sequence given out; 0 when the log is empty from birth. */
  lastSequence (): Promise<Sequence>
  /** Follows the change log from `after` on, and waits at its end until `signal` aborts. */
  watch (after: Sequence, signal: AbortSignal): AsyncIterable<LoggedEvent>

  // What only the sweeper calls. Each may be repeated, by any number of sweepers at once.

  /** Open leases of writers known to be dead or not seen for `milliseconds`. Never one of this process. */
  staleLeases (milliseconds: number): Promise<LeaseID[]>
  /** Closes it: when this resolves, every commit under it is either visible or will be refused. */
  closeLease (lease: LeaseID): Promise<void>
  /** Closed leases whose blobs are still to be looked at. */
  closedLeases (): Promise<LeaseID[]>
  /** Forgets a closed lease after its left-overs were removed. A commit under it goes on being refused. */
  dropLease (lease: LeaseID): Promise<void>
  /** Of these blobs, the ones that were never born in a commit. */
  unborn (blobs: readonly BlobID[]): Promise<BlobID[]>
  /** Blobs that lost a reference more than `graceMilliseconds` ago and that no segment names now: marks them doomed (no commit can name them any more). Returns how many were looked at; 0 = done. */
  condemn (graceMilliseconds: number, limit: number): Promise<number>
  /** Doomed blobs, to be removed from the BlobStore, then forgotten. */
  doomed (limit: number): Promise<BlobID[]>
  forget (blobs: readonly BlobID[]): Promise<void>
  /** Removes up to `limit` descendants of removed containers. Returns how many were removed; 0 = nothing left. */
  prune (limit: number): Promise<number>
  /** Removes change log entries older than this, at most `limit`. Returns how many. */
  trimLog (olderThanMilliseconds: number, limit: number): Promise<number>
}

export interface PutOptions {
  /** Bytes to come, when known: lets a driver preallocate or choose its request. Never trusted. */
  readonly size?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface GetOptions {
  /**
   * Each chunk is only lent: who asks for the next one is done with those before, and the store may put other bytes in their place. Who stops early keeps
   * what he has. Default: false, chunks stay as they are.
   */
  readonly lent?: boolean | undefined
}

/** Immutable runs of bytes. */
export interface BlobStore {
  /**
   * Stores all that `source` gives; resolves when it is durable. On failure what was written is garbage for the sweeper.
   * The chunks belong to the store from then on: the caller does not change them.
   */
  put (lease: LeaseID, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options?: PutOptions): Promise<BlobBirth>
  /** Exactly `length` bytes from `offset` on, in chunks; throws a StorageError ('missing', 'corrupt') rather than end short. */
  get (blob: BlobID, offset: number, length: number, options?: GetOptions): AsyncIterable<Uint8Array>
  /** The same in one piece; for at most a few MiB. */
  read (blob: BlobID, offset: number, length: number): Promise<Uint8Array>
  /** Idempotent. */
  remove (blob: BlobID): Promise<void>
  /** All blobs put under the lease, whole or broken, also while it is open. */
  list (lease: LeaseID): AsyncIterable<BlobID>
  /** Tells that nothing is left to come under this (closed, empty) lease. */
  dropLease (lease: LeaseID): Promise<void>
}

/** The right to put blobs, held for the length of one operation. */
export interface Lease {
  readonly id: LeaseID
  /** The operation has ended, well or not. Blobs given here were never committed (a hint for the sweeper; it looks before it deletes). */
  release (abandoned?: readonly BlobID[]): void
}

export interface SweepReport {
  /** Leases closed, blobs removed, records of removed containers removed, log entries trimmed. */
  leases: number
  blobs: number
  records: number
  events: number
}

export interface StoreFlags {
  /** Other processes may write to the same store at the same time. */
  readonly crossProcess: boolean
}

/** How far the scrub is: it reads all blobs again and again, slowly, to find rotten bytes before anybody needs them. Times in milliseconds since 1970. */
export interface ScrubState {
  /** When the pass under way began; undefined: none is. */
  readonly began: number | undefined
  /** Blobs and bytes that it has read; of the last pass when none is under way. */
  readonly blobs: number
  readonly bytes: number
  /** Blobs that it has found missing, or with other bytes than were written. */
  readonly damaged: number
  /** The last pass that came to its end; undefined: none has. */
  readonly last: { readonly ended: number, readonly blobs: number, readonly bytes: number, readonly damaged: number } | undefined
}

/** What is known of rotten bytes. */
export interface Integrity {
  /** Reads of this process that were ended since bytes were missing, or others than were written. */
  readonly damagedReads: number
  /** Undefined: it is off. */
  readonly scrub: ScrubState | undefined
}

/** What `openStore` gives. */
export interface Store {
  readonly name: string
  readonly flags: StoreFlags
  readonly meta: MetaStore
  readonly blobs: BlobStore
  /** The object ID of the root container's record, made at the first opening. Its record has type `c` and no parent. */
  readonly rootID: ObjectID
  /** What whoever runs the store should know of the place where it is, as he opens it: sentences. Missing: nothing. */
  readonly notices?: readonly string[]
  /** Values up to so many bytes are kept in the record. */
  readonly inlineLimit: number
  /** The longest segment, in bytes. */
  readonly segmentSize: number
  /** What it counts, and can tell of itself. Missing: nothing. */
  readonly metrics?: Registry
  lease (): Lease
  /** One whole round of the sweeper, now. */
  sweep (): Promise<SweepReport>
  /** Rejects with a StorageError when the store could not take a write now; in bounded time, whatever is silent. */
  ready (): Promise<void>
  /** What is known of rotten bytes, here and now. Missing where nobody looks. */
  integrity? (): Integrity
  /** Waits for commits under way, then lets go of everything. Idempotent. */
  close (): Promise<void>
}
