/** The store of an export or an import, as the configuration names it. */
import type { ServerConfig } from '../../schemas/config.js'
import type { Store } from '../../storage/contract.js'
import { openReader } from '../../storage/embedded/reader-store.js'
import { warn } from '../../storage/open-store.js'
import { openConfiguredStore } from '../configured-store.js'
import { storeDirectory } from '../store-config.js'

/** To be read only, if there is another way to: then a server may have it open. */
export async function openToRead (config: ServerConfig): Promise<Store> {
  const directory = storeDirectory(config)
  return directory === undefined ? await openToWrite(config) : await openReader(directory)
}

export async function openToWrite (config: ServerConfig): Promise<Store> {
  return await openConfiguredStore(config, { report: warn, changes: { sweepInterval: 0, migrate: false } })
}
