/**
 * What was found along paths, for readers whom everything acknowledged is enough: to follow a path through the tables costs a read more than all
 * else that it does. How it comes out that something of it holds no more depends on who commits.
 */
import { LRUCache } from 'lru-cache'
import type { Change, ObjectID, StoredRecord } from '../contract.js'
import { EmbeddedRecord } from './record-codec.js'
import { SecondSight } from './second-sight.js'

/** Bytes that all chains may have, about; the longest record that is kept, value and metadata together; what a record has beside them, about. */
const mostBytes = 32 * 1024 * 1024
const longestRecord = 17 * 1024
const recordBytes = 512
/** Changed objects that are remembered one by one; beyond, all that was found before is forgotten. */
const mostChanges = 10_000

export type Chain = readonly StoredRecord[]

/** Tells whether a chain is still what is in the store. */
export interface PathCheck<Note> {
  /** What is to be remembered of a chain that was found just now. */
  note (chain: Chain): Note
  holds (chain: Chain, note: Note): boolean
}

interface Known<Note> {
  readonly chain: Chain
  readonly note: Note
}

export interface Paths {
  /** The chain of records from `from` on, as `resolve` found it; undefined when that is not known, or does not hold any more. */
  find (from: ObjectID, names: readonly string[]): Chain | undefined
  /** Keeps what was found just now, when all of the path was there and somebody has asked for its end before. */
  keep (from: ObjectID, names: readonly string[], chain: Chain): void
}

export class KnownPaths<Note> implements Paths {
  readonly #known = new LRUCache<string, Known<Note>>({ maxSize: mostBytes, sizeCalculation: ({ chain }) => chain.reduce((sum, record) => sum + recordBytes + weightOf(record), 0) })
  readonly #sight = new SecondSight()
  readonly #check: PathCheck<Note>

  constructor (check: PathCheck<Note>) {
    this.#check = check
  }

  find (from: ObjectID, names: readonly string[]): Chain | undefined {
    const key = pathKey(from, names)
    const known = this.#known.get(key)
    if (known === undefined) return undefined
    if (this.#check.holds(known.chain, known.note)) return known.chain
    this.#known.delete(key)
    return undefined
  }

  keep (from: ObjectID, names: readonly string[], chain: Chain): void {
    const last = chain[names.length]
    if (last === undefined || !this.#sight.again(last.id) || chain.some(record => weightOf(record) > longestRecord)) return
    this.#known.set(pathKey(from, names), { chain, note: this.#check.note(chain) })
  }
}

/** Finds it out by what it is told. Right only where every change is told before it is acknowledged, and so not where other processes commit. */
export class ToldChanges implements PathCheck<number> {
  /** When objects changed last. */
  readonly #changed = new Map<ObjectID, number>()
  /** Counts changes; nothing from before `#since` holds. */
  #now = 0
  #since = 0

  /** When it was read. */
  note (): number {
    return this.#now
  }

  holds (chain: Chain, at: number): boolean {
    if (at === this.#now) return true
    return at >= this.#since && chain.every(({ id }) => (this.#changed.get(id) ?? 0) <= at)
  }

  /** Something was changed, or may have been. A chain holds as long as none of its records is put or removed: no name leads elsewhere without that. */
  changed ({ put = [], remove = [] }: Pick<Change, 'put' | 'remove'>): void {
    // What is new was in no chain: nobody sees it before it is durable.
    if (remove.length === 0 && put.every(isNew)) return
    this.#now++
    // So many are not gone through only to be forgotten.
    if (put.length + remove.length > mostChanges) {
      this.#changed.clear()
      this.#since = this.#now
      return
    }
    for (const record of put) if (!isNew(record)) this.#changed.set(record.id, this.#now)
    for (const { id } of remove) this.#changed.set(id, this.#now)
    if (this.#changed.size <= mostChanges) return
    this.#changed.clear()
    this.#since = this.#now
  }
}

const isNew = ({ version }: Pick<StoredRecord, 'version'>): boolean => version === 1

/** No name has a zero character. */
function pathKey (from: ObjectID, names: readonly string[]): string {
  let key: string = from
  for (const name of names) key += '\0' + name
  return key
}

function weightOf (record: StoredRecord): number {
  return record instanceof EmbeddedRecord ? record.weight : record.inline?.length ?? 0
}
