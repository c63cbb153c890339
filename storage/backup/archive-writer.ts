/**
 * A backup that becomes one file, or a stream: a tar archive of the same files that a directory of backups has. What is in it is found again by where it is; the last file of the archive says
 * where its manifest is, so that nobody need walk through all of it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { StorageError } from '../contract.js'
import { toStorageError } from '../storage-errors.js'
import type { ArchiveSink } from './archive-sinks.js'
import { type BackupPlace, isFileName, type StoredFile } from './backup-place.js'
import { holdBytes } from './held-bytes.js'
import { blockSize, paddingOf, tarHead } from './tar-format.js'

/** The last file of an archive: fits into one block. */
export const endFile = 'end.json'
/** Where the manifests are; an archive has one. */
export const manifests = 'backups/'

export class ArchiveWriter implements BackupPlace {
  readonly name: string
  readonly #sink: ArchiveSink
  /** Made when it is needed. */
  #work: Promise<string> | undefined
  #at = 0
  #turn: Promise<unknown> = Promise.resolve()
  #failure: unknown
  #finished = false
  /** What was put with `putNew`: short, and read again. */
  readonly #small = new Map<string, Uint8Array>()

  constructor (sink: ArchiveSink) {
    this.#sink = sink
    this.name = sink.name
  }

  async isEmpty (): Promise<boolean> {
    return true
  }

  async put (name: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<StoredFile> {
    const held = await holdBytes(source, async () => await this.scratch())
    try {
      return await this.#append(name, held.size, held.bytes())
    } finally {
      await held.drop()
    }
  }

  /** The manifest is the last of all: with it the archive is whole. */
  async putNew (name: string, bytes: Uint8Array): Promise<boolean> {
    if (this.#small.has(name)) return false
    this.#small.set(name, bytes)
    const { at } = await this.#append(name, bytes.length, [bytes])
    if (name.startsWith(manifests)) await this.#finish(name, at)
    return true
  }

  async #finish (manifest: string, at: number): Promise<void> {
    const end = Buffer.from(JSON.stringify({ manifest, at }).padEnd(blockSize - 1) + '\n')
    await this.#append(endFile, end.length, [end])
    await this.#sink.write(Buffer.alloc(2 * blockSize))
    await this.#sink.finish()
    this.#finished = true
  }

  /** One file after the other. */
  async #append (name: string, size: number, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<{ size: number, at: number }> {
    if (!isFileName(name)) throw new StorageError('format', `"${name}" is not the name of a file of a backup`)
    const turn = this.#turn.then(async () => {
      // Half a file is in it.
      if (this.#failure !== undefined) throw this.#failure
      try {
        const at = this.#at
        await this.#sink.write(tarHead({ name, size }, Math.floor(Date.now() / 1000)))
        for await (const chunk of bytes) await this.#sink.write(chunk)
        const padding = paddingOf(size)
        if (padding > 0) await this.#sink.write(Buffer.alloc(padding))
        this.#at += blockSize + size + padding
        return { size, at }
      } catch (error) {
        this.#failure = error
        throw error
      }
    })
    this.#turn = turn.catch(() => {})
    return await turn
  }

  async * get (name: string): AsyncGenerator<Uint8Array> {
    const bytes = this.#small.get(name)
    if (bytes === undefined) throw new StorageError('missing', `${name} in ${this.name} is not to be read before the backup is whole`)
    yield bytes
  }

  /** What else was written is known by where it is. */
  async size (name: string): Promise<number | undefined> {
    return this.#small.get(name)?.length
  }

  async list (folder: string): Promise<string[]> {
    const prefix = folder === '' ? '' : `${folder}/`
    return [...this.#small.keys()].filter(name => name.startsWith(prefix)).map(name => name.slice(prefix.length))
  }

  async scratch (): Promise<string> {
    this.#work ??= mkdtemp(join(tmpdir(), 'fastify-cdmi-backup-')).catch((error: unknown) => { throw toStorageError(error, `writing in ${tmpdir()}`) })
    return join(await this.#work, randomUUID())
  }

  async tidy (): Promise<void> {
    if (this.#work !== undefined) await rm(await this.#work, { recursive: true, force: true })
    if (!this.#finished) await this.#sink.abandon()
  }

  async close (): Promise<void> {}
}
