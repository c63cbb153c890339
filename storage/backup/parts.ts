/**
 * Lists of a backup, as files: lines of JSON, compressed, each file named by the SHA-256 of its lines. Where a list is cut depends on what stands in it and
 * not on how much stands before it, so that two backups share the files of all that has not changed between them.
 */
import { constants } from 'node:buffer'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { LRUCache } from 'lru-cache'
import { StorageError } from '../contract.js'
import type { BackupPlace, ReadablePlace } from './backup-place.js'
import { DamagedBackup } from './damaged-backup.js'

const [compress, decompress] = [promisify(gzip), promisify(gunzip)]

/** A file of a list. */
export interface Part {
  readonly hash: string
  /** Lines in it. */
  readonly count: number
  /** What the last line is about: lists ascend. */
  readonly last: string | number
  /** Where it begins, when the backup is one file. */
  readonly at?: number
}

/** Bytes after which a list is cut in any case. */
const longest = 2 * 1024 * 1024

/** Bytes that a part may have when it is read: more cannot become a text, whatever a file pretends that it will unfold to. */
const longestRead = constants.MAX_STRING_LENGTH

const nameOf = (hash: string): string => `parts/${hash.slice(0, 2)}/${hash}.gz`

/** Writes one list. */
export class PartWriter {
  readonly parts: Part[] = []
  readonly #place: BackupPlace
  #lines: string[] = []
  #size = 0
  #last: string | number = ''

  constructor (place: BackupPlace) {
    this.#place = place
  }

  /** `ends`: whether the list is cut behind it. */
  async add (key: string | number, line: unknown, ends: boolean): Promise<void> {
    const text = JSON.stringify(line)
    this.#lines.push(text)
    this.#size += text.length
    if (ends || this.#size >= longest) await this.#cut(key)
    else this.#last = key
  }

  /** All of it is on the disk. */
  async end (): Promise<readonly Part[]> {
    if (this.#lines.length > 0) await this.#cut(this.#last)
    return this.parts
  }

  async #cut (last: string | number): Promise<void> {
    const bytes = Buffer.from(this.#lines.map(line => `${line}\n`).join(''))
    const part = { hash: createHash('sha256').update(bytes).digest('hex'), count: this.#lines.length, last }
    this.#lines = []
    this.#size = 0
    const name = nameOf(part.hash)
    const { at } = await this.#place.size(name) === undefined ? await this.#place.put(name, [await compress(bytes)]) : {}
    this.parts.push({ ...part, ...at !== undefined && { at } })
  }
}

/** Parts that are kept while lists are walked. */
const mostKept = 4

/** Reads one list. */
export class PartReader<T, K extends string | number = string> {
  readonly #place: ReadablePlace
  readonly #parts: readonly Part[]
  readonly #keyOf: (line: T) => K
  readonly #kept = new LRUCache<string, Promise<T[]>>({ max: mostKept })

  constructor (place: ReadablePlace, parts: readonly Part[], keyOf: (line: T) => K) {
    this.#place = place
    this.#parts = parts
    this.#keyOf = keyOf
  }

  /** Lines behind `after`, from one part, ascending; none at the end of the list only. Throws DamagedBackup. */
  async after (after: K | undefined): Promise<T[]> {
    const part = this.#parts[this.#partBehind(after)]
    if (part === undefined) return []
    const lines = await this.#linesOf(part)
    return after === undefined ? lines : lines.slice(firstBehind(lines, line => this.#keyOf(line) > after))
  }

  /** The line about this; undefined when there is none. */
  async find (key: K): Promise<T | undefined> {
    const part = this.#parts[firstBehind(this.#parts, ({ last }) => last >= key)]
    if (part === undefined) return undefined
    const lines = await this.#linesOf(part)
    const line = lines[firstBehind(lines, line => this.#keyOf(line) >= key)]
    return line !== undefined && this.#keyOf(line) === key ? line : undefined
  }

  async * [Symbol.asyncIterator] (): AsyncGenerator<T> {
    for (const part of this.#parts) yield * await this.#linesOf(part)
  }

  #partBehind (after: K | undefined): number {
    return after === undefined ? 0 : firstBehind(this.#parts, ({ last }) => last > after)
  }

  async #linesOf (part: Part): Promise<T[]> {
    let lines = this.#kept.get(part.hash)
    if (lines === undefined) {
      lines = readPart<T>(this.#place, part)
      this.#kept.set(part.hash, lines)
      lines.catch(() => { this.#kept.delete(part.hash) })
    }
    return await lines
  }
}

/** The lines of a part. Throws DamagedBackup. */
export async function readPart<T> (place: ReadablePlace, { hash, at }: Part): Promise<T[]> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of place.get(nameOf(hash), { at })) {
      size += chunk.length
      if (size > longestRead) throw damaged(place, hash)
      chunks.push(chunk)
    }
  } catch (error) {
    throw error instanceof StorageError && error.reason === 'missing' ? new DamagedBackup(error.message, { cause: error }) : error
  }
  const bytes = await decompress(Buffer.concat(chunks), { maxOutputLength: longestRead }).catch((error: unknown) => { throw damaged(place, hash, error) })
  if (createHash('sha256').update(bytes).digest('hex') !== hash) throw damaged(place, hash)
  try {
    return bytes.toString().split('\n').slice(0, -1).map(line => JSON.parse(line) as T)
  } catch (error) {
    throw damaged(place, hash, error)
  }
}

function damaged (place: ReadablePlace, hash: string, cause?: unknown): DamagedBackup {
  return new DamagedBackup(`${nameOf(hash)} in ${place.name} has other bytes than were written`, { cause })
}

/** Where the first is of which it is true; it is true of all that follow. */
function firstBehind<T> (list: readonly T[], isBehind: (item: T) => boolean): number {
  let [from, to] = [0, list.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    const item = list[middle]
    if (item !== undefined && isBehind(item)) to = middle
    else from = middle + 1
  }
  return from
}
