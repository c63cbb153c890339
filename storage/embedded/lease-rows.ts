/** Rows of the leases: a state, with a checksum. Older builds have written the state alone. */
import { readU32 } from './bytes.js'
import { keySum, seal, sealLength, sealMark, sumBytes } from './row-sums.js'

export const leaseStates = { open: 1, closed: 2 } as const

export function sealLease (key: Uint8Array, state: number): Buffer {
  return seal(key, Uint8Array.of(state))
}

/** Undefined: there is none, or it has other bytes than were written. The row may lie in LMDB's own buffer. */
export function leaseState (key: Uint8Array, row: Uint8Array | undefined): number | undefined {
  if (row === undefined) return undefined
  if (row.length === 1) return known(row[0])
  return row.length === sealLength + 1 && row[0] === sealMark && readU32(row, 1) === sumBytes(row, sealLength, row.length, keySum(key)) ? known(row[sealLength]) : undefined
}

function known (state: number | undefined): number | undefined {
  return state === leaseStates.open || state === leaseStates.closed ? state : undefined
}
