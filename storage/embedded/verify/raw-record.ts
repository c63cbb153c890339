/** Records that may be broken: nothing is believed of them before it was looked at. */
import { idText, maxIDLength, maxNameLength } from '../../object-key.js'
import type { StoredRecord } from '../../contract.js'
import { readU16, readU32, readU64 } from '../bytes.js'
import { decodeJson } from '../json-codec.js'
import { EmbeddedRecord, hasInline, hasSegments, hasSoundFlags, isSoundRecord, tailLength } from '../record-codec.js'

const headLength = 25
/** Of older builds, and of this one. */
const formats = [1, 2]

export interface ReadRecord {
  /** Undefined: not even its place, size and version can be read. */
  readonly record: StoredRecord | undefined
  /** What is wrong with it: the end of a sentence. */
  readonly problem: string | undefined
}

/** The problem of a record that can be read, and has other bytes than were written. */
export const otherBytes = 'has a record with other bytes than were written'

/** A place in an entry's key; undefined when it is none. */
export function placeOf (key: Uint8Array): { readonly parent: Buffer, readonly name: string } | undefined {
  const length = key[0] ?? 0
  if (length === 0 || length > maxIDLength || key.length <= 1 + length || key.length > 1 + length + maxNameLength) return undefined
  const bytes = Buffer.from(key.subarray(1 + length))
  const name = bytes.toString()
  return Buffer.from(name).equals(bytes) ? { parent: Buffer.from(key.subarray(1, 1 + length)), name } : undefined
}

/** Reads what can be read. */
export function readRecord (id: Buffer, bytes: Buffer): ReadRecord {
  const unreadable = (problem: string): ReadRecord => ({ record: undefined, problem })
  if (id.length > maxIDLength) return unreadable('has an ID that is too long')
  if (bytes.length < headLength) return unreadable('has a record that is cut short')
  if (!formats.includes(bytes[0] ?? 0)) return unreadable('has a record of a form that this build does not know')
  const entryEnd = headLength + readU16(bytes, 23)
  const attributesEnd = entryEnd + readU32(bytes, 19)
  const size = readU64(bytes, 11)
  const version = readU64(bytes, 3)
  const tail = tailLength(bytes)
  if (!hasSoundFlags(bytes) || !Number.isSafeInteger(size) || !Number.isSafeInteger(version) || version < 1 || attributesEnd > bytes.length - tail) return unreadable('has a record whose head is not readable')
  if (entryEnd > headLength && placeOf(bytes.subarray(headLength, entryEnd)) === undefined) return unreadable('has a record whose place is not readable')
  // Read past the cache: those who are to be served with what is decoded here must not be.
  const record = new EmbeddedRecord(idText(id), bytes)
  const attributes = attributesIn(bytes.subarray(entryEnd, attributesEnd))
  if (attributes === undefined) return { record: withAttributes(record, {}), problem: 'has attributes that are not readable' }
  const left = bytes.length - attributesEnd - tail
  const whole = withAttributes(record, attributes)
  if (!hasInline(bytes) && left > 0) return { record: whole, problem: `has ${left} bytes behind its record` }
  if (hasInline(bytes) && left !== size) return { record: whole, problem: `has ${left} bytes of its value where ${size} were written` }
  if (hasInline(bytes) && hasSegments(bytes)) return { record: whole, problem: 'has a value in its record and another one in files' }
  return { record: whole, problem: isSoundRecord(id, bytes) ? undefined : otherBytes }
}

function attributesIn (bytes: Buffer): StoredRecord['attributes'] | undefined {
  try {
    const attributes: unknown = decodeJson(bytes)
    return typeof attributes === 'object' && attributes !== null && !Array.isArray(attributes) ? attributes as StoredRecord['attributes'] : undefined
  } catch {
    // Then it is what was asked: not readable.
    return undefined
  }
}

function withAttributes ({ id, version, type, parentID, name, size, inline }: StoredRecord, attributes: StoredRecord['attributes']): StoredRecord {
  return { id, version, type, parentID, name, attributes, size, inline }
}
