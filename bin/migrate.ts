/** `fastify-cdmi migrate`: the tables of a store in a database are made, or brought up to date, before a server opens it. */
import { databaseOptions } from '../server/store-config.js'
import { migrateStore } from '../storage/distributed/migrate-store.js'
import { configOf, type Flags } from './config-flags.js'
import { PendingMigrationsError, UsageError } from './failure.js'

/** Exit codes: 0 all is up to date, 1 it did not work, 2 wrong options, 3 `--dry-run` has found something to do. */
export async function migrateCommand (flags: Flags): Promise<void> {
  const options = databaseOptions(configOf(flags))
  if (options === undefined) throw new UsageError('Only a store in a database has something to migrate: name the database with --meta or CDMI_META')
  const dryRun = flags['dryRun'] === true
  const { schema, version, migrations } = await migrateStore(options, { dryRun })
  if (migrations.length === 0) {
    process.stdout.write(`The store in schema ${schema} has version ${version}, the one of this build; there is nothing to do.\n`)
    return
  }
  for (const { version, title } of migrations) process.stdout.write(`${dryRun ? 'to do' : 'done'}: ${version}  ${title}\n`)
  if (dryRun) throw new PendingMigrationsError(schema)
  process.stdout.write(`The store in schema ${schema} has version ${version} now, the one of this build.\n`)
}
