/** Lines that wait on a disk, since there may be too many for memory. */
import { createReadStream } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { toStorageError } from '../storage-errors.js'

const atOnce = 256 * 1024

export class Spool<T> {
  readonly #path: string
  readonly #handle: FileHandle
  #waiting = ''

  private constructor (path: string, handle: FileHandle) {
    this.#path = path
    this.#handle = handle
  }

  static async make<T> (path: string): Promise<Spool<T>> {
    return new Spool(path, await open(path, 'wx', 0o600).catch((error: unknown) => { throw toStorageError(error, `writing ${path}`) }))
  }

  async add (items: readonly T[]): Promise<void> {
    for (const item of items) this.#waiting += `${JSON.stringify(item)}\n`
    if (this.#waiting.length >= atOnce) await this.#flush()
  }

  async #flush (): Promise<void> {
    const text = this.#waiting
    this.#waiting = ''
    await this.#handle.writeFile(text).catch((error: unknown) => { throw toStorageError(error, `writing ${this.#path}`) })
  }

  /** All that was added, once nothing more comes. */
  async * items (): AsyncGenerator<T> {
    await this.#flush()
    const input = createReadStream(this.#path)
    try {
      for await (const line of createInterface({ input, crlfDelay: Infinity })) yield JSON.parse(line) as T
    } finally {
      // Lines end with the loop, the file does not.
      input.destroy()
    }
  }

  async remove (): Promise<void> {
    await this.#handle.close()
    await unlink(this.#path)
  }
}
