/** Opens a store of many servers: records in PostgreSQL, bytes in a place that all of them reach. */
import { Registry } from '../../metrics/registry.js'
import type { CompleteDistributedOptions } from '../../schemas/store-options.js'
import { composeStore, type Reporter } from '../compose-store.js'
import type { BlobStore, ObjectID, Store } from '../contract.js'
import { watchedReads } from '../damaged-reads.js'
import { withoutPlace } from '../scrub.js'
import { Database } from './database.js'
import { type DistributedScrub, distributedScrub } from './distributed-scrub.js'
import { readDistributed } from './distributed-metrics.js'
import { migrate, requireVersion } from './migrate.js'
import { type Names, namesOf, readDatabaseUrl } from './names.js'
import { nameOfDatabase, parseDatabaseUrl } from './database-url.js'
import { type BlobPlace, openBlobs } from './open-blobs.js'
import { pageChecksums } from './page-checksums.js'
import { claimPlace, type Placed, preparePlace } from './place-identity.js'
import { PostgresMeta } from './postgres-meta.js'
import { requireRights } from './rights.js'

/** For the operator. */
const noPageChecksums = 'the database has no checksums of its pages (data_checksums is off): a bit that flips in a record on its disk is found by nobody, and is served and backed up as it is; with the database stopped, "pg_checksums --enable" turns them on'

/** What a store is made of, before its tables are looked at. */
export interface Parts {
  readonly options: CompleteDistributedOptions
  readonly report: Reporter
  readonly names: Names
  readonly database: Database
  readonly place: BlobPlace
  readonly metrics: Registry
}

/** Throws OptionError for a URL that is none of ours, and a StorageError: 'format', 'unavailable', 'permission'. */
export async function openDistributed (options: CompleteDistributedOptions, report: Reporter): Promise<Store> {
  return await withParts(options, report, async parts => {
    const { rootID } = await migrate(parts.database, parts.names, options)
    await requireRights(parts.database, parts.names)
    return await withMeta(parts, async meta => await composeDistributed(parts, { meta, rootID, sweeps: true, close: async () => {} }))
  })
}

/** What is opened is let go of again when `work` fails. */
export async function withParts<T> (options: CompleteDistributedOptions, report: Reporter, work: (parts: Parts) => Promise<T>): Promise<T> {
  const { urls, schema } = readDatabaseUrl(options.meta)
  const names = namesOf(schema)
  const metrics = new Registry()
  const place = await openBlobs(options.blobs, metrics)
  const database = new Database({ ...options, urls })
  try {
    return await work({ options, report, names, database, place, metrics })
  } catch (error) {
    await database.close()
    await place.close()
    throw error
  }
}

export async function withMeta<T> ({ options, report, names, database, place }: Parts, work: (meta: PostgresMeta) => Promise<T>): Promise<T> {
  const meta = new PostgresMeta({ database, names, report, leaseTimeout: options.leaseTimeout, late: place.late })
  try {
    return await work(meta)
  } catch (error) {
    meta.stop()
    throw error
  }
}

/** What is compared at a start, or by who looks at the store. */
export function placedOf ({ options, database, names, place }: Parts): Placed & { readonly place: BlobPlace } {
  const url = parseDatabaseUrl(options.meta)
  return { database, names, place, databaseName: url === undefined ? `schema ${names.plain}` : nameOfDatabase(url) }
}

/** Values for who only reads them. */
export function looker (place: BlobPlace): BlobStore {
  return place.open({ leaseIsOpen: async () => false, left () {} }).blobs
}

interface Composition {
  readonly meta: PostgresMeta
  readonly rootID: ObjectID
  readonly sweeps: boolean
  /** Runs last. */
  readonly close: () => Promise<void>
}

export async function composeDistributed (parts: Parts, { meta, rootID, sweeps, close }: Composition): Promise<Store> {
  const { options, report, names, database, place, metrics } = parts
  readDistributed(metrics, database, names)
  const { scrubRate } = options
  let damagedReads = 0
  let bytes: Pick<BlobStore, 'get'> | undefined
  let scrub: DistributedScrub | undefined
  const placed = placedOf(parts)
  await preparePlace(placed, async () => (await meta.namedBlobs(undefined, 1)).length > 0)
  await claimPlace(placed, async limit => (await meta.namedBlobs(undefined, limit)).map(({ blob }) => blob), looker(place))
  return await composeStore({
    name: `postgresql+${place.name}`,
    meta,
    blobs: left => {
      meta.whenCommitDoubted(left)
      const { blobs, probe } = place.open({ leaseIsOpen: async lease => await meta.leaseIsOpen(lease), left })
      bytes = blobs
      return { blobs: watchedReads(blobs, () => { damagedReads++ }), probe }
    },
    integrity: () => ({ damagedReads, scrub: scrub === undefined ? undefined : withoutPlace(scrub.note()) }),
    ...sweeps && scrubRate > 0 && {
      // What it reads, and finds, is not what clients do.
      background () {
        scrub = distributedScrub(meta, bytes ?? looker(place), { rate: scrubRate, report })
        return scrub
      }
    },
    rootID,
    ...!await pageChecksums(database) && { notices: [noPageChecksums] },
    settings: options,
    report,
    flags: { crossProcess: true },
    sweeps,
    metrics,
    leaseTimeout: options.leaseTimeout,
    check: async () => { await requireVersion(database, names) },
    close: async () => {
      await meta.close()
      await place.close()
      await close()
    }
  })
}
