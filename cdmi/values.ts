/**
 * Values: how bytes get in and out of the store (design: objects). A value is staged first, flushed but visible to nobody, and
 * then placed into a record by the commit. Bytes are never rewritten in place.
 */
import { setImmediate } from 'node:timers/promises'
import type { BlobBirth, GetOptions, Segment, SegmentChange, Store, StoredRecord } from '../storage/contract.js'
import { IncompleteBody, NotUtf8, TooLarge } from './errors.js'
import type { Room } from './quotas.js'
import type { Staging } from './staging.js'
import { Utf8Check } from './utf8.js'
import { beginHash, endHash, type HashAlgorithm, type ValueHash } from './value-hash.js'

/** Where the bytes of a new value come from. Errors that it throws end the operation with nothing changed. */
export type ValueSource = AsyncIterable<Uint8Array>

export interface StageOptions {
  /** Longest value in bytes; one byte more is TooLarge. */
  readonly limit: number
  /** The number of bytes that must come, when known; another number is IncompleteBody. */
  readonly length?: number | undefined
  /** `require`: the bytes must be UTF-8, else NotUtf8; `observe`: find out. */
  readonly utf8?: 'require' | 'observe' | undefined
  /** What may still come for whoever has the value on account; undefined: as much as it likes. */
  readonly room?: Room | undefined
  /** A hash of the bytes, to be made on the way. */
  readonly hash?: HashAlgorithm | undefined
}

/** A value on disk (or small and in memory) that no record names yet. */
export interface StagedValue {
  readonly size: number
  readonly inline: Uint8Array | undefined
  readonly segments: readonly Segment[]
  readonly births: readonly BlobBirth[]
  /** Whether the bytes are UTF-8; undefined when nobody asked. */
  readonly utf8: boolean | undefined
  /** Algorithm and hash, when one was asked for. */
  readonly hash?: ValueHash | undefined
}

/** How many segments of one value are written at once: while one is flushed the next one fills. */
const segmentsInFlight = 2

/** Takes a whole value in. Memory: at most the inline limit and the buffers of two segments under way. */
export async function stageValue (store: Store, staging: Staging, source: ValueSource, options: StageOptions): Promise<StagedValue> {
  const chunks = source[Symbol.asyncIterator]()
  try {
    return await stageChunks(store, staging, chunks, options)
  } catch (error) {
    // Lets go of the source, so that its owner can do something else with what is left. Not awaited: it may be waiting for more.
    chunks.return?.().catch(() => {})
    throw error
  }
}

async function stageChunks (store: Store, staging: Staging, chunks: AsyncIterator<Uint8Array>, options: StageOptions): Promise<StagedValue> {
  const check = options.utf8 !== undefined ? new Utf8Check() : undefined
  const { hash: algorithm } = options
  const hash = algorithm === undefined ? undefined : beginHash(algorithm)
  const { room } = options
  let size = 0
  let ended = false
  if (room !== undefined && options.length !== undefined && options.length > room.bytes) throw room.refuse(options.length)

  async function next (): Promise<Uint8Array | undefined> {
    while (!ended) {
      const result = await chunks.next()
      if (result.done === true) {
        ended = true
        if (options.utf8 === 'require' && check?.end() === false) throw new NotUtf8()
        if (options.length !== undefined && size !== options.length) throw new IncompleteBody(`The body has ${size} bytes where ${options.length} were announced; nothing was stored`)
        return undefined
      }
      const chunk = result.value
      if (chunk.length === 0) continue
      size += chunk.length
      // A body that lies about its length is refused with its first byte too many, not after all of it was stored.
      if (options.length !== undefined && size > options.length) throw new IncompleteBody(`The body has more than the ${options.length} bytes that were announced; nothing was stored`)
      if (size > options.limit) throw new TooLarge(`The value is longer than ${options.limit} bytes, the limit of this server; nothing was stored`)
      if (room !== undefined && size > room.bytes) throw room.refuse(size)
      if (check?.push(chunk) === false && options.utf8 === 'require') throw new NotUtf8()
      hash?.update(chunk)
      return chunk
    }
    return undefined
  }

  const head: Uint8Array[] = []
  while (size <= store.inlineLimit) {
    const chunk = await next()
    if (chunk === undefined) return { size, inline: head.length === 1 ? head[0] : Buffer.concat(head, size), segments: [], births: [], utf8: check?.end(), hash: hashed() }
    head.push(chunk)
  }

  const segments: Segment[] = []
  const births: BlobBirth[] = []
  const pending = head
  let offset = 0

  /** The bytes of one segment: what is left over from the one before, then the stream, cut at the segment size. `filled` is called when no more come. */
  function fill (filled: () => void): AsyncIterableIterator<Uint8Array> {
    let room = store.segmentSize
    // Not a generator: for each chunk that costs several times as much.
    return {
      [Symbol.asyncIterator] () { return this },
      async next () {
        try {
          const chunk = room > 0 ? pending.shift() ?? await next() : undefined
          if (chunk === undefined) {
            filled()
            return { done: true, value: undefined }
          }
          if (chunk.length > room) pending.unshift(chunk.subarray(room))
          const part = chunk.length > room ? chunk.subarray(0, room) : chunk
          room -= part.length
          return { done: false, value: part }
        } catch (error) {
          filled()
          throw error
        }
      },
      async return () {
        filled()
        return { done: true, value: undefined }
      }
    }
  }

  async function put (expected: number | undefined): Promise<void> {
    const index = segments.length
    let filled: () => void = () => {}
    const exhausted = new Promise<void>(resolve => { filled = resolve })
    segments.push({ offset, length: 0, blob: '', blobOffset: 0 })
    const start = offset
    const done = staging.put(fill(filled), expected).then(birth => {
      births.push(birth)
      segments[index] = { offset: start, length: birth.size, blob: birth.blob, blobOffset: 0 }
    })
    flights.push(done)
    done.catch(() => {})
    await Promise.race([exhausted, done])
  }

  const flights: Promise<void>[] = []
  try {
    while (!ended || pending.length > 0) {
      const before = size - pending.reduce((sum, chunk) => sum + chunk.length, 0)
      offset = before
      const rest = options.length === undefined ? undefined : Math.min(store.segmentSize, options.length - offset)
      await put(rest)
      if (flights.length >= segmentsInFlight) await flights.shift()
      if (pending.length === 0 && !ended) {
        const chunk = await next()
        if (chunk !== undefined) pending.push(chunk)
      }
    }
    await Promise.all(flights)
  } catch (error) {
    await Promise.allSettled(flights)
    throw error
  }
  return { size, inline: undefined, segments, births, utf8: check?.end(), hash: hashed() }

  function hashed (): ValueHash | undefined {
    return hash === undefined || algorithm === undefined ? undefined : { algorithm, hex: endHash(hash) }
  }
}

/** The bytes of a staged value, as often as they are asked for. */
export async function * stagedContent (store: Store, { size, inline, segments }: StagedValue): AsyncGenerator<Uint8Array> {
  if (inline !== undefined) yield inline
  else yield * segmentedContent(store, segments, { offset: 0, length: size }).stream()
}

/** What a record put needs to hold a value. */
export interface PlacedValue {
  readonly size: number
  readonly inline: Uint8Array | undefined
  readonly segments: SegmentChange
  readonly births: readonly BlobBirth[]
  /** Of all of the value, where it is known. */
  readonly hash?: ValueHash | undefined
  /** It is known to be a JSON object or array. */
  readonly keyed?: true | undefined
}

/** No bytes at all. */
export const emptyValue: PlacedValue = { size: 0, inline: new Uint8Array(0), segments: { kind: 'replace', segments: [] }, births: [] }

/** The staged value becomes the whole value. */
export function placeWhole (staged: StagedValue): PlacedValue {
  return { size: staged.size, inline: staged.inline, segments: { kind: 'replace', segments: staged.segments }, births: staged.births, hash: staged.hash }
}

/** The value stays as it is. */
export function keepValue (record: StoredRecord): PlacedValue {
  return { size: record.size, inline: record.inline, segments: { kind: 'keep' }, births: [] }
}

/**
 * The staged value covers the bytes from `at` on of the value of `record` (undefined: of an empty value); the rest stays, and
 * what lies between the old end and `at` reads as zeros (HDO-07, HDO-22, HDO-41). May write small blobs.
 */
export async function placeRange (store: Store, staging: Staging, record: StoredRecord | undefined, staged: StagedValue, at: number): Promise<PlacedValue> {
  const oldSize = record?.size ?? 0
  const end = at + staged.size
  const size = staged.size === 0 ? oldSize : Math.max(oldSize, end)
  const segmented = record !== undefined && oldSize > 0 && record.inline === undefined
  const old = record?.inline ?? new Uint8Array(0)

  // Bytes in a record have no gaps: what leaves one is kept in segments, which show it.
  if (!segmented && staged.inline !== undefined && size <= store.inlineLimit && (at <= oldSize || staged.size === 0)) {
    const inline = Buffer.alloc(size)
    inline.set(old)
    inline.set(staged.inline, staged.size === 0 ? 0 : at)
    return { size, inline, segments: { kind: 'replace', segments: [] }, births: staged.births }
  }

  const births = [...staged.births]
  const segments = staged.segments.map(segment => ({ ...segment, offset: segment.offset + at }))
  if (staged.inline !== undefined && staged.size > 0) {
    const birth = await staging.put([staged.inline], staged.size)
    births.push(birth)
    segments.push({ offset: at, length: staged.size, blob: birth.blob, blobOffset: 0 })
  }
  if (segmented) return { size, inline: undefined, segments: { kind: 'splice', offset: at, length: staged.size, segments }, births }

  if (old.length > 0) {
    const { blob, ...birth } = await staging.put([old], old.length)
    births.push({ blob, ...birth })
    if (at > 0) segments.unshift({ offset: 0, length: Math.min(at, old.length), blob, blobOffset: 0 })
    if (end < old.length) segments.push({ offset: end, length: old.length - end, blob, blobOffset: end })
  }
  return { size, inline: undefined, segments: { kind: 'replace', segments }, births }
}

/** A range of bytes: `length` of them from `offset` on. */
export interface ByteRange {
  readonly offset: number
  readonly length: number
}

/** Bytes of a value as they were when the record was read, whatever happens to the object meanwhile. */
export interface Content extends ByteRange {
  /** The bytes, when they were in the record. */
  readonly bytes: Uint8Array | undefined
  /** The bytes in chunks, for any length. */
  stream (options?: GetOptions): AsyncIterable<Uint8Array>
  /** The bytes in one piece. The caller sees to it that `length` is small. */
  read (): Promise<Uint8Array>
}

const zeros = Buffer.alloc(256 * 1024)
/** So many of them in one turn. */
const zerosAtOnce = 16

/**
 * The contents of ranges of a value, or undefined when the object was changed since the record was read (read again).
 * Ranges lie within the value.
 */
export async function openContents (store: Store, record: StoredRecord, ranges: readonly ByteRange[]): Promise<Content[] | undefined> {
  const { inline } = record
  if (inline !== undefined || record.size === 0) return inlineContents(inline ?? new Uint8Array(0), ranges)
  if (ranges.length === 0) return []
  const from = Math.min(...ranges.map(range => range.offset))
  const to = Math.max(...ranges.map(range => range.offset + range.length))
  const map = await store.meta.segments(record.id, from, to - from)
  if (map === undefined || map.version !== record.version) return undefined
  return ranges.map(range => segmentedContent(store, map.segments, range))
}

/** Bytes looked at in one step of the search for a gap. */
const extentStep = 1024 ** 3

/** Bytes from the beginning of a value on that were written, up to the first gap; undefined when the object was changed meanwhile. */
export async function writtenExtent (store: Store, record: StoredRecord): Promise<number | undefined> {
  if (record.inline !== undefined) return record.size
  let at = 0
  for (let from = 0; from < record.size; from += extentStep) {
    const map = await store.meta.segments(record.id, from, Math.min(extentStep, record.size - from))
    if (map === undefined || map.version !== record.version) return undefined
    for (const { offset, length } of map.segments) {
      if (offset > at) return at
      at = Math.max(at, offset + length)
    }
    if (at < Math.min(from + extentStep, record.size)) return at
  }
  return Math.min(at, record.size)
}

/** The same for a value that is in the record, without a wait. */
export function inlineContents (inline: Uint8Array, ranges: readonly ByteRange[]): Content[] {
  return ranges.map(({ offset, length }) => new InlineContent(offset, offset === 0 && length === inline.length ? inline : inline.subarray(offset, offset + length)))
}

class InlineContent implements Content {
  readonly length: number

  constructor (readonly offset: number, readonly bytes: Uint8Array) {
    this.length = bytes.length
  }

  async * stream (): AsyncGenerator<Uint8Array> {
    if (this.length > 0) yield this.bytes
  }

  async read (): Promise<Uint8Array> {
    return this.bytes
  }
}

/** A run of one blob, or of zeros where `segment` is undefined. */
interface Run { segment: Segment | undefined, offset: number, length: number }

function * runs (segments: readonly Segment[], { offset, length }: ByteRange): Generator<Run> {
  const end = offset + length
  let at = offset
  for (const segment of segments) {
    if (segment.offset + segment.length <= at) continue
    if (segment.offset >= end) break
    if (segment.offset > at) yield { segment: undefined, offset: at, length: segment.offset - at }
    at = Math.max(at, segment.offset)
    const stop = Math.min(end, segment.offset + segment.length)
    yield { segment, offset: segment.blobOffset + at - segment.offset, length: stop - at }
    at = stop
  }
  if (at < end) yield { segment: undefined, offset: at, length: end - at }
}

/** Bytes of these segments, and zeros between them, in one piece; for at most a few MiB. */
export async function readSegments (store: Store, segments: readonly Segment[], range: ByteRange): Promise<Uint8Array> {
  return await segmentedContent(store, segments, range).read()
}

function segmentedContent (store: Store, segments: readonly Segment[], range: ByteRange): Content {
  return new SegmentedContent(store, segments, range)
}

/** A class, and its generator a method of it: one made with each value would have V8 look everything about it up anew each time. */
class SegmentedContent implements Content {
  readonly offset: number
  readonly length: number
  readonly bytes = undefined
  readonly #store: Store
  readonly #segments: readonly Segment[]

  constructor (store: Store, segments: readonly Segment[], { offset, length }: ByteRange) {
    this.#store = store
    this.#segments = segments
    this.offset = offset
    this.length = length
  }

  stream (options?: GetOptions): AsyncIterable<Uint8Array> {
    const [first, second] = this.#segments
    // Mostly one blob has all of it.
    if (first === undefined || second !== undefined || first.offset > this.offset || first.offset + first.length < this.offset + this.length) return this.#inRuns(options)
    return this.#store.blobs.get(first.blob, first.blobOffset + this.offset - first.offset, this.length, options)
  }

  async * #inRuns (options?: GetOptions): AsyncGenerator<Uint8Array> {
    for (const run of runs(this.#segments, this)) {
      if (run.segment !== undefined) {
        yield * this.#store.blobs.get(run.segment.blob, run.offset, run.length, options)
        continue
      }
      for (let left = run.length, sent = 1; left > 0; left -= zeros.length, sent++) {
        yield left < zeros.length ? zeros.subarray(0, left) : zeros
        // Nothing is waited for in a gap, which may be terabytes long: without this nobody else would have a turn.
        if (sent % zerosAtOnce === 0) await setImmediate()
      }
    }
  }

  async read (): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for (const run of runs(this.#segments, this)) {
      parts.push(run.segment === undefined ? Buffer.alloc(run.length) : await this.#store.blobs.read(run.segment.blob, run.offset, run.length))
    }
    const [only] = parts
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)
  }
}
