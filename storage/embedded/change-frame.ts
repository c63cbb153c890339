/**
 * A change of the model on its way to the writer: numbers and short texts in front, then all the bytes, one behind the other. To have each run of bytes in
 * MessagePack costs most of what a small change costs to be sent.
 *
 * | at | bytes | what |
 * |---|---|---|
 * | 0 | 1 | 0xc1, with which no MessagePack begins |
 * | 1 | 4 | length of the head |
 * | 5 | … | the head, in MessagePack: see ChangeHead |
 * | … | … | IDs that are expected; ID and record of each put; IDs that are removed; events |
 */
import { setImmediate } from 'node:timers/promises'
import { Packr } from 'msgpackr'
import type { AccountLimit, BlobBirth, Change, JsonObject, LeaseID, ObjectID, RecordPut, RecordRemoval, Segment } from '../contract.js'
import { eachInTurns, inOneTurn } from '../in-turns.js'
import { idKey } from '../object-key.js'
import { ownerIn } from '../usage.js'
import { readU32 } from './bytes.js'
import { encodeJson } from './json-codec.js'
import { encodeRecord } from './record-codec.js'
import type { WireBirth, WireChange, WireSegment, WireSegmentChange } from './wire-change.js'

/** The change, with the lengths of bytes in their place. */
type ChangeHead = [
  lease: LeaseID | null,
  births: WireBirth[],
  expect: Array<[id: number, version: number]>,
  put: Array<[id: number, record: number, segments: WireSegmentChange, owner: string | null]>,
  remove: Array<[id: number, version: number, subtree: boolean]>,
  events: number[],
  limits: readonly AccountLimit[] | null,
  trees: readonly ObjectID[] | null
]

const mark = 0xc1
const headAt = 5
/** As MessagePack begins arrays: those of up to 15 items with one byte, very long ones with this and four bytes. */
const shortArray = 0x90
const shortLength = 15
const longArray = 0xdd

const packr = new Packr({ useRecords: false })

/** Throws for what cannot be stored at all: a name that is too long, an ID that is none. */
export function encodeChange (change: Change): Buffer | Promise<Buffer> {
  const { births = [], expect, put = [], remove = [], events } = change
  // Most changes are of one record: not even a promise is needed.
  if (births.length + expect.length + put.length + remove.length + events.length > inOneTurn) return encodeInTurns(change)
  const frame = new ChangeFrame(change)
  for (const birth of births) frame.birth(birth)
  for (const record of expect) frame.expect(record)
  for (const record of put) frame.put(record)
  for (const record of remove) frame.remove(record)
  for (const event of events) frame.event(event)
  return frame.bytes()
}

async function encodeInTurns (change: Change): Promise<Buffer> {
  const { births = [], expect, put = [], remove = [], events } = change
  const frame = new ChangeFrame(change)
  await eachInTurns(births, birth => { frame.birth(birth) })
  await eachInTurns(expect, record => { frame.expect(record) })
  await eachInTurns(put, record => { frame.put(record) })
  await eachInTurns(remove, record => { frame.remove(record) })
  await eachInTurns(events, event => { frame.event(event) })
  return await frame.bytesInTurns()
}

class ChangeFrame {
  readonly #head: ChangeHead
  readonly #pieces: Buffer[] = []
  #length = 0

  constructor ({ lease, limits, trees }: Change) {
    this.#head = [lease ?? null, [], [], [], [], [], limits ?? null, trees ?? null]
  }

  birth ({ blob, size, hash }: BlobBirth): void {
    this.#head[1].push([blob, size, hash])
  }

  expect ({ id, version }: Change['expect'][number]): void {
    this.#head[2].push([this.#add(idKey(id)), version])
  }

  put (put: RecordPut): void {
    const id = idKey(put.id)
    this.#head[3].push([this.#add(id), this.#add(encodeRecord(put, id)), wireSegmentChange(put.segments), ownerIn(put.attributes) ?? null])
  }

  remove ({ id, version, subtree }: RecordRemoval): void {
    this.#head[4].push([this.#add(idKey(id)), version, subtree])
  }

  event (event: JsonObject): void {
    this.#head[5].push(this.#add(encodeJson(event)))
  }

  #add (bytes: Buffer): number {
    this.#pieces.push(bytes)
    this.#length += bytes.length
    return bytes.length
  }

  bytes (): Buffer {
    const place = this.#begun([packr.pack(this.#head)])
    for (const piece of this.#pieces) place(piece)
    return place.bytes
  }

  /** The same; others have their turn in between. */
  async bytesInTurns (): Promise<Buffer> {
    const head: Buffer[] = [Buffer.of(shortArray + this.#head.length)]
    for (const part of this.#head) {
      if (Array.isArray(part)) await packInTurns(part, head)
      else head.push(packr.pack(part))
    }
    const place = this.#begun(head)
    await eachInTurns(this.#pieces, place)
    return place.bytes
  }

  /** All bytes, with the head, and what puts one more piece behind that. */
  #begun (head: readonly Buffer[]): ((piece: Buffer) => void) & { bytes: Buffer } {
    const length = head.reduce((sum, piece) => sum + piece.length, 0)
    const bytes = Buffer.allocUnsafe(headAt + length + this.#length)
    bytes[0] = mark
    bytes.writeUInt32BE(length, 1)
    let at = headAt
    const place = (piece: Buffer): void => {
      bytes.set(piece, at)
      at += piece.length
    }
    for (const piece of head) place(piece)
    return Object.assign(place, { bytes })
  }
}

/** A long list in MessagePack, piece by piece: its length, and its items one behind the other. */
async function packInTurns (items: readonly unknown[], pieces: Buffer[]): Promise<void> {
  const length = Buffer.of(longArray, 0, 0, 0, 0)
  length.writeUInt32BE(items.length, 1)
  pieces.push(length)
  for (let at = 0; at < items.length; at += inOneTurn) {
    const part = items.slice(at, at + inOneTurn)
    // Without its own length, which takes one byte or three.
    pieces.push(packr.pack(part).subarray(part.length <= shortLength ? 1 : 3))
    await setImmediate()
  }
}

function wireSegmentChange (change: RecordPut['segments']): WireSegmentChange {
  switch (change.kind) {
    case 'keep': return ['keep']
    case 'replace': return ['replace', change.segments.map(wireSegment)]
    case 'splice': return ['splice', change.segments.map(wireSegment), change.offset, change.length]
    case 'copy': return ['copy', idKey(change.from), change.version]
  }
}

export const wireSegment = ({ offset, length, blob, blobOffset }: Segment): WireSegment => [offset, length, blob, blobOffset]

/** Whether these are the bytes of a change. */
export const isChange = (bytes: Uint8Array): boolean => bytes[0] === mark

/** The change. Its bytes are views of these. */
export function decodeChange (frame: Uint8Array): WireChange {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length)
  let at = headAt + readU32(bytes, 1)
  const [lease, births, expect, put, remove, events, limits, trees] = packr.unpack(bytes.subarray(headAt, at)) as ChangeHead
  const take = (length: number): Buffer => {
    at += length
    return bytes.subarray(at - length, at)
  }
  return {
    kind: 'change',
    lease,
    births,
    expect: expect.map(([id, version]) => [take(id), version]),
    put: put.map(([id, record, segments, owner]) => [take(id), take(record), segments, owner]),
    remove: remove.map(([id, version, subtree]) => [take(id), version, subtree]),
    events: events.map(take),
    ...limits !== null && { limits },
    ...trees !== null && { trees }
  }
}
