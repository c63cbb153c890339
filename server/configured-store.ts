/** The store that the configuration names: in a directory of this machine, or in a database and a place of values that many servers share. */
import { setTimeout as delay } from 'node:timers/promises'
import { openStore, type Store, StorageError } from '../index.js'
import type { ServerConfig } from '../schemas/config.js'
import type { DistributedStoreOptions } from '../schemas/store-options.js'
import { ConfigError } from './config-sources.js'
import { makeFirstUser } from './first-user.js'
import { tlsOptions } from './tls.js'

/** Of a store in a directory. */
export const defaultDirectory = './data'
/** Seconds that a start waits for the database, at most; and milliseconds between two attempts. */
const startTimeout = 30
const pause = 1000
/** Seconds. */
const day = 86_400

export interface Opening {
  /** Is told of what fails in the background, and what was being done. */
  readonly report: (error: unknown, doing: string) => void
  /** Is told, once, that the database cannot be reached and the start waits for it. */
  readonly waiting?: (error: StorageError) => void
  /** Options of `openStore` that are not to be as the configuration says, or does not say. */
  readonly changes?: { readonly sweepInterval?: number, readonly migrate?: boolean }
}

/** Options of `openStore` that stand in the configuration whatever the store is made of. */
export function storeOptions ({ trashGrace, logRetention }: ServerConfig): { trashGrace?: number, logRetention?: number } {
  return {
    ...trashGrace !== undefined && { trashGrace: milliseconds(trashGrace) },
    ...logRetention !== undefined && { logRetention: milliseconds(logRetention * day) }
  }
}

/** Options of `openStore` for a store in a directory. */
export function directoryOptions (config: ServerConfig): { trashGrace?: number, scrubRate?: number } {
  return { ...storeOptions(config), ...config.scrubRate !== undefined && { scrubRate: config.scrubRate } }
}

/** The directory of the store; undefined when it is in a database. Throws ConfigError when the configuration says both, or half of it. */
export function storeDirectory (config: ServerConfig): string | undefined {
  const { data, meta, blobs, migrate, database } = config
  if (meta !== undefined && data !== undefined) throw new ConfigError('Both data and meta are given (--data, CDMI_DATA; --meta, CDMI_META): a store is in a directory or in a database; leave one of them out')
  if (meta !== undefined && blobs === undefined) throw new ConfigError('The option meta needs blobs, the place of longer values (--blobs, CDMI_BLOBS): s3://bucket/prefix or file:///directory')
  if (meta !== undefined) return undefined
  if (blobs !== undefined) throw new ConfigError('The option blobs needs meta, the database of the records (--meta, CDMI_META): postgres://host/database')
  const [needless] = [...migrate === undefined ? [] : ['migrate'], ...Object.keys(database ?? {}).map(name => `database.${name}`)]
  if (needless !== undefined) throw new ConfigError(`The option ${needless} is for a store in a database (--meta, CDMI_META)`)
  return data ?? defaultDirectory
}

/** Milliseconds that closing the store may take while its database says nothing. */
export function closingTime ({ meta, database: { timeout = 30, connectTimeout = 5 } = {} }: ServerConfig): number {
  return meta === undefined ? 0 : milliseconds(timeout + connectTimeout)
}

/** A server of a store in a database makes neither users nor certificates: to be called before that is opened. Throws ConfigError when they are missing. */
export async function checkShared (config: ServerConfig): Promise<void> {
  await tlsOptions(config, undefined)
  await makeFirstUser(config, undefined)
}

/** What the configuration says of a store in a database; undefined for one in a directory. Throws ConfigError as `storeDirectory` does. */
export function sharedOptions (config: ServerConfig): DistributedStoreOptions | undefined {
  const { blobs, migrate } = config
  if (storeDirectory(config) !== undefined || blobs === undefined) return undefined
  const database = databaseOptions(config)
  return database === undefined ? undefined : { ...database, blobs, ...storeOptions(config), ...migrate !== undefined && { migrate } }
}

/** What it says of the database alone; undefined when it names none. */
export function databaseOptions ({ meta, database = {} }: ServerConfig): Omit<DistributedStoreOptions, 'blobs'> | undefined {
  if (meta === undefined) return undefined
  const { connections, queue, timeout, connectTimeout, leaseTimeout } = database
  return {
    meta,
    ...connections !== undefined && { connections },
    ...queue !== undefined && { queue },
    ...timeout !== undefined && { databaseTimeout: milliseconds(timeout) },
    ...connectTimeout !== undefined && { connectTimeout: milliseconds(connectTimeout) },
    ...leaseTimeout !== undefined && { leaseTimeout: milliseconds(leaseTimeout) }
  }
}

/** Throws ConfigError, OptionError and StorageError; 'unavailable' only when the database did not come within `database.startTimeout`. */
export async function openConfiguredStore (config: ServerConfig, { report, waiting, changes: { sweepInterval, migrate } = {} }: Opening): Promise<Store> {
  const sweeps = sweepInterval === undefined ? {} : { sweepInterval }
  const shared = sharedOptions(config)
  if (shared === undefined) return await openStore({ directory: storeDirectory(config) ?? defaultDirectory, ...directoryOptions(config), ...sweeps }, report)
  return await patiently(config, waiting, async () => await openStore({ ...shared, ...sweeps, ...migrate !== undefined && { migrate } }, report))
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

function milliseconds (seconds: number): number {
  return Math.round(seconds * 1000)
}
