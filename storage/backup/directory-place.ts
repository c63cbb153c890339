/** A place of backups that is a directory. */
import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { StorageError } from '../contract.js'
import { DirectorySync } from '../files/directory-sync.js'
import { makeDirectory } from '../files/make-directory.js'
import { giveNewName } from '../files/new-name.js'
import { hasCode, toStorageError } from '../storage-errors.js'
import { type BackupPlace, isFileName, type StoredFile } from './backup-place.js'

/** What is here is on its way; a run that was killed leaves it. */
const temporary = 'temporary'
/** Milliseconds after which nobody is at work there: a run makes files all the time. */
const abandoned = 86_400_000
/** Bytes that are gathered for one write, and read at once. */
const pieceSize = 256 * 1024

export class DirectoryPlace implements BackupPlace {
  readonly #root: string
  readonly #sync = new DirectorySync()
  /** Directories that are there and on the disk, or are being made. */
  readonly #made = new Map<string, Promise<void>>()
  /** Of this run: so that several may write at the same time. */
  readonly #work: string

  constructor (root: string) {
    this.#root = resolve(root)
    this.#work = join(this.#root, temporary, randomUUID())
  }

  get name (): string {
    return this.#root
  }

  async isEmpty (): Promise<boolean> {
    return (await this.list('')).every(name => name === 'lost+found' || name === temporary)
  }

  async put (name: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<StoredFile> {
    return { size: await this.#put(name, source, rename) }
  }

  async putNew (name: string, bytes: Uint8Array): Promise<boolean> {
    let isNew = true
    await this.#put(name, [bytes], async (draft, path) => {
      isNew = await giveNewName(draft, path)
      if (!isNew) await unlink(draft)
    })
    return isNew
  }

  async #put (name: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, settle: (draft: string, path: string) => Promise<void>): Promise<number> {
    const path = this.#path(name)
    const draft = join(this.#work, randomUUID())
    await this.#doing(`writing ${path}`, async () => { await this.#make(this.#work) })
    const handle = await this.#doing(`writing ${draft}`, async () => await open(draft, 'wx', 0o600))
    try {
      const size = await this.#fill(handle, draft, source)
      await this.#doing(`writing ${path}`, async () => {
        await handle.datasync()
        await handle.close()
        await this.#make(dirname(path))
        await settle(draft, path)
        await this.#sync.sync(dirname(path))
      })
      return size
    } catch (error) {
      await handle.close().catch(() => {})
      await unlink(draft).catch(() => {})
      throw error
    }
  }

  async #fill (handle: FileHandle, path: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
    let size = 0
    for await (const chunk of source) {
      size += chunk.length
      await this.#doing(`writing ${path}`, async () => { await handle.writeFile(chunk) })
    }
    return size
  }

  async * get (name: string): AsyncGenerator<Uint8Array> {
    const path = this.#path(name)
    const handle = await this.#doing(`reading ${path}`, async () => await open(path, 'r').catch((error: unknown) => {
      throw hasCode(error, 'ENOENT') ? new StorageError('missing', `${path} is gone`, { cause: error }) : error
    }))
    try {
      for (;;) {
        const buffer = Buffer.allocUnsafeSlow(pieceSize)
        const { bytesRead } = await this.#doing(`reading ${path}`, async () => await handle.read(buffer, 0, pieceSize))
        if (bytesRead === 0) return
        yield buffer.subarray(0, bytesRead)
      }
    } finally {
      await handle.close().catch(() => {})
    }
  }

  async size (name: string): Promise<number | undefined> {
    const path = this.#path(name)
    return await this.#doing(`reading ${path}`, async () => await stat(path).then(({ size }) => size, (error: unknown) => {
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    }))
  }

  async list (folder: string): Promise<string[]> {
    const path = join(this.#root, folder)
    return await this.#doing(`reading ${path}`, async () => await readdir(path).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return []
      throw error
    }))
  }

  async scratch (): Promise<string> {
    await this.#doing(`writing ${this.#work}`, async () => { await this.#make(this.#work) })
    return join(this.#work, randomUUID())
  }

  async tidy (): Promise<void> {
    await rm(this.#work, { recursive: true, force: true })
    this.#made.delete(this.#work)
    const before = Date.now() - abandoned
    for (const name of await this.list(temporary)) {
      const path = join(this.#root, temporary, name)
      const since = await stat(path).then(({ mtimeMs }) => mtimeMs, () => Infinity)
      if (since < before) await rm(path, { recursive: true, force: true })
    }
  }

  async close (): Promise<void> {}

  async #make (directory: string): Promise<void> {
    let made = this.#made.get(directory)
    if (made === undefined) {
      made = (async () => {
        if (directory === this.#root) {
          await makeDirectory(directory, 0o700, this.#sync)
          return
        }
        await this.#make(dirname(directory))
        await mkdir(directory, { mode: 0o700 }).catch((error: unknown) => { if (!hasCode(error, 'EEXIST')) throw error })
        await this.#sync.sync(dirname(directory))
      })()
      this.#made.set(directory, made)
      made.catch(() => { this.#made.delete(directory) })
    }
    await made
  }

  #path (name: string): string {
    if (!isFileName(name)) throw new StorageError('format', `"${name}" is not the name of a file of a backup`)
    return join(this.#root, name)
  }

  async #doing<T> (doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw toStorageError(error, doing)
    }
  }
}
