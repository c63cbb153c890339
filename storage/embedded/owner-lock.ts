/**
 * One server owns a store. Who it is stands in the store itself, and is changed there by compare-and-swap in a write
 * transaction, so that of two that start at once exactly one wins. That he lives is shown by his sign of life.
 */
import { StorageError } from '../contract.js'
import { forgetLife, isAlive, type Life, showLife } from './sign-of-life.js'
import { stateKeys, type Tables } from './tables.js'

export interface OwnerLock {
  /** Gives the store up. */
  release (): Promise<void>
  /** The same where nothing can be written: whoever comes next finds that the owner does not live. */
  leave (): Promise<void>
}

/**
 * Takes the store, or throws a StorageError 'locked' that names the owner.
 */
export async function takeOwnership (directory: string, tables: Tables): Promise<OwnerLock> {
  const sign = await showLife(directory, 'owner')
  const mine = Buffer.from(JSON.stringify(sign.life))
  try {
    for (;;) {
      tables.env.resetReadTxn()
      const before = tables.state.getBinary(stateKeys.owner)
      if (before !== undefined) {
        const owner = JSON.parse(before.toString()) as Life
        if (await isAlive(directory, owner)) {
          throw new StorageError('locked', `The store in ${directory} is in use by process ${owner.pid}${owner.pid === process.pid ? ' (this one)' : ''}; stop it first, or use another directory`)
        }
        forgetLife(directory, owner)
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
  return {
    async release () {
      try {
        tables.env.transactionSync(() => {
          if (tables.state.getBinary(stateKeys.owner)?.equals(mine) === true) tables.state.removeSync(stateKeys.owner)
        })
      } catch (error) {
        await sign.leave()
        throw error
      }
      await sign.close()
    },
    leave: async () => { await sign.leave() }
  }
}
