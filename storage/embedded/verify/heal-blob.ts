/** A blob in which one bit is wrong: the checksum of its block says which. */
import { constants } from 'node:fs'
import { type FileHandle, open, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { blockSize, withOneBit } from '../../files/block-sums.js'
import { DirectorySync } from '../../files/directory-sync.js'
import { hasCode, toStorageError } from '../../storage-errors.js'
import { sumsOf } from './blob-checks.js'
import type { MovedAside } from '../../files/moved-aside.js'

export interface Healed {
  /** The hash that is to be noted. */
  readonly hash: string
  /** Where the file is now as it was before; undefined: it was as it should be. */
  readonly before: string | undefined
}

/** Answers undefined where more is wrong than one bit. The new file is whole and on the disk before it has the name; the old one is kept. */
export async function healBlob (directory: string, blob: string, { size, hash }: { readonly size: number, readonly hash: string }, aside: MovedAside): Promise<Healed | undefined> {
  const file = `blobs/${blob}`
  const path = join(directory, file)
  try {
    const sums = await sumsOf(path, new AbortController().signal)
    if (sums.size !== size) return undefined
    if (sums.blocks === hash) return { hash, before: undefined }
    const wrong = withOneBit(hash, sums.blocks, size)
    if (wrong?.place === undefined) return wrong && { hash: wrong.hash, before: undefined }
    const before = await aside.keep(file)
    await replace(path, wrong.place)
    return (await sumsOf(path, new AbortController().signal)).blocks === hash ? { hash, before } : undefined
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EISDIR', 'EIO')) return undefined
    throw toStorageError(error, `mending ${file}`)
  }
}

async function replace (path: string, { at, mask }: { readonly at: number, readonly mask: number }): Promise<void> {
  const temporary = `${path}.mended`
  const from = await open(path, 'r')
  let to: FileHandle | undefined
  try {
    to = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600)
    const block = Buffer.allocUnsafe(blockSize)
    for (let start = 0; ;) {
      const { bytesRead } = await from.read(block, 0, blockSize, start)
      if (bytesRead === 0) break
      if (at >= start && at < start + bytesRead) block[at - start] = (block[at - start] ?? 0) ^ mask
      await to.writeFile(block.subarray(0, bytesRead))
      start += bytesRead
    }
    await to.sync()
    await rename(temporary, path)
  } catch (error) {
    await unlink(temporary).catch(() => {})
    throw error
  } finally {
    await from.close()
    await to?.close()
  }
  await new DirectorySync().sync(dirname(path))
}
