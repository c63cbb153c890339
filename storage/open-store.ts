/** Where a store is opened: the only way in for programs. */
import { checkOptions } from '../schemas/check-options.js'
import { completeDistributedOptions, completeStoreOptions, DistributedStoreOptions, StoreOptions } from '../schemas/store-options.js'
import type { Reporter } from './compose-store.js'
import { type End, endProcess } from './end-process.js'
import type { Store } from './contract.js'
import { openEmbedded } from './embedded/open-embedded.js'

/**
 * Opens the store in `options.directory`, and makes it when the directory is missing or empty; the process owns it until `close`. Or opens
 * the store whose records are in the database `options.meta` and whose bytes are in `options.blobs`, which many processes may have
 * open at the same time.
 *
 * Throws OptionError for an unknown or wrong option, and a StorageError when another process owns the store ('locked'), when the
 * place is something else or of a newer build ('format'), or when the system refuses ('permission', 'full', 'unavailable').
 *
 * `report` is told of what fails in the background; by default it becomes a warning of the process. `end` is told why the process has to end, when LMDB
 * has spoilt its memory; by default that is an exception that nobody catches. From then on the store refuses everything.
 */
export async function openStore (options: StoreOptions | DistributedStoreOptions, report: Reporter = warn, end: End = endProcess): Promise<Store> {
  if ('meta' in Object(options) || 'blobs' in Object(options)) {
    const complete = completeDistributedOptions(checkOptions(DistributedStoreOptions, options, 'openStore'))
    // Nobody else waits for its libraries at the start.
    const { openDistributed } = await import('./distributed/open-distributed.js')
    return await openDistributed(complete, report)
  }
  return await openEmbedded(completeStoreOptions(checkOptions(StoreOptions, options, 'openStore')), report, { end })
}

export function warn (error: unknown, doing: string): void {
  process.emitWarning(`${doing}: ${error instanceof Error ? error.message : String(error)}`, 'StorageWarning')
}
