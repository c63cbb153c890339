/**
 * Records as bytes: a fixed head that the writer looks at, then the key of the record's entry in its parent, the attributes
 * (decoded when somebody asks for them) and the inline value.
 *
 * | at | bytes | what |
 * |---|---|---|
 * | 0 | 1 | format, 2 (1: of older builds, without checks) |
 * | 1 | 1 | flags in the lower half, each other way round in the upper one: the writer changes them without a new checksum |
 * | 2 | 1 | type letter |
 * | 3 | 8 | version |
 * | 11 | 8 | size of the value |
 * | 19 | 4 | length of the attributes |
 * | 23 | 2 | length of the entry's key; 0: the object has no place |
 * | 25 | … | key of the entry (length of the parent's ID, parent's ID, name), attributes, inline value |
 * | at the end | 4 | CRC-32 of the object's ID and all of this but format and flags |
 */
import { crc32 } from 'node:zlib'
import { type JsonObject, type ObjectID, type RecordPut, StorageError, type StoredRecord } from '../contract.js'
import { checkPlace, idKey, idText } from '../object-key.js'
import { ByteWriter } from './byte-writer.js'
import { readU16, readU32, readU64, writeU64 } from './bytes.js'
import { decodeAttributes } from './decoded-attributes.js'
import { decodeJson, writeJson } from './json-codec.js'
import { blockCrc, blockSize } from '../files/block-crc.js'
import { ownerIn, treesIn } from '../usage.js'
import { keySum } from './row-sums.js'

const format = 2
const oldFormat = 1
const headLength = 25
const sumLength = 4
const inlineFlag = 1
const segmentsFlag = 2
/** The map of segments covers the whole value: a gap is a row that got lost. */
const wholeFlag = 4
const flagBits = 0xf

const scratch = new ByteWriter()

export function encodeRecord (put: RecordPut): Buffer {
  scratch.begin()
  writeRecord(scratch, put)
  return scratch.take()
}

/** The same, behind what was written before. `idSum`: the number for the bytes of the ID, where the caller has it. */
export function writeRecord (out: ByteWriter, put: RecordPut, idSum = keySum(idKey(put.id))): void {
  const { parentID, name, inline } = put
  checkPlace(put)
  const start = out.skip(headLength)
  const entryLength = parentID === undefined ? 0 : 1 + out.id(parentID) + out.utf8(name ?? '')
  const attributesAt = out.length
  writeJson(out, put.attributes)
  const attributesLength = out.length - attributesAt
  if (inline !== undefined) out.add(inline)
  const sumAt = out.skip(sumLength)
  // Only now: whatever was written may have got other memory.
  const record = out.bytes.subarray(start, sumAt + sumLength)
  record[0] = format
  setFlags(record, inline === undefined ? 0 : inlineFlag)
  record[2] = put.type.charCodeAt(0)
  writeU64(record, put.version, 3)
  writeU64(record, put.size, 11)
  record.writeUInt32BE(attributesLength, 19)
  record.writeUInt16BE(entryLength, 23)
  record.writeUInt32BE(sumWith(idSum, record), record.length - sumLength)
}

/** Writes the checksum into a record with room for it at its end, of the object with this ID. Answers the record. */
export function sealRecord (id: Uint8Array, record: Buffer): Buffer {
  record.writeUInt32BE(recordSum(id, record), record.length - sumLength)
  return record
}

function recordSum (id: Uint8Array, record: Uint8Array): number {
  return sumWith(keySum(id), record)
}

/** Of a long record most is a whole block, for which there is a faster way. */
function sumWith (idSum: number, record: Uint8Array): number {
  const summed = record.subarray(2, record.length - sumLength)
  return summed.length < blockSize ? crc32(summed, idSum) : crc32(summed.subarray(blockSize), blockCrc([summed.subarray(0, blockSize)], idSum))
}

/** Whether these are the bytes that were written; true also for those of older builds, of which nobody knows. */
export function isSoundRecord (id: Uint8Array, record: Uint8Array): boolean {
  if (record[0] === oldFormat) return true
  return record[0] === format && hasSoundFlags(record) && record.length >= headLength + sumLength && readU32(record, record.length - sumLength) === recordSum(id, record)
}

/** Whether the flags are those that were written, as far as can be known. */
export function hasSoundFlags (record: Uint8Array): boolean {
  const flags = record[1] ?? 0
  return record[0] === oldFormat ? flags <= (inlineFlag | segmentsFlag) : ((flags >> 4) ^ flagBits) === (flags & flagBits)
}

function setFlags (record: Uint8Array, flags: number): void {
  record[1] = record[0] === oldFormat ? flags & ~wholeFlag : flags | ((flags ^ flagBits) << 4)
}

const flagsOf = (record: Uint8Array): number => (record[1] ?? 0) & flagBits

/** Bytes at the end that belong to no value. */
export const tailLength = (record: Uint8Array): number => record[0] === oldFormat ? 0 : sumLength

export const versionOf = (record: Uint8Array): number => readU64(record, 3)
export const typeOf = (record: Uint8Array): number => record[2] ?? 0
export const sizeOf = (record: Uint8Array): number => readU64(record, 11)
export const hasSegments = (record: Uint8Array): boolean => (flagsOf(record) & segmentsFlag) !== 0
export const hasInline = (record: Uint8Array): boolean => (flagsOf(record) & inlineFlag) !== 0
/** Whether the segments cover the whole value. False where nobody knows. */
export const isWhole = (record: Uint8Array): boolean => (flagsOf(record) & wholeFlag) !== 0

/** Notes in an encoded record whether there are segments, so that records without need no look for them, and whether they cover the whole value. */
export function markSegments (record: Uint8Array, present: boolean, whole: boolean): void {
  setFlags(record, (flagsOf(record) & inlineFlag) | (present ? segmentsFlag : 0) | (present && whole ? wholeFlag : 0))
}

/** The key of the record's entry in its parent; empty when it has no place. A view. */
export function entryKeyOf (record: Uint8Array): Uint8Array {
  return record.subarray(headLength, headLength + readU16(record, 23))
}

/** The owner that the attributes name; undefined: none, or nobody can read it. */
export function ownerOf (record: Uint8Array): string | undefined {
  return ownerIn(attributesOf(record))
}

/** The trees that the attributes of a helper name. */
export function treesOf (record: Uint8Array): readonly ObjectID[] {
  return treesIn(attributesOf(record))
}

function attributesOf (record: Uint8Array): JsonObject {
  try {
    return decodeJson(Buffer.from(attributeBytesOf(record)))
  } catch {
    // A damaged record can still be removed; what it had on account is found by a look at the whole store.
    return {}
  }
}

/** A copy of the head and the entry's key: all that the writer needs of a record that it is about to replace. */
export function copyHead (record: Uint8Array): Buffer {
  return Buffer.from(record.subarray(0, headLength + readU16(record, 23)))
}

/** A copy of a record without its inline value, and without a checksum. */
export function withoutInline (record: Uint8Array): Buffer {
  const copy = Buffer.from(record.subarray(0, inlineStart(record)))
  setFlags(copy, flagsOf(copy) & ~inlineFlag)
  return copy
}

/** The encoded record of `id` that has none, with the inline value of another one, if that has one. */
export function withInlineOf (id: Uint8Array, record: Buffer, source: Uint8Array): Buffer {
  if (!hasInline(source)) return record
  const bytes = Buffer.concat([record.subarray(0, record.length - sumLength), source.subarray(inlineStart(source), source.length - tailLength(source)), Buffer.alloc(sumLength)])
  setFlags(bytes, flagsOf(bytes) | inlineFlag)
  return sealRecord(id, bytes)
}

/** A view. */
function attributeBytesOf<Bytes extends Uint8Array> (record: Bytes): Bytes {
  const start = headLength + readU16(record, 23)
  return record.subarray(start, start + readU32(record, 19)) as Bytes
}

const inlineStart = (record: Uint8Array): number => headLength + readU16(record, 23) + readU32(record, 19)

/** Throws a StorageError 'corrupt' unless these are the bytes of the record that were written. `key`: the bytes of the ID. */
export function checkRecord (key: Uint8Array, bytes: Uint8Array, id: ObjectID): void {
  if (!isSoundRecord(key, bytes)) throw new StorageError('corrupt', `The record of object ${id} has other bytes than were written`)
}

/** For who was led to a record by its name, which goes together with it. */
export function recordGone (id: ObjectID): StorageError {
  return new StorageError('missing', `The record of object ${id} is gone, and its name is there`)
}

/** A record over its bytes, which nobody may change, and which are sound. */
export class EmbeddedRecord implements StoredRecord {
  readonly id: ObjectID
  readonly version: number
  readonly type: string
  readonly parentID: ObjectID | undefined
  readonly name: string | undefined
  readonly size: number
  readonly inline: Uint8Array | undefined
  /** Bytes of memory that it holds, about, once its attributes are decoded. */
  readonly weight: number
  readonly #bytes: Buffer
  #attributes: JsonObject | undefined
  #key: Buffer | undefined

  /** `parentID`: when the caller knows it already. */
  constructor (id: ObjectID, bytes: Buffer, parentID?: ObjectID) {
    const entryEnd = headLength + readU16(bytes, 23)
    const attributesEnd = entryEnd + readU32(bytes, 19)
    this.#bytes = bytes
    this.id = id
    this.version = versionOf(bytes)
    this.type = String.fromCharCode(typeOf(bytes))
    this.size = sizeOf(bytes)
    if (entryEnd > headLength) {
      const nameStart = headLength + 1 + (bytes[headLength] ?? 0)
      this.parentID = parentID ?? idText(bytes, headLength + 1, nameStart)
      this.name = bytes.toString('utf8', nameStart, entryEnd)
    } else {
      this.parentID = undefined
      this.name = undefined
    }
    this.weight = bytes.length + attributesEnd - entryEnd
    this.inline = hasInline(bytes) ? bytes.subarray(attributesEnd, bytes.length - tailLength(bytes)) : undefined
  }

  /** The bytes of the ID. */
  get key (): Buffer {
    this.#key ??= idKey(this.id)
    return this.#key
  }

  /** Whether it was made of these bytes. */
  isOf (row: Uint8Array): boolean {
    return this.#bytes.length === row.length && this.#bytes.compare(row, 0, row.length) === 0
  }

  get attributes (): JsonObject {
    this.#attributes ??= decodeAttributes(this.id, attributeBytesOf(this.#bytes))
    return this.#attributes
  }
}

/** The bytes of a record's ID. */
export const keyOf = (record: StoredRecord): Buffer => record instanceof EmbeddedRecord ? record.key : idKey(record.id)
