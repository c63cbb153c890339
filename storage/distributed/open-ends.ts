/** Opens a store of many servers for a transfer, which has it for itself. */
import type { CompleteDistributedOptions } from '../../schemas/store-options.js'
import type { Reporter } from '../compose-store.js'
import { StorageError } from '../contract.js'
import { type Origin, requireFillable, type TransferSource, type TransferTarget, unfinished } from '../transfer/ends.js'
import { migrate } from './migrate.js'
import { composeDistributed, type Parts, placedOf, withMeta, withParts } from './open-distributed.js'
import { checkPlace } from './place-identity.js'
import { hearAnew, requireUnused } from './postgres-intake.js'
import { takeTransferLock, type TransferLock } from './transfer-lock.js'

/** It takes no lease, so that nothing of it is left in the store. Throws a StorageError: 'format' without a store, 'locked' while a server has it open. */
export async function openDistributedSource (options: CompleteDistributedOptions, report: Reporter): Promise<TransferSource> {
  return await locked(options, report, async (parts, lock) => {
    await requireStore(parts)
    const stillAlone = async (): Promise<void> => {
      lock.lost.throwIfAborted()
      await parts.database.session('looking for servers', async client => { await requireUnused(client, parts.names, options.leaseTimeout) })
    }
    await hearAnew(parts)
    await stillAlone()
    const { rootID } = await migrate(parts.database, parts.names, { ...options, transfers: true })
    await checkPlace(placedOf(parts))
    return await withMeta(parts, async meta => ({
      meta,
      blobs: parts.place.open({ leaseIsOpen: async lease => await meta.leaseIsOpen(lease), left () {} }).blobs,
      rootID,
      lost: lock.lost,
      stillAlone,
      async close () {
        meta.stop()
        await lock.release()
        await meta.close()
        await parts.place.close()
      }
    }))
  })
}

/** `from`: the store that fills this one. Throws AlreadyTransferred when it has, a StorageError: 'format' when it has something else in it, 'locked' while others have it open. */
export async function openDistributedTarget (options: CompleteDistributedOptions, report: Reporter, from: Origin): Promise<TransferTarget> {
  return await locked(options, report, async (parts, lock) => {
    await migrate(parts.database, parts.names, { ...options, transfers: true })
    await hearAnew(parts)
    return await withMeta(parts, async meta => {
      requireFillable(await meta.intake.begin(from), `The store in schema ${parts.names.plain}`)
      const store = await composeDistributed(parts, { meta, rootID: from.rootID, sweeps: false, close: async () => { await lock.release() } })
      return { meta, blobs: store.blobs, lost: lock.lost, lease: () => store.lease(), close: async () => { await store.close() } }
    })
  })
}

async function locked<T> (options: CompleteDistributedOptions, report: Reporter, work: (parts: Parts, lock: TransferLock) => Promise<T>): Promise<T> {
  return await withParts(options, report, async parts => {
    const lock = await takeTransferLock(parts.database, parts.names)
    try {
      return await work(parts, lock)
    } catch (error) {
      await lock.release()
      throw error
    }
  })
}

/** Opening would make one. Throws a StorageError 'format' when there is none, or one that is being filled. */
export async function requireStore ({ database, names: { plain } }: Parts): Promise<void> {
  await database.session(`looking for a store in schema ${plain}`, async client => {
    const { rows } = await client.query<{ name: string }>("select tablename as name from pg_tables where schemaname = $1 and tablename in ('store', 'intake')", [plain])
    if (!rows.some(({ name }) => name === 'store')) throw new StorageError('format', `There is no store in schema ${plain} of that database`)
    if (rows.some(({ name }) => name === 'intake')) throw new StorageError('format', `The store in schema ${plain} ${unfinished}`)
  })
}
