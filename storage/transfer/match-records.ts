/**
 * The records of a store: one walk over both stores in the order of IDs, which makes the target the same. What is the same already is left alone,
 * so that a walk that was cut short need not be remembered, and a walk that finds nothing to do proves that all is there.
 */
import { type BlobID, type ObjectID, StorageError, type StoredRecord } from '../contract.js'
import type { PassOver } from '../backup/unreadable.js'
import { DamagedSource, wholesFrom } from './damaged-source.js'
import type { MovableMeta, TransferSource, TransferTarget, WholeRecord } from './ends.js'

/** How a record is taken over whose value is lost; undefined: not at all. The same record must give the same answer each time. */
export type Lose = (record: StoredRecord) => StoredRecord | undefined

export interface LostValue {
  readonly objectID: ObjectID
  /** Blobs that were not moved, of those that have its value. */
  readonly blobs: readonly BlobID[]
  /** Whether the rest of it was taken over. */
  readonly kept: boolean
}

export interface Matched {
  /** Records of the source, without those that are left out. */
  records: number
  /** Records of the target that were not the same. */
  changed: number
  readonly lost: LostValue[]
}

export interface MatchOptions {
  readonly signal: AbortSignal
  /** Is told of records that were looked at. */
  readonly tell: (records: number) => void
  /** Undefined: none may be lost. */
  readonly lose?: Lose | undefined
  /** Is told of records that cannot be read, which are left out. */
  readonly passOver?: PassOver | undefined
}

const page = { limit: 500, size: 4 * 1024 * 1024 }

export async function matchRecords (source: TransferSource, target: TransferTarget, { signal, tell, lose, passOver }: MatchOptions): Promise<Matched> {
  const matched: Matched = { records: 0, changed: 0, lost: [] }
  const there = new Walk(target.meta)
  for (let after: ObjectID | undefined; ;) {
    signal.throwIfAborted()
    const { wholes, last, looked } = await wholesFrom(source.meta, { after, ...page }, passOver)
    const gone: ObjectID[] = []
    const wanted: WholeRecord[] = []
    const names = await namesOf(target, wholes)
    for (const whole of wholes) {
      const { id } = whole.record
      const lacking = [...new Set(whole.segments.flatMap(({ blob }) => names.get(blob) === undefined ? [blob] : []))]
      const taken = lacking.length === 0 ? renamed(whole, names) : bereft(whole, lacking, lose)
      if (lacking.length > 0) matched.lost.push({ objectID: id, blobs: lacking, kept: taken !== undefined })
      if (taken !== undefined) matched.records++
      const same = await there.upTo(id, gone)
      if (taken === undefined && same !== undefined) gone.push(id)
      if (taken !== undefined && (same === undefined || !isSame(taken, same))) wanted.push(taken)
    }
    if (last === undefined) await there.upTo(undefined, gone)
    if (wanted.length + gone.length > 0) await target.meta.intake.take(wanted, gone)
    matched.changed += wanted.length + gone.length
    tell(looked)
    if (last === undefined) return matched
    after = last.record.id
  }
}

/** Goes through the records of the target beside those of the source. */
class Walk {
  readonly #meta: MovableMeta
  #page: readonly WholeRecord[] = []
  #at = 0
  #after: ObjectID | undefined
  #ended = false

  constructor (meta: MovableMeta) {
    this.#meta = meta
  }

  /** The record with this ID; what is passed on the way is `gone` from the source. Undefined as ID: up to the end. */
  async upTo (id: ObjectID | undefined, gone: ObjectID[]): Promise<WholeRecord | undefined> {
    for (let whole = await this.#current(); whole !== undefined; whole = await this.#current()) {
      if (id !== undefined && whole.record.id > id) return undefined
      this.#at++
      if (whole.record.id === id) return whole
      gone.push(whole.record.id)
    }
    return undefined
  }

  async #current (): Promise<WholeRecord | undefined> {
    if (this.#at === this.#page.length && !this.#ended) {
      this.#page = await this.#meta.wholes({ after: this.#after, ...page })
      this.#at = 0
      this.#after = this.#page.at(-1)?.record.id
      this.#ended = this.#page.length === 0
    }
    return this.#page[this.#at]
  }
}

/** The names that blobs of these records have in the target; undefined: they were not moved. */
async function namesOf ({ meta }: TransferTarget, wholes: readonly WholeRecord[]): Promise<ReadonlyMap<BlobID, BlobID | undefined>> {
  const blobs = [...new Set(wholes.flatMap(({ segments }) => segments.map(({ blob }) => blob)))]
  const moved = await meta.intake.moved(blobs)
  return new Map(blobs.map((blob, at) => [blob, moved[at]]))
}

function renamed (whole: WholeRecord, names: ReadonlyMap<BlobID, BlobID | undefined>): WholeRecord {
  return whole.segments.length === 0 ? whole : { ...whole, segments: whole.segments.map(segment => ({ ...segment, blob: names.get(segment.blob) ?? segment.blob })) }
}

function bereft ({ record, accesses }: WholeRecord, [blob = '']: readonly BlobID[], lose: Lose | undefined): WholeRecord | undefined {
  if (lose === undefined) throw new DamagedSource(new StorageError('missing', `Object ${record.id} of the source names blob ${blob}, of which the source knows nothing more`))
  const kept = lose(record)
  return kept === undefined ? undefined : { record: kept, segments: [], accesses }
}

function isSame (one: WholeRecord, other: WholeRecord): boolean {
  const [a, b] = [one.record, other.record]
  return a.version === b.version && a.type === b.type && a.parentID === b.parentID && a.name === b.name && a.size === b.size &&
    isSameInline(a.inline, b.inline) && JSON.stringify(a.attributes) === JSON.stringify(b.attributes) &&
    one.accesses?.count === other.accesses?.count && one.accesses?.last === other.accesses?.last &&
    one.segments.length === other.segments.length && one.segments.every((segment, at) => {
    const beside = other.segments[at]
    return segment.offset === beside?.offset && segment.length === beside.length && segment.blob === beside.blob && segment.blobOffset === beside.blobOffset
  })
}

function isSameInline (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0
}
