/** Takes a snapshot of a store, whatever it is made of. */
import { takeEmbeddedSnapshot } from '../embedded/embedded-snapshot.js'
import type { StoreSnapshot } from './snapshot.js'

/** Of the store in that directory; a server may have it open. Throws a StorageError when there is none ('format') … */
export async function takeSnapshot (directory: string): Promise<StoreSnapshot> {
  return await takeEmbeddedSnapshot(directory)
}
