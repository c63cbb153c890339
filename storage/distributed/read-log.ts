/** The change log of a store in a database, without the rest of it. */
import type { CompleteDistributedOptions } from '../../schemas/store-options.js'
import { warn } from '../open-store.js'
import type { OpenLog } from '../logged-events.js'
import { ChangeLog } from './change-log.js'
import { Database } from './database.js'
import { requireVersion } from './migrate.js'
import { namesOf, readDatabaseUrl } from './names.js'

export async function readDatabaseLog (options: CompleteDistributedOptions): Promise<OpenLog> {
  const { urls, schema } = readDatabaseUrl(options.meta)
  const names = namesOf(schema)
  const database = new Database({ ...options, urls })
  try {
    await requireVersion(database, names)
  } catch (error) {
    await database.close()
    throw error
  }
  const log = new ChangeLog(database, names, warn)
  return {
    events: async (after, limit) => await log.events(after, limit),
    lastSequence: async () => await log.lastSequence(),
    close: async () => { await database.close() }
  }
}
