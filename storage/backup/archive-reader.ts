/** A backup that is one file. It is read here and there, never as a whole: a list says where each of its files is. */
import { type FileHandle, open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { StorageError } from '../contract.js'
import { toStorageError } from '../storage-errors.js'
import { endFile, manifests } from './archive-writer.js'
import type { ReadablePlace, StoredFile } from './backup-place.js'
import { DamagedBackup } from './damaged-backup.js'
import { blockSize, readTarHead } from './tar-format.js'

/** Zeros that others may have put behind it: tar fills up blocks of 10 KiB, tapes more. */
const mostPadding = 1024 * 1024
const pieceSize = 256 * 1024

export class ArchiveReader implements ReadablePlace {
  readonly name: string
  readonly #handle: FileHandle
  /** Where the files are that no list names. */
  readonly #known: ReadonlyMap<string, number>

  private constructor (name: string, handle: FileHandle, known: ReadonlyMap<string, number>) {
    this.name = name
    this.#handle = handle
    this.#known = known
  }

  /** Throws a StorageError 'format' when it is no backup, DamagedBackup when its end is missing. */
  static async open (path: string): Promise<ArchiveReader> {
    const name = resolve(path)
    const handle = await open(name, 'r').catch((error: unknown) => { throw toStorageError(error, `reading ${name}`) })
    try {
      return new ArchiveReader(name, handle, await knownFiles(handle, name))
    } catch (error) {
      await handle.close()
      throw toStorageError(error, `reading ${name}`)
    }
  }

  async * get (name: string, { at = this.#known.get(name) }: Partial<StoredFile> = {}): AsyncGenerator<Uint8Array> {
    const head = at === undefined ? undefined : readTarHead(await this.#read(at, blockSize))
    if (at === undefined || head?.name !== name) throw new DamagedBackup(`${name} in ${this.name} is not where it was written`)
    const end = at + blockSize + head.size
    for (let from = at + blockSize; from < end;) {
      const bytes = await this.#read(from, Math.min(pieceSize, end - from))
      if (bytes.length === 0) throw new DamagedBackup(`${name} in ${this.name} is cut short`)
      yield bytes
      from += bytes.length
    }
  }

  async #read (at: number, length: number): Promise<Uint8Array> {
    return await readAt(this.#handle, at, length).catch((error: unknown) => { throw toStorageError(error, `reading ${this.name}`) })
  }

  async size (name: string): Promise<number | undefined> {
    const at = this.#known.get(name)
    return at === undefined ? undefined : readTarHead(await this.#read(at, blockSize))?.size
  }

  async list (folder: string): Promise<string[]> {
    const prefix = folder === '' ? '' : `${folder}/`
    return [...this.#known.keys()].filter(name => name.startsWith(prefix)).map(name => name.slice(prefix.length))
  }

  async close (): Promise<void> {
    await this.#handle.close()
  }
}

/** The first of an archive, and the manifest, which its end tells. */
async function knownFiles (handle: FileHandle, name: string): Promise<Map<string, number>> {
  const first = readTarHead(await readAt(handle, 0, blockSize))
  if (first === undefined) throw new StorageError('format', `${name} is not a backup`)
  const { size } = await handle.stat()
  const from = Math.max(0, size - size % blockSize - mostPadding)
  const tail = await readAt(handle, from, size - from)
  let last = tail.length - tail.length % blockSize
  while (last > 0 && tail.subarray(last - blockSize, last).every(byte => byte === 0)) last -= blockSize
  const head = last < 2 * blockSize ? undefined : readTarHead(tail.subarray(last - 2 * blockSize, last - blockSize))
  if (head?.name !== endFile) throw new DamagedBackup(`${name} is not a whole backup: its end is missing`)
  const { manifest, at } = endOf(tail.subarray(last - blockSize, last))
  if (typeof manifest !== 'string' || !manifest.startsWith(manifests) || typeof at !== 'number') throw new DamagedBackup(`${endFile} in ${name} is not what was written`)
  return new Map([[first.name, 0], [manifest, at]])
}

function endOf (block: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(Buffer.from(block).toString())) as Record<string, unknown>
  } catch {
    // Then it says nothing.
    return {}
  }
}

/** Fewer at the end of the file. */
async function readAt (handle: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(length)
  let got = 0
  while (got < length) {
    const { bytesRead } = await handle.read(bytes, got, length - got, at + got)
    if (bytesRead === 0) break
    got += bytesRead
  }
  return bytes.subarray(0, got)
}
