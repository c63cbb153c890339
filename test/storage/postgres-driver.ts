/** The driver with PostgreSQL and files, for the suite. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import type { DistributedStoreOptions } from '../../schemas/store-options.js'
import type { Store } from '../../storage/contract.js'
import { openStore } from '../../storage/open-store.js'
import type { Driver } from './driver.js'
import { noErrors, quickDirectory } from './embedded-driver.js'
import type { PostgresServer } from './postgres-server.js'

/** Where a store of its own can be opened, any number of times at once. */
export function placeOf (t: Test, server: PostgresServer, directory: string): DistributedStoreOptions {
  return { meta: server.freshSchema(t), blobs: pathToFileURL(join(directory, 'blobs')).href, trashGrace: 0, sweepInterval: 0 }
}

export function postgresAndFiles (server: PostgresServer): Driver {
  return {
    name: 'postgresql+files',
    async fresh (t) {
      const options = placeOf(t, server, t.testdir())
      const store = await openStore(options, noErrors)
      t.teardown(async () => { await store.close() })
      return store
    },
    async place (t) {
      const options = placeOf(t, server, await quickDirectory(t))
      let last: Store | undefined
      t.teardown(async () => { await last?.close() })
      return {
        async open () {
          last = await openStore(options, noErrors)
          return last
        }
      }
    }
  }
}
