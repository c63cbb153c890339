/** What is counted in an embedded store, and how far that is: as it stands in the state, and in the rows of the accounts. */
import type { Account, Amount, CountedKind } from '../contract.js'
import { readU64, writeU64 } from './bytes.js'

export interface Counting {
  /** Records up to this key are in the accounts of their owners; true: all are; undefined: nobody asked for it. */
  readonly owners?: string | true
  readonly children?: true
}

/** What nobody can read is begun anew. */
export function decodeCounting (state: Buffer | undefined): Counting {
  try {
    return state === undefined ? {} : JSON.parse(state.toString()) as Counting
  } catch {
    return {}
  }
}

export function encodeCounting (counting: Counting): Buffer {
  return Buffer.from(JSON.stringify(counting))
}

export const kindOf = (account: string): CountedKind => account.startsWith('owner:') ? 'owners' : 'children'

/** Whether a change of this record changes what its owner has on account: what was there before is counted when it is come upon. */
export function isPast ({ owners }: Counting, id: Buffer): boolean {
  return owners === true || (owners !== undefined && id.compare(Buffer.from(owners, 'hex')) <= 0)
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
