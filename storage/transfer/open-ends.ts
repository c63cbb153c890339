/** Opens the two ends of a transfer, whatever they are made of. */
import { checkOptions } from '../../schemas/check-options.js'
import { completeDistributedOptions, completeStoreOptions, DistributedStoreOptions, StoreOptions } from '../../schemas/store-options.js'
import type { ComposedStore, Reporter } from '../compose-store.js'
import { StorageError } from '../contract.js'
import { openEmbedded } from '../embedded/open-embedded.js'
import { isStore } from '../embedded/store-format.js'
import { isMovable, type MovableMeta, type Origin, type TransferSource, type TransferTarget } from './ends.js'

/** Of one server in a directory, or of many: what `openStore` takes. */
export type EndOptions = StoreOptions | DistributedStoreOptions

const what = 'a transfer'
/** Nothing is removed under a transfer. */
const still = { sweepInterval: 0, scrubRate: 0 }

/** Throws OptionError, and a StorageError when there is no store ('format'), when others have it open ('locked') … */
export async function openSource (options: EndOptions, report: Reporter): Promise<TransferSource> {
  if (isDistributed(options)) {
    const { openDistributedSource } = await import('../distributed/open-ends.js')
    return await openDistributedSource(completeDistributedOptions({ ...checkOptions(DistributedStoreOptions, options, what), ...still }), report)
  }
  const { directory, ...rest } = checkOptions(StoreOptions, options, what)
  // Opening would make one.
  if (!await isStore(directory)) throw new StorageError('format', `There is no store in ${directory}`)
  const store = await openEmbedded(completeStoreOptions({ directory, ...rest, ...still }), report)
  return {
    meta: movable(store),
    blobs: store.blobs,
    rootID: store.rootID,
    // The lock of the directory lets nobody in.
    async stillAlone () {},
    async close () { await store.close() }
  }
}

/** `from`: the store that fills this one. Throws AlreadyTransferred when it has, OptionError, and a StorageError when there is something else in it ('format'), when others have it open ('locked') … */
export async function openTarget (options: EndOptions, report: Reporter, from: Origin): Promise<TransferTarget> {
  if (isDistributed(options)) {
    const { openDistributedTarget } = await import('../distributed/open-ends.js')
    return await openDistributedTarget(completeDistributedOptions({ ...checkOptions(DistributedStoreOptions, options, what), ...still }), report, from)
  }
  const store = await openEmbedded(completeStoreOptions({ ...checkOptions(StoreOptions, options, what), ...still }), report, { from })
  return { meta: movable(store), blobs: store.blobs, lease: () => store.lease(), async close () { await store.close() } }
}

function isDistributed (options: EndOptions): options is DistributedStoreOptions {
  return 'meta' in options
}

function movable ({ meta, name }: ComposedStore): MovableMeta {
  if (!isMovable(meta)) throw new TypeError(`A store of kind ${name} cannot be moved`)
  return meta
}
