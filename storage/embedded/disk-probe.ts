/** Tries in a small file of its own whether a disk takes bytes and flushes them, the way LMDB does both. */
import { closeSync, fdatasyncSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const name = 'probe'
const bytes = Buffer.alloc(4096)

export class DiskProbe {
  readonly #path: string

  constructor (directory: string) {
    this.#path = join(directory, name)
  }

  /** Throws what the system says. */
  probe (): void {
    const file = openSync(this.#path, 'w', 0o600)
    try {
      writeSync(file, bytes, 0, bytes.length, 0)
      fdatasyncSync(file)
    } finally {
      closeSync(file)
      unlinkSync(this.#path)
    }
  }
}
