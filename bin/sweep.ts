/** `fastify-cdmi sweep`: one round of the sweeper, on a store in a directory that no server has open, or on one in a database. */
import { Cdmi } from '../index.js'
import { openConfiguredStore } from '../server/configured-store.js'
import { storeDirectory } from '../server/store-config.js'
import { isStore } from '../storage/embedded/store-format.js'
import { warn } from '../storage/open-store.js'
import { configOf, type Flags } from './config-flags.js'
import { UsageError } from './failure.js'

export async function sweep (flags: Flags): Promise<void> {
  const config = configOf(flags)
  const directory = storeDirectory(config)
  // Opening makes a store where there is none: not what somebody means who mistyped its name.
  if (directory !== undefined && !await isStore(directory)) throw new UsageError(`There is no store in ${directory}; name its directory with --data`)
  const store = await openConfiguredStore(config, { report: warn, changes: { sweepInterval: 0, migrate: false } })
  try {
    // Before the round: it lets go of their bytes.
    const sets = await new Cdmi(store, config.limits).partialUploads.expire()
    const { leases, blobs, records, events } = await store.sweep()
    process.stdout.write(`Removed ${blobs} blobs and ${records} records of deleted containers, closed the accounts of ${leases} writers, discarded ${sets} sets of parts, trimmed ${events} entries of the change log.\n`)
  } finally {
    await store.close()
  }
}
