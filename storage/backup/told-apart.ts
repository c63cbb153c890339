/** Errors of the place of the backups, told apart from those of the store: both say 'missing' and 'corrupt'. */
import { StorageError } from '../contract.js'
import type { BackupPlace } from './backup-place.js'
import { DamagedBackup } from './damaged-backup.js'
import { isDamage } from './unreadable.js'

/** What the place of the backups has lost, or cannot give back: no damage of the store. */
export class PlaceError extends StorageError {
  constructor (cause: StorageError) { super(cause.reason, cause.message, { cause }) }
}

function ofPlace (error: unknown): unknown {
  return isDamage(error) && !(error instanceof DamagedBackup) ? new PlaceError(error) : error
}

async function doing<T> (work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw ofPlace(error)
  }
}

/** The same place, whose errors are PlaceErrors where they could be taken for damage of the store. What the source of a file throws is no error of the place. */
export function toldApart (place: BackupPlace): BackupPlace {
  return {
    name: place.name,
    async * get (name, known) {
      try {
        yield * place.get(name, known)
      } catch (error) {
        throw ofPlace(error)
      }
    },
    size: async name => await doing(async () => await place.size(name)),
    list: async folder => await doing(async () => await place.list(folder)),
    close: async () => { await place.close() },
    isEmpty: async () => await doing(async () => await place.isEmpty()),
    async put (name, source) {
      let failed: { readonly error: unknown } | undefined
      const watched = async function * (): AsyncGenerator<Uint8Array> {
        try {
          yield * source
        } catch (error) {
          failed = { error }
          throw error
        }
      }
      try {
        return await place.put(name, watched())
      } catch (error) {
        throw failed?.error === error ? error : ofPlace(error)
      }
    },
    putNew: async (name, bytes) => await doing(async () => await place.putNew(name, bytes)),
    scratch: async () => await doing(async () => await place.scratch()),
    tidy: async () => { await doing(async () => { await place.tidy() }) }
  }
}
