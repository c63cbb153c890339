/** Looks at a store of many servers, as one more of them. */
import { checkOptions } from '../../schemas/check-options.js'
import { completeDistributedOptions, DistributedStoreOptions } from '../../schemas/store-options.js'
import type { Reporter } from '../compose-store.js'
import { isMovable } from '../transfer/ends.js'
import type { Finding, VerifyCounts, VerifyOptions } from '../verify/findings.js'
import { verifyMovable } from '../verify/verify-movable.js'
import { openDistributed } from './open-distributed.js'

/** Tells `found` of everything that is wrong. Throws OptionError, and a StorageError. It makes no tables and sweeps nothing. */
export async function verifyDistributed (options: DistributedStoreOptions, look: VerifyOptions, report: Reporter, found: (finding: Finding) => void): Promise<VerifyCounts & { readonly online: boolean }> {
  const store = await openDistributed(completeDistributedOptions({ ...checkOptions(DistributedStoreOptions, options, 'a look'), sweepInterval: 0, migrate: false }), report)
  try {
    const { meta } = store
    if (!isMovable(meta)) throw new TypeError(`A store of kind ${store.name} cannot be looked at`)
    // Whether servers have it open makes no difference.
    return { ...await verifyMovable({ meta, blobs: store.blobs, rootID: store.rootID }, look, found), online: false }
  } finally {
    await store.close()
  }
}
