/** Where a store is opened: the only way in for programs. */
import { checkOptions } from '../schemas/check-options.js'
import { completeStoreOptions, StoreOptions } from '../schemas/store-options.js'
import type { Store } from './contract.js'
import type { Reporter } from './embedded/embedded-store.js'
import { openEmbedded } from './embedded/open-embedded.js'

/**
 * Opens the store in `options.directory`, and makes it when the directory is missing or empty. The process owns it until `close`.
 *
 * Throws OptionError for an unknown or wrong option, and a StorageError when another process owns the store ('locked'), when the
 * directory is something else or of a newer build ('format'), or when the system refuses ('permission', 'full', 'unavailable').
 *
 * `report` is told of what fails in the background; by default it becomes a warning of the process.
 */
export async function openStore (options: StoreOptions, report: Reporter = warn): Promise<Store> {
  return await openEmbedded(completeStoreOptions(checkOptions(StoreOptions, options, 'openStore')), report)
}

export function warn (error: unknown, doing: string): void {
  process.emitWarning(`${doing}: ${error instanceof Error ? error.message : String(error)}`, 'StorageWarning')
}
