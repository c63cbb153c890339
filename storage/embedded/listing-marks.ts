/**
 * Numbers that tell whether the names below a container are still those of before: each rises with every transaction that changes an entry whose parent has it. There
 * are few, which parents share, so that they need one short row, beside one that is written in any case; that of another container makes a listing be read anew, no more.
 */
import { readU64, writeU64 } from './bytes.js'
import { stateKeys, type Table } from './tables.js'

/** A power of 2. The row must fit into a page of LMDB beside the others of its table. */
const count = 128
const width = 8

/** IDs end in random bytes. */
function placeOf (parent: Uint8Array): number {
  return (parent.at(-1) ?? 0) & (count - 1)
}

/** The parent in an entry's key. */
function parentOf (entry: Uint8Array): Uint8Array {
  return entry.subarray(1, 1 + (entry[0] ?? 0))
}

/** The number for the parent of an entry with this key, in the snapshot of the caller. */
export function markOf (state: Table, entry: Uint8Array): number {
  const row = state.getBinaryFast(stateKeys.listings)
  return row === undefined ? 0 : readU64(row, placeOf(parentOf(entry)) * width)
}

/** Raises them, in a write transaction. */
export class ListingMarks {
  readonly #state: Table
  readonly #changed = new Set<number>()

  constructor (state: Table) {
    this.#state = state
  }

  /** At the start of each transaction. */
  begin (): void {
    this.#changed.clear()
  }

  /** The entry with this key is put or removed. */
  note (entry: Uint8Array): void {
    this.#changed.add(placeOf(parentOf(entry)))
  }

  /** At its end. */
  end (): void {
    if (this.#changed.size === 0) return
    const row = this.#state.getBinary(stateKeys.listings)
    const next = row === undefined ? Buffer.alloc(count * width) : Buffer.from(row)
    for (const place of this.#changed) writeU64(next, readU64(next, place * width) + 1, place * width)
    this.#state.putSync(stateKeys.listings, next)
  }
}
