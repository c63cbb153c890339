/** Bytes that are held until their source has ended: only then it is known how many there are, and that they are what they should be. A long run of them waits on a disk. */
import { createReadStream } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { toStorageError } from '../storage-errors.js'

export interface HeldBytes {
  readonly size: number
  bytes (): AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  /** Lets go of them. */
  drop (): Promise<void>
}

/** Bytes that are held in memory: as many as a segment of a value has, usually. */
const inMemory = 8 * 1024 * 1024

/** `scratch` gives the path of a file that is not there yet. An error of the source is passed on, and nothing is left. */
export async function holdBytes (source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, scratch: () => Promise<string>): Promise<HeldBytes> {
  const chunks: Uint8Array[] = []
  let size = 0
  let file: { readonly path: string, readonly handle: FileHandle } | undefined
  const write = async (bytes: Uint8Array): Promise<void> => {
    if (file === undefined) return
    const { path, handle } = file
    await handle.writeFile(bytes).catch((error: unknown) => { throw toStorageError(error, `writing ${path}`) })
  }
  try {
    for await (const chunk of source) {
      size += chunk.length
      if (file === undefined && size > inMemory) {
        const path = await scratch()
        file = { path, handle: await open(path, 'wx', 0o600).catch((error: unknown) => { throw toStorageError(error, `writing ${path}`) }) }
        for (const held of chunks.splice(0)) await write(held)
      }
      if (file === undefined) chunks.push(chunk)
      else await write(chunk)
    }
    await file?.handle.close()
  } catch (error) {
    await file?.handle.close().catch(() => {})
    if (file !== undefined) await unlink(file.path).catch(() => {})
    throw error
  }
  const path = file?.path
  return {
    size,
    bytes: () => path === undefined ? chunks : createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>,
    async drop () {
      chunks.length = 0
      if (path !== undefined) await unlink(path)
    }
  }
}
