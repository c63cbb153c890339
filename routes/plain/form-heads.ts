/**
 * The heads of the parts of a form, read beside the multipart parser from the same bytes. The parser keeps three things to itself:
 * the charset of a file's type (HDO-04 needs it), whether a name came as `filename*`, and that it left out a part whose head it
 * could not read, a file perhaps. A form with such a part must be refused, never stored in part (CLI-32).
 */

/** Longest head that is taken: the parser cuts longer ones, and a cut file name may be no file name. */
export const maxHeadBytes = 64 * 1024
const blankLine = Buffer.from('\r\n\r\n')
const lineBreak = Buffer.from('\r\n')
const none = new Uint8Array(0)
const dash = 0x2d

type State = 'between' | 'head' | 'body' | 'end'

export class FormHeads {
  readonly #delimiter: Buffer
  readonly #heads: PartHead[] = []
  // A delimiter begins with a line break; the first may stand at the very beginning of the body.
  #rest: Uint8Array = lineBreak
  #state: State = 'body'
  /** Parts begun so far, whole or not. */
  begun = 0
  /** A head was longer than anybody needs: the parser has not read all of it. */
  overlong = false

  constructor (boundary: string) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  }

  /** The head of the next part, in the order of the form; undefined when it has not been seen whole. */
  next (): PartHead | undefined {
    return this.#heads.shift()
  }

  /** Takes the next bytes of the body. */
  push (chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const beginning = this.#rest === lineBreak ? this.#begins(bytes) : undefined
    const data = this.#rest.length === 0 || beginning !== undefined ? bytes : Buffer.concat([this.#rest, bytes])
    this.#rest = none
    let at = beginning ?? 0
    while (this.#state !== 'end') {
      const next = this.#state === 'between' ? this.#between(data, at) : this.#state === 'head' ? this.#head(data, at) : this.#body(data, at)
      if (next === undefined) return
      at = next
    }
  }

  /** Where what follows the first delimiter is, when the body begins with it, as nearly all do: then the first bytes, which are most of a short form, are not copied. */
  #begins (data: Buffer): number | undefined {
    const length = this.#delimiter.length - lineBreak.length
    if (data.length < length || this.#delimiter.compare(data, 0, length, lineBreak.length) !== 0) return undefined
    this.#state = 'between'
    return length
  }

  /** Just after a delimiter: two dashes end the form, anything else is the end of the line before a head. */
  #between (data: Buffer, at: number): number | undefined {
    if (data.length - at < 2) return this.#keep(data, at)
    if (data[at] === dash && data[at + 1] === dash) {
      this.#state = 'end'
      return at
    }
    this.begun++
    this.#state = 'head'
    return at
  }

  #head (data: Buffer, at: number): number | undefined {
    const end = data.indexOf(blankLine, at)
    const delimiter = data.indexOf(this.#delimiter, at)
    // The delimiter's own line break may be half of what looks like the blank line.
    if (delimiter !== -1 && (end === -1 || delimiter < end + blankLine.length)) {
      this.#state = 'between'
      return delimiter + this.#delimiter.length
    }
    if (end === -1) {
      if (data.length - at <= maxHeadBytes) return this.#keep(data, at)
      this.overlong = true
      this.#state = 'body'
      return at
    }
    if (end - at > maxHeadBytes) this.overlong = true
    this.#heads.push(new PartHead(data.toString('latin1', at, end)))
    this.#state = 'body'
    return end + blankLine.length
  }

  #body (data: Buffer, at: number): number | undefined {
    const delimiter = data.indexOf(this.#delimiter, at)
    if (delimiter !== -1) {
      this.#state = 'between'
      return delimiter + this.#delimiter.length
    }
    // Only what may be the beginning of a delimiter is kept: mostly nothing, so that mostly nothing is copied.
    const tail = Math.max(at, data.length - this.#delimiter.length + 1)
    const start = data.indexOf(0x0d, tail)
    return start === -1 ? undefined : this.#keep(data, start)
  }

  #keep (data: Buffer, at: number): undefined {
    this.#rest = Buffer.from(data.subarray(at))
  }
}

/** The head of one part, as bytes in Latin-1. */
export class PartHead {
  readonly #text: string

  constructor (text: string) {
    // Folded lines are one line.
    this.#text = text.replace(/\r\n[\t ]+/g, ' ')
  }

  /** The value of a header field. */
  field (name: string): string | undefined {
    const prefix = `${name.toLowerCase()}:`
    const line = this.#text.split('\r\n').find(line => line.slice(0, prefix.length).toLowerCase() === prefix)
    return line?.slice(prefix.length).trim()
  }

  /** The name in `filename*` (RFC 5987), which goes before `filename` (RFC 6266 §4.3); undefined when there is none that can be read. */
  get extendedFileName (): string | undefined {
    // Without what is in quotes, so that no name can pass for a parameter.
    const parameters = this.field('content-disposition')?.replace(/"(?:\\.|[^"\\])*"/g, '""') ?? ''
    const [, charset, escaped] = /;\s*filename\*\s*=\s*([\w-]+)'[^']*'([^;\s]*)/i.exec(parameters) ?? []
    if (charset === undefined || escaped === undefined) return undefined
    try {
      if (/^utf-?8$/i.test(charset)) return decodeURIComponent(escaped)
      if (/^iso-8859-1$/i.test(charset)) return unescapeLatin1(escaped)
    } catch {
      // Not UTF-8: what the parser made of it has to do.
    }
    return undefined
  }
}

function unescapeLatin1 (text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** The boundary of a form's content type. */
export function boundaryOf (contentType: string): string | undefined {
  const [, quoted, bare] = /;\s*boundary\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s;]+))/i.exec(contentType) ?? []
  return quoted?.replace(/\\(.)/g, '$1') ?? bare
}
