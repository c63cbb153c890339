/** What is counted in an embedded store, and how far that is: as it stands in the state, and in the rows of the accounts. */
import type { Account, Amount, ObjectID } from '../contract.js'
import { readU64, writeU64 } from './bytes.js'

export interface Counting {
  /** Records up to this key are in the accounts of their owners; true: all are; undefined: nobody asked for it. */
  readonly owners?: string | true
  readonly children?: true
  /** Containers with all that is below them; of each what `owners` is for those. */
  readonly trees?: Readonly<Record<ObjectID, string | true>>
}

const treeID = /^(?:[0-9A-F]{2})+$/

/** What nobody can read is begun anew. */
export function decodeCounting (state: Buffer | undefined): Counting {
  try {
    const counting = state === undefined ? {} : JSON.parse(state.toString()) as Counting
    return counting.trees !== undefined && !Object.keys(counting.trees).every(tree => treeID.test(tree)) ? { ...counting, trees: {} } : counting
  } catch {
    return {}
  }
}

export function encodeCounting (counting: Counting): Buffer {
  return Buffer.from(JSON.stringify(counting))
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

/** Bytes (8), objects (8). */
export function encodeAmount ({ bytes, objects }: Amount): Buffer {
  const row = Buffer.allocUnsafe(16)
  writeU64(row, bytes, 0)
  writeU64(row, objects, 8)
  return row
}

export function decodeAmount (row: Uint8Array): Amount {
  return { bytes: readU64(row, 0), objects: readU64(row, 8) }
}
