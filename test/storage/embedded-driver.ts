/** The embedded driver for the suite. */
import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Store } from '../../storage/contract.js'
import type { DistributedStoreOptions, StoreOptions } from '../../schemas/store-options.js'
import { openStore } from '../../storage/open-store.js'
import { openSource, openTarget } from '../../storage/transfer/open-ends.js'
import type { Driver, Ends } from './driver.js'

/** Nothing may fail in the background of a test. */
export const noErrors = (error: unknown, doing: string): void => { throw new Error(`${doing}: ${String(error)}`, { cause: error }) }

const memoryFiles = '/dev/shm'
const roomEnough = 512 * 1024 ** 2

/**
 * For stores of which it matters in which order things are written, or what they answer, and not how long the disk of this machine takes to flush: in memory
 * where that is possible.
 */
export async function quickDirectory (t: Test): Promise<string> {
  const room = await statfs(memoryFiles).then(({ bavail, bsize }) => bavail * bsize, () => 0)
  if (room < roomEnough) return t.testdir()
  const directory = await mkdtemp(join(memoryFiles, 'fastify-cdmi-test-'))
  t.teardown(async () => { await rm(directory, { recursive: true, force: true }) })
  return directory
}

/** Where these options lead, for transfers. */
export function endsOf (options: StoreOptions | DistributedStoreOptions): Ends {
  return {
    source: async () => await openSource(options, noErrors),
    target: async (rootID, last = 0) => await openTarget(options, noErrors, { rootID, last }),
    store: async () => await openStore(options, noErrors)
  }
}

export const embedded = {
  name: 'embedded',
  async fresh (t) {
    const store = await openStore({ directory: join(await quickDirectory(t), 'store'), trashGrace: 0, sweepInterval: 0 }, noErrors)
    t.teardown(async () => { await store.close() })
    return store
  },
  ends: async t => endsOf({ directory: join(await quickDirectory(t), 'store'), trashGrace: 0, sweepInterval: 0 }),
  async place (t) {
    const directory = join(await quickDirectory(t), 'store')
    let last: Store | undefined
    // Runs before the directory goes: the last one first.
    t.teardown(async () => { await last?.close() })
    return {
      async open () {
        last = await openStore({ directory, trashGrace: 0, sweepInterval: 0 }, noErrors)
        return last
      }
    }
  }
} satisfies Driver
