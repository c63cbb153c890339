/** Base64 (RFC 4648 §4) of streams, a block at a time and by native code. */
import { InvalidRequest } from '../errors.js'

export interface Base64Options {
  /** Line breaks and blanks between the characters are skipped, as MIME wants it (RFC 2045 §6.8). Else they are refused. */
  readonly lines?: boolean | undefined
}

const padding = 0x3d
const foreign = /[^A-Za-z0-9+/]/
const blanks = /[\r\n\t ]+/g
/** Longest piece of text that is made into a string at once. */
const blockSize = 256 * 1024

/** The bytes behind the text. Throws InvalidRequest for everything that is not exactly Base64: padding must be there, and be right. */
export async function * decodeBase64 (source: AsyncIterable<Uint8Array>, { lines = false }: Base64Options = {}): AsyncGenerator<Uint8Array> {
  const decoder = new Base64Decoder()
  for await (const chunk of source) {
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    for (const bytes of decoder.push(lines ? Buffer.from(text.toString('latin1').replace(blanks, ''), 'latin1') : text)) yield bytes
  }
  const last = decoder.end()
  if (last.length > 0) yield last
}

class Base64Decoder {
  /** The last characters, 1 to 4 once there were any: only at the end is it known whether there is padding. */
  #rest = ''
  /** Characters decoded so far. */
  #offset = 0

  end (): Buffer {
    const text = this.#rest
    if (text === '') return Buffer.alloc(0)
    const data = text.replace(/=+$/, '')
    this.#refuseForeign(data)
    if (text.length !== 4) throw new InvalidRequest('The Base64 ends in the middle of a group of four characters; is it cut off, or its padding "=" missing?')
    if (data.length < 2) throw new InvalidRequest('The Base64 ends with too much padding; at most two "=" may stand there')
    const bytes = Buffer.from(data, 'base64')
    // Bits that belong to no byte must be zero, or two texts would stand for one value (RFC 4648 §3.5).
    if (bytes.toString('base64') !== text) throw new InvalidRequest('The last character of the Base64 has bits that belong to no byte; it was not made by an encoder, or has been damaged')
    return bytes
  }

  * push (text: Buffer): Generator<Buffer, undefined> {
    let at = 0
    if (this.#rest !== '') {
      at = 4 - this.#rest.length
      this.#rest += text.toString('latin1', 0, at)
      if (at >= text.length) return
      yield this.#decode(this.#rest)
    } else if (text.length === 0) return
    const end = text.length - 1 - (text.length - 1 - at) % 4
    for (; at < end; at += blockSize) yield this.#decode(text.toString('latin1', at, Math.min(end, at + blockSize)))
    this.#rest = text.toString('latin1', end)
  }

  #decode (text: string): Buffer {
    const bytes = Buffer.from(text, 'base64')
    // The decoder drops what it does not know and also knows the URL-safe alphabet, which is another encoding.
    if (bytes.length !== text.length / 4 * 3 || text.includes('-') || text.includes('_')) this.#refuseForeign(text)
    this.#offset += text.length
    return bytes
  }

  #refuseForeign (text: string): void {
    const at = text.search(foreign)
    if (at === -1) return
    const code = text.charCodeAt(at)
    const found = code > 0x20 && code < 0x7f ? `"${text.charAt(at)}"` : `the byte 0x${code.toString(16).padStart(2, '0')}`
    const reason = code === padding ? 'padding may stand only at the end' : 'only A-Z, a-z, 0-9, "+" and "/" are allowed (RFC 4648 §4), without line breaks'
    throw new InvalidRequest(`At character ${this.#offset + at} of the Base64 there is ${found}; ${reason}`)
  }
}

/** The text that stands for the bytes. `into`: where it is written, piece by piece, each only until the next one is asked for; undefined: into memory of its own. */
export async function * encodeBase64 (source: AsyncIterable<Uint8Array>, into?: Buffer): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0)
  for await (const chunk of source) {
    let at = 0
    if (rest.length > 0) {
      at = Math.min(3 - rest.length, chunk.length)
      rest = Buffer.concat([rest, chunk.subarray(0, at)])
      if (rest.length < 3) continue
      yield encodeBytes(rest)
    }
    const end = chunk.length - (chunk.length - at) % 3
    const most = into === undefined ? encodeSize : Math.floor(into.length / 4) * 3
    for (; at < end; at += most) {
      const piece = chunk.subarray(at, Math.min(end, at + most))
      yield into === undefined ? encodeBytes(piece) : encodeInto(into, piece)
    }
    // A copy: the owner of the chunk may use it again.
    rest = Uint8Array.from(chunk.subarray(end))
  }
  if (rest.length > 0) yield encodeBytes(rest)
}

const encodeSize = blockSize / 4 * 3

/** Characters of Base64 for so many bytes. */
export function base64Length (bytes: number): number {
  return Math.ceil(bytes / 3) * 4
}

/** Bytes of which the text is made at once where it is put together from several: short enough for strings that cost little. */
const stepSize = 48 * 1024

function encodeInto (target: Buffer, bytes: Uint8Array): Buffer {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let size = 0
  for (let at = 0; at < source.length; at += stepSize) size += target.write(source.toString('base64', at, at + stepSize), size, 'latin1')
  return target.subarray(0, size)
}

/** The text for bytes that are in one piece. */
export function encodeBytes (bytes: Uint8Array): Buffer {
  return Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'), 'latin1')
}
