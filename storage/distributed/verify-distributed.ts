/** Looks at a store of many servers, as one more of them. */
import { checkOptions } from '../../schemas/check-options.js'
import { type CompleteDistributedOptions, completeDistributedOptions, DistributedStoreOptions } from '../../schemas/store-options.js'
import type { Reporter } from '../compose-store.js'
import { isMovable } from '../transfer/ends.js'
import type { Finding, VerifyCounts, VerifyOptions } from '../verify/findings.js'
import { verifyMovable } from '../verify/verify-movable.js'
import { Database } from './database.js'
import { pageChecksums } from './page-checksums.js'
import { readDatabaseUrl } from './names.js'
import { openDistributed } from './open-distributed.js'

export interface VerifyDistributedResult extends VerifyCounts {
  readonly online: boolean
  /** Whether the database finds bits that flip in its pages. */
  readonly pageChecksums: boolean
}

/** Tells `found` of everything that is wrong. Throws OptionError, and a StorageError. It makes no tables and sweeps nothing. */
export async function verifyDistributed (options: DistributedStoreOptions, look: VerifyOptions, report: Reporter, found: (finding: Finding) => void): Promise<VerifyDistributedResult> {
  const complete = completeDistributedOptions({ ...checkOptions(DistributedStoreOptions, options, 'a look'), sweepInterval: 0, migrate: false })
  const store = await openDistributed(complete, report)
  try {
    const { meta } = store
    if (!isMovable(meta)) throw new TypeError(`A store of kind ${store.name} cannot be looked at`)
    // Whether servers have it open makes no difference.
    return { ...await verifyMovable({ meta, blobs: store.blobs, rootID: store.rootID }, look, found), online: false, pageChecksums: await hasPageChecksums(complete) }
  } finally {
    await store.close()
  }
}

async function hasPageChecksums (options: CompleteDistributedOptions): Promise<boolean> {
  const database = new Database({ ...options, urls: readDatabaseUrl(options.meta).urls })
  try {
    return await pageChecksums(database)
  } finally {
    await database.close()
  }
}
