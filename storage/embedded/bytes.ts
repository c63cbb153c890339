/** Numbers in bytes, big-endian so that keys sort by them. Plain arithmetic: LMDB hands out bare Uint8Arrays. */

const word = 0x1_0000_0000

export function readU32 (bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) * 0x1000000) + (((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))
}

export function readU16 (bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

/** Exact up to 2^53. */
export function readU64 (bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) * word + readU32(bytes, at + 4)
}

export function writeU64 (bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / word), at)
  bytes.writeUInt32BE(value % word, at + 4)
}

export function u64 (value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  writeU64(bytes, value, 0)
  return bytes
}

/** The least byte string above all that begin with `prefix` (which has a byte below 255). */
export function successor (prefix: Buffer): Buffer {
  let end = prefix.length
  while (end > 0 && prefix[end - 1] === 0xff) end--
  const next = Buffer.from(prefix.subarray(0, end))
  next[end - 1] = (next[end - 1] ?? 0) + 1
  return next
}
