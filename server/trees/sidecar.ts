/**
 * The sidecar of a directory: lines of JSON. The first is the container as CDMI shows it; then one for each child, with the name of its file; the last says how many
 * there were, so that one that was cut short is noticed.
 */
import { createReadStream } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { JsonObject } from '../../storage/contract.js'
import { sidecarName } from './file-names.js'

/** What stands in a line beside the fields of CDMI. */
export interface FileNote {
  /** Of the value, or the directory of the container; a reference has none. */
  readonly file?: string
  /** Of the value when it was exported. */
  readonly size?: number
  readonly sha256?: string
}

export interface ChildLine extends FileNote {
  readonly object: JsonObject
}

const atOnce = 64 * 1024

export class SidecarWriter {
  readonly #handle: FileHandle
  #waiting = ''
  #children = 0

  private constructor (handle: FileHandle) {
    this.#handle = handle
  }

  static async make (directory: string, container: JsonObject): Promise<SidecarWriter> {
    const writer = new SidecarWriter(await open(join(directory, sidecarName), 'wx'))
    writer.#waiting = `${JSON.stringify({ container })}\n`
    return writer
  }

  async add (lines: readonly ChildLine[]): Promise<void> {
    for (const line of lines) this.#waiting += `${JSON.stringify(line)}\n`
    this.#children += lines.length
    if (this.#waiting.length >= atOnce) await this.#flush()
  }

  async #flush (): Promise<void> {
    await this.#handle.writeFile(this.#waiting)
    this.#waiting = ''
  }

  /** There are no more. */
  async end (): Promise<void> {
    this.#waiting += `${JSON.stringify({ children: this.#children })}\n`
    await this.#flush()
  }

  async close (): Promise<void> {
    await this.#handle.close()
  }
}

/** Why a sidecar cannot be taken for what it should be. */
export class SidecarError extends Error {
  override readonly name = 'SidecarError'
}

/** The container first, then its children. Nothing where there is no sidecar. Throws SidecarError for one that is none, or is not whole. */
export async function * readSidecar (directory: string): AsyncGenerator<{ readonly container: JsonObject } | ChildLine> {
  const path = join(directory, sidecarName)
  const stat = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (stat === undefined) return
  // A link would lead to somewhere else, and a pipe would never come to its end.
  if (!stat.isFile()) throw new SidecarError(`${path} is not a file`)
  let number = 0
  let children: unknown
  const input = createReadStream(path)
  try {
    for await (const text of createInterface({ input, crlfDelay: Infinity })) {
      number++
      if (text === '') continue
      if (children !== undefined) throw new SidecarError(`${path} goes on after its end, in line ${number}`)
      const line = parsed(text, path, number)
      if (number === 1) {
        if (!isObject(line['container'])) throw new SidecarError(`${path} does not begin with a container`)
        yield { container: line['container'] }
      } else if (line['children'] !== undefined) {
        children = line['children']
        if (children !== number - 2) throw new SidecarError(`${path} says that it has ${String(children)} children, and has ${number - 2}`)
      } else {
        yield childIn(line, path, number)
      }
    }
  } finally {
    // Lines end with the loop, the file does not.
    input.destroy()
  }
  if (children === undefined) throw new SidecarError(`${path} has no end: it was cut short`)
}

function parsed (text: string, path: string, number: number): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch {
    // As below.
  }
  throw new SidecarError(`${path} has no JSON object in line ${number}`)
}

function childIn ({ object, file, size, sha256 }: JsonObject, path: string, number: number): ChildLine {
  if (!isObject(object)) throw new SidecarError(`${path} has no "object" in line ${number}`)
  // A name, not a path: nothing outside of the directory is read, whoever wrote this.
  if (file !== undefined && (typeof file !== 'string' || file === '' || /[/\\\0]/.test(file) || file === '.' || file === '..')) throw new SidecarError(`${path} has a "file" in line ${number} that is not the name of one`)
  return {
    object,
    ...file !== undefined && { file },
    ...typeof size === 'number' && { size },
    ...typeof sha256 === 'string' && { sha256 }
  }
}

function isObject (value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
