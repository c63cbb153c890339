/** Rows of the accesses: how often (8 bytes) and when last (8), with a checksum; of older builds without one. */
import type { Accesses } from '../contract.js'
import { readU64, writeU64 } from './bytes.js'
import { opened, seal, unsealed } from './row-sums.js'

const length = 16

export function sealAccesses (id: Uint8Array, { count, last }: Accesses): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  writeU64(bytes, count, 0)
  writeU64(bytes, last, 8)
  return seal(id, bytes)
}

/** Undefined: it has other bytes than were written. */
export function readAccesses (id: Uint8Array, row: Buffer): Accesses | undefined {
  const bytes = unsealed(id, row)
  return bytes === undefined || bytes.length !== length ? undefined : accessesIn(bytes)
}

/** Throws a StorageError 'corrupt' when it has other bytes than were written. */
export function openAccesses (id: Buffer, row: Buffer): Accesses {
  return accessesIn(opened('What is noted of the accesses of an object', id, row))
}

function accessesIn (bytes: Uint8Array): Accesses {
  return { count: readU64(bytes, 0), last: readU64(bytes, 8) }
}
