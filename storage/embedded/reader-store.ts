/** A store in a directory as somebody sees it who only reads, also while a server has it open. What he may read is not removed before he is done. */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { type Accesses, type Store, StorageError } from '../contract.js'
import { BlobFiles } from '../files/blob-files.js'
import { toStorageError } from '../storage-errors.js'
import { unfinished } from '../transfer/ends.js'
import { EmbeddedMeta } from './embedded-meta.js'
import { setPin } from './pins.js'
import { openRoot } from './root-row.js'
import { requireCurrent } from './store-format.js'
import { openTables, stateKeys } from './tables.js'

/** Who only looks leaves no trace. */
class ReadMeta extends EmbeddedMeta {
  override async noteAccesses (_notes: ReadonlyMap<string, Accesses>): Promise<void> {}
}

/** Throws a StorageError when there is no store ('format'), or what the operating system says. Every write of it is refused. */
export async function openReader (directory: string): Promise<Store> {
  await requireCurrent(directory)
  const tables = openTables(directory)
  try {
    const rootID = openRoot(tables.state.getBinary(stateKeys.root), directory)
    if (tables.state.getBinary(stateKeys.intake) !== undefined) throw new StorageError('format', `The store in ${directory} ${unfinished}`)
    const pin = await setPin(directory, tables)
    const refuse = (): never => { throw new StorageError('unavailable', `The store in ${directory} was opened to be read only`) }
    const meta = new ReadMeta(tables, { submit: async () => refuse(), async close () {} }, { foreignCommits: true })
    return {
      name: 'embedded',
      flags: { crossProcess: true },
      meta,
      blobs: new BlobFiles({ root: join(directory, 'blobs'), leaseIsOpen: async () => false, left () {}, birthOf: blob => meta.birthOf(blob) }),
      rootID,
      inlineLimit: 0,
      segmentSize: 1,
      lease: refuse,
      sweep: async () => refuse(),
      ready: async () => refuse(),
      async close () {
        meta.stop()
        // Walks through trees end in their next turn, and let go of their transactions.
        await setImmediate()
        try {
          await pin.release()
        } finally {
          await tables.env.close()
        }
      }
    }
  } catch (error) {
    await tables.env.close()
    throw toStorageError(error, `reading the store in ${directory}`)
  }
}
