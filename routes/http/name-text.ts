/** Pages of names as text of listings, from bytes to bytes. */
import { shownName } from '../../cdmi/containers.js'
import { hasSlash, isContainerEntry, isReference } from '../../cdmi/record.js'
import type { NamePage } from '../../storage/contract.js'
import { type Escapes, hrefEscapes, htmlEscapes, jsonEscapes, longestEscape, writeBytes, writeEscaped } from './byte-escapes.js'

/** The text of one page after the other. */
export type NameWriter = (page: NamePage) => readonly Uint8Array[]

/** Most bytes of a chunk, unless one name alone needs more. */
const chunkSize = 64 * 1024

/** What stands around a name, which may be shown twice. */
interface Frame {
  readonly before: string
  readonly between: string | undefined
  readonly after: string
}

interface Form {
  readonly escapes: Escapes
  /** Of the name where it is shown the second time. */
  readonly again: Escapes
  /** By the letter of a type. */
  readonly frame: (type: string) => Frame
}

const items: Form = { escapes: jsonEscapes, again: jsonEscapes, frame: type => ({ before: ',"', between: undefined, after: `${marksOf(type)}"` }) }

const rows: Form = {
  escapes: hrefEscapes,
  again: htmlEscapes,
  frame: type => ({
    before: '<tr><td><a href="',
    between: hasSlash({ type }) ? '/">' : '">',
    after: `${marksOf(type)}</a></td><td>${isReference({ type }) ? 'reference' : isContainerEntry({ type }) ? 'container' : 'data object'}</td></tr>\n`
  })
}

/** What is shown behind the name of a child. */
function marksOf (type: string): string {
  return shownName({ name: '', type })
}

/** The inside of a JSON array of the names as listings show them, over all pages that are written. */
export function jsonNames (): NameWriter {
  let first = true
  return page => {
    const chunks = itemRoom.textOf(page)
    const [chunk, ...others] = chunks
    if (!first || chunk === undefined) return chunks
    first = false
    // No comma before the first of all.
    return [chunk.subarray(1), ...others]
  }
}

/** Rows of a table, each with a relative link. */
export const htmlRows: NameWriter = page => rowRoom.textOf(page)

/** One of the texts around names. */
interface Text {
  readonly bytes: Uint8Array
  /** Where it is in the room. */
  readonly from: number
  readonly to: number
}

/** A frame whose texts are in the room, and the bytes of them all. */
interface PlacedFrame {
  readonly before: Text
  readonly between: Text | undefined
  readonly after: Text
  readonly size: number
}

/** Known of a page that was seen, and may never come again. */
const once = Symbol('once')

/** Texts up to so many bytes are copied faster one by one. */
const fewBytes = 4

/**
 * Where the text of a form grows, to be copied when it is whole: nothing else runs meanwhile. At its beginning are the texts that stand around names: nothing
 * copies as fast as a buffer within itself.
 */
class Room {
  readonly #form: Form
  readonly #frames: readonly PlacedFrame[]
  readonly #texts: Buffer
  readonly #known = new WeakMap<NamePage, readonly Uint8Array[] | typeof once>()
  #bytes: Buffer

  constructor (form: Form) {
    const places = new Map<string, Text>()
    let used = 0
    const place = (text: string): Text => {
      const known = places.get(text)
      if (known !== undefined) return known
      const bytes = Buffer.from(text)
      const placed = { bytes, from: used, to: used += bytes.length }
      places.set(text, placed)
      return placed
    }
    this.#form = form
    this.#frames = Array.from({ length: 256 }, (_, letter) => {
      const { before, between, after } = form.frame(String.fromCharCode(letter))
      return { before: place(before), between: between === undefined ? undefined : place(between), after: place(after), size: before.length + (between ?? '').length + after.length }
    })
    this.#texts = Buffer.from([...places.keys()].join(''))
    this.#bytes = this.#ofSize(chunkSize)
  }

  #frameOf (letter: number): PlacedFrame {
    const frame = this.#frames[letter]
    if (frame === undefined) throw new RangeError(`${letter} is not the letter of a type`)
    return frame
  }

  #ofSize (size: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.#texts.length + size)
    bytes.set(this.#texts)
    return bytes
  }

  /** Of a page that comes again its text is kept, as long as somebody keeps the page. */
  textOf (page: NamePage): readonly Uint8Array[] {
    const known = this.#known.get(page)
    if (known !== undefined && known !== once) return known
    const text = this.#made(page)
    this.#known.set(page, known === undefined ? once : text)
    return text
  }

  #made ({ count, bytes, ends, types }: NamePage): Uint8Array[] {
    const { escapes, again } = this.#form
    const start = this.#texts.length
    const chunks: Uint8Array[] = []
    let target = this.#bytes
    let size = start
    let from = 0
    let letter = types[0] ?? 0
    let { before, between, after, size: around } = this.#frameOf(letter)
    for (let index = 0; index < count; index++) {
      const to = ends[index] ?? from
      // Most children are of the type of the one before them.
      if (types[index] !== letter) {
        letter = types[index] ?? 0;
        ({ before, between, after, size: around } = this.#frameOf(letter))
      }
      const most = around + (to - from) * 2 * longestEscape
      if (size + most > target.length) {
        if (size > start) chunks.push(Buffer.from(target.subarray(start, size)))
        size = start
        if (start + most > target.length) this.#bytes = target = this.#ofSize(most)
      }
      size = copy(before, target, size)
      size = writeEscaped(escapes, bytes, from, to, target, size)
      if (between !== undefined) size = writeEscaped(again, bytes, from, to, target, copy(between, target, size))
      size = copy(after, target, size)
      from = to
    }
    if (size > start) chunks.push(Buffer.from(target.subarray(start, size)))
    return chunks
  }
}

function copy (text: Text, target: Uint8Array, start: number): number {
  const { bytes, from, to } = text
  if (bytes.length <= fewBytes) return writeBytes(bytes, target, start)
  target.copyWithin(start, from, to)
  return start + to - from
}

const itemRoom = new Room(items)
const rowRoom = new Room(rows)
