/**
 * A change of the model on its way to the writer. Numbers are big-endian; a text is its length in two bytes (0xffff: there is none) and its UTF-8; an ID its length
 * in one byte and its bytes.
 *
 * | what | of what |
 * |---|---|
 * | 1 byte | 0xc0, with which no MessagePack of a step begins |
 * | 5 × 4 bytes | how many births, expectations, puts, removals, events |
 * | text | the lease |
 * | 4 bytes, … | length of the limits and trees in MessagePack, which few changes have; 0: none |
 * | births | text of the blob, size (8), text of the hash |
 * | expectations | ID, version (8) |
 * | puts | ID, text of the owner, segments (see `writeSegments`), length of the record (4), record |
 * | removals | ID, version (8), 1 for a whole tree |
 * | events | length (4), event |
 */
import { Packr } from 'msgpackr'
import type { AccountLimit, BlobBirth, Change, JsonObject, ObjectID, RecordPut, RecordRemoval, Segment } from '../contract.js'
import { eachInTurns, inOneTurn } from '../in-turns.js'
import { ownerIn } from '../usage.js'
import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import { writeJson } from './json-codec.js'
import { writeRecord } from './record-codec.js'
import { sumBytes } from './row-sums.js'
import type { WireBirth, WireChange, WireSegment, WireSegmentChange } from './wire-change.js'

/** Another one than that of builds whose changes had a head in MessagePack (0xc1): a package may be replaced under a server that runs. */
const mark = 0xc0

/** How a segment change begins; what follows is in `writeSegments`. */
const kinds = { keep: 0, replace: 1, splice: 2, copy: 3 } as const

/** What few changes have. */
type Rest = [limits: readonly AccountLimit[] | null, trees: readonly ObjectID[] | null]

const packr = new Packr({ useRecords: false })
const scratch = new ByteWriter()

/** Throws for what cannot be stored at all: a name that is too long, an ID that is none. */
export function encodeChange (change: Change): Buffer | Promise<Buffer> {
  const { births = [], expect, put = [], remove = [], events } = change
  // Most changes are of one record: not even a promise is needed.
  if (births.length + expect.length + put.length + remove.length + events.length > inOneTurn) return encodeInTurns(change)
  scratch.begin()
  writeHead(scratch, change)
  for (const birth of births) writeBirth(scratch, birth)
  for (const record of expect) writeExpected(scratch, record)
  for (const record of put) writePut(scratch, record)
  for (const record of remove) writeRemoval(scratch, record)
  for (const event of events) writeEvent(scratch, event)
  return scratch.take()
}

/** Bytes after which a piece of a long change is put aside. */
const pieceLength = 64 * 1024

async function encodeInTurns (change: Change): Promise<Buffer> {
  const { births = [], expect, put = [], remove = [], events } = change
  const out = new ByteWriter()
  const pieces: Buffer[] = []
  const each = async <Item> (items: readonly Item[], write: (out: ByteWriter, item: Item) => void): Promise<void> => {
    await eachInTurns(items, item => {
      write(out, item)
      if (out.length >= pieceLength) pieces.push(out.take())
    })
  }
  writeHead(out, change)
  await each(births, writeBirth)
  await each(expect, writeExpected)
  await each(put, writePut)
  await each(remove, writeRemoval)
  await each(events, writeEvent)
  pieces.push(out.take())
  const bytes = Buffer.allocUnsafe(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  await eachInTurns(pieces, piece => {
    bytes.set(piece, at)
    at += piece.length
  })
  return bytes
}

function writeHead (out: ByteWriter, { births = [], expect, put = [], remove = [], events, lease, limits, trees }: Change): void {
  out.u8(mark)
  for (const { length } of [births, expect, put, remove, events]) out.u32(length)
  out.text(lease)
  if (limits === undefined && trees === undefined) {
    out.u32(0)
  } else {
    const rest = packr.pack([limits ?? null, trees ?? null] satisfies Rest)
    out.u32(rest.length)
    out.add(rest)
  }
}

function writeBirth (out: ByteWriter, { blob, size, hash }: BlobBirth): void {
  out.text(blob)
  out.u64(size)
  out.text(hash)
}

function writeExpected (out: ByteWriter, { id, version }: Change['expect'][number]): void {
  out.id(id)
  out.u64(version)
}

function writePut (out: ByteWriter, put: RecordPut): void {
  const idLength = out.id(put.id)
  const idSum = sumBytes(out.bytes, out.length - idLength, out.length)
  out.text(ownerIn(put.attributes))
  writeSegments(out, put.segments)
  const at = out.skip(4)
  writeRecord(out, put, idSum)
  out.bytes.writeUInt32BE(out.length - at - 4, at)
}

function writeRemoval (out: ByteWriter, { id, version, subtree }: RecordRemoval): void {
  out.id(id)
  out.u64(version)
  out.u8(subtree ? 1 : 0)
}

function writeEvent (out: ByteWriter, event: JsonObject): void {
  const at = out.skip(4)
  writeJson(out, event)
  out.bytes.writeUInt32BE(out.length - at - 4, at)
}

function writeSegments (out: ByteWriter, change: RecordPut['segments']): void {
  out.u8(kinds[change.kind])
  switch (change.kind) {
    case 'keep': return
    case 'copy':
      out.id(change.from)
      out.u64(change.version)
      return
    case 'splice':
      out.u64(change.offset)
      out.u64(change.length)
  }
  out.u32(change.segments.length)
  for (const { offset, length, blob, blobOffset } of change.segments) {
    out.u64(offset)
    out.u64(length)
    out.text(blob)
    out.u64(blobOffset)
  }
}

export const wireSegment = ({ offset, length, blob, blobOffset }: Segment): WireSegment => [offset, length, blob, blobOffset]

/** Whether these are the bytes of a change. */
export const isChange = (bytes: Uint8Array): boolean => bytes[0] === mark

/** The change. Its bytes are views of these. */
export function decodeChange (frame: Uint8Array): WireChange {
  const from = new ByteReader(Buffer.from(frame.buffer, frame.byteOffset, frame.length), 1)
  const [births, expected, puts, removals, events] = [from.u32(), from.u32(), from.u32(), from.u32(), from.u32()]
  const lease = from.text() ?? null
  const rest = from.u32()
  const [limits, trees] = rest === 0 ? [null, null] : packr.unpack(from.take(rest)) as Rest
  return {
    kind: 'change',
    lease,
    births: times(births, (): WireBirth => [from.textThere(), from.u64(), from.textThere()]),
    expect: times(expected, () => [from.id(), from.u64()]),
    put: times(puts, () => {
      const [id, owner, segments] = [from.id(), from.text() ?? null, readSegments(from)]
      return [id, from.take(from.u32()), segments, owner]
    }),
    remove: times(removals, () => [from.id(), from.u64(), from.u8() === 1]),
    events: times(events, () => from.take(from.u32())),
    ...limits !== null && { limits },
    ...trees !== null && { trees }
  }
}

function readSegments (from: ByteReader): WireSegmentChange {
  const kind = from.u8()
  const segments = (): WireSegment[] => times(from.u32(), () => [from.u64(), from.u64(), from.textThere(), from.u64()])
  switch (kind) {
    case kinds.replace: return ['replace', segments()]
    case kinds.splice: {
      const [offset, length] = [from.u64(), from.u64()]
      return ['splice', segments(), offset, length]
    }
    case kinds.copy: return ['copy', from.id(), from.u64()]
    default: return ['keep']
  }
}

function times<T> (count: number, make: () => T): T[] {
  const made: T[] = []
  for (let n = 0; n < count; n++) made.push(make())
  return made
}
