/**
 * Names of children on the way from LMDB into a page. What LMDB's binding would make of each key and each value (a buffer of its own, a string) is what a
 * listing would cost most for: here its decoders take the bytes from where it has them anyway, and make nothing.
 */
import type { Database, RootDatabase, RootDatabaseOptions } from 'lmdb'
import { type NamePage, StorageError } from '../contract.js'
import { mostNames } from '../name-page.js'
import { maxNameLength } from '../object-key.js'
import { firstByte, sumBytes } from './row-sums.js'

export interface EntryRange {
  readonly start: Buffer
  readonly end: Buffer
  readonly limit: number
}

/** Bytes of names after which a page ends. */
const pageBytes = 64 * 1024

export class NameScan {
  readonly #table: Database<void, Buffer>
  // A page grows here, and is copied when it is whole: nothing else runs meanwhile.
  readonly #bytes = Buffer.allocUnsafeSlow(pageBytes + maxNameLength)
  readonly #ends = new Uint32Array(mostNames)
  readonly #types = new Uint8Array(mostNames)
  #size = 0
  #count = 0
  /** Of the key that was read last. */
  #keySum = 0
  /** Whether a row had other bytes than were written. */
  #damaged = false

  /** Opens the table of the entries once more. */
  constructor (env: RootDatabase<Buffer, Buffer>, name: string) {
    const shape: RootDatabaseOptions & { readonly name: string } = {
      name,
      encoding: 'binary',
      keyEncoder: {
        writeKey (key: Buffer, target: Uint8Array, start: number): number {
          target.set(key, start)
          return start + key.length
        },
        readKey: (source: Uint8Array, start: number, end: number): void => { this.#takeName(source, start, end) }
      },
      encoder: {
        encode: (): never => { throw new TypeError('This view of the entries is for reading') },
        decode: (value: Uint8Array): void => { this.#takeType(value) }
      }
    }
    this.#table = env.openDB<void, Buffer>(shape)
  }

  /** The name in the key of an entry, as `entryKey` makes it. */
  #takeName (source: Uint8Array, start: number, end: number): void {
    const bytes = this.#bytes
    let size = this.#size
    for (let at = start + 1 + (source[start] ?? 0); at < end; at++) bytes[size++] = source[at] ?? 0
    if (this.#count > 0 && !this.#isAfterLast(size)) this.#damaged = true
    this.#size = size
    this.#ends[this.#count] = size
    this.#keySum = sumBytes(source, start, end)
  }

  /** Whether the name that ends here follows the one before it: a damaged page could show one twice. */
  #isAfterLast (end: number): boolean {
    const bytes = this.#bytes
    const middle = this.#size
    let before = this.#count > 1 ? this.#ends[this.#count - 2] ?? 0 : 0
    for (let at = middle; at < end; at++, before++) {
      if (before === middle) return true
      const difference = (bytes[at] ?? 0) - (bytes[before] ?? 0)
      if (difference !== 0) return difference > 0
    }
    return false
  }

  /** The type in its row, which comes after its key. */
  #takeType (row: Uint8Array): void {
    const type = firstByte(this.#keySum, row)
    // What is thrown here would leave LMDB's cursor open.
    if (type < 0) this.#damaged = true
    this.#types[this.#count++] = type
  }

  /** The names of the entries in a range: as many as fit into a page. To be called in a read transaction. */
  page ({ start, end, limit }: EntryRange): NamePage {
    this.#size = 0
    this.#count = 0
    this.#damaged = false
    const most = Math.min(limit, mostNames)
    const walk = this.#table.getRange({ start, end, limit: most })[Symbol.iterator]()
    let more = false
    while (walk.next().done !== true) {
      if (this.#size < pageBytes) continue
      more = true
      walk.return?.()
      break
    }
    if (this.#damaged) throw new StorageError('corrupt', 'Entries of a container have other bytes than were written')
    return {
      count: this.#count,
      bytes: Buffer.from(this.#bytes.subarray(0, this.#size)),
      ends: this.#ends.slice(0, this.#count),
      types: this.#types.slice(0, this.#count),
      more: more || this.#count === most
    }
  }
}
