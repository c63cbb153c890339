/** Values that become those of other objects (design: objects): records name the same segments, and no byte is read or written for it. */
import { isUtf8 } from 'node:buffer'
import type { ValueTransferEncoding } from '../schemas/record.js'
import { cutSegment } from '../storage/segment-map.js'
import type { RecordHead, Segment, Store, StoredRecord } from '../storage/contract.js'
import { attributesOf } from './record.js'
import { openTail } from './utf8.js'
import { hashAlgorithms, type ValueHash } from './value-hash.js'
import { type ByteRange, openContents, type PlacedValue } from './values.js'

/** The whole value. The commit holds only while the source is at its version. */
export function copiedValue (source: StoredRecord): PlacedValue {
  const hash = knownHash(source)
  if (source.inline === undefined && source.size > 0) return valueOfRecord(source)
  return { size: source.size, inline: source.inline ?? new Uint8Array(0), segments: { kind: 'replace', segments: [] }, births: [], hash }
}

/** The same for a source of which the value was not read. */
export function valueOfRecord (source: RecordHead): PlacedValue {
  return { size: source.size, inline: undefined, segments: { kind: 'copy', from: source.id, version: source.version }, births: [], hash: knownHash(source) }
}

/** Some of the bytes. */
export async function copiedRange (store: Store, source: StoredRecord, { offset, length }: ByteRange): Promise<PlacedValue> {
  const births: [] = []
  if (source.inline !== undefined || length === 0) {
    return { size: length, inline: (source.inline ?? new Uint8Array(0)).subarray(offset, offset + length), segments: { kind: 'replace', segments: [] }, births }
  }
  // Gone or changed meanwhile: then the commit does not hold.
  const map = await store.meta.segments(source.id, offset, length)
  const segments = (map?.segments ?? [])
    .flatMap(segment => cutSegment(segment, offset + length, Infinity))
    .flatMap(segment => cutSegment(segment, 0, offset))
    .map((segment): Segment => ({ ...segment, offset: segment.offset - offset }))
  return { size: length, inline: undefined, segments: { kind: 'replace', segments }, births }
}

/** The transfer encoding that is true of some of the bytes: that of text stays when no character is cut (CMV-24). */
export async function encodingOfRange (store: Store, source: StoredRecord, { offset, length }: ByteRange): Promise<ValueTransferEncoding> {
  const { valuetransferencoding = 'base64' } = attributesOf(source)
  if (offset === 0 && length === source.size) return valuetransferencoding
  if (valuetransferencoding !== 'utf-8') return 'base64'
  if (source.inline !== undefined) return isUtf8(source.inline.subarray(offset, offset + length)) ? 'utf-8' : 'base64'
  const tail = Math.min(length, 4)
  const contents = await openContents(store, source, [{ offset, length: Math.min(length, 1) }, { offset: offset + length - tail, length: tail }]) ?? []
  const [first, last] = await Promise.all(contents.map(async content => await content.read()))
  if (first === undefined || last === undefined) return 'base64'
  const begins = ((first[0] ?? 0) & 0xc0) !== 0x80
  return begins && openTail(last) === 0 ? 'utf-8' : 'base64'
}

function knownHash (source: RecordHead): ValueHash | undefined {
  const [name, hex = ''] = attributesOf(source).hash ?? []
  const algorithm = hashAlgorithms.find(one => one === name)
  return algorithm === undefined ? undefined : { algorithm, hex }
}
