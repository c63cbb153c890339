/** The change log of a store, for who only reads it: beside a server that has the store open, too. */
import { checkOptions } from '../schemas/check-options.js'
import { completeDistributedOptions, DistributedStoreOptions } from '../schemas/store-options.js'
import { StorageError } from './contract.js'
import type { OpenLog } from './logged-events.js'

/** Of a store in a directory; throws a StorageError where there is none, or one of a newer build. */
export async function openEmbeddedLog (directory: string): Promise<OpenLog> {
  const { isStore, readFormat } = await import('./embedded/store-format.js')
  // What looks at the format makes a store where there is none.
  if (!await isStore(directory)) throw new StorageError('missing', `There is no store in ${directory}`)
  await readFormat(directory)
  const { readEmbeddedLog } = await import('./embedded/read-log.js')
  return readEmbeddedLog(directory)
}

/** Of a store in a database. `options`: all but the place of the values, which is not looked at. Throws OptionError and StorageError. */
export async function openDatabaseLog (options: Omit<DistributedStoreOptions, 'blobs'>): Promise<OpenLog> {
  const complete = completeDistributedOptions(checkOptions(DistributedStoreOptions, { ...options, blobs: 'file:///' }, 'openStore'))
  const { readDatabaseLog } = await import('./distributed/read-log.js')
  return await readDatabaseLog(complete)
}
