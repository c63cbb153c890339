/** The directory `moved-aside` of a store: files that belonged to nothing, and bytes of rows that nobody could read. Nothing in it is ever removed by this software. */
import { createHash } from 'node:crypto'
import { copyFile, mkdir, open, rename, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DirectorySync } from './directory-sync.js'
import { hasCode, toStorageError } from '../storage-errors.js'

export const movedAside = 'moved-aside'

export class MovedAside {
  readonly #directory: string
  readonly #sync = new DirectorySync()

  constructor (directory: string) {
    this.#directory = directory
  }

  /** A file below the directory of the store takes the same place in here. Answers which; undefined when it is gone already. */
  async move (file: string): Promise<string | undefined> {
    try {
      const to = await this.#freeName(`${movedAside}/${file}`)
      await this.#make(dirname(to))
      await rename(join(this.#directory, file), join(this.#directory, to))
      await this.#sync.sync(dirname(join(this.#directory, to)))
      await this.#removeEmpty(dirname(file))
      return to
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined
      throw toStorageError(error, `moving ${file} aside`)
    }
  }

  /** A copy of a file, which stays where it is; on the disk when it resolves. Answers where it is. */
  async keep (file: string): Promise<string> {
    const to = await this.#freeName(`${movedAside}/${file}`)
    await this.#make(dirname(to))
    await copyFile(join(this.#directory, file), join(this.#directory, to))
    const handle = await open(join(this.#directory, to), 'r+')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
    await this.#sync.sync(dirname(join(this.#directory, to)))
    return to
  }

  /** Writes the bytes of a row; on the disk when it resolves. The same bytes again are the same file. Answers which. */
  async save (table: string, key: Uint8Array, value: Uint8Array): Promise<string> {
    const digest = createHash('sha256').update(key).update(value).digest('hex').slice(0, 12)
    const name = `${movedAside}/rows/${table}-${Buffer.from(key).toString('hex').slice(0, 100)}-${digest}.json`
    try {
      await this.#make(dirname(name))
      const handle = await open(join(this.#directory, name), 'w', 0o600)
      try {
        await handle.writeFile(`${JSON.stringify({ table, key: Buffer.from(key).toString('hex'), value: Buffer.from(value).toString('hex') })}\n`)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await this.#sync.sync(dirname(join(this.#directory, name)))
      return name
    } catch (error) {
      throw toStorageError(error, `writing ${name}`)
    }
  }

  async #make (directory: string): Promise<void> {
    if (directory === '.' || await exists(join(this.#directory, directory))) return
    await this.#make(dirname(directory))
    await mkdir(join(this.#directory, directory), { mode: 0o700 }).catch((error: unknown) => { if (!hasCode(error, 'EEXIST')) throw error })
    await this.#sync.sync(dirname(join(this.#directory, directory)))
  }

  /** Another of this name may have been moved before. */
  async #freeName (name: string): Promise<string> {
    for (let n = 1; ; n++) {
      const free = n === 1 ? name : `${name}.${n}`
      if (!await exists(join(this.#directory, free))) return free
    }
  }

  /** What it was in, up to `blobs`. */
  async #removeEmpty (directory: string): Promise<void> {
    for (let at = directory; at.includes('/'); at = dirname(at)) {
      const removed = await rmdir(join(this.#directory, at)).then(() => true, () => false)
      if (!removed) return
    }
  }
}

async function exists (path: string): Promise<boolean> {
  return await stat(path).then(() => true, (error: unknown) => {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  })
}
