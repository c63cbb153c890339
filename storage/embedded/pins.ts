/**
 * Pins: while there is one, no blob is condemned, so that all that a snapshot names stays, for however long a backup takes to copy it. A pin is set in a write
 * transaction, and the condemning looks for pins in its own: what is condemned before the pin had no reference then, and is in no snapshot that is taken after
 * it. Pins of processes that died are dropped by the sweeper of the owner.
 */
import { randomUUID } from 'node:crypto'
import { successor } from './bytes.js'
import { forgetLife, isAlive, type Life, showLife } from './sign-of-life.js'
import { hasKeys, type Tables } from './tables.js'

/** How keys of pins in the state begin. */
const prefix = Buffer.from('pin ')

export interface Pin {
  /** Whether somebody has taken this process for dead, and dropped it. */
  isLost (): boolean
  release (): Promise<void>
}

/** Sets one, for a process that need not own the store. */
export async function setPin (directory: string, tables: Tables): Promise<Pin> {
  const sign = await showLife(directory, 'pin')
  const key = Buffer.concat([prefix, Buffer.from(randomUUID())])
  try {
    tables.env.transactionSync(() => { tables.state.putSync(key, Buffer.from(JSON.stringify(sign.life))) })
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
  return hasKeys(state, prefix)
}

/** Keys of pins whose processes are gone. Their sockets are removed, and what they were reading in LMDB is let go of. */
export async function deadPins (directory: string, { env, state }: Tables): Promise<Buffer[]> {
  const dead: Buffer[] = []
  // All before the first wait: the snapshot is the one of this turn.
  for (const { key, value } of Array.from(state.getRange({ start: prefix, end: successor(prefix) }))) {
    const life = JSON.parse(value.toString()) as Life
    if (await isAlive(directory, life)) continue
    forgetLife(directory, life)
    dead.push(key)
  }
  if (dead.length > 0) env.readerCheck()
  return dead
}
