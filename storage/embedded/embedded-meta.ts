/** Names, records, segment maps, leases and the change log in LMDB. Reads happen here and now, writes go to the writer. */
import { setImmediate } from 'node:timers/promises'
import type {
  Accesses, Account, BlobBirth, BlobID, Change, ChildrenQuery, CommitResult, CountedKind, Enough, Entry, LeaseID, LoggedEvent, Miscount, NamePage, ObjectID, RecordHead, Segment, Sequence, StoredRecord, TreeQuery, Usage
} from '../contract.js'
import { StoreClosedError, TreeTooLarge } from '../contract.js'
import type { LeasedMeta } from '../compose-store.js'
import type { PassOver } from '../backup/unreadable.js'
import type { Census, Intake, MovableMeta, WholeRecord, WholesQuery } from '../transfer/ends.js'
import { mostNames, noNames } from '../name-page.js'
import { idKey, idText } from '../object-key.js'
import { toStorageError } from '../storage-errors.js'
import { encodeNotes } from './access-notes.js'
import { encodeChange } from './change-frame.js'
import { readU64, u64 } from './bytes.js'
import type { CommitChannel } from './commit-channel.js'
import { type Counting, nextToCount, readCounting } from './counting.js'
import { embeddedIntake } from './embedded-intake.js'
import { openEntry } from './entry-rows.js'
import { blobKey, nameOfEntry, ownerKey } from './keys.js'
import { KnownPaths, type Paths, ToldChanges } from './known-paths.js'
import { leaseState, leaseStates } from './lease-rows.js'
import { markOf } from './listing-marks.js'
import { openSequence, timeOfEvent } from './log-rows.js'
import { readMoved } from './moved-rows.js'
import { NameCache } from './name-cache.js'
import { followKnown } from './path-reads.js'
import { SameRows } from './same-rows.js'
import { isReferenced } from './segment-writer.js'
import type { RecordsFile } from './records-file.js'
import { requireLast, rowsOf, stateKeys, type Tables } from './tables.js'
import { treeIn } from './tree-reads.js'
import { miscountsIn, usageIn } from './usage-reads.js'
import { censusOf, eventsOf, namedBlobsOf, wholesOf } from './whole-reads.js'
import { commitResultOf, countOf, encodeStep, type WireStep } from './wire.js'
import { LogFollowers } from './log-followers.js'
import { lastOf, rangeOf } from './name-reads.js'
import { accessesAt, lineageIn, recordAt, resolveIn, segmentsIn } from './record-reads.js'
import { birthIn, doomedIn, leasesIn, unbornIn } from './sweep-reads.js'

export interface EmbeddedMetaOptions {
  /** Whether other processes commit too, without this one hearing of it. */
  readonly foreignCommits: boolean
  /** Open leases of writers that are known to be dead. */
  readonly staleLeases?: (open: readonly LeaseID[]) => LeaseID[]
  /** Keys of pins whose processes are gone. */
  readonly deadPins?: () => Promise<Buffer[]>
  /** The file where this process owns it, and opens it anew when it has to. */
  readonly file?: Pick<RecordsFile, 'isOpen' | 'require'>
  /** Is told of a lease before it is opened. */
  readonly announceLease?: (lease: LeaseID) => void
}

function entryOf (key: Buffer, row: Buffer): Entry {
  const entry = openEntry(key, row)
  return { name: nameOfEntry(key), id: idText(entry.id), type: String.fromCharCode(entry.type) }
}

export class EmbeddedMeta implements LeasedMeta, MovableMeta {
  readonly #tables: Tables
  readonly #channel: CommitChannel
  readonly #options: EmbeddedMetaOptions
  readonly #followers: LogFollowers
  readonly #pages = new NameCache()
  readonly #stopped = new AbortController()
  #damagedReads = 0
  /** What this process was told, where it hears of all that is committed. */
  #told: ToldChanges | undefined
  #paths: Paths
  #leaseRefused: ((lease: LeaseID) => void) | undefined

  constructor (tables: Tables, channel: CommitChannel, options: EmbeddedMetaOptions) {
    this.#tables = tables
    this.#channel = channel
    this.#options = options
    this.#told = options.foreignCommits ? undefined : new ToldChanges()
    this.#paths = pathsOf(tables, this.#told)
    this.#followers = new LogFollowers({ foreignCommits: options.foreignCommits, isOpen: () => options.file?.isOpen !== false, events: (after, limit) => this.#events(after, limit) })
  }

  /** From now on others commit through the channel, of whose changes this one does not hear before they are acknowledged. */
  shareChannel (): void {
    this.#told = undefined
    this.#paths = pathsOf(this.#tables, undefined)
  }

  /** Something may have been committed: reads must see it from now on, and followers of the log are told. */
  wake (): void {
    this.#tables.env.resetReadTxn()
    this.#followers.wake()
  }

  /** The file was opened anew. A commit that was never acknowledged may be gone, and somebody may have seen it. */
  reopened (): void {
    this.#paths = pathsOf(this.#tables, this.#told)
    this.wake()
  }

  /** Reads that were ended since rows were missing, or others than were written. */
  get damagedReads (): number {
    return this.#damagedReads
  }

  /** `listener` is told of leases under which a commit was refused. */
  whenLeaseRefused (listener: (lease: LeaseID) => void): void {
    this.#leaseRefused = listener
  }

  /** Ends all followers of the log. */
  stop (): void {
    this.#stopped.abort()
  }

  /**
   * Runs a read in a snapshot that has all that was acknowledged. Where nobody else commits, that is the one of this turn of the event loop: an
   * acknowledgement comes through `wake`. Of those of other processes nobody tells.
   */
  #read<T> (doing: string, read: (tables: Tables) => T): T {
    try {
      this.#options.file?.require()
      if (this.#options.foreignCommits) this.#tables.env.resetReadTxn()
      return read(this.#tables)
    } catch (error) {
      // A page of LMDB that leads nowhere spoils the transaction for all who read after this.
      this.#tables.env.resetReadTxn()
      const failure = toStorageError(error, doing)
      if (failure.reason === 'corrupt' || failure.reason === 'missing') this.#damagedReads++
      throw failure
    }
  }

  async get (id: ObjectID): Promise<StoredRecord | undefined> {
    const key = idKey(id)
    return this.#read(`reading record ${id}`, ({ records }) => recordAt(records, key, id))
  }

  async getMany (ids: readonly ObjectID[]): Promise<ReadonlyArray<StoredRecord | undefined>> {
    return this.#read('reading records', ({ records }) => ids.map(id => recordAt(records, idKey(id), id)))
  }

  async resolve (from: ObjectID, names: readonly string[], enough: Enough = 'newest'): Promise<StoredRecord[]> {
    return enough === 'newest' ? this.#resolve(from, names) : [...this.#follow(from, names, false)]
  }

  known (from: ObjectID, names: readonly string[], toChange = false): readonly StoredRecord[] {
    return this.#follow(from, names, !toChange)
  }

  /** As `#resolve`, for whom everything acknowledged is enough. `again`: the object at the end may be asked for once more as it is now, and not be written. */
  #follow (from: ObjectID, names: readonly string[], again: boolean): readonly StoredRecord[] {
    const doing = 'reading names'
    // What holds no more shows in the tables only, where nobody tells: then all of it is one read.
    return this.#told === undefined
      ? this.#read(doing, tables => followKnown(this.#paths, from, names, again, read => read(tables)))
      : followKnown(this.#paths, from, names, again, read => this.#read(doing, read))
  }

  #resolve (from: ObjectID, names: readonly string[]): StoredRecord[] {
    const start = idKey(from)
    return this.#read('reading names', tables => resolveIn(tables, start, from, names))
  }

  async lineage (id: ObjectID): Promise<StoredRecord[]> {
    const start = idKey(id)
    return this.#read(`reading the ancestors of ${id}`, ({ records }) => lineageIn(records, start, id))
  }

  async children (id: ObjectID, query: ChildrenQuery): Promise<Entry[]> {
    const range = rangeOf(id, query)
    if (range === undefined) return []
    return this.#read(`listing ${id}`, ({ entries }) => {
      // It sorts before all others, and one row costs less to look at than a range.
      const first = query.limit === 1 ? entries.getBinary(range.start) : undefined
      return first === undefined ? rowsOf('the names', entries, range).map(({ key, value }) => entryOf(key, value)) : [entryOf(range.start, first)]
    })
  }

  async names (id: ObjectID, query: ChildrenQuery): Promise<NamePage> {
    // The same pages, however many more names than one of them has are wanted.
    const range = rangeOf(id, { ...query, limit: Math.min(query.limit, mostNames) })
    if (range === undefined) return noNames
    return this.#read(`listing ${id}`, ({ names, state, entries }) => this.#pages.page(range, markOf(state, range.start), () => {
      const page = names.page(range)
      if (!page.more) requireLast('the names', entries, range, lastOf(page, ownerKey(idKey(id))))
      return page
    }))
  }

  async tree (id: ObjectID, query: TreeQuery): Promise<RecordHead[]> {
    const doing = `reading all below ${id}`
    if (this.#stopped.signal.aborted) throw new StoreClosedError()
    const transaction = this.#read(doing, ({ env }) => env.useReadTransaction())
    try {
      const steps = this.#read(doing, tables => treeIn(tables, transaction, id, query))
      for (;;) {
        const step = this.#read(doing, () => steps.next())
        if (step.done !== true) {
          await setImmediate()
          // Whoever closes the file, for good or to open it anew, lets others have a turn before: then this transaction must be over.
          if (this.#stopped.signal.aborted) throw new StoreClosedError()
        } else if (step.value !== undefined) return step.value
        else throw new TreeTooLarge(`what is below ${id} has more than ${query.size} bytes of attributes`)
      }
    } finally {
      transaction.done()
    }
  }

  async segments (id: ObjectID, offset: number, length: number): Promise<{ version: number, segments: Segment[] } | undefined> {
    const key = idKey(id)
    return this.#read(`reading the segments of ${id}`, tables => segmentsIn(tables, key, id, offset, length))
  }

  async commit (change: Change): Promise<CommitResult> {
    // Told also when nobody knows whether it was made.
    const encoding = encodeChange(change)
    const encoded = encoding instanceof Promise ? await encoding : encoding
    let answer
    try {
      answer = await this.#channel.submit(encoded)
    } finally {
      this.#told?.changed(change)
    }
    const result = commitResultOf(answer)
    if (result.status === 'conflict' && result.on === 'lease' && change.lease !== undefined) this.#leaseRefused?.(change.lease)
    return result
  }

  accesses (id: ObjectID): Accesses | undefined {
    const key = idKey(id)
    return this.#read(`reading the accesses of ${id}`, ({ accesses }) => accessesAt(accesses, key))
  }

  async noteAccesses (notes: ReadonlyMap<ObjectID, Accesses>): Promise<void> {
    if (notes.size > 0) await this.#submit({ kind: 'noteAccesses', notes: encodeNotes([...notes]) })
  }

  async beginCounting (kind: CountedKind): Promise<void> {
    if (this.#counting()[kind] === undefined) await this.#submit({ kind: 'beginCounting', what: kind })
  }

  async countTree (container: ObjectID): Promise<void> {
    if (this.#counting().trees?.[container] === undefined) await this.#submit({ kind: 'countTree', container })
  }

  async countMore (limit: number): Promise<number> {
    return nextToCount(this.#counting()) === undefined ? 0 : await this.#submit({ kind: 'countMore', limit })
  }

  async recount (): Promise<void> { await this.#submit({ kind: 'recount' }) }

  /** What nobody can read is begun anew. */
  #counting (): Counting {
    return this.#read('reading what is counted', ({ state }) => readCounting(state.getBinary(stateKeys.counting)) ?? {})
  }

  async usage (account: Account): Promise<Usage | undefined> {
    return this.#read(`reading what ${account} has`, tables => usageIn(tables, account))
  }

  async miscounts (): Promise<Miscount[]> {
    return this.#read('counting what there is', miscountsIn)
  }

  async events (after: Sequence, limit: number, passOver?: PassOver): Promise<LoggedEvent[]> {
    return this.#events(after, limit, passOver)
  }

  #events (after: Sequence, limit: number, passOver?: PassOver): LoggedEvent[] {
    if (limit <= 0) return []
    return this.#read('reading the change log', tables => eventsOf(tables, after, limit, passOver))
  }

  async lastSequence (): Promise<Sequence> {
    return this.#read('reading the change log', ({ state }) => {
      return openSequence(state.getBinary(stateKeys.sequence))
    })
  }

  watch (after: Sequence, signal: AbortSignal): AsyncGenerator<LoggedEvent> {
    return this.#followers.watch(after, AbortSignal.any([signal, this.#stopped.signal]))
  }

  async #submit (item: WireStep): Promise<number> {
    return countOf(await this.#channel.submit(encodeStep(item)))
  }

  /** Makes a lease known: from now on commits under it are taken. */
  async openLease (lease: LeaseID): Promise<void> {
    this.#options.announceLease?.(lease)
    await this.#submit({ kind: 'openLease', lease })
  }

  /** Writes durably what nobody reads. */
  async touch (): Promise<void> { await this.#submit({ kind: 'touch' }) }

  async leaseIsOpen (lease: LeaseID): Promise<boolean> {
    const key = Buffer.from(lease)
    return this.#read('reading leases', ({ leases }) => leaseState(key, leases.getBinaryFast(key)) === leaseStates.open)
  }

  #leases (state: number): LeaseID[] {
    return this.#read('reading leases', ({ leases }) => leasesIn(leases, state))
  }

  async staleLeases (): Promise<LeaseID[]> {
    return this.#options.staleLeases?.(this.#leases(leaseStates.open)) ?? []
  }

  /** What was noted of a blob at its birth; undefined when it was not born, or is doomed. */
  birthOf (blob: BlobID): BlobBirth | undefined {
    return this.#read('reading blobs', ({ blobs }) => birthIn(blobs, blob))
  }

  /** Whether a segment names the blob. */
  isNeeded (blob: BlobID): boolean {
    return this.#read('reading blobs', tables => isReferenced(tables, blob))
  }

  /** What the scrub has noted last. */
  scrubNote (): Buffer | undefined {
    return this.#read('reading the state of the scrub', ({ state }) => state.getBinary(stateKeys.scrub))
  }

  async noteScrub (note: Buffer): Promise<void> { await this.#submit({ kind: 'noteScrub', note }) }

  async closeLease (lease: LeaseID): Promise<void> { await this.#submit({ kind: 'closeLease', lease }) }
  async closedLeases (): Promise<LeaseID[]> { return this.#leases(leaseStates.closed) }
  async dropLease (lease: LeaseID): Promise<void> { await this.#submit({ kind: 'dropLease', lease }) }

  async unborn (blobs: readonly BlobID[]): Promise<BlobID[]> {
    return this.#read('reading blobs', tables => unbornIn(tables, blobs))
  }

  // Whether there is something to do is looked up first: a round with nothing to do writes nothing.

  async condemn (grace: number, limit: number): Promise<number> {
    const since = this.#firstOf('trash')?.key
    const now = Date.now()
    if (since === undefined || (readU64(since, 0) > now - grace && !this.#isAhead(now))) return 0
    const dead = await this.#options.deadPins?.() ?? []
    if (dead.length > 0) await this.#submit({ kind: 'dropPins', keys: dead })
    return await this.#submit({ kind: 'condemn', grace, limit })
  }

  async doomed (limit: number): Promise<BlobID[]> {
    return this.#read('reading doomed blobs', tables => doomedIn(tables, limit))
  }

  async forget (blobs: readonly BlobID[]): Promise<void> {
    if (blobs.length > 0) await this.#submit({ kind: 'forget', blobs })
  }

  async prune (limit: number): Promise<number> {
    return this.#firstOf('orphans') === undefined ? 0 : await this.#submit({ kind: 'prune', limit })
  }

  async trimLog (olderThan: number, limit: number): Promise<number> {
    const oldest = this.#firstOf('log')
    if (oldest === undefined || timeOfEvent(oldest.key, oldest.value) >= Date.now() - olderThan) return 0
    return await this.#submit({ kind: 'trimLog', olderThan, limit })
  }

  async census (): Promise<Census> {
    return this.#read('counting what there is', tables => censusOf(tables, tables.records.getCount()))
  }

  async wholes (query: WholesQuery, passOver?: PassOver): Promise<WholeRecord[]> {
    return this.#read('reading records', tables => wholesOf(tables, query, passOver))
  }

  async namedBlobs (after: BlobID | undefined, limit: number, passOver?: PassOver): Promise<BlobBirth[]> {
    return this.#read('reading blobs', tables => namedBlobsOf(tables, after, limit, { passOver }))
  }

  /** The same for the scrub, which is to go on behind what nobody can read; reading one of its bytes tells of it. */
  async blobsToScrub (after: BlobID | undefined, limit: number): Promise<BlobBirth[]> {
    return this.#read('reading blobs', tables => namedBlobsOf(tables, after, limit, { unreadable: { size: 1, hash: '' } }))
  }

  readonly intake: Intake = embeddedIntake({
    submit: async item => await this.#submit(item),
    moved: blobs => this.#read('reading what was moved', ({ moved }) => blobs.map(blob => readMoved(blobKey(blob), moved.getBinary(blobKey(blob)))))
  })

  /** Whether anything got into the trash while the clock was ahead of now. */
  #isAhead (now: number): boolean {
    return this.#read('reading the trash', ({ trash }) => Array.from(trash.getKeys({ start: u64(now + 1), limit: 1 })).length > 0)
  }

  #firstOf (table: 'trash' | 'orphans' | 'log'): { key: Buffer, value: Buffer } | undefined {
    return this.#read(`reading the ${table}`, tables => Array.from(tables[table].getRange({ start: Buffer.from([0]), limit: 1 }))[0])
  }
}

function pathsOf (tables: Tables, told: ToldChanges | undefined): Paths {
  return told === undefined ? new KnownPaths(new SameRows(tables)) : new KnownPaths(told)
}
