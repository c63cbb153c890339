/**
 * The records of a store: one walk over both stores in the order of IDs, which makes the target the same. What is the same already is left alone,
 * so that a walk that was cut short need not be remembered, and a walk that finds nothing to do proves that all is there.
 */
import { type BlobID, type ObjectID, StorageError } from '../contract.js'
import type { MovableMeta, TransferSource, TransferTarget, WholeRecord } from './ends.js'

export interface Matched {
  /** Records of the source. */
  records: number
  /** Records of the target that were not the same. */
  changed: number
}

export interface MatchOptions {
  readonly signal: AbortSignal
  /** Is told of records that were looked at. */
  readonly tell: (records: number) => void
}

const page = { limit: 500, size: 4 * 1024 * 1024 }

export async function matchRecords (source: TransferSource, target: TransferTarget, { signal, tell }: MatchOptions): Promise<Matched> {
  const matched: Matched = { records: 0, changed: 0 }
  const there = new Walk(target.meta)
  for (let after: ObjectID | undefined; ;) {
    signal.throwIfAborted()
    const wholes = await source.meta.wholes({ after, ...page })
    const last = wholes.at(-1)
    const gone: ObjectID[] = []
    const wanted: WholeRecord[] = []
    for (const whole of await withBlobsOf(target, wholes)) {
      const same = await there.upTo(whole.record.id, gone)
      if (same === undefined || !isSame(whole, same)) wanted.push(whole)
    }
    if (last === undefined) await there.upTo(undefined, gone)
    if (wanted.length + gone.length > 0) await target.meta.intake.take(wanted, gone)
    matched.records += wholes.length
    matched.changed += wanted.length + gone.length
    tell(wholes.length)
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

/** The same records with the names that their blobs have in the target. */
async function withBlobsOf ({ meta }: TransferTarget, wholes: readonly WholeRecord[]): Promise<WholeRecord[]> {
  const blobs = [...new Set(wholes.flatMap(({ segments }) => segments.map(({ blob }) => blob)))]
  const moved = await meta.intake.moved(blobs)
  const names = new Map(blobs.map((blob, at) => [blob, moved[at]]))
  return wholes.map(whole => whole.segments.length === 0 ? whole : { ...whole, segments: whole.segments.map(segment => ({ ...segment, blob: nameOf(names, segment.blob, whole) })) })
}

function nameOf (names: ReadonlyMap<BlobID, BlobID | undefined>, blob: BlobID, { record }: WholeRecord): BlobID {
  const name = names.get(blob)
  if (name === undefined) throw new StorageError('missing', `Object ${record.id} of the source names blob ${blob}, of which the source knows nothing more`)
  return name
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
