/** JSON in few bytes: MessagePack, and text for the rare values that MessagePack libraries do not give back as they were. */
import { Packr } from 'msgpackr'
import type { JsonObject } from '../contract.js'
import { ByteWriter } from './byte-writer.js'
import { writeFlat } from './flat-json.js'

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

const scratch = new ByteWriter()

/** The encoding in one byte, then the object. */
export function encodeJson (value: JsonObject): Buffer {
  scratch.begin()
  writeJson(scratch, value)
  return scratch.take()
}

/** The same, behind what was written before. */
export function writeJson (out: ByteWriter, value: JsonObject): void {
  out.u8(messagePack)
  if (writeFlat(out, value)) return
  out.length--
  const packed = packr.pack(value)
  if (!mayBeSuspicious(packed) || suspicious.every(bytes => !packed.includes(bytes))) {
    out.u8(messagePack)
    out.add(packed)
  } else {
    out.u8(text)
    out.utf8(JSON.stringify(value))
  }
}

export function decodeJson (bytes: Buffer): JsonObject {
  const body = bytes.subarray(1)
  return (bytes[0] === text ? JSON.parse(body.toString()) : packr.unpack(body)) as JsonObject
}
