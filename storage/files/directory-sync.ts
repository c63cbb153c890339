/** Flushes of directories, shared: who asks while one is under way shares the next one, for that sees his new names too. */
import { hasCode } from '../storage-errors.js'
import { RawFile } from './raw-file.js'

export class DirectorySync {
  readonly #running = new Map<string, Promise<void>>()
  readonly #next = new Map<string, Promise<void>>()

  /** Resolves when every name that is in the directory now is on the disk. */
  async sync (directory: string): Promise<void> {
    const running = this.#running.get(directory)
    if (running === undefined) return await this.#run(directory)
    let next = this.#next.get(directory)
    if (next === undefined) {
      next = running.catch(() => {}).then(async () => {
        this.#next.delete(directory)
        await this.#run(directory)
      })
      this.#next.set(directory, next)
    }
    await next
  }

  async #run (directory: string): Promise<void> {
    const flush = flushDirectory(directory).finally(() => { this.#running.delete(directory) })
    this.#running.set(directory, flush)
    await flush
  }
}

async function flushDirectory (directory: string): Promise<void> {
  try {
    const file = await RawFile.open(directory, 'r')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    // Some file systems, most of them in networks, flush no directories.
    if (hasCode(error, 'EINVAL')) return
    // Windows opens no directories; its file system keeps names by itself.
    if (process.platform !== 'win32' || !hasCode(error, 'EISDIR', 'EPERM', 'EACCES')) throw error
  }
}
