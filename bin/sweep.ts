/** `fastify-cdmi sweep`: one round of the sweeper on a store that no server has open. */
import { Cdmi, openStore } from '../index.js'
import { storeOptions } from '../server.js'
import { isStore } from '../storage/embedded/store-format.js'
import { configOf, type Flags } from './config-flags.js'
import { UsageError } from './failure.js'

export async function sweep (flags: Flags): Promise<void> {
  const config = configOf(flags)
  const { data = './data', limits } = config
  // Opening makes a store of an empty directory: not what somebody means who mistyped its name.
  if (!await isStore(data)) throw new UsageError(`There is no store in ${data}; name its directory with --data`)
  const store = await openStore({ directory: data, sweepInterval: 0, ...storeOptions(config) })
  try {
    // Before the round: it lets go of their bytes.
    const sets = await new Cdmi(store, limits).partialUploads.expire()
    const { leases, blobs, records, events } = await store.sweep()
    process.stdout.write(`Removed ${blobs} blobs and ${records} records of deleted containers, closed the accounts of ${leases} writers, discarded ${sets} sets of parts, trimmed ${events} entries of the change log.\n`)
  } finally {
    await store.close()
  }
}
