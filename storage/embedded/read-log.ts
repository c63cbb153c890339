/** The change log of a store in a directory, read beside its owner: LMDB gives every process snapshots of its own. */
import { join } from 'node:path'
import { StorageError } from '../contract.js'
import type { OpenLog } from '../logged-events.js'
import { toStorageError } from '../storage-errors.js'
import { EmbeddedMeta } from './embedded-meta.js'
import { openTables } from './tables.js'

export function readEmbeddedLog (directory: string): OpenLog {
  try {
    const tables = openTables(directory, { readOnly: true })
    const readOnly = async (): Promise<never> => { throw new StorageError('permission', 'The store was opened for reading only') }
    const meta = new EmbeddedMeta(tables, { submit: readOnly, async close () {} }, { foreignCommits: true })
    return {
      events: async (after, limit) => await meta.events(after, limit),
      lastSequence: async () => await meta.lastSequence(),
      async close () {
        meta.stop()
        await tables.env.close()
      }
    }
  } catch (error) {
    throw toStorageError(error, `opening ${join(directory, 'meta.lmdb')} for reading`)
  }
}
