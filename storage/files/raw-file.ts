/** An opened file by its number: with large values a FileHandle, and its promises, cost more than some of the calls to the system. Whoever opens one must close it. */
import { close, constants, fdatasync, fsync, open, read, writev } from 'node:fs'

export class RawFile {
  readonly #fd: number

  private constructor (fd: number) {
    this.#fd = fd
  }

  static async open (path: string, flags: 'r' | 'wx', mode?: number): Promise<RawFile> {
    const bits = flags === 'r' ? constants.O_RDONLY : constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
    return await new Promise((resolve, reject) => {
      open(path, bits, mode, (error, fd) => { if (error === null) resolve(new RawFile(fd)); else reject(error) })
    })
  }

  /** Fills `bytes` from `position` on; answers how many there were. */
  async read (bytes: Uint8Array, position: number): Promise<number> {
    let at = 0
    while (at < bytes.length) {
      const count = await this.#read(bytes, at, position + at)
      if (count === 0) break
      at += count
    }
    return at
  }

  async #read (bytes: Uint8Array, at: number, position: number): Promise<number> {
    return await new Promise((resolve, reject) => {
      read(this.#fd, bytes, at, bytes.length - at, position, (error, count) => { if (error === null) resolve(count); else reject(error) })
    })
  }

  /** Writes all of them where the last write ended. */
  async write (chunks: readonly Uint8Array[]): Promise<void> {
    for (let left = chunks; left.length > 0;) left = behind(left, await this.#write(left))
  }

  async #write (chunks: readonly Uint8Array[]): Promise<number> {
    return await new Promise((resolve, reject) => {
      writev(this.#fd, chunks, null, (error, count) => { if (error === null) resolve(count); else reject(error) })
    })
  }

  async datasync (): Promise<void> {
    await new Promise<void>((resolve, reject) => { fdatasync(this.#fd, error => { if (error === null) resolve(); else reject(error) }) })
  }

  async sync (): Promise<void> {
    await new Promise<void>((resolve, reject) => { fsync(this.#fd, error => { if (error === null) resolve(); else reject(error) }) })
  }

  async close (): Promise<void> {
    await new Promise<void>((resolve, reject) => { close(this.#fd, error => { if (error == null) resolve(); else reject(error) }) })
  }
}

/** What is left of these when the first `count` bytes are done: a write may be cut short, and the next one brings the error if there is one. */
function behind (chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let at = 0
  let rest = count
  for (let chunk = chunks[0]; chunk !== undefined && rest >= chunk.length; chunk = chunks[at]) {
    rest -= chunk.length
    at++
  }
  const [first, ...others] = chunks.slice(at)
  return first === undefined ? [] : [rest === 0 ? first : first.subarray(rest), ...others]
}
