/**
 * Records as bytes: a fixed head that the writer looks at, then the key of the record's entry in its parent, the attributes
 * (decoded when somebody asks for them) and the inline value.
 *
 * | at | bytes | what |
 * |---|---|---|
 * | 0 | 1 | format, 1 |
 * | 1 | 1 | flags |
 * | 2 | 1 | type letter |
 * | 3 | 8 | version |
 * | 11 | 8 | size of the value |
 * | 19 | 4 | length of the attributes |
 * | 23 | 2 | length of the entry's key; 0: the object has no place |
 * | 25 | … | key of the entry (length of the parent's ID, parent's ID, name), attributes, inline value |
 */
import type { JsonObject, ObjectID, RecordPut, StoredRecord } from '../contract.js'
import { checkPlace, idKey, idText } from '../object-key.js'
import { readU16, readU32, readU64, writeU64 } from './bytes.js'
import { decodeAttributes } from './decoded-attributes.js'
import { decodeJson, encodeJson } from './json-codec.js'
import { ownerIn } from '../usage.js'

const format = 1
const headLength = 25
const inlineFlag = 1
const segmentsFlag = 2

export function encodeRecord (put: RecordPut): Buffer {
  const { parentID, name, inline } = put
  checkPlace(put)
  const parent = parentID === undefined ? undefined : idKey(parentID)
  const nameLength = name === undefined ? 0 : Buffer.byteLength(name)
  const entryLength = parent === undefined ? 0 : 1 + parent.length + nameLength
  const attributes = encodeJson(put.attributes)
  const bytes = Buffer.allocUnsafe(headLength + entryLength + attributes.length + (inline?.length ?? 0))
  bytes[0] = format
  bytes[1] = inline === undefined ? 0 : inlineFlag
  bytes[2] = put.type.charCodeAt(0)
  writeU64(bytes, put.version, 3)
  writeU64(bytes, put.size, 11)
  bytes.writeUInt32BE(attributes.length, 19)
  bytes.writeUInt16BE(entryLength, 23)
  if (parent !== undefined) {
    bytes[headLength] = parent.length
    bytes.set(parent, headLength + 1)
    bytes.write(name ?? '', headLength + 1 + parent.length)
  }
  bytes.set(attributes, headLength + entryLength)
  if (inline !== undefined) bytes.set(inline, headLength + entryLength + attributes.length)
  return bytes
}

export const versionOf = (record: Uint8Array): number => readU64(record, 3)
export const typeOf = (record: Uint8Array): number => record[2] ?? 0
export const hasSegments = (record: Uint8Array): boolean => ((record[1] ?? 0) & segmentsFlag) !== 0

/** Notes in an encoded record whether there are segments, so that records without need no look for them. */
export function markSegments (record: Uint8Array, present: boolean): void {
  record[1] = ((record[1] ?? 0) & ~segmentsFlag) | (present ? segmentsFlag : 0)
}

/** The key of the record's entry in its parent; empty when it has no place. A view. */
export function entryKeyOf (record: Uint8Array): Uint8Array {
  return record.subarray(headLength, headLength + readU16(record, 23))
}

export const sizeOf = (record: Uint8Array): number => readU64(record, 11)

/** The owner that the attributes name; undefined: none, or nobody can read it. */
export function ownerOf (record: Uint8Array): string | undefined {
  const start = headLength + readU16(record, 23)
  try {
    return ownerIn(decodeJson(Buffer.from(record.subarray(start, start + readU32(record, 19)))))
  } catch {
    // A damaged record can still be removed; what it had on account is found by a look at the whole store.
    return undefined
  }
}

/** A copy of the head and the entry's key: all that the writer needs of a record that it is about to replace. */
export function copyHead (record: Uint8Array): Buffer {
  return Buffer.from(record.subarray(0, headLength + readU16(record, 23)))
}

/** A copy of a record without its inline value. */
export function withoutInline (record: Uint8Array): Buffer {
  const copy = Buffer.from(record.subarray(0, inlineStart(record)))
  copy[1] = (copy[1] ?? 0) & ~inlineFlag
  return copy
}

/** An encoded record that has none, with the inline value of another one, if that has one. */
export function withInlineOf (record: Buffer, source: Uint8Array): Buffer {
  if (((source[1] ?? 0) & inlineFlag) === 0) return record
  const bytes = Buffer.concat([record, source.subarray(inlineStart(source))])
  bytes[1] = (bytes[1] ?? 0) | inlineFlag
  return bytes
}

const inlineStart = (record: Uint8Array): number => headLength + readU16(record, 23) + readU32(record, 19)

/** A record over its bytes, which nobody may change. */
export class EmbeddedRecord implements StoredRecord {
  readonly id: ObjectID
  readonly version: number
  readonly type: string
  readonly parentID: ObjectID | undefined
  readonly name: string | undefined
  readonly size: number
  readonly inline: Uint8Array | undefined
  readonly #attributeBytes: Buffer
  #attributes: JsonObject | undefined

  /** `parentID`: when the caller knows it already. */
  constructor (id: ObjectID, bytes: Buffer, parentID?: ObjectID) {
    const entryEnd = headLength + readU16(bytes, 23)
    const attributesEnd = entryEnd + readU32(bytes, 19)
    this.id = id
    this.version = versionOf(bytes)
    this.type = String.fromCharCode(typeOf(bytes))
    this.size = readU64(bytes, 11)
    if (entryEnd > headLength) {
      const nameStart = headLength + 1 + (bytes[headLength] ?? 0)
      this.parentID = parentID ?? idText(bytes, headLength + 1, nameStart)
      this.name = bytes.toString('utf8', nameStart, entryEnd)
    } else {
      this.parentID = undefined
      this.name = undefined
    }
    this.#attributeBytes = bytes.subarray(entryEnd, attributesEnd)
    this.inline = ((bytes[1] ?? 0) & inlineFlag) === 0 ? undefined : bytes.subarray(attributesEnd)
  }

  get attributes (): JsonObject {
    this.#attributes ??= decodeAttributes(this.id, this.#attributeBytes)
    return this.#attributes
  }
}
