/** Takes a snapshot of a store, whatever it is made of. */
import { checkOptions } from '../../schemas/check-options.js'
import { completeDistributedOptions, DistributedStoreOptions, type StoreOptions } from '../../schemas/store-options.js'
import type { Reporter } from '../compose-store.js'
import { takeEmbeddedSnapshot } from '../embedded/embedded-snapshot.js'
import type { StoreSnapshot } from './snapshot.js'

/** Servers may have it open. Throws OptionError, and a StorageError when there is no store ('format') … */
export async function takeSnapshot (options: Pick<StoreOptions, 'directory'> | DistributedStoreOptions, report: Reporter): Promise<StoreSnapshot> {
  if ('directory' in options) return await takeEmbeddedSnapshot(options.directory)
  const { takeDistributedSnapshot } = await import('../distributed/distributed-snapshot.js')
  return await takeDistributedSnapshot(completeDistributedOptions(checkOptions(DistributedStoreOptions, options, 'a backup')), report)
}
