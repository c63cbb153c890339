/** The embedded driver for the suite. */
import { join } from 'node:path'
import type { Store } from '../../storage/contract.js'
import { openStore } from '../../storage/open-store.js'
import type { Driver } from './driver.js'

/** Nothing may fail in the background of a test. */
export const noErrors = (error: unknown, doing: string): void => { throw new Error(`${doing}: ${String(error)}`, { cause: error }) }

export const embedded: Driver = {
  name: 'embedded',
  async fresh (t) {
    const store = await openStore({ directory: join(t.testdir(), 'store'), trashGrace: 0, sweepInterval: 0 }, noErrors)
    t.teardown(async () => { await store.close() })
    return store
  },
  async place (t) {
    const directory = join(t.testdir(), 'store')
    let last: Store | undefined
    t.teardown(async () => { await last?.close() })
    return {
      async open () {
        last = await openStore({ directory, trashGrace: 0, sweepInterval: 0 }, noErrors)
        return last
      }
    }
  }
}
