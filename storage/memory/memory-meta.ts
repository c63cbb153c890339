/** Names, records, segment maps, leases and the change log in memory. */
import type {
  Accesses, Account, BlobBirth, BlobID, Change, ChildrenQuery, CommitResult, CountedKind, Entry, JsonObject, LeaseID, LoggedEvent, Miscount, NamePage, ObjectID, RecordHead, RecordPut, Segment, SegmentChange, Sequence, StoredRecord,
  TreeQuery, Usage
} from '../contract.js'
import { TreeTooLarge } from '../contract.js'
import { mostNames, namePageOf } from '../name-page.js'
import { spliceSegments } from '../segment-map.js'
import { MemoryLog } from './memory-log.js'
import { MemoryNames } from './memory-names.js'
import { MemoryUsage } from './memory-usage.js'
import type { Census, Intake, MovableMeta, WholeRecord, WholesQuery } from '../transfer/ends.js'

interface Row { record: StoredRecord, segments: readonly Segment[] }

/** The attributes are no property of its own, as in other drivers, which decode them on first use: a copy made by spreading lacks them everywhere. */
class MemoryRecord implements StoredRecord {
  readonly id: ObjectID
  readonly version: number
  readonly type: string
  readonly parentID: ObjectID | undefined
  readonly name: string | undefined
  readonly size: number
  readonly #attributes: JsonObject

  constructor ({ id, version, type, parentID, name, size, attributes }: Omit<RecordPut, 'segments' | 'inline'>, readonly inline: Uint8Array | undefined) {
    this.id = id
    this.version = version
    this.type = type
    this.parentID = parentID
    this.name = name
    this.size = size
    this.#attributes = attributes
  }

  get attributes (): JsonObject { return this.#attributes }
}

export class MemoryMeta implements MovableMeta {
  readonly #rows = new Map<ObjectID, Row>()
  readonly #names = new MemoryNames()
  readonly #accesses = new Map<ObjectID, Accesses>()
  readonly #leases = new Map<LeaseID, 'open' | 'closed'>()
  readonly #born = new Map<BlobID, BlobBirth>()
  readonly #references = new Map<BlobID, number>()
  readonly #trash = new Map<BlobID, number>()
  readonly #doomed = new Set<BlobID>()
  readonly #orphans: ObjectID[] = []
  readonly #usage = new MemoryUsage(id => this.#rows.get(id)?.record)
  readonly #log = new MemoryLog()
  readonly #stopped = new AbortController()

  /** What was moved here from another store, by the names that it had there. */
  readonly #moved = new Map<BlobID, BlobID>()
  #filling = false
  /** Where the change log ended that came with what this store was filled with. */
  #filled: Sequence | undefined
  #rootID: ObjectID

  constructor (root: StoredRecord) {
    this.#rows.set(root.id, { record: new MemoryRecord(root, undefined), segments: [] })
    this.#rootID = root.id
  }

  get rootID (): ObjectID { return this.#rootID }

  openLease (lease: LeaseID): void { this.#leases.set(lease, 'open') }
  stop (): void { this.#stopped.abort() }

  async get (id: ObjectID): Promise<StoredRecord | undefined> { return this.#rows.get(id)?.record }
  async getMany (ids: readonly ObjectID[]): Promise<ReadonlyArray<StoredRecord | undefined>> { return ids.map(id => this.#rows.get(id)?.record) }

  async resolve (from: ObjectID, names: readonly string[]): Promise<StoredRecord[]> {
    const first = this.#rows.get(from)?.record
    if (first === undefined) return []
    const found = [first]
    let at = from
    for (const name of names) {
      const id = this.#names.find(at, name)?.id
      const record = id === undefined ? undefined : this.#rows.get(id)?.record
      if (record === undefined) break
      found.push(record)
      at = record.id
    }
    return found
  }

  async lineage (id: ObjectID): Promise<StoredRecord[]> {
    const chain: StoredRecord[] = []
    const passed = new Set<ObjectID>()
    for (let at: ObjectID | undefined = id; at !== undefined;) {
      const record: StoredRecord | undefined = this.#rows.get(at)?.record
      // A ring may have come with what another store was moved from.
      if (record === undefined || passed.has(at)) return []
      passed.add(at)
      chain.unshift(record)
      at = record.parentID
    }
    return chain
  }

  async children (id: ObjectID, query: ChildrenQuery): Promise<Entry[]> {
    return this.#names.page(id, query).map(({ entry }) => entry)
  }

  async names (id: ObjectID, query: ChildrenQuery): Promise<NamePage> {
    const limit = Math.min(query.limit, mostNames)
    const listed = this.#names.page(id, { ...query, limit })
    return namePageOf(listed.map(({ bytes, entry }) => ({ name: bytes, type: entry.type })), listed.length > 0 && listed.length === limit)
  }

  async tree (id: ObjectID, { types, depth = Infinity, limit, size = Infinity }: TreeQuery): Promise<RecordHead[]> {
    const found: RecordHead[] = []
    let read = 0
    let level: ObjectID[] = [id]
    for (let below = 0; level.length > 0; below++) {
      const next: ObjectID[] = []
      for (const at of level) {
        const record = this.#rows.get(at)?.record
        if (record === undefined) continue
        if (found.length === limit) return found
        if (size !== Infinity) read += Buffer.byteLength(JSON.stringify(record.attributes))
        if (read > size) throw new TreeTooLarge(`what is below ${id} has more than ${size} bytes of attributes`)
        found.push(new MemoryRecord(record, undefined))
        if (below < depth && types.includes(record.type)) for (const { entry } of this.#names.of(at)) next.push(entry.id)
      }
      level = next
    }
    return found
  }

  async segments (id: ObjectID, offset: number, length: number): Promise<{ version: number, segments: Segment[] } | undefined> {
    const row = this.#rows.get(id)
    if (row === undefined) return undefined
    const segments = row.segments.filter(segment => segment.offset < offset + length && segment.offset + segment.length > offset)
    return { version: row.record.version, segments }
  }

  async commit (change: Change): Promise<CommitResult> {
    const conflict = this.#conflict(change)
    if (conflict !== undefined) return conflict
    const { put = [], remove = [] } = change
    const deltas = this.#usage.deltas([...put.map(after => ({ before: this.#rows.get(after.id)?.record, after })), ...remove.map(({ id }) => ({ before: this.#rows.get(id)?.record, after: undefined }))], change.trees)
    const refused: CommitResult | undefined = deltas?.bound !== undefined ? { status: 'refused', on: 'trees', id: deltas.bound } : deltas && this.#usage.refusal(change.limits ?? [], deltas)
    if (refused !== undefined) {
      this.#usage.refused(change.trees)
      return refused
    }
    for (const { id, subtree } of remove) if (subtree) this.#usage.leave(id)
    if (deltas !== undefined) this.#usage.add(deltas)
    for (const birth of change.births ?? []) this.#born.set(birth.blob, birth)
    for (const one of put) this.#put(one)
    for (const { id, subtree } of remove) {
      this.#remove(id)
      if (subtree) this.#orphans.push(id)
    }
    for (const event of change.events) this.#log.append(event)
    this.#log.tell()
    return { status: 'committed', sequence: this.#log.last }
  }

  #conflict (change: Change): CommitResult | undefined {
    if ((change.births ?? []).length > 0 && this.#leases.get(change.lease ?? '') !== 'open') return { status: 'conflict', on: 'lease' }
    const copied = (change.put ?? []).flatMap(({ segments }) => segments.kind === 'copy' ? [{ id: segments.from, version: segments.version }] : [])
    const wanted = [...change.expect, ...copied, ...change.remove ?? [], ...(change.put ?? []).map(({ id, version }) => ({ id, version: version - 1 }))]
    for (const { id, version } of wanted) {
      if ((this.#rows.get(id)?.record.version ?? 0) !== version) return { status: 'conflict', on: 'version', id }
    }
    // What is left below it would be there again.
    const returning = (change.put ?? []).find(({ id, version }) => version === 1 && this.#orphans.includes(id))
    if (returning !== undefined) return { status: 'conflict', on: 'version', id: returning.id }
    const leaving = new Set([...change.put ?? [], ...change.remove ?? []].map(({ id }) => id))
    const names = new Map<string, ObjectID>()
    for (const { id, parentID, name } of change.put ?? []) {
      if (parentID === undefined || name === undefined) continue
      const taken = this.#names.find(parentID, name)
      const other = names.get(`${parentID}/${name}`)
      if (other !== undefined) return { status: 'conflict', on: 'name', id: other }
      if (taken !== undefined && taken.id !== id && !leaving.has(taken.id)) return { status: 'conflict', on: 'name', id: taken.id }
      names.set(`${parentID}/${name}`, id)
    }
    const born = new Set((change.births ?? []).map(({ blob }) => blob))
    for (const { id, segments } of change.put ?? []) {
      if (segments.kind === 'keep' || segments.kind === 'copy') continue
      for (const { blob } of segments.segments) {
        if (!born.has(blob) && !this.#born.has(blob)) return { status: 'conflict', on: 'version', id }
      }
    }
    return undefined
  }

  #put (put: RecordPut): void {
    const old = this.#rows.get(put.id)
    if (old !== undefined) this.#names.unlink(old.record)
    const { segments: change } = put
    const before = old?.segments ?? []
    const source = change.kind === 'copy' ? this.#rows.get(change.from) : undefined
    const segments = source?.segments ?? segmentsAfter(before, change)
    const inline = source === undefined ? put.inline : source.record.inline
    // Copies, as a disk would make them: what the caller changes later does not show.
    const record = new MemoryRecord({ ...put, attributes: structuredClone(put.attributes) }, inline === undefined ? undefined : Uint8Array.from(inline))
    this.#count(segments, 1)
    this.#count(before, -1)
    this.#rows.set(put.id, { record, segments })
    this.#names.link(record)
  }

  #remove (id: ObjectID): void {
    const row = this.#rows.get(id)
    if (row === undefined) return
    this.#names.unlink(row.record)
    this.#count(row.segments, -1)
    this.#rows.delete(id)
    this.#accesses.delete(id)
    this.#usage.forget(id)
  }

  #count (segments: readonly Segment[], by: 1 | -1): void {
    for (const { blob } of segments) {
      const count = (this.#references.get(blob) ?? 0) + by
      this.#references.set(blob, count)
      if (by < 0) this.#trash.set(blob, Date.now())
    }
  }

  async accesses (id: ObjectID): Promise<Accesses | undefined> { return this.#accesses.get(id) }

  async noteAccesses (notes: ReadonlyMap<ObjectID, Accesses>): Promise<void> {
    for (const [id, { count, last }] of notes) {
      if (!this.#rows.has(id)) continue
      const before = this.#accesses.get(id) ?? { count: 0, last: 0 }
      this.#accesses.set(id, { count: before.count + count, last: Math.max(before.last, last) })
    }
  }

  async beginCounting (kind: CountedKind): Promise<void> { this.#usage.begin(kind, this.#records()) }
  async countTree (container: ObjectID): Promise<void> { this.#usage.beginTree(container, this.#records()) }
  async recount (): Promise<void> { this.#usage.recount(this.#records()) }
  async countMore (): Promise<number> { return 0 }
  async usage (account: Account): Promise<Usage | undefined> { return this.#usage.of(account) }
  async miscounts (): Promise<Miscount[]> { return this.#usage.miscounts(this.#records()) }

  * #records (): Generator<StoredRecord> {
    for (const { record } of this.#rows.values()) yield record
  }

  async events (after: Sequence, limit: number): Promise<LoggedEvent[]> {
    return this.#log.after(after, limit)
  }

  async lastSequence (): Promise<Sequence> { return this.#log.last }

  watch (after: Sequence, signal: AbortSignal): AsyncGenerator<LoggedEvent> {
    return this.#log.watch(after, AbortSignal.any([signal, this.#stopped.signal]))
  }

  async staleLeases (): Promise<LeaseID[]> { return [] }
  async closeLease (lease: LeaseID): Promise<void> { if (this.#leases.has(lease)) this.#leases.set(lease, 'closed') }
  async closedLeases (): Promise<LeaseID[]> { return [...this.#leases].filter(([, state]) => state === 'closed').map(([lease]) => lease) }
  async dropLease (lease: LeaseID): Promise<void> { this.#leases.delete(lease) }
  async unborn (blobs: readonly BlobID[]): Promise<BlobID[]> { return blobs.filter(blob => !this.#born.has(blob)) }

  async condemn (grace: number, limit: number): Promise<number> {
    const due = [...this.#trash].filter(([, since]) => since <= Date.now() - grace).slice(0, limit)
    for (const [blob] of due) {
      this.#trash.delete(blob)
      if ((this.#references.get(blob) ?? 0) > 0) continue
      this.#references.delete(blob)
      this.#born.delete(blob)
      this.#doomed.add(blob)
    }
    return due.length
  }

  async doomed (limit: number): Promise<BlobID[]> { return [...this.#doomed].slice(0, limit) }
  async forget (blobs: readonly BlobID[]): Promise<void> { for (const blob of blobs) this.#doomed.delete(blob) }

  async prune (limit: number): Promise<number> {
    let removed = 0
    while (removed < limit) {
      const parent = this.#orphans[0]
      if (parent === undefined) break
      const child = this.#names.of(parent).at(-1)
      if (child === undefined) {
        this.#names.forget(parent)
        this.#orphans.shift()
        this.#usage.cleared(parent)
        continue
      }
      if (this.#names.of(child.entry.id).length > 0) {
        this.#usage.leave(child.entry.id)
        this.#orphans.push(child.entry.id)
      }
      this.#usage.prune(this.#rows.get(child.entry.id)?.record)
      this.#remove(child.entry.id)
      removed++
    }
    return removed
  }

  async census (): Promise<Census> {
    const births = await this.namedBlobs(undefined, Infinity)
    return { records: this.#rows.size, blobs: births.length, bytes: births.reduce((sum, { size }) => sum + size, 0) }
  }

  async wholes ({ after = '', limit, size }: WholesQuery): Promise<WholeRecord[]> {
    const page: WholeRecord[] = []
    let read = 0
    for (const id of [...this.#rows.keys()].sort()) {
      const row = this.#rows.get(id)
      if (id <= after || row === undefined) continue
      read += Buffer.byteLength(JSON.stringify(row.record.attributes)) + (row.record.inline?.length ?? 0)
      if (page.length === limit || (page.length > 0 && read > size)) break
      page.push({ ...row, accesses: this.#accesses.get(id) })
    }
    return page
  }

  async namedBlobs (after: BlobID | undefined = '', limit: number): Promise<BlobBirth[]> {
    return [...this.#born.values()].filter(({ blob }) => blob > after && (this.#references.get(blob) ?? 0) > 0).sort((a, b) => a.blob < b.blob ? -1 : 1).slice(0, limit)
  }

  readonly intake: Intake = {
    begin: async ({ rootID, last }) => {
      if (this.#filling) return rootID === this.#rootID ? 'resumed' : 'foreign'
      if (rootID === this.#rootID && last === this.#filled && last === this.#log.last) return 'finished'
      if (this.#rows.size > 1 || this.#born.size > 0 || this.#log.last > 0 || this.#rows.get(this.#rootID)?.record.version !== 1) return 'occupied'
      this.#rows.clear()
      this.#rootID = rootID
      this.#filling = true
      return 'begun'
    },
    moved: async blobs => blobs.map(blob => this.#moved.get(blob)),
    move: async (lease, from, birth) => {
      if (this.#leases.get(lease) !== 'open') return false
      this.#born.set(birth.blob, birth)
      this.#trash.set(birth.blob, Date.now())
      this.#moved.set(from, birth.blob)
      return true
    },
    take: async (wholes, gone) => {
      for (const id of gone) this.#remove(id)
      for (const { record, segments, accesses } of wholes) {
        // Drivers give some of the fields by getters.
        const { id, version, type, parentID, name, attributes, size, inline } = record
        this.#put({ id, version, type, parentID, name, attributes, size, inline, segments: { kind: 'replace', segments } })
        if (accesses === undefined) this.#accesses.delete(record.id)
        else this.#accesses.set(record.id, accesses)
      }
    },
    log: async entries => {
      this.#log.enter(entries)
    },
    finish: async last => {
      this.#log.last = this.#filled = last
      this.#moved.clear()
      this.#filling = false
      this.#usage.recount(this.#records())
    }
  }

  async trimLog (olderThan: number, limit: number): Promise<number> {
    return this.#log.trim(olderThan, limit)
  }
}

function segmentsAfter (before: readonly Segment[], change: SegmentChange): readonly Segment[] {
  switch (change.kind) {
    case 'replace': return [...change.segments].sort((a, b) => a.offset - b.offset)
    case 'splice': return spliceSegments(before, change)
    default: return before
  }
}
