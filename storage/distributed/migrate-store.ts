/** Migrates the tables of a store of many servers without opening it: for operators who do that by hand. */
import { completeDistributedOptions, type DistributedStoreOptions } from '../../schemas/store-options.js'
import { Database } from './database.js'
import { migrate, type NumberedMigration, pendingMigrations, schemaVersion } from './migrate.js'
import { namesOf, readDatabaseUrl } from './names.js'

export interface MigrationReport {
  readonly schema: string
  /** Of the store when all of these are applied. */
  readonly version: number
  /** What was applied now, or would be. */
  readonly migrations: readonly NumberedMigration[]
}

/** Milliseconds that a migration may take, and wait for another one: tables may be large, and somebody looks on. */
const patience = 86_400_000

/** `dryRun`: only tells what is to be done. Throws OptionError, and StorageErrors as the opening of the store does. */
export async function migrateStore (options: Omit<DistributedStoreOptions, 'blobs'>, { dryRun }: { readonly dryRun: boolean }): Promise<MigrationReport> {
  const { urls, schema } = readDatabaseUrl(options.meta)
  const names = namesOf(schema)
  const complete = completeDistributedOptions({ ...options, blobs: '' })
  const database = new Database({ ...complete, urls, databaseTimeout: dryRun ? complete.databaseTimeout : patience })
  try {
    const migrations = dryRun ? await pendingMigrations(database, names) : (await migrate(database, names, complete)).applied
    return { schema, version: schemaVersion, migrations }
  } finally {
    await database.close()
  }
}
