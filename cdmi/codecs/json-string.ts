/** Text on its way into a JSON string. */
import { openTail } from '../utf8.js'
import { endOfRun } from './json-syntax.js'

/** Longest piece that is looked at in one go. */
const blockSize = 256 * 1024

/**
 * UTF-8 as the inside of a JSON string, without the quotes. No chunk ends within a character, so that each of them is a text of its own.
 * What needs no escape is passed on as it came.
 */
export async function * escapeJsonString (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let open: Uint8Array = new Uint8Array(0)
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += blockSize) {
      const block = chunk.subarray(at, at + blockSize)
      const bytes = open.length > 0 ? Buffer.concat([open, block]) : block
      const end = bytes.length - openTail(bytes)
      // A copy: the owner of the chunk may use it again.
      open = Uint8Array.from(bytes.subarray(end))
      if (end > 0) yield escapeBytes(bytes.subarray(0, end))
    }
  }
  // Not UTF-8 then, as far as it goes; nothing is lost here.
  if (open.length > 0) yield open
}

/**
 * The same for text in one piece. Only characters of ASCII are escaped, so the bytes may as well be taken for Latin-1: the native code for that
 * is much the fastest.
 */
export function escapeBytes (text: Uint8Array): Uint8Array {
  if (endOfRun(text, 0) === text.length) return text
  const json = JSON.stringify(Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('latin1'))
  return json.length === text.length + 2 ? text : Buffer.from(json.slice(1, -1), 'latin1')
}
