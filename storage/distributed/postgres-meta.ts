/** Names, records, segment maps, leases and the change log in PostgreSQL. Any number of servers share them. */
import type { LeasedMeta, Reporter } from '../compose-store.js'
import type { PassOver } from '../backup/unreadable.js'
import type { Census, Intake, MovableMeta, WholeRecord, WholesQuery } from '../transfer/ends.js'
import {
  type Accesses, type Account, type BlobBirth, type BlobID, type Change, type ChildrenQuery, type CommitResult, type CountedKind, type Entry, type LeaseID, type LoggedEvent, type Miscount, type NamePage, type ObjectID, type RecordHead, type Segment,
  type Sequence, StorageError, type StoredRecord, type TreeQuery, type Usage
} from '../contract.js'
import { idKey } from '../object-key.js'
import { Accounts } from './accounts.js'
import { Asking } from './asking.js'
import { type Answer, encodeChange, resultOf, twinOf } from './change-json.js'
import { ChangeLog } from './change-log.js'
import type { Attempts, Database } from './database.js'
import { hasSqlState } from './database-errors.js'
import type { Names } from './names.js'
import { PostgresIntake } from './postgres-intake.js'
import { PostgresRecord, type RecordRow } from './postgres-record.js'
import { RecordReads } from './record-reads.js'
import { statementsOf } from './statements.js'
import { boundBy, crowdedAccount, limitsText, refusedOf } from './usage-text.js'

export interface PostgresMetaOptions {
  readonly database: Database
  readonly names: Names
  readonly report: Reporter
  /** Milliseconds after which others take a lease for dead that was not renewed. */
  readonly leaseTimeout: number
  /** Milliseconds during which a blob may still arrive after its lease was closed. */
  readonly late: number
}

/** Leases are renewed so many times before others lose their patience. */
const beats = 30
/** A change of more objects than this, or of objects with as many segments, may take so many times as long. */
const manyObjects = 1000
const manySegments = 10_000
const longPatience = 10
const closedRemembered = 1000
/** Records that are removed in one step, unless that takes too long; after that, so many times fewer; and more again after steps of less than so many milliseconds. */
const mostPruned = 200
const fewer = 8
const quick = 1000
const timedOut = '57014'
const unique = '23505'
const foreignKey = '23503'
/** The database has given it up, so that nothing of it was done. */
function isTimeout (error: unknown): boolean {
  return error instanceof StorageError && hasSqlState(error.cause, timedOut)
}

export type WholeRow = [...RecordRow, segments: string | null, count: string | null, last: string | null]
type SegmentText = [offset: number, length: number, blob: BlobID, blobOffset: number]

export class PostgresMeta implements LeasedMeta, MovableMeta {
  readonly #database: Database
  readonly #ask: Asking
  readonly #reads: RecordReads
  readonly #accounts: Accounts
  readonly #options: PostgresMetaOptions
  readonly #log: ChangeLog
  readonly intake: Intake
  /** Leases of this process that it has not closed. */
  readonly #leases = new Set<LeaseID>()
  /** Some that are closed: none opens again. */
  readonly #closed = new Set<LeaseID>()
  #pruned = mostPruned
  readonly #heart: NodeJS.Timeout
  #leaseRefused: ((lease: LeaseID) => void) | undefined
  #commitDoubted: ((lease: LeaseID) => void) | undefined

  constructor (options: PostgresMetaOptions) {
    this.#database = options.database
    this.#options = options
    const statements = statementsOf(options.names)
    this.#ask = new Asking(options.database, statements)
    this.#reads = new RecordReads(this.#ask)
    this.#accounts = new Accounts(this.#ask)
    this.#log = new ChangeLog(options.database, options.names, options.report)
    this.intake = new PostgresIntake({ ...options, statements })
    let missed = false
    this.#heart = setInterval(() => {
      this.touch().then(() => { missed = false }, (error: unknown) => {
        // Once for each time that the database is away.
        if (!missed) options.report(error, 'renewing leases')
        missed = true
      })
    }, options.leaseTimeout / beats).unref()
  }

  async get (id: ObjectID): Promise<StoredRecord | undefined> { return await this.#reads.get(id) }
  async getMany (ids: readonly ObjectID[]): Promise<ReadonlyArray<StoredRecord | undefined>> { return await this.#reads.getMany(ids) }
  async resolve (from: ObjectID, names: readonly string[]): Promise<StoredRecord[]> { return await this.#reads.resolve(from, names) }
  async lineage (id: ObjectID): Promise<StoredRecord[]> { return await this.#reads.lineage(id) }
  async children (id: ObjectID, query: ChildrenQuery): Promise<Entry[]> { return await this.#reads.children(id, query) }
  async names (id: ObjectID, query: ChildrenQuery): Promise<NamePage> { return await this.#reads.names(id, query) }
  async tree (id: ObjectID, query: TreeQuery): Promise<RecordHead[]> { return await this.#reads.tree(id, query) }
  async segments (id: ObjectID, offset: number, length: number): Promise<{ version: number, segments: Segment[] } | undefined> { return await this.#reads.segments(id, offset, length) }

  async beginCounting (kind: CountedKind): Promise<void> { await this.#accounts.beginCounting(kind) }
  async countTree (container: ObjectID): Promise<void> { await this.#accounts.countTree(container) }
  async recount (): Promise<void> { await this.#accounts.recount() }
  async countMore (limit: number): Promise<number> { return await this.#accounts.countMore(limit) }
  async usage (account: Account): Promise<Usage | undefined> { return await this.#accounts.usage(account) }
  async miscounts (): Promise<Miscount[]> { return await this.#accounts.miscounts() }

  async commit (change: Change): Promise<CommitResult> {
    const twin = twinOf(change.put ?? [])
    if (twin !== undefined) return { status: 'conflict', on: 'name', id: twin }
    const { json, bytes } = await encodeChange(change)
    let result: CommitResult
    try {
      // A name, or a place in the log, that somebody else has taken since it was looked at: the next look finds it so.
      const patience = (change.put?.length ?? 0) + (change.remove?.length ?? 0) > manyObjects ? longPatience : 1
      const attempts: Attempts = { repeatable: false, patience, again: error => hasSqlState(error, unique) }
      const row = await this.#send(change, json, bytes, attempts).catch(async (error: unknown) => {
        if (patience > 1 || !isTimeout(error) || !await this.#hasManySegments(change)) throw error
        return await this.#send(change, json, bytes, { ...attempts, patience: longPatience })
      })
      result = resultOf(row[0]?.[0] ?? {})
    } catch (error) {
      const refused = refusedOf(error)
      if (refused !== undefined) return refused
      const bound = boundBy(error)
      if (bound !== undefined) return { status: 'refused', on: 'trees', id: bound }
      const sequence = await this.#sequenceOf(change.births ?? [], error)
      if (sequence === undefined) {
        if (change.lease !== undefined) this.#commitDoubted?.(change.lease)
        throw error
      }
      result = { status: 'committed', sequence }
    }
    if (result.status === 'committed' && change.events.length > 0) this.#log.committed()
    if (result.status === 'conflict' && result.on === 'lease' && change.lease !== undefined) this.#leaseRefused?.(change.lease)
    return result
  }

  async #send ({ limits = [], trees = [] }: Change, json: string, bytes: Buffer, attempts: Attempts): Promise<Array<[Answer]>> {
    return limits.length === 0 && trees.length === 0
      ? await this.#ask.rows<[Answer]>('commit', [json, bytes], 'committing a change', attempts)
      : await this.#commitLimited([json, bytes, limitsText(limits)], trees, attempts)
  }

  /** Of what a change removes, replaces or copies each segment takes its time. Asked when there was not enough of it, for most have a few. */
  async #hasManySegments ({ put = [], remove = [] }: Change): Promise<boolean> {
    const ids = [...remove.map(({ id }) => id), ...put.flatMap(({ id, segments }) => segments.kind === 'copy' ? [id, segments.from] : segments.kind === 'replace' ? [id] : [])]
    return await this.#ask.count('hasSegments', [ids.map(idKey), manySegments], 'counting segments') >= manySegments
  }

  /** Where somebody else has all slots of an account for himself it is tried again, and waits for him. */
  async #commitLimited (values: readonly unknown[], trees: readonly ObjectID[], attempts: Attempts): Promise<Array<[Answer]>> {
    const crowded: string[] = []
    for (;;) {
      try {
        return trees.length === 0
          ? await this.#ask.rows<[Answer]>('commitLimited', [...values, crowded], 'committing a change', attempts)
          : await this.#ask.rows<[Answer]>('commitTrees', [...values, crowded, trees.map(idKey)], 'committing a change', attempts)
      } catch (error) {
        const account = crowdedAccount(error)
        if (account === undefined || crowded.includes(account)) throw error
        crowded.push(account)
      }
    }
  }

  /**
   * When the answer of a commit is lost, a blob that was to be born tells whether it happened: its name is used once. Undefined when
   * that cannot be told, or it is not born yet: the commit may still be under way.
   */
  async #sequenceOf ([birth]: readonly BlobBirth[], error: unknown): Promise<Sequence | undefined> {
    if (birth === undefined || !(error instanceof StorageError) || error.reason !== 'unavailable') return undefined
    try {
      if ((await this.unborn([birth.blob])).length > 0) return undefined
      await this.#lasting()
      // Not after a failover in between, if that has lost it.
      return (await this.unborn([birth.blob])).length === 0 ? await this.lastSequence() : undefined
    } catch {
      // The first error says it all.
      return undefined
    }
  }

  async accesses (id: ObjectID): Promise<Accesses | undefined> {
    const [row] = await this.#ask.rows<[count: string, last: string]>('accesses', [idKey(id)], `reading the accesses of ${id}`)
    return row === undefined ? undefined : { count: Number(row[0]), last: Number(row[1]) }
  }

  async noteAccesses (notes: ReadonlyMap<ObjectID, Accesses>): Promise<void> {
    if (notes.size === 0) return
    const all = [...notes]
    const columns = [all.map(([id]) => idKey(id)), all.map(([, { count }]) => count), all.map(([, { last }]) => last)]
    // Twice would be too much, none is allowed; an object may go while this is written.
    await this.#ask.rows('noteAccesses', columns, 'noting accesses', { repeatable: false, again: error => hasSqlState(error, foreignKey) })
  }

  async events (after: Sequence, limit: number, passOver?: PassOver): Promise<LoggedEvent[]> { return await this.#log.events(after, limit, passOver) }
  async lastSequence (): Promise<Sequence> { return await this.#log.lastSequence() }
  watch (after: Sequence, signal: AbortSignal): AsyncIterable<LoggedEvent> { return this.#log.watch(after, signal) }

  async openLease (lease: LeaseID): Promise<void> {
    await this.#ask.rows('openLease', [lease], 'opening a lease')
    this.#leases.add(lease)
  }

  async leaseIsOpen (lease: LeaseID): Promise<boolean> {
    // Who removes blobs asks this for every one of them.
    if (this.#closed.has(lease)) return false
    const [row] = await this.#ask.rows<[boolean]>('leaseIsOpen', [lease], 'reading leases')
    if (row?.[0] === true) return true
    if (this.#closed.size >= closedRemembered) this.#closed.clear()
    this.#closed.add(lease)
    return false
  }

  whenLeaseRefused (listener: (lease: LeaseID) => void): void {
    this.#leaseRefused = listener
  }

  /** Such a commit may still be on its way to the database. */
  whenCommitDoubted (listener: (lease: LeaseID) => void): void {
    this.#commitDoubted = listener
  }

  /** Tells the database that this process lives: that is a write, too. */
  async touch (): Promise<void> {
    const held = [...this.#leases]
    const open = new Set(await this.#ask.names('renewLeases', [held], 'renewing leases'))
    // This process was not heard of for so long that somebody took it for dead.
    for (const lease of held) if (!open.has(lease) && this.#leases.has(lease)) this.#leaseRefused?.(lease)
  }

  async staleLeases (milliseconds: number): Promise<LeaseID[]> {
    return await this.#ask.names('staleLeases', [milliseconds, [...this.#leases]], 'reading leases')
  }

  async closeLease (lease: LeaseID): Promise<void> {
    await this.#ask.rows('closeLease', [lease], 'closing a lease')
    this.#leases.delete(lease)
  }

  /**
   * Resolves when all that was seen before has come to stay. After a crash of the database more is seen than its synchronous standby has got, and a failover
   * would undo that; but whatever is committed now waits until the standby has it and all before it.
   */
  async #lasting (): Promise<void> {
    await this.#ask.rows('lasting', [], 'waiting for the standby')
  }

  /** Bytes are deleted on its word. */
  async closedLeases (): Promise<LeaseID[]> {
    const leases = await this.#ask.names('closedLeases', [], 'reading leases')
    if (leases.length > 0) await this.#lasting()
    return leases
  }

  async dropLease (lease: LeaseID): Promise<void> { await this.#ask.rows('dropLease', [lease, this.#options.late], 'dropping a lease') }
  async unborn (blobs: readonly BlobID[]): Promise<BlobID[]> { return blobs.length === 0 ? [] : await this.#ask.names('unborn', [blobs], 'reading blobs') }
  async condemn (grace: number, limit: number): Promise<number> { return await this.#ask.count('condemn', [grace, limit], 'sweeping the trash') }

  /** Bytes are deleted on its word, too. */
  async doomed (limit: number): Promise<BlobID[]> {
    const blobs = await this.#ask.names('doomed', [limit], 'reading doomed blobs')
    if (blobs.length > 0) await this.#lasting()
    return blobs
  }

  async forget (blobs: readonly BlobID[]): Promise<void> { if (blobs.length > 0) await this.#ask.rows('forget', [blobs], 'forgetting blobs') }

  /** Objects may have any number of segments: of those that take too long, fewer are removed at a time. */
  async prune (limit: number): Promise<number> {
    for (;;) {
      const room = Math.min(limit, this.#pruned)
      const since = performance.now()
      try {
        const [[removed, cleared] = [0, 0]] = await this.#ask.rows<[removed: number, cleared: number]>('prune', [room], 'removing what removed containers had', { patience: room === 1 ? longPatience : 1 })
        if (performance.now() - since < quick) this.#pruned = Math.min(mostPruned, this.#pruned * 2)
        // Behind containers in which there was nothing there may be others.
        if (removed > 0 || cleared === 0) return removed
      } catch (error) {
        if (room <= 1 || !isTimeout(error)) throw error
        this.#pruned = Math.ceil(room / fewer)
      }
    }
  }

  async trimLog (olderThan: number, limit: number): Promise<number> {
    for (;;) {
      const [row] = await this.#ask.rows<[removed: string, missing: string | null, missingTo: string]>('trimLog', [olderThan, limit], 'trimming the change log')
      const [removed = 0, missing = null, missingTo = 0] = row ?? []
      if (missing === null) return Number(removed)
      // What follows the gap is old enough to go, so nothing will ever come to fill it.
      await this.#log.fill(Number(missing), Number(missingTo))
    }
  }

  async census (): Promise<Census> {
    const [row] = await this.#ask.rows<[records: string, blobs: string, bytes: string]>('census', [], 'counting what there is', { patience: longPatience })
    const [records = 0, blobs = 0, bytes = 0] = row?.map(Number) ?? []
    return { records, blobs, bytes }
  }

  async wholes ({ after, limit, size }: WholesQuery): Promise<WholeRecord[]> {
    const rows = await this.#ask.rows<WholeRow>('wholes', [after === undefined ? Buffer.alloc(0) : idKey(after), limit, size], 'reading records')
    return rows.map(wholeOfRow)
  }

  async namedBlobs (after: BlobID | undefined, limit: number): Promise<BlobBirth[]> {
    const rows = await this.#ask.rows<[blob: string, size: string, hash: string]>('namedBlobs', [after ?? '', limit], 'reading blobs')
    return rows.map(([blob, size, hash]) => ({ blob, size: Number(size), hash }))
  }

  /** What was noted of the scrub, and whether `holder` may go on with it: nobody else has been heard of for so many milliseconds. */
  async claimScrub (holder: string, timeout: number): Promise<{ readonly note: string | null, readonly taken: boolean }> {
    const [row] = await this.#ask.rows<[note: string | null, taken: boolean]>('claimScrub', [holder, timeout], 'looking where the scrub is')
    return { note: row?.[0] ?? null, taken: row?.[1] ?? false }
  }

  /** False: it is somebody else's now. */
  async noteScrub (holder: string, note: string): Promise<boolean> { return (await this.#ask.rows('noteScrub', [holder, note], 'noting where the scrub is')).length > 0 }
  async releaseScrub (holder: string): Promise<void> { await this.#ask.rows('releaseScrub', [holder], 'leaving the scrub to others') }

  stop (): void {
    clearInterval(this.#heart)
    this.#log.stop()
  }

  /** After `stop`: lets go of the database. */
  async close (): Promise<void> {
    await this.#log.stopped()
    await this.#database.close()
  }
}

/** What a row of the statement `wholes` says. */
export function wholeOfRow ([id, version, type, parentID, name, bytes, attributes, inline, segments, count, last]: WholeRow): WholeRecord {
  return {
    record: new PostgresRecord([id, version, type, parentID, name, bytes, attributes, inline]),
    segments: segments === null ? [] : (JSON.parse(segments) as SegmentText[]).map(([offset, length, blob, blobOffset]) => ({ offset, length, blob, blobOffset })),
    accesses: count === null ? undefined : { count: Number(count), last: Number(last) }
  }
}
