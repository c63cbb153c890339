/**
 * Pins: while there is one, no blob is condemned, so that all that a snapshot names stays, for however long a backup takes to copy it. A pin is set in a write
 * transaction, and the condemning looks for pins in its own: what is condemned before the pin had no reference then, and is in no snapshot that is taken after
 * it. Pins of processes that died are dropped by the sweeper of the owner.
 */
import { randomUUID } from 'node:crypto'
import { StorageError } from '../contract.js'
import { successor } from './bytes.js'
import { readLife, sealLife } from './life-rows.js'
import { forgetLife, isAlive, showLife } from './sign-of-life.js'
import { hasKeys, type Tables } from './tables.js'

/** How keys of pins in the state begin. */
export const pinPrefix = Buffer.from('pin ')

export interface Pin {
  /** Whether somebody has taken this process for dead, and dropped it. */
  isLost (): boolean
  release (): Promise<void>
}

/** Sets one, for a process that need not own the store. */
export async function setPin (directory: string, tables: Tables): Promise<Pin> {
  const sign = await showLife(directory, 'pin')
  const key = Buffer.concat([pinPrefix, Buffer.from(randomUUID())])
  try {
    tables.env.transactionSync(() => { tables.state.putSync(key, sealLife(key, sign.life)) })
  } catch (error) {
    await sign.close()
    throw error
  }
  return {
    isLost () {
      tables.env.resetReadTxn()
      return tables.state.getBinary(key) === undefined
    },
    async release () {
      try {
        tables.env.transactionSync(() => { tables.state.removeSync(key) })
      } catch (error) {
        await sign.leave()
        throw error
      }
      await sign.close()
    }
  }
}

/** Whether there is one, in the snapshot or transaction of the caller. */
export function isPinned ({ state }: Tables): boolean {
  return hasKeys(state, pinPrefix)
}

/**
 * Keys of pins whose processes are gone. Their sockets are removed, and what they were reading in LMDB is let go of. Throws a StorageError 'corrupt' where one has other bytes than were
 * written: nobody knows whether its process lives, so it stays, and with it all that nothing needs.
 */
export async function deadPins (directory: string, { env, state }: Tables): Promise<Buffer[]> {
  const dead: Buffer[] = []
  // All before the first wait: the snapshot is the one of this turn.
  const pins = Array.from(state.getRange({ start: pinPrefix, end: successor(pinPrefix) }), ({ key, value }) => ({ key, life: readLife(key, value) }))
  for (const { key, life } of pins) {
    if (life === undefined) throw new StorageError('corrupt', `The note of a process that reads the store in ${directory} has other bytes than were written, and nothing is removed from the disk as long as it is there; fastify-cdmi repair sees to that`)
    if (await isAlive(directory, life)) continue
    forgetLife(directory, life)
    dead.push(key)
  }
  if (dead.length > 0) env.readerCheck()
  return dead
}
