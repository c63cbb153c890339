/** What the configuration says of the store. Commands that only look at it need not load a server. */
import type { ServerConfig } from '../schemas/config.js'
import type { DistributedStoreOptions } from '../schemas/store-options.js'
import { ConfigError } from './config-sources.js'

/** Of a store in a directory. */
export const defaultDirectory = './data'
/** Seconds. */
const day = 86_400

/** Options of `openStore` that stand in the configuration whatever the store is made of. */
export function storeOptions ({ trashGrace, logRetention, scrubRate }: ServerConfig): { trashGrace?: number, logRetention?: number, scrubRate?: number } {
  return {
    ...trashGrace !== undefined && { trashGrace: milliseconds(trashGrace) },
    ...logRetention !== undefined && { logRetention: milliseconds(logRetention * day) },
    ...scrubRate !== undefined && { scrubRate }
  }
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
function closingTime ({ meta, database: { timeout = 30, connectTimeout = 5 } = {} }: ServerConfig): number {
  return meta === undefined ? 0 : milliseconds(timeout + connectTimeout)
}

/** Milliseconds that the end of a server may take, from the signal on, before something is wrong. */
export function endingTime (config: ServerConfig): number {
  const { drainDelay = 0, drainTimeout = 30 } = config
  return milliseconds(drainDelay + drainTimeout) + closingTime(config)
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

export function milliseconds (seconds: number): number {
  return Math.round(seconds * 1000)
}
