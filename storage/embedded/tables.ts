/** The LMDB file and its tables. Reads go straight to the memory map; only the writer opens write transactions (and who opens or closes the store). */
import { join } from 'node:path'
import { successor } from './bytes.js'
import { StorageError } from '../contract.js'
import { toStorageError } from '../storage-errors.js'
import { type Database, open, type RangeOptions, type RootDatabase, type RootDatabaseOptionsWithPath, type Transaction } from 'lmdb'
import { requireHeads } from './lmdb-heads.js'
import { NameScan } from './name-scan.js'

export type Table = Database<Buffer, Buffer>

/** How rows of a table are read: the table itself, or the table as it was once. */
export interface Rows {
  getRange (options: RangeOptions): Iterable<{ key: Buffer, value: Buffer }>
  getKeys (options: RangeOptions): Iterable<Buffer>
}

/** The rows as they are in a transaction that lasts. */
export function rowsIn (table: Table, transaction: Transaction): Rows {
  return {
    getRange: options => table.getRange({ ...options, transaction }),
    getKeys: options => table.getKeys({ ...options, transaction })
  }
}

export interface Tables {
  readonly env: RootDatabase<Buffer, Buffer>
  /** Object ID → record. */
  readonly records: Table
  /** Parent and name → type letter and object ID: a listing touches nothing else. */
  readonly entries: Table
  /** The same, for listings that want no more than names. */
  readonly names: NameScan
  /** Object ID and offset → length, place in the blob, blob. */
  readonly segments: Table
  /** Blob and segment key → nothing: who names a blob. Looked up, never counted, so that nothing can drift; what they add up to stands with the blob. */
  readonly references: Table
  /** Blob → when it lost its last reference, size, what its references add up to, hash. A blob without a row here is not born, or doomed. */
  readonly blobs: Table
  /** Since when, and blob → nothing: blobs without a reference, oldest first. */
  readonly trash: Table
  /** Blob → nothing: to be removed from the disk. */
  readonly doomed: Table
  /** Lease → its state. */
  readonly leases: Table
  /** Removed container → nothing, or behind that the trees that it was in: their descendants are still to be removed. */
  readonly orphans: Table
  /** Sequence → when, event. */
  readonly log: Table
  /** Object ID → how often it was used, and when last. */
  readonly accesses: Table
  /** Account → bytes, objects: of what is counted. */
  readonly usage: Table
  /** Blob of another store → the blob here that has its bytes: while this store is filled from there. */
  readonly moved: Table
  /** Root, sequence, owner, pins, marks of listings, how far the scrub is, what is counted; whether the store is being filled, and whether it was. */
  readonly state: Table
}

export const stateKeys = { root: Buffer.from('root'), sequence: Buffer.from('sequence'), owner: Buffer.from('owner'), touched: Buffer.from('touched'), listings: Buffer.from('listings'), intake: Buffer.from('intake'), filled: Buffer.from('filled'), scrub: Buffer.from('scrub'), counting: Buffer.from('counting') } as const

/** Those that have rows of their own. */
export type TableName = Exclude<keyof Tables, 'env' | 'names'>

/** Whether any key begins with this. */
export function hasKeys (table: Rows, prefix: Buffer): boolean {
  return Array.from(table.getKeys({ start: prefix, end: successor(prefix), limit: 1 })).length > 0
}

/** Keys of a range: from `start` on, up to but without `end` (undefined: to the end of the table). */
export interface KeyRange {
  readonly start: Buffer
  readonly end?: Buffer
}

/**
 * Rows of a range, at most `limit`. Throws a StorageError 'corrupt' when they are not in their order, or when the walk has come to an end before the last of them: where a page of LMDB is
 * damaged it may pass rows over.
 */
export function rowsOf (what: string, table: Rows, { limit, ...range }: KeyRange & { readonly limit: number }): Array<{ key: Buffer, value: Buffer }> {
  const rows = Array.from(table.getRange({ ...range, limit }))
  if (rows.some(({ key }, at) => at > 0 && (rows[at - 1]?.key.compare(key) ?? -1) >= 0)) throw outOfOrder(what)
  if (rows.length < limit) requireLast(what, table, range, rows.at(-1)?.key)
  return rows
}

/** Throws a StorageError 'corrupt' when the last key of a range, looked for from its end, is another one than that. */
export function requireLast (what: string, table: Rows, { start, end }: KeyRange, last: Buffer | undefined): void {
  const [found] = table.getKeys({ ...end !== undefined && { start: end, exclusiveStart: true }, reverse: true, limit: 1 })
  const inside = found !== undefined && found.compare(start) >= 0 ? found : undefined
  if (inside === undefined ? last !== undefined : last === undefined || !last.equals(inside)) throw outOfOrder(what)
}

function outOfOrder (what: string): StorageError {
  return new StorageError('corrupt', `Not all rows of ${what} can be found in meta.lmdb; fastify-cdmi verify tells more`)
}

/** Longest key that LMDB takes, in bytes. */
const longestKey = 1978

/** A row by a key that may be none at all, since it was made of bytes that may be broken. */
export function rowAt (table: Table, key: Buffer): Buffer | undefined {
  return key.length === 0 || key.length > longestKey ? undefined : table.getBinary(key)
}

/** Address space, not disk: the file grows as it is filled, and LMDB maps more when this is not enough. */
const mapSize = 64 * 1024 ** 3

export interface TableOptions {
  readonly readOnly?: boolean
}

/** Opens `meta.lmdb` in the directory; makes it when it does not exist (unless read-only). Throws a StorageError. */
export function openTables (directory: string, options: TableOptions = {}): Tables {
  const path = join(directory, 'meta.lmdb')
  requireHeads(path)
  try {
    return openAt(path, options)
  } catch (error) {
    throw toStorageError(error, `opening ${path}`)
  }
}

function openAt (path: string, { readOnly = false }: TableOptions): Tables {
  const shape = { encoding: 'binary', keyEncoding: 'binary' } as const
  // LMDB's own types leave the read-ahead out.
  const options: RootDatabaseOptionsWithPath & { readonly noReadAhead: boolean } = {
    path,
    // Otherwise a dot in the path decides whether it is a file.
    noSubdir: true,
    // A commit is on the disk when it returns.
    overlappingSync: false,
    // Of a store larger than memory each page that is missing would bring thirty more, which nobody asked for and others are thrown out for.
    noReadAhead: true,
    mapSize,
    maxDbs: 16,
    maxReaders: 512,
    readOnly,
    ...shape
  }
  const env = open<Buffer, Buffer>(options)
  const table = (name: string): Table => env.openDB<Buffer, Buffer>({ name, ...shape })
  const openAll = (): Tables => ({
    env,
    records: table('records'),
    entries: table('entries'),
    names: new NameScan(env, 'entries'),
    segments: table('segments'),
    references: table('references'),
    blobs: table('blobs'),
    trash: table('trash'),
    doomed: table('doomed'),
    leases: table('leases'),
    orphans: table('orphans'),
    log: table('log'),
    accesses: table('accesses'),
    usage: table('usage'),
    moved: table('moved'),
    state: table('state')
  })
  try {
    // In one transaction: each table by itself would be a flush of its own.
    return readOnly ? openAll() : env.transactionSync(openAll)
  } catch (error) {
    // Else nobody in this process could ever open it anew. Why it cannot be used is what counts.
    env.close().catch(() => {})
    throw error
  }
}
