/** Bodies in parts (RFC 2046 §5.1), read part by part from a stream: heads as text, bodies piece by piece. */
import { ByteCursor } from '../../cdmi/codecs/byte-cursor.js'
import { IncompleteBody, InvalidRequest } from '../../cdmi/errors.js'

/** Most blanks between a boundary and the end of its line. */
const maxPadding = 1024

const lineBreak = Buffer.from('\r\n')
const blankLine = Buffer.from('\r\n\r\n')
const carriageReturn = 0x0d

/** Where the reader is: before the first boundary, behind one, at the beginning of a body, within it, behind the last boundary. */
type State = 'before' | 'between' | 'start' | 'body' | 'end'

export class PartReader {
  readonly #cursor: ByteCursor
  /** A boundary begins with a line break; the first one may stand at the very beginning of the source. */
  readonly #delimiter: Buffer
  readonly #maxHead: number
  #state: State = 'before'

  /** `maxHead`: longest head of a part, in bytes. */
  constructor (source: AsyncIterable<Uint8Array>, boundary: string, maxHead: number) {
    this.#cursor = new ByteCursor(source)
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
    this.#maxHead = maxHead
  }

  /** Lets go of the source. What of it has not been read stays unread. */
  release (): void {
    this.#cursor.release()
  }

  /**
   * The head of the next part, as bytes in Latin-1, folded lines made one; undefined behind the last part, when all of the source has been read. What is left
   * of the body before is dropped. Throws InvalidRequest for a head that is too long, IncompleteBody when the last boundary does not come.
   */
  async head (): Promise<string | undefined> {
    if (this.#state === 'before' && !await this.#begins()) while (await this.#piece() !== undefined);
    while (await this.piece() !== undefined);
    const cursor = this.#cursor
    if (this.#state === 'end') {
      do cursor.at = cursor.bytes.length
      while (await cursor.fill())
      return undefined
    }
    for (;;) {
      // From the line break behind a boundary to the one before the body, which may be the beginning of the next boundary.
      const end = cursor.bytes.indexOf(blankLine, cursor.at)
      const length = (end === -1 ? cursor.bytes.length : end) - cursor.at
      if (length > this.#maxHead) throw new InvalidRequest(`The body has a part whose head is longer than ${this.#maxHead} bytes`)
      if (end !== -1) {
        const text = cursor.bytes.toString('latin1', cursor.at + lineBreak.length, end)
        cursor.at = end + lineBreak.length
        this.#state = 'start'
        return text.includes('\r\n') ? text.replace(/\r\n[ \t]+/g, ' ') : text
      }
      await this.#more()
    }
  }

  /** The next bytes of the body; undefined at its end. Throws IncompleteBody. */
  async piece (): Promise<Uint8Array | undefined> {
    if (this.#state === 'start') {
      if (await this.#empty()) return undefined
      this.#state = 'body'
    }
    return this.#state === 'body' ? await this.#piece() : undefined
  }

  /** Steps over a boundary at the very beginning, if there is one. */
  async #begins (): Promise<boolean> {
    const cursor = this.#cursor
    const length = this.#delimiter.length - lineBreak.length
    while (cursor.bytes.length < length) if (!await cursor.fill()) return false
    return this.#delimiter.equals(Buffer.concat([lineBreak, cursor.bytes.subarray(0, length)])) && await this.#boundary(length)
  }

  /** Steps over the line break before a body, unless it belongs to a boundary: then the body is empty. */
  async #empty (): Promise<boolean> {
    const cursor = this.#cursor
    while (cursor.bytes.length - cursor.at < this.#delimiter.length) await this.#more()
    if (this.#delimiter.equals(cursor.bytes.subarray(cursor.at, cursor.at + this.#delimiter.length)) && await this.#boundary(this.#delimiter.length)) return true
    cursor.at += lineBreak.length
    return false
  }

  /** Bytes before the next boundary; undefined when there are none left, and the boundary has been stepped over. */
  async #piece (): Promise<Uint8Array | undefined> {
    const cursor = this.#cursor
    for (;;) {
      const { bytes, at } = cursor
      const found = bytes.indexOf(this.#delimiter, at)
      if (found === at) {
        if (await this.#boundary(this.#delimiter.length)) return undefined
        // A line of the body that only begins like a boundary.
        return this.#take(this.#delimiter.length)
      }
      if (found !== -1) return this.#take(found - at)
      // Without what may be the beginning of a boundary.
      const open = bytes.indexOf(carriageReturn, Math.max(at, bytes.length - this.#delimiter.length + 1))
      const length = (open === -1 ? bytes.length : open) - at
      if (length > 0) return this.#take(length)
      await this.#more()
    }
  }

  #take (length: number): Uint8Array {
    const { bytes, at } = this.#cursor
    this.#cursor.at = at + length
    return bytes.subarray(at, at + length)
  }

  /** Steps over the delimiter that is here, `length` bytes of it, to the end of its line; false when it is no boundary, since other text follows it. */
  async #boundary (length: number): Promise<boolean> {
    const cursor = this.#cursor
    for (;;) {
      const after = cursor.at + length
      const line = cursor.bytes.toString('latin1', after, after + maxPadding)
      if (line.startsWith('--')) {
        this.#state = 'end'
        return true
      }
      const end = line.search(/[^\t ]/)
      const rest = end === -1 ? '' : line.slice(end)
      if (rest.startsWith('\r\n')) {
        cursor.at = after + end
        this.#state = 'between'
        return true
      }
      const undecided = line === '-' || (line.length < maxPadding && (rest === '' || rest === '\r'))
      if (!undecided) return false
      await this.#more()
    }
  }

  async #more (): Promise<void> {
    if (!await this.#cursor.fill()) throw new IncompleteBody('The body ends before the boundary that ends its last part; nothing was stored. (Lines of boundaries and heads must end in CR LF.)')
  }
}
