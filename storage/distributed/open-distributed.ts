/** Opens a store of many servers: records in PostgreSQL, bytes in a place that all of them reach. */
import type { CompleteDistributedOptions } from '../../schemas/store-options.js'
import { composeStore, type Reporter } from '../compose-store.js'
import type { Store } from '../contract.js'
import { Database } from './database.js'
import { migrate } from './migrate.js'
import { namesOf, readDatabaseUrl } from './names.js'
import { openBlobs } from './open-blobs.js'
import { PostgresMeta } from './postgres-meta.js'

/** Throws OptionError for a URL that is none of ours, and a StorageError: 'format', 'unavailable', 'permission'. */
export async function openDistributed (options: CompleteDistributedOptions, report: Reporter): Promise<Store> {
  const { url, schema } = readDatabaseUrl(options.meta)
  const names = namesOf(schema)
  const place = await openBlobs(options.blobs)
  const database = new Database({ ...options, url })
  let meta: PostgresMeta | undefined
  try {
    const rootID = await migrate(database, names, options.enterpriseNumber)
    const opened = new PostgresMeta({ database, names, report, leaseTimeout: options.leaseTimeout, late: place.late })
    meta = opened
    return await composeStore({
      name: `postgresql+${place.name}`,
      meta: opened,
      blobs: left => place.open({ leaseIsOpen: async lease => await opened.leaseIsOpen(lease), left }),
      rootID,
      settings: options,
      report,
      flags: { crossProcess: true },
      sweeps: true,
      leaseTimeout: options.leaseTimeout,
      close: async () => {
        await opened.close()
        await place.close()
      }
    })
  } catch (error) {
    meta?.stop()
    await database.close()
    await place.close()
    throw error
  }
}
