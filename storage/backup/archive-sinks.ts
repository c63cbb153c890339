/** Where the bytes of an archive go: a new file, or a stream. */
import { randomBytes } from 'node:crypto'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Writable } from 'node:stream'
import { StorageError } from '../contract.js'
import { DirectorySync } from '../files/directory-sync.js'
import { giveNewName } from '../files/new-name.js'
import { hasCode, toStorageError } from '../storage-errors.js'

export interface ArchiveSink {
  /** For people. */
  readonly name: string
  /** Resolves when more can come. */
  write (bytes: Uint8Array): Promise<void>
  /** All was written: it is there to stay when this resolves. */
  finish (): Promise<void>
  /** Nothing is to be left of it, where that is possible. */
  abandon (): Promise<void>
}

/** Bytes that are gathered for one write. */
const writeSize = 256 * 1024

/** A file that appears under its name when it is whole. */
export class FileSink implements ArchiveSink {
  readonly name: string
  readonly #draft: string
  #handle: FileHandle | undefined
  #gathered: Uint8Array[] = []
  #waiting = 0

  constructor (path: string) {
    this.name = resolve(path)
    this.#draft = `${this.name}.${randomBytes(4).toString('hex')}.unfinished`
  }

  async write (bytes: Uint8Array): Promise<void> {
    this.#gathered.push(bytes)
    this.#waiting += bytes.length
    if (this.#waiting >= writeSize) await this.#flush()
  }

  async #flush (): Promise<FileHandle> {
    return await this.#doing(async () => {
      const handle = this.#handle ??= await open(this.#draft, 'wx', 0o600)
      const gathered = this.#gathered.splice(0)
      this.#waiting = 0
      for (const bytes of gathered) await handle.writeFile(bytes)
      return handle
    })
  }

  async finish (): Promise<void> {
    const handle = await this.#flush()
    await this.#doing(async () => {
      await handle.sync()
      await handle.close()
      if (!await giveNewName(this.#draft, this.name)) throw new StorageError('format', `${this.name} is there already`)
      await new DirectorySync().sync(dirname(this.name))
    })
  }

  async abandon (): Promise<void> {
    if (this.#handle === undefined) return
    await this.#handle.close().catch(() => {})
    await unlink(this.#draft).catch(() => {})
  }

  async #doing<T> (work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw toStorageError(error, `writing ${this.name}`)
    }
  }
}

/** Whoever reads it has to look after what was cut short: its end is missing then. */
export class StreamSink implements ArchiveSink {
  readonly name: string
  readonly #stream: Writable
  #failure: Error | undefined

  constructor (stream: Writable, name: string) {
    this.#stream = stream
    this.name = name
    // Who awaits a write hears of it.
    stream.on('error', error => { this.#failure ??= error })
  }

  async write (bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#lost(this.#failure)
    await new Promise<void>((resolve, reject) => { this.#stream.write(bytes, error => { error === null || error === undefined ? resolve() : reject(this.#lost(error)) }) })
  }

  #lost (error: unknown): StorageError {
    return hasCode(error, 'EPIPE') ? new StorageError('unavailable', `Whoever reads ${this.name} has ended`, { cause: error }) : toStorageError(error, `writing to ${this.name}`)
  }

  /** Each write was waited for. */
  async finish (): Promise<void> {}
  async abandon (): Promise<void> {}
}
