/** Tells of reads that were ended because bytes were missing, or others than were written. */
import { type BlobStore, StorageError } from './contract.js'

/** The same blobs. `damaged` is told once for each such read. */
export function watchedReads (blobs: BlobStore, damaged: () => void): BlobStore {
  const told = (error: unknown): unknown => {
    if (error instanceof StorageError && (error.reason === 'corrupt' || error.reason === 'missing')) damaged()
    return error
  }
  return {
    put: async (lease, source, options) => await blobs.put(lease, source, options),
    async * get (blob, offset, length, options) {
      try {
        yield * blobs.get(blob, offset, length, options)
      } catch (error) {
        throw told(error)
      }
    },
    read: async (blob, offset, length) => await blobs.read(blob, offset, length).catch((error: unknown) => { throw told(error) }),
    remove: async blob => { await blobs.remove(blob) },
    list: lease => blobs.list(lease),
    dropLease: async lease => { await blobs.dropLease(lease) }
  }
}
