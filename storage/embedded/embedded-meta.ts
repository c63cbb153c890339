/** Names, records, segment maps, leases and the change log in LMDB. Reads happen here and now, writes go to the writer. */
import { setImmediate } from 'node:timers/promises'
import type {
  Accesses, Account, BlobBirth, BlobID, Change, ChildrenQuery, CommitResult, CountedKind, Enough, Entry, LeaseID, LoggedEvent, Miscount, NamePage, ObjectID, RecordHead, Segment, Sequence, StoredRecord, TreeQuery, Usage
} from '../contract.js'
import { StoreClosedError, TreeTooLarge } from '../contract.js'
import type { LeasedMeta } from '../compose-store.js'
import type { Census, Intake, MovableMeta, WholeRecord, WholesQuery } from '../transfer/ends.js'
import { mostNames, noNames } from '../name-page.js'
import { idKey, idText, maxNameLength } from '../object-key.js'
import { toStorageError } from '../storage-errors.js'
import { encodeNotes } from './access-notes.js'
import { encodeChange } from './change-frame.js'
import { readU64, successor, u64 } from './bytes.js'
import { openAccesses } from './access-rows.js'
import { openBlob } from './blob-rows.js'
import type { CommitChannel } from './commit-channel.js'
import { type Counting, nextToCount, readCounting } from './counting.js'
import { embeddedIntake } from './embedded-intake.js'
import { openEntry } from './entry-rows.js'
import { blobKey, entryKey, nameOfEntry, ownerKey } from './keys.js'
import { KnownPaths } from './known-paths.js'
import { leaseState, leaseStates } from './lease-rows.js'
import { markOf } from './listing-marks.js'
import { openSequence, timeOfEvent } from './log-rows.js'
import { readMoved } from './moved-rows.js'
import { NameCache } from './name-cache.js'
import type { EntryRange } from './name-scan.js'
import { isSoundNote } from './note-rows.js'
import { checkRecord, EmbeddedRecord, recordGone, versionOf } from './record-codec.js'
import { isReferenced, overlapping } from './segment-writer.js'
import type { RecordsFile } from './records-file.js'
import { requireLast, rowsOf, stateKeys, type Table, type Tables } from './tables.js'
import { treeIn } from './tree-reads.js'
import { miscountsIn, usageIn } from './usage-reads.js'
import { censusOf, checkCovered, eventsOf, namedBlobsOf, pastKey, segmentOf, wholesOf } from './whole-reads.js'
import { commitResultOf, countOf, encodeStep, type WireStep } from './wire.js'

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

/** Entries of the log that a follower takes at a time. */
const page = 1000
/** Milliseconds after which the log is looked at for commits of other processes. */
const pollInterval = 200

export class EmbeddedMeta implements LeasedMeta, MovableMeta {
  readonly #tables: Tables
  readonly #channel: CommitChannel
  readonly #options: EmbeddedMetaOptions
  readonly #followers = new Set<() => void>()
  readonly #pages = new NameCache()
  readonly #stopped = new AbortController()
  #commits = 0
  #damagedReads = 0
  #paths: KnownPaths | undefined
  #leaseRefused: ((lease: LeaseID) => void) | undefined

  constructor (tables: Tables, channel: CommitChannel, options: EmbeddedMetaOptions) {
    this.#tables = tables
    this.#channel = channel
    this.#options = options
    if (!options.foreignCommits) this.#paths = new KnownPaths()
  }

  /** From now on others commit through the channel, of whose changes this one does not hear before they are acknowledged. */
  shareChannel (): void {
    this.#paths = undefined
  }

  /** Something may have been committed: reads must see it from now on, and followers of the log are told. */
  wake (): void {
    this.#commits++
    this.#tables.env.resetReadTxn()
    for (const follower of this.#followers) follower()
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
    return enough === 'newest' ? this.#resolve(from, names) : [...this.#follow(from, names)]
  }

  known (from: ObjectID, names: readonly string[]): readonly StoredRecord[] | undefined {
    const chain = this.#follow(from, names)
    return chain.length > names.length ? chain : undefined
  }

  /** As `#resolve`, for whom everything acknowledged is enough. */
  #follow (from: ObjectID, names: readonly string[]): readonly StoredRecord[] {
    if (this.#paths === undefined) return this.#resolve(from, names)
    const known = this.#paths.find(from, names)
    if (known !== undefined) return known
    const below = this.#childOfKnown(from, names)
    const chain = below ?? this.#resolve(from, names)
    this.#paths.keep(from, names, chain)
    // Where something is made there will be more.
    if (below === undefined && names.length > 0) this.#paths.keep(from, names.slice(0, -1), chain.slice(0, names.length))
    return chain
  }

  /** Where the parent is known only the last step is to be done. */
  #childOfKnown (from: ObjectID, names: readonly string[]): StoredRecord[] | undefined {
    const name = names.at(-1)
    const above = name === undefined ? undefined : this.#paths?.find(from, names.slice(0, -1))
    const parent = above?.at(-1)
    if (name === undefined || above === undefined || parent === undefined) return undefined
    const child = this.#read('reading a name', tables => childOf(tables, idKey(parent.id), parent.id, name))
    return child === undefined ? [...above] : [...above, child]
  }

  #resolve (from: ObjectID, names: readonly string[]): StoredRecord[] {
    const start = idKey(from)
    return this.#read('reading names', tables => {
      let record = recordAt(tables.records, start, from)
      const found: StoredRecord[] = []
      for (const name of names) {
        if (record === undefined) return found
        found.push(record)
        record = childOf(tables, idKey(record.id), record.id, name)
      }
      if (record !== undefined) found.push(record)
      return found
    })
  }

  async lineage (id: ObjectID): Promise<StoredRecord[]> {
    const start = idKey(id)
    return this.#read(`reading the ancestors of ${id}`, ({ records }) => {
      const chain: StoredRecord[] = []
      const passed = new Set<ObjectID>()
      let record = recordAt(records, start, id)
      // Containers that are each other's ancestors, of a store that is damaged, have no top.
      while (record !== undefined && !passed.has(record.id)) {
        chain.push(record)
        passed.add(record.id)
        if (record.parentID === undefined) return chain.reverse()
        record = recordAt(records, idKey(record.parentID), record.parentID)
      }
      return []
    })
  }

  async children (id: ObjectID, query: ChildrenQuery): Promise<Entry[]> {
    const range = rangeOf(id, query)
    if (range === undefined) return []
    return this.#read(`listing ${id}`, ({ entries }) =>
      rowsOf('the names', entries, range).map(({ key, value }): Entry => {
        const entry = openEntry(key, value)
        return { name: nameOfEntry(key), id: idText(entry.id), type: String.fromCharCode(entry.type) }
      }))
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
    return this.#read(`reading the segments of ${id}`, ({ records, segments }) => {
      const record = copyOf(records.getBinaryFast(key))
      if (record === undefined) return undefined
      checkRecord(key, record, id)
      const found = overlapping(segments, key, offset, length)
      checkCovered(id, record, found, offset, offset + length)
      return { version: versionOf(record), segments: found.map(segmentOf) }
    })
  }

  async commit (change: Change): Promise<CommitResult> {
    // Told also when nobody knows whether it was made.
    const encoding = encodeChange(change)
    const encoded = encoding instanceof Promise ? await encoding : encoding
    const result = commitResultOf(await this.#channel.submit(encoded).finally(() => { this.#paths?.changed(change) }))
    if (result.status === 'conflict' && result.on === 'lease' && change.lease !== undefined) this.#leaseRefused?.(change.lease)
    return result
  }

  async accesses (id: ObjectID): Promise<Accesses | undefined> {
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

  async events (after: Sequence, limit: number): Promise<LoggedEvent[]> {
    return this.#events(after, limit)
  }

  #events (after: Sequence, limit: number): LoggedEvent[] {
    if (limit <= 0) return []
    return this.#read('reading the change log', tables => eventsOf(tables, after, limit))
  }

  async lastSequence (): Promise<Sequence> {
    return this.#read('reading the change log', ({ state }) => {
      return openSequence(state.getBinary(stateKeys.sequence))
    })
  }

  async * watch (after: Sequence, signal: AbortSignal): AsyncGenerator<LoggedEvent> {
    const stop = AbortSignal.any([signal, this.#stopped.signal])
    let last = after
    while (!stop.aborted) {
      const commits = this.#commits
      if (this.#options.file?.isOpen === false) {
        await this.#nextCommit(stop)
        continue
      }
      const entries = this.#events(last, page)
      for (const entry of entries) {
        yield entry
        if (stop.aborted) return
        last = entry.sequence
      }
      if (entries.length === 0 && commits === this.#commits) await this.#nextCommit(stop)
    }
  }

  /** Resolves at the next commit, or when others may have committed, or when `stop` aborts. */
  async #nextCommit (stop: AbortSignal): Promise<void> {
    await new Promise<void>(resolve => {
      const timer = this.#options.foreignCommits ? setTimeout(() => { wake() }, pollInterval).unref() : undefined
      const wake = (): void => {
        clearTimeout(timer)
        this.#followers.delete(wake)
        stop.removeEventListener('abort', wake)
        resolve()
      }
      this.#followers.add(wake)
      stop.addEventListener('abort', wake)
    })
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
    return this.#read('reading leases', ({ leases }) => Array.from(leases.getRange({ start: Buffer.from([0]) })).filter(({ key, value }) => leaseState(key, value) === state).map(({ key }) => key.toString()))
  }

  async staleLeases (): Promise<LeaseID[]> {
    return this.#options.staleLeases?.(this.#leases(leaseStates.open)) ?? []
  }

  /** What was noted of a blob at its birth; undefined when it was not born, or is doomed. */
  birthOf (blob: BlobID): BlobBirth | undefined {
    return this.#read('reading blobs', ({ blobs }) => {
      const key = blobKey(blob)
      const row = blobs.getBinary(key)
      if (row === undefined) return undefined
      const { size, hash } = openBlob(key, row)
      return { blob, size, hash }
    })
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
    // What a segment names was born, even if its row got lost: it is not to be removed.
    return this.#read('reading blobs', tables => blobs.filter(blob => tables.blobs.getBinaryFast(blobKey(blob)) === undefined && !isReferenced(tables, blob)))
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

  async wholes (query: WholesQuery): Promise<WholeRecord[]> {
    return this.#read('reading records', tables => wholesOf(tables, query))
  }

  async namedBlobs (after: BlobID | undefined, limit: number): Promise<BlobBirth[]> {
    return this.#read('reading blobs', tables => namedBlobsOf(tables, after, limit))
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

/** The entries that are asked for; undefined when there can be none. */
function rangeOf (id: ObjectID, { after, prefix, limit }: ChildrenQuery): EntryRange | undefined {
  const parent = idKey(id)
  const owner = ownerKey(parent)
  const names = prefix === undefined ? owner : entryKey(parent, prefix)
  if (names.length > owner.length + maxNameLength) return undefined
  // A name cut one byte past the longest possible one sorts among real names just like the whole.
  const past = after === undefined ? undefined : pastKey(entryKey(parent, after).subarray(0, owner.length + maxNameLength + 1))
  const start = past !== undefined && past.compare(names) > 0 ? past : names
  const end = successor(names)
  return limit <= 0 || start.compare(end) >= 0 ? undefined : { start, end, limit }
}

/** The key of the last name of a page. */
function lastOf ({ count, bytes, ends }: NamePage, owner: Buffer): Buffer | undefined {
  return count === 0 ? undefined : Buffer.concat([owner, bytes.subarray(count === 1 ? 0 : ends[count - 2], ends[count - 1])])
}

/** What may be removed: a row that has got the name of another blob removes none that somebody needs. */
function doomedIn (tables: Tables, limit: number): BlobID[] {
  const found: BlobID[] = []
  for (const { key, value } of tables.doomed.getRange({ start: Buffer.from([0]) })) {
    if (found.length >= limit) break
    const blob = key.toString()
    if (isSoundNote(key, value) && !tables.blobs.doesExist(key) && !isReferenced(tables, blob)) found.push(blob)
  }
  return found
}

function accessesAt (accesses: Table, key: Buffer): Accesses | undefined {
  const row = accesses.getBinary(key)
  return row === undefined ? undefined : openAccesses(key, row)
}

function childOf ({ records, entries }: Tables, parentKey: Buffer, parentID: ObjectID, name: string): StoredRecord | undefined {
  if (name.length > maxNameLength) return undefined
  const entry = entryKey(parentKey, name)
  const row = copyOf(entries.getBinaryFast(entry))
  if (row === undefined) return undefined
  const key = openEntry(entry, row).id
  const id = idText(key)
  const record = recordAt(records, key, id, parentID)
  if (record === undefined) throw recordGone(id)
  return record
}

function recordAt (records: Table, key: Buffer, id: ObjectID, parentID?: ObjectID): StoredRecord | undefined {
  const bytes = copyOf(records.getBinaryFast(key))
  if (bytes === undefined) return undefined
  checkRecord(key, bytes, id)
  return new EmbeddedRecord(id, bytes, parentID)
}

/** What lies in LMDB's own buffer, or in its memory map, until the next read. LMDB's way to copy it takes several times as long. */
function copyOf (bytes: Uint8Array | undefined): Buffer | undefined {
  if (bytes === undefined) return undefined
  const copy = Buffer.allocUnsafe(bytes.length)
  copy.set(bytes.subarray(0, bytes.length))
  return copy
}
