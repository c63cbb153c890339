/** The store that the configuration names: in a directory of this machine, or in a database and a place of values that many servers share. */
import { setTimeout as delay } from 'node:timers/promises'
import { openStore, type Store, StorageError } from '../index.js'
import type { ServerConfig } from '../schemas/config.js'
import { makeFirstUser } from './first-user.js'
import { defaultDirectory, storeOptions, milliseconds, sharedOptions, storeDirectory } from './store-config.js'
import { tlsOptions } from './tls.js'

/** Seconds that a start waits for the database, at most; and milliseconds between two attempts. */
const startTimeout = 30
const pause = 1000
export interface Opening {
  /** Is told of what fails in the background, and what was being done. */
  readonly report: (error: unknown, doing: string) => void
  /** Is told, once, that the database cannot be reached and the start waits for it. */
  readonly waiting?: (error: StorageError) => void
  /** Is told what the operator should know of the place of the store. */
  readonly notice?: (sentence: string) => void
  /** Options of `openStore` that are not to be as the configuration says, or does not say. */
  readonly changes?: { readonly sweepInterval?: number, readonly migrate?: boolean }
}

/** A server of a store in a database makes neither users nor certificates: to be called before that is opened. Throws ConfigError when they are missing. */
export async function checkShared (config: ServerConfig): Promise<void> {
  await tlsOptions(config, undefined)
  await makeFirstUser(config, undefined)
}

/** Throws ConfigError, OptionError and StorageError; 'unavailable' only when the database did not come within `database.startTimeout`. */
export async function openConfiguredStore (config: ServerConfig, { report, waiting, notice = () => {}, changes: { sweepInterval, migrate } = {} }: Opening): Promise<Store> {
  const sweeps = sweepInterval === undefined ? {} : { sweepInterval }
  const shared = sharedOptions(config)
  if (shared === undefined) return await openStore({ directory: storeDirectory(config) ?? defaultDirectory, ...storeOptions(config), ...sweeps }, report)
  const store = await patiently(config, waiting, async () => await openStore({ ...shared, ...sweeps, ...migrate !== undefined && { migrate } }, report))
  for (const sentence of store.notices ?? []) notice(sentence)
  return store
}

/** Tries again while the database cannot be reached, for as long as the configuration says. */
export async function patiently<T> ({ database }: ServerConfig, waiting: Opening['waiting'], work: () => Promise<T>): Promise<T> {
  const end = performance.now() + milliseconds(database?.startTimeout ?? startTimeout)
  for (let told = false; ; told = true) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof StorageError && error.reason === 'unavailable') || performance.now() + pause > end) throw error
      if (!told) waiting?.(error)
    }
    await delay(pause)
  }
}
