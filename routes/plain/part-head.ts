/** The head of one part of a form: what it is called, and what is said of its value (RFC 7578 §4; CLI-30, HDO-04). */

/** `name`, `=`, and a value in quotes or without. */
const parameter = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^;]*))/gs

export class PartHead {
  readonly #fields = new Map<string, string>()
  readonly #parameters = new Map<string, string>()
  /** Whether it can be read at all, and is that of a part of a form. */
  readonly readable: boolean

  /** `text`: bytes in Latin-1, without folded lines. */
  constructor (text: string) {
    let sound = true
    for (const line of text.split('\r\n')) {
      const colon = line.indexOf(':')
      if (colon <= 0 || line.includes('\r') || line.includes('\n')) sound = false
      const name = line.slice(0, colon).toLowerCase()
      // Of those that stand there twice the first counts.
      if (!this.#fields.has(name)) this.#fields.set(name, line.slice(colon + 1).trim())
    }
    const disposition = this.#fields.get('content-disposition') ?? ''
    this.readable = sound && /^form-data\s*(?:;|$)/i.test(disposition)
    for (const [, name = '', quoted, bare = ''] of disposition.matchAll(parameter)) {
      // A backslash means itself where it stands before nothing that needs one: some browsers write paths so.
      this.#parameters.set(name.toLowerCase(), fromUtf8(quoted?.replace(/\\(["\\])/g, '$1') ?? bare.trim()))
    }
  }

  /** The value of a header field. */
  field (name: string): string | undefined {
    return this.#fields.get(name.toLowerCase())
  }

  /** The type, without parameters and in lower case. */
  get type (): string {
    return this.field('content-type')?.split(';', 1)[0]?.trim().toLowerCase() || 'text/plain'
  }

  /** How the text of a field is written. */
  get charset (): string {
    return /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(this.field('content-type') ?? '')?.[1] ?? 'utf-8'
  }

  get name (): string {
    return this.#parameters.get('name') ?? ''
  }

  /** Undefined: it is no file (but by its type it may be one). */
  get fileName (): string | undefined {
    const extended = this.extendedFileName
    if (extended !== undefined) return extended
    const fileName = this.#parameters.get('filename')
    return fileName === undefined ? this.#parameters.has('filename*') ? '' : undefined : unescapeFileName(fileName)
  }

  /** The name in `filename*` (RFC 5987), which goes before `filename` (RFC 6266 §4.3); undefined when there is none that can be read. */
  get extendedFileName (): string | undefined {
    const [, charset, escaped] = /^([\w-]+)'[^']*'([^;\s]*)$/.exec(this.#parameters.get('filename*') ?? '') ?? []
    if (charset === undefined || escaped === undefined) return undefined
    try {
      if (/^utf-?8$/i.test(charset)) return decodeURIComponent(escaped)
      if (/^iso-8859-1$/i.test(charset)) return unescapeLatin1(escaped)
    } catch {
      // Not UTF-8: the other name has to do.
    }
    return undefined
  }
}

/** Names are UTF-8 (RFC 7578 §5.1.1), or are taken for it. */
function fromUtf8 (latin1: string): string {
  return /[\x80-\xff]/.test(latin1) ? Buffer.from(latin1, 'latin1').toString() : latin1
}

function unescapeLatin1 (text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/**
 * Browsers write exactly these three characters of a file name as percent-escapes, and nothing else (HTML, "multipart/form-data
 * encoding algorithm"): a name with other escapes in it means them as they are.
 */
function unescapeFileName (fileName: string): string {
  return fileName.includes('%') ? fileName.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n') : fileName
}

/** The boundary of a form's content type. */
export function boundaryOf (contentType: string): string | undefined {
  const [, quoted, bare] = /;\s*boundary\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s;]+))/i.exec(contentType) ?? []
  return quoted?.replace(/\\(.)/g, '$1') ?? bare
}
