/**
 * One server owns a store. Who it is stands in the store itself, and is changed there by compare-and-swap in a write
 * transaction, so that of two that start at once exactly one wins. That he lives is shown by his sign of life.
 */
import { StorageError } from '../contract.js'
import { readLife, sealLife } from './life-rows.js'
import { forgetLeft, forgetLife, isAlive, isAnyoneHeard, type Life, showLife } from './sign-of-life.js'
import { stateKeys, type Tables } from './tables.js'
import { soundJson } from './verify/single-bits.js'

/** How names of sockets of owners begin. */
const kind = 'owner'

export interface OwnerLock {
  /** Gives the store up. */
  release (): Promise<void>
  /** The same where nothing can be written: whoever comes next finds that the owner does not live. */
  leave (): Promise<void>
}

/** What is done about a note of the owner that has other bytes than were written: it is an error; it is overcome where no owner is heard of; or that, and it is there again when the store is given up. */
export type DamagedOwner = 'refuse' | 'overcome' | 'put back'

/**
 * Takes the store, or throws a StorageError: 'locked', which names the owner, or 'corrupt' where nobody can say who that is.
 */
export async function takeOwnership (directory: string, tables: Tables, damaged: DamagedOwner = 'refuse'): Promise<OwnerLock> {
  const sign = await showLife(directory, kind)
  const mine = sealLife(stateKeys.owner, sign.life)
  let unreadable: Buffer | undefined
  try {
    for (;;) {
      // Of an earlier turn: whoever was faster may have mended it.
      unreadable = undefined
      tables.env.resetReadTxn()
      const before = tables.state.getBinary(stateKeys.owner)
      if (before !== undefined) {
        let owner = readLife(stateKeys.owner, before)
        unreadable = owner === undefined ? Buffer.from(before) : undefined
        if (unreadable !== undefined) {
          if (damaged === 'refuse') throw new StorageError('corrupt', `${unreadableOwner(directory)}; stop all that use it, then run fastify-cdmi repair`)
          const sound = soundJson(stateKeys.owner, unreadable)
          owner = sound && readLife(stateKeys.owner, sound)
        }
        await requireDead(directory, tables, owner, sign.life)
        if (owner !== undefined) forgetLife(directory, owner)
      }
      const won = tables.env.transactionSync(() => {
        const now = tables.state.getBinary(stateKeys.owner)
        if (now === undefined ? before !== undefined : before === undefined || !now.equals(before)) return false
        tables.state.putSync(stateKeys.owner, mine)
        return true
      })
      if (won) break
    }
  } catch (error) {
    await sign.close()
    throw error
  }
  const lock: OwnerLock = {
    async release () {
      try {
        tables.env.transactionSync(() => {
          if (tables.state.getBinary(stateKeys.owner)?.equals(mine) !== true) return
          if (unreadable !== undefined && damaged === 'put back') tables.state.putSync(stateKeys.owner, unreadable)
          else tables.state.removeSync(stateKeys.owner)
        })
      } catch (error) {
        await sign.leave()
        throw error
      }
      await sign.close()
    },
    leave: async () => { await sign.leave() }
  }
  try {
    forgetLeft(directory, kind)
  } catch (error) {
    await lock.release()
    throw error
  }
  return lock
}

export function unreadableOwner (directory: string): string {
  return `The note which process owns the store in ${directory} has other bytes than were written`
}

/** Whether the note of the owner can be read, or there is none. */
export function hasSoundOwner ({ state }: Tables): boolean {
  const row = state.getBinary(stateKeys.owner)
  return row === undefined || readLife(stateKeys.owner, row) !== undefined
}

/** Throws a StorageError 'locked' where the owner lives. Where nobody knows who it is (undefined) all that show their life as owners are asked. */
async function requireDead (directory: string, { env }: Tables, owner: Life | undefined, own: Life): Promise<void> {
  // An owner without a socket is not heard, and whether it could have one depends on the path that it came by: whoever reads may be the owner.
  const unknown = async (): Promise<boolean> => isReadByOthers(env) || await isAnyoneHeard(directory, kind, own)
  const lives = owner === undefined ? await unknown() : await isAlive(directory, owner)
  if (!lives) return
  const name = owner === undefined ? 'a process that is not noted' : `process ${owner.pid}${owner.pid === process.pid ? ' (this one)' : ''}`
  throw new StorageError('locked', `The store in ${directory} is in use by ${name}; stop it first, or use another directory`)
}

/** Whether another process has the file open, as LMDB notes it. */
function isReadByOthers (env: Tables['env']): boolean {
  env.readerCheck()
  // A line of headings, then the number of a process in each.
  return env.readerList().split('\n').slice(1).map(line => Number.parseInt(line, 10)).some(pid => pid > 0 && pid !== process.pid)
}
