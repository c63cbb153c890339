/** Blobs in memory. */
import { crc32 } from 'node:zlib'
import { v7 } from 'uuid'
import { type BlobStore, StorageError } from '../contract.js'

export function memoryBlobs (): BlobStore {
  const stored = new Map<string, Buffer>()

  function part (blob: string, offset: number, length: number): Uint8Array {
    const bytes = stored.get(blob)
    if (bytes === undefined || bytes.length < offset + length) throw new StorageError('missing', `blob ${blob} is gone or too short`)
    return bytes.subarray(offset, offset + length)
  }

  return {
    async put (lease, source, options) {
      options?.signal?.throwIfAborted()
      const blob = `${lease}/${v7()}`
      const chunks: Uint8Array[] = []
      for await (const chunk of source) {
        options?.signal?.throwIfAborted()
        chunks.push(Uint8Array.from(chunk))
      }
      const bytes = Buffer.concat(chunks)
      stored.set(blob, bytes)
      return { blob, size: bytes.length, hash: 'crc32:' + crc32(bytes).toString(16).padStart(8, '0') }
    },
    async * get (blob, offset, length) {
      for (let at = 0; at < length; at += 262_144) yield part(blob, offset + at, Math.min(262_144, length - at))
    },
    async read (blob, offset, length) { return part(blob, offset, length) },
    async remove (blob) { stored.delete(blob) },
    async * list (lease) {
      for (const blob of [...stored.keys()]) if (blob.startsWith(lease + '/')) yield blob
    },
    async dropLease () {}
  }
}
