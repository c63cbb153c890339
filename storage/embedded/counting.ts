/** What is counted in an embedded store, and how far that is: as it stands in the state, and in the rows of the accounts. */
import { type Account, type Amount, type ObjectID, StorageError } from '../contract.js'
import { readU32, readU64, writeU64 } from './bytes.js'
import { readJson, sealJson } from './json-rows.js'
import { keySum, sumBytes } from './row-sums.js'
import { stateKeys } from './tables.js'

export interface Counting {
  /** Records up to this key are in the accounts of their owners; true: all are; undefined: nobody asked for it. */
  readonly owners?: string | true
  readonly children?: true
  /** Containers with all that is below them; of each what `owners` is for those. */
  readonly trees?: Readonly<Record<ObjectID, string | true>>
}

const treeID = /^(?:[0-9A-F]{2})+$/

/** Undefined: it has other bytes than were written. */
export function readCounting (state: Buffer | undefined): Counting | undefined {
  const counting = state === undefined ? {} : readJson(stateKeys.counting, state)
  if (typeof counting !== 'object' || counting === null) return undefined
  const { trees } = counting as Counting
  return trees === undefined || Object.keys(trees).every(tree => treeID.test(tree)) ? counting : undefined
}

/** Throws a StorageError 'corrupt' when it has other bytes than were written. */
export function openCounting (state: Buffer | undefined): Counting {
  const counting = readCounting(state)
  if (counting === undefined) throw unreadableCounting()
  return counting
}

export function unreadableCounting (): StorageError {
  return new StorageError('corrupt', 'The note of what is counted for quotas has other bytes than were written')
}

export function encodeCounting (counting: Counting): Buffer {
  return sealJson(stateKeys.counting, counting)
}

/** Whether a change of this record changes what its owner has on account: what was there before is counted when it is come upon. */
export function isPast ({ owners }: Counting, id: Buffer): boolean {
  return owners === true || (owners !== undefined && id.compare(Buffer.from(owners, 'hex')) <= 0)
}

/** The same of a tree. */
export function isPastInTree ({ trees = {} }: Counting, tree: ObjectID, id: ObjectID): boolean {
  const cursor = trees[tree]
  return cursor === true || (cursor !== undefined && id <= cursor)
}

/** What is left to be counted: a cursor, and whose it is. Trees whose counting began together are counted together. Undefined: nothing. */
export function nextToCount ({ owners, trees = {} }: Counting): { readonly cursor: string, readonly trees: readonly ObjectID[] | undefined } | undefined {
  if (owners !== undefined && owners !== true) return { cursor: owners, trees: undefined }
  const cursors = Object.values(trees).filter(cursor => cursor !== true)
  const [cursor] = cursors.sort()
  return cursor === undefined ? undefined : { cursor, trees: Object.keys(trees).filter(tree => trees[tree] === cursor) }
}

export const accountKey = (account: Account): Buffer => Buffer.from(account)

const amountLength = 16

/**
 * Bytes (8), objects (8), checksum (4): behind the rest, where older builds do not look. An account that would be below nothing was wrong before, and is as far from what there is with
 * nothing in it.
 */
export function sealAmount (key: Uint8Array, { bytes, objects }: Amount): Buffer {
  const row = Buffer.allocUnsafe(amountLength + 4)
  writeU64(row, Math.max(0, bytes), 0)
  writeU64(row, Math.max(0, objects), 8)
  row.writeUInt32BE(sumBytes(row, 0, amountLength, keySum(key)), amountLength)
  return row
}

/** Undefined: it has other bytes than were written. Older builds have written it without a checksum. */
export function readAmount (key: Uint8Array, row: Uint8Array): Amount | undefined {
  const isSound = row.length === amountLength || (row.length === amountLength + 4 && readU32(row, amountLength) === sumBytes(row, 0, amountLength, keySum(key)))
  const amount = { bytes: readU64(row, 0), objects: readU64(row, 8) }
  return isSound && Number.isSafeInteger(amount.bytes) && Number.isSafeInteger(amount.objects) ? amount : undefined
}

/** Throws a StorageError 'corrupt' when it has other bytes than were written. */
export function openAmount (account: Account, row: Uint8Array): Amount {
  const amount = readAmount(accountKey(account), row)
  if (amount === undefined) throw unreadableAmount(account)
  return amount
}

export function unreadableAmount (account: Account): StorageError {
  return new StorageError('corrupt', `What is counted for ${account} has other bytes than were written`)
}
