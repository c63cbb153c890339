/** Opens an embedded store to look at it, or to mend it: nothing is prepared, swept or changed by that. */
import { access } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { StorageError } from '../../contract.js'
import { toStorageError } from '../../storage-errors.js'
import { unfinished } from '../../transfer/ends.js'
import { hasSoundOwner, type OwnerLock, takeOwnership } from '../owner-lock.js'
import { isStore, readFormat } from '../store-format.js'
import { openTables, stateKeys, type Tables } from '../tables.js'

export interface CheckedStore {
  readonly directory: string
  readonly tables: Tables
  /** A server has it open. */
  readonly online: boolean
  /** Nobody could say who owned it until now. */
  readonly ownerWasDamaged: boolean
  close (): Promise<void>
}

/** `alone`: refused while a server has it open. `mends`: what is wrong with the note of its owner need not stay. Throws a StorageError: 'format' where there is no store, 'locked', 'missing' when its records are gone … */
export async function openChecked (given: string, { alone, mends = false }: { readonly alone: boolean, readonly mends?: boolean }): Promise<CheckedStore> {
  const directory = resolve(given)
  if (!await isStore(directory)) throw new StorageError('format', `There is no store in ${directory}`)
  await readFormat(directory)
  // Opening would make an empty one.
  await access(join(directory, 'meta.lmdb')).catch((error: unknown) => {
    throw new StorageError('missing', `The store in ${directory} has lost meta.lmdb, the file of its records; what can be done is to restore a backup`, { cause: error })
  })
  let tables: Tables | undefined
  try {
    const opened = tables = openTables(directory)
    const ownerWasDamaged = !hasSoundOwner(opened)
    const lock = await takeOwnership(directory, opened, mends ? 'overcome' : 'put back').catch((error: unknown): OwnerLock | undefined => {
      if (alone || !(error instanceof StorageError) || error.reason !== 'locked') throw error
      return undefined
    })
    if (opened.state.getBinary(stateKeys.intake) !== undefined) {
      await lock?.release()
      throw new StorageError('format', `The store in ${directory} ${unfinished}`)
    }
    return {
      directory,
      tables: opened,
      online: lock === undefined,
      ownerWasDamaged,
      async close () {
        await lock?.release()
        await opened.env.close()
      }
    }
  } catch (error) {
    await tables?.env.close()
    throw toStorageError(error, `opening ${directory}`)
  }
}
