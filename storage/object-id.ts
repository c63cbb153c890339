/** The layout of object IDs (GEN-28, GEN-29): 0, enterprise number (3 bytes), 0, length, CRC-16 (2 bytes), then opaque bytes. */
import { hash, randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'
import type { ObjectID } from './contract.js'

/** RFC 5612's number for documentation; an organisation sets its own. */
export const defaultEnterpriseNumber = 32473

const headerLength = 8
const mintedLength = 24
const maxLength = 40

const crcTable = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1
  return crc
})

/** CRC-16/ARC of the bytes up to `end`. */
export function crc16 (bytes: Uint8Array, end = bytes.length): number {
  let crc = 0
  for (let at = 0; at < end; at++) crc = shifted(crc ^ (bytes[at] ?? 0))
  return crc
}

function shifted (register: number): number {
  return (register >>> 8) ^ (crcTable[register & 0xff] ?? 0)
}

/** Checksum of all IDs that are minted: it stands before the time, and IDs are to be in the order of time. Any number would do. */
const mintedChecksum = 0x4944
/** What has to be in the register before two zero bytes for that to come out. */
const beforeTwoZeros = Uint16Array.from({ length: 0x10000 }, (_, register) => register).findIndex(register => shifted(shifted(register)) === mintedChecksum)

/**
 * A new ID: 24 bytes, the opaque part a time-ordered UUID (version 7), in upper-case Base16. The last two bytes are such that all IDs of an enterprise number
 * have the same checksum: they begin alike, and new ones come behind all that there are, wherever they are kept in order.
 */
export function mintObjectID (enterpriseNumber: number = defaultEnterpriseNumber): ObjectID {
  const bytes = minted
  bytes.writeUIntBE(enterpriseNumber, 1, 3)
  bytes.writeUInt16BE(0, 6)
  v7(nextMoment(), bytes, headerLength)
  // Two bytes at the end are added to the register as they are.
  bytes.writeUInt16LE(crc16(bytes, mintedLength - 2) ^ beforeTwoZeros, mintedLength - 2)
  bytes.writeUInt16BE(mintedChecksum, 6)
  return bytes.toString('hex').toUpperCase()
}

/** The ID that is being made. */
const minted = Buffer.alloc(mintedLength)
minted[5] = mintedLength

/** Random bytes are drawn for many IDs at once: each draw costs more than all else about an ID. */
const uuidLength = 16
const pool = new Uint8Array(256 * uuidLength)
let used = pool.length

function someRandomness (): Uint8Array {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += uuidLength
  return pool.subarray(used - uuidLength, used)
}

/** Millisecond, number in it (RFC 9562 §6.2, method 1), and what is left to chance: IDs of one process are in the order in which they were made. */
const moment: { msecs: number, seq: number, random: Uint8Array } = { msecs: 0, seq: 0, random: pool }
const lastInMoment = 2 ** 32 - 1

function nextMoment (): Readonly<typeof moment> {
  const msecs = Date.now()
  if (msecs > moment.msecs) {
    moment.msecs = msecs
    // Its upper half is for those that follow in the same millisecond.
    moment.seq = readU31(someRandomness())
  } else if (moment.seq === lastInMoment) {
    moment.msecs++
    moment.seq = 0
  } else {
    moment.seq++
  }
  moment.random = someRandomness()
  return moment
}

function readU31 (bytes: Uint8Array): number {
  return (((bytes[0] ?? 0) << 24) | ((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)) >>> 1
}

/** An ID that follows from 16 opaque bytes, with the enterprise number of another one: for objects that are not stored. */
export function derivedObjectID (like: ObjectID, opaque: Uint8Array): ObjectID {
  const bytes = Buffer.alloc(headerLength + opaque.length)
  bytes.write(like.slice(2, 8), 1, 'hex')
  bytes[5] = bytes.length
  bytes.set(opaque, headerLength)
  bytes.writeUInt16BE(crc16(bytes), 6)
  return bytes.toString('hex').toUpperCase()
}

/** An ID that follows from a text, for a record of the server's own. It is no object ID: no client can name it, in a URI or in a serialization. */
export function hiddenID (text: string): ObjectID {
  return 'FF' + hash('sha256', text).toUpperCase()
}

/** Whether the text (either case) is an object ID of any CDMI server: length and checksum are right. */
export function isObjectID (text: string): boolean {
  if (text.length <= headerLength * 2 || text.length > maxLength * 2 || text.length % 2 !== 0 || !/^[0-9a-f]+$/i.test(text)) return false
  const bytes = Buffer.from(text, 'hex')
  if (bytes[0] !== 0 || bytes[4] !== 0 || bytes[5] !== bytes.length || bytes.readUIntBE(1, 3) === 0) return false
  const stated = bytes.readUInt16BE(6)
  bytes.writeUInt16BE(0, 6)
  return crc16(bytes) === stated
}
