/** Names as text of JSON, HTML and URIs, byte by byte: all that must be escaped there is ASCII, or every byte above it is. */

export interface Escapes {
  /** 1 for each byte that must be escaped: looked at much faster than a list. */
  readonly needed: Uint8Array
  /** What stands for it. */
  readonly texts: ReadonlyArray<Uint8Array | undefined>
}

/** Most bytes that stand for one. */
export const longestEscape = 6

function escapesBy (escape: (byte: number) => string | undefined): Escapes {
  const texts = Array.from({ length: 256 }, (_, byte) => {
    const text = escape(byte)
    return text === undefined ? undefined : Buffer.from(text)
  })
  return { needed: Uint8Array.from(texts, text => text === undefined ? 0 : 1), texts }
}

/** Inside a JSON string, as JSON.stringify writes it. */
export const jsonEscapes = escapesBy(byte => {
  const text = byte < 0x80 ? JSON.stringify(String.fromCharCode(byte)).slice(1, -1) : ''
  return text.length > 1 ? text : undefined
})

const htmlEntities: ReadonlyMap<string, string> = new Map([['&', '&amp;'], ['<', '&lt;'], ['>', '&gt;'], ['"', '&quot;'], ["'", '&#39;']])

/** Any place in HTML: between tags, and in quoted attributes. */
export const htmlEscapes = escapesBy(byte => htmlEntities.get(String.fromCharCode(byte)))

/** A segment of a URI, every reserved character escaped, in an attribute in HTML. */
export const hrefEscapes = escapesBy(byte => {
  if (byte >= 0x80) return `%${byte.toString(16).toUpperCase()}`
  const text = encodeURIComponent(String.fromCharCode(byte))
  const [character = ''] = text
  return text.length > 1 ? text : htmlEntities.get(character)
})

/** Writes bytes of `source` to `target` with their escapes, and answers where they end there. There must be room. */
export function writeEscaped ({ needed, texts }: Escapes, source: Uint8Array, from: number, to: number, target: Uint8Array, start: number): number {
  let end = start
  for (let at = from; at < to; at++) {
    const byte = source[at] ?? 0
    if (needed[byte] === 0) target[end++] = byte
    else end = writeBytes(texts[byte], target, end)
  }
  return end
}

/** The same for what needs none. A call of `set` costs more than a few bytes one by one. */
export function writeBytes (text: Uint8Array | undefined, target: Uint8Array, start: number): number {
  if (text === undefined) return start
  for (let at = 0; at < text.length; at++) target[start + at] = text[at] ?? 0
  return start + text.length
}
