/** Rows of tables whose keys say it all: nothing but a checksum of the key, so that none is believed that has got another key. Older builds have written one byte. */
import { keySum, seal, sealLength, sealMark } from './row-sums.js'
import { readU32 } from './bytes.js'

const old = 1

export function sealNote (key: Uint8Array): Buffer {
  return seal(key, new Uint8Array(0))
}

/** Whether a row was written with this key. It may lie in LMDB's own buffer. */
export function isSoundNote (key: Uint8Array, row: Uint8Array): boolean {
  return row.length === sealLength ? row[0] === sealMark && readU32(row, 1) === keySum(key) : row.length === 1 && row[0] === old
}
