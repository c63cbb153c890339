/** JSON in few bytes: MessagePack, and text for the rare values that MessagePack libraries do not give back as they were. */
import { Packr } from 'msgpackr'
import type { JsonObject } from '../contract.js'

const messagePack = 0
const text = 1

const packr = new Packr({ useRecords: false })
// msgpackr renames a key "__proto__", and a lone surrogate becomes U+FFFD like any encoder's. Both leave these bytes.
const suspicious = [Buffer.from('__proto__'), Buffer.from('\ufffd')]
const [underscore, firstOfReplacement] = [0x5f, 0xef]
const longestLoop = 1024

/** Whether one of them begins anywhere: a loop over few bytes costs less than a search by Node. */
function mayBeSuspicious (bytes: Buffer): boolean {
  if (bytes.length > longestLoop) return true
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === firstOfReplacement || (byte === underscore && bytes[at + 1] === underscore)) return true
  }
  return false
}

/** The encoding in one byte, then the object. */
export function encodeJson (value: JsonObject): Buffer {
  const packed = packr.pack(value)
  if (!mayBeSuspicious(packed) || suspicious.every(bytes => !packed.includes(bytes))) return prefixed(messagePack, packed)
  return prefixed(text, Buffer.from(JSON.stringify(value)))
}

export function decodeJson (bytes: Buffer): JsonObject {
  const body = bytes.subarray(1)
  return (bytes[0] === text ? JSON.parse(body.toString()) : packr.unpack(body)) as JsonObject
}

function prefixed (encoding: number, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(1 + body.length)
  bytes[0] = encoding
  bytes.set(body, 1)
  return bytes
}
