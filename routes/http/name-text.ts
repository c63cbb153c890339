/** Pages of names as text of listings, from bytes to bytes. */
import { isContainerEntry, shownName } from '../../cdmi/containers.js'
import { hasSlash, isReference } from '../../cdmi/record.js'
import type { NamePage } from '../../storage/contract.js'
import { type Escapes, hrefEscapes, htmlEscapes, jsonEscapes, longestEscape, writeEscaped } from './byte-escapes.js'

/** The text of one page after the other. Each chunk is the caller's own. */
export type NameWriter = (page: NamePage) => Uint8Array[]

/** Most bytes of a chunk, unless one name alone needs more. */
const chunkSize = 64 * 1024

/** What stands before a name, and how often it is shown, and what stands after that. */
interface Frame {
  readonly before: Uint8Array
  readonly shown: ReadonlyArray<{ readonly escapes: Escapes, readonly after: Uint8Array }>
  /** Bytes of what stands around it. */
  readonly size: number
}

/** By the letters of the types. */
type Frames = readonly Frame[]

function framesBy (frame: (type: string) => { readonly before: string, readonly shown: ReadonlyArray<readonly [escapes: Escapes, after: string]> }): Frames {
  return Array.from({ length: 256 }, (_, letter) => {
    const { before, shown } = frame(String.fromCharCode(letter))
    return {
      before: Buffer.from(before),
      shown: shown.map(([escapes, after]) => ({ escapes, after: Buffer.from(after) })),
      size: shown.reduce((sum, [, after]) => sum + after.length, before.length)
    }
  })
}

const items = framesBy(type => ({ before: ',"', shown: [[jsonEscapes, `${marksOf(type)}"`]] }))

const rows = framesBy(type => ({
  before: '<tr><td><a href="',
  shown: [
    [hrefEscapes, hasSlash({ type }) ? '/">' : '">'],
    [htmlEscapes, `${marksOf(type)}</a></td><td>${isReference({ type }) ? 'reference' : isContainerEntry({ type }) ? 'container' : 'data object'}</td></tr>\n`]
  ]
}))

/** What is shown behind the name of a child. */
function marksOf (type: string): string {
  return shownName({ name: '', type })
}

/** The inside of a JSON array of the names as listings show them, over all pages that are written. */
export function jsonNames (): NameWriter {
  let first = true
  return page => {
    const chunks = textOf(page, items)
    const [chunk] = chunks
    if (!first || chunk === undefined) return chunks
    first = false
    // No comma before the first of all.
    chunks[0] = chunk.subarray(1)
    return chunks
  }
}

/** Rows of a table, each with a relative link. */
export const htmlRows: NameWriter = page => textOf(page, rows)

// Texts grow here, and are copied when they are whole: nothing else runs meanwhile.
let room = Buffer.allocUnsafeSlow(chunkSize)

function textOf ({ count, bytes, ends, types }: NamePage, frames: Frames): Uint8Array[] {
  const chunks: Uint8Array[] = []
  let size = 0
  let from = 0
  for (let index = 0; index < count; index++) {
    const to = ends[index] ?? from
    const frame = frames[types[index] ?? 0]
    if (frame === undefined) break
    const most = frame.size + frame.shown.length * longestEscape * (to - from)
    if (size + most > room.length) {
      if (size > 0) chunks.push(Buffer.from(room.subarray(0, size)))
      size = 0
      if (most > room.length) room = Buffer.allocUnsafeSlow(most)
    }
    size = write(frame.before, size)
    for (const { escapes, after } of frame.shown) size = write(after, writeEscaped(escapes, bytes, from, to, room, size))
    from = to
  }
  if (size > 0) chunks.push(Buffer.from(room.subarray(0, size)))
  return chunks
}

/** A call of `set` costs more than a few bytes one by one. */
function write (text: Uint8Array, start: number): number {
  if (text.length > 16) room.set(text, start)
  else for (let at = 0; at < text.length; at++) room[start + at] = text[at] ?? 0
  return start + text.length
}
