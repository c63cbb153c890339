/**
 * Who transfers a store of many servers has it for himself: he holds a lock that every server looks at when it opens the store. It hangs on a connection of
 * its own, so that it ends with the process, however that ends.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { StorageError } from '../contract.js'
import type { Database } from './database.js'
import { toDatabaseError } from './database-errors.js'
import type { Names } from './names.js'

/** The database may need a moment to notice that a transfer was killed. */
const attempts = 10
const pause = 100

export interface TransferLock {
  /** Aborted when the lock is lost: others may have come since. */
  readonly lost: AbortSignal
  release (): Promise<void>
}

/** An expression that is true when nobody else is in the way; 'shared' is held until the end of the transaction, 'alone' until that of the connection. */
export function tryTransferLock ({ seed }: Names, how: 'shared' | 'alone'): string {
  return `${how === 'shared' ? 'pg_try_advisory_xact_lock_shared' : 'pg_try_advisory_lock'}(hashtextextended('transfer', ${seed}))`
}

/** Throws a StorageError: 'locked' when another transfer has it, 'unavailable'. */
export async function takeTransferLock (database: Database, names: Names): Promise<TransferLock> {
  const doing = `locking schema ${names.plain}`
  const client = await database.client().catch((error: unknown) => { throw toDatabaseError(error, doing) })
  const lost = new AbortController()
  const lose = (): void => { lost.abort(new StorageError('unavailable', 'The connection to the database was lost that kept others away from the store')) }
  client.on('error', lose)
  client.on('end', lose)
  const release = async (): Promise<void> => { await database.patiently(client.end().catch(() => {})) }
  try {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const { rows: [lock] } = await client.query<{ taken: boolean }>(`select ${tryTransferLock(names, 'alone')} as taken`)
      if (lock?.taken === true) return { lost: lost.signal, release }
      await delay(pause)
    }
  } catch (error) {
    await release()
    throw toDatabaseError(error, doing)
  }
  await release()
  throw new StorageError('locked', `The store in schema ${names.plain} is being transferred already`)
}
