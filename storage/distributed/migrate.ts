/** Brings a schema up to this build's version, and makes it when it is not there. Any number of servers may do so at once. */
import { StorageError, type ObjectID } from '../contract.js'
import { mintObjectID } from '../object-id.js'
import { idKey, idText } from '../object-key.js'
import { unfinished } from '../transfer/ends.js'
import type { Database } from './database.js'
import { firstTables } from './migrations/first-tables.js'
import { formerPrune } from './migrations/former-prune.js'
import { usage } from './migrations/usage.js'
import { placeIdentity } from './migrations/place-identity.js'
import { mendedFunctions } from './migrations/mended-functions.js'
import { scrubPlace } from './migrations/scrub-place.js'
import { trees } from './migrations/trees.js'
import type { Names } from './names.js'
import { tryTransferLock } from './transfer-lock.js'

interface Migration {
  /** For the operator: what it makes or changes. */
  readonly title: string
  readonly sql: (names: Names) => string
}

/** Each makes a store of version n from one of version n - 1, n being its place, counted from 1. None is ever changed once it was released. */
const migrations: readonly Migration[] = [
  { title: 'tables and functions of a new store', sql: firstTables },
  { title: 'accounts of what owners and containers have', sql: usage },
  { title: 'where the scrub is', sql: scrubPlace },
  { title: 'which place has the values', sql: placeIdentity },
  { title: 'accounts of what containers have with all that is below them', sql: trees },
  { title: 'functions that need no rights for the tables of accounts, and do less at a time', sql: mendedFunctions },
  { title: 'a function that sweepers of older servers need', sql: formerPrune }
]

/** What this build writes. */
export const schemaVersion = migrations.length

export interface NumberedMigration {
  /** The version that the store has with it. */
  readonly version: number
  readonly title: string
}

export interface MigrationOptions {
  readonly enterpriseNumber: number
  /** Who opens the store has it for a transfer (`transfer-lock`), and may find it unfinished. Default: false. */
  readonly transfers?: boolean
  /** False: what is not up to date is refused and left as it is. Default: true. */
  readonly migrate?: boolean
}

export interface Migrated {
  readonly rootID: ObjectID
  readonly applied: readonly NumberedMigration[]
}

/** Takes the lock of who makes or changes tables, until the end of the transaction. */
export const migrationLock = ({ seed }: Names): string => `select pg_advisory_xact_lock(hashtextextended('migrate', ${seed}))`

/** Throws a StorageError: 'format' when a newer build was here, or something else, or when it may not migrate and has to; 'locked' while others transfer it. */
export async function migrate (database: Database, names: Names, { enterpriseNumber, transfers = false, migrate: mayMigrate = true }: MigrationOptions): Promise<Migrated> {
  const { schema, plain } = names
  return await database.session(`opening schema ${plain}`, async client => {
    const here = await requireUtf8(client, names)
    await client.query('begin')
    // Who comes second finds all of it done. Never the lock of a change: that is held for as long as somebody reads this schema's tables.
    await client.query(migrationLock(names))
    if (!transfers) await requireNoTransfer(client, names)
    const before = await versionOf(client, names)
    const pending = pendingAfter(before, names)
    if (pending.length > 0) {
      if (!mayMigrate) throw new StorageError('format', `${before === 0 ? `There is no store in schema ${plain}` : `The store in schema ${plain} has version ${before}, and this build needs ${schemaVersion}`}; run "fastify-cdmi migrate" first`)
      if (!here) await client.query(`create schema if not exists ${schema}`)
      if (before === 0) await client.query(`create table if not exists ${schema}.migrations (version int primary key, at timestamptz not null default clock_timestamp())`)
      for (const { version } of pending) {
        await client.query(migrations[version - 1]?.sql(names) ?? '')
        await client.query(`insert into ${schema}.migrations (version) values ($1)`, [version])
      }
      await makeRoot(client, names, enterpriseNumber)
    }
    const { rows: [store] } = await client.query<{ root: Buffer }>(`select root from ${schema}.store`)
    await client.query('commit')
    if (store === undefined) throw new StorageError('format', `The store in schema ${plain} has no root container`)
    return { rootID: idText(store.root), applied: pending }
  })
}

/** What `migrate` would apply; changes nothing. Throws as it does. */
export async function pendingMigrations (database: Database, names: Names): Promise<readonly NumberedMigration[]> {
  return await database.session(`looking at schema ${names.plain}`, async client => {
    await requireUtf8(client, names)
    await client.query('begin read only')
    await requireNoTransfer(client, names)
    const pending = pendingAfter(await versionOf(client, names), names)
    await client.query('commit')
    return pending
  })
}

/** Throws a StorageError 'format' when the tables are not those that this build works with: somebody may have changed them since the store was opened. */
export async function requireVersion (database: Database, { schema, plain }: Names): Promise<void> {
  const [row] = await database.rows<[number | null]>({ name: 'version', text: `select max(version) from ${schema}.migrations` }, [], 'reading the version of the store')
  if (row?.[0] !== schemaVersion) throw new StorageError('format', `The store in schema ${plain} has version ${row?.[0] ?? 0} now; this build works with ${schemaVersion}`)
}

type Session = Parameters<Parameters<Database['session']>[1]>[0]

/** Answers whether the schema is there. */
async function requireUtf8 (client: Session, { plain }: Names): Promise<boolean> {
  const { rows: [server] } = await client.query<{ encoding: string, here: boolean }>("select current_setting('server_encoding') as encoding, exists (select 1 from pg_namespace where nspname = $1) as here", [plain])
  if (server?.encoding !== 'UTF8') throw new StorageError('format', `The database has the encoding ${server?.encoding ?? 'unknown'}; a store needs UTF8`)
  return server.here
}

/** 0: there is none yet. */
async function versionOf (client: Session, { schema, plain }: Names): Promise<number> {
  const { rows: tables } = await client.query<{ name: string }>('select tablename as name from pg_tables where schemaname = $1', [plain])
  if (tables.length === 0) return 0
  if (!tables.some(({ name }) => name === 'migrations')) throw new StorageError('format', `Schema ${plain} is not empty and not a store; give the name of one that does not exist`)
  const { rows: [newest] } = await client.query<{ version: number | null }>(`select max(version) as version from ${schema}.migrations`)
  return newest?.version ?? 0
}

/** Throws for a store of a newer build. */
function pendingAfter (before: number, { plain }: Names): NumberedMigration[] {
  if (before > schemaVersion) throw new StorageError('format', `The store in schema ${plain} has version ${before}; this build knows versions up to ${schemaVersion}. Use the newer build that wrote it`)
  return migrations.map(({ title }, index) => ({ version: index + 1, title })).slice(before)
}

/** A server must not come while a transfer reads the store or fills it, nor before one that fills it has come to its end. */
async function requireNoTransfer (client: Session, names: Names): Promise<void> {
  const { plain } = names
  const { rows: [store] } = await client.query<{ filling: boolean, free: boolean }>(`select exists (select 1 from pg_tables where schemaname = $1 and tablename = 'intake') as filling, ${tryTransferLock(names, 'shared')} as free`, [plain])
  if (store?.free !== true) throw new StorageError('locked', `The store in schema ${plain} is being transferred right now; wait until that has ended`)
  if (store.filling) throw new StorageError('format', `The store in schema ${plain} ${unfinished}`)
}

async function makeRoot (client: Session, { schema }: Names, enterpriseNumber: number): Promise<void> {
  const id = idKey(mintObjectID(enterpriseNumber))
  const born = Date.now() * 1000
  const attributes = JSON.stringify({ metadata: {}, created: born, modified: born, completionStatus: 'Complete' })
  const { rowCount } = await client.query(`insert into ${schema}.store (root) values ($1) on conflict do nothing`, [id])
  if (rowCount === 1) await client.query(`insert into ${schema}.records (id, version, type, size, attributes) values ($1, 1, 'c', 0, $2)`, [id, attributes])
}
