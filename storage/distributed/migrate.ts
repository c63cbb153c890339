/** Brings a schema up to this build's version, and makes it when it is not there. Any number of servers may do so at once. */
import { StorageError, type ObjectID } from '../contract.js'
import { mintObjectID } from '../object-id.js'
import { idKey, idText } from '../object-key.js'
import type { Database } from './database.js'
import { firstTables } from './migrations/first-tables.js'
import { unfinished } from '../transfer/ends.js'
import type { Names } from './names.js'
import { tryTransferLock } from './transfer-lock.js'

/** Each makes a store of version n from one of version n - 1, n being its place, counted from 1. None is ever changed once it was released. */
const migrations: ReadonlyArray<(names: Names) => string> = [firstTables]

/** What this build writes. */
const schemaVersion = migrations.length

/** Takes the lock of who makes or changes tables, until the end of the transaction. */
export const migrationLock = ({ seed }: Names): string => `select pg_advisory_xact_lock(hashtextextended('migrate', ${seed}))`

/**
 * Answers the ID of the root container. `transfers`: who opens the store has it for a transfer (`transfer-lock`), and may find it unfinished.
 * Throws a StorageError: 'format' when a newer build was here, or something else, 'locked' while others transfer it.
 */
export async function migrate (database: Database, names: Names, enterpriseNumber: number, transfers = false): Promise<ObjectID> {
  const { schema, plain } = names
  return await database.session(`opening schema ${plain}`, async client => {
    const { rows: [server] } = await client.query<{ encoding: string, here: boolean }>("select current_setting('server_encoding') as encoding, exists (select 1 from pg_namespace where nspname = $1) as here", [plain])
    if (server?.encoding !== 'UTF8') throw new StorageError('format', `The database has the encoding ${server?.encoding ?? 'unknown'}; a store needs UTF8`)
    await client.query('begin')
    // Who comes second finds all of it done. Never the lock of a change: that is held for as long as somebody reads this schema's tables.
    await client.query(migrationLock(names))
    if (!transfers) await requireNoTransfer(client, names)
    if (!server.here) await client.query(`create schema if not exists ${schema}`)
    const before = await versionOf(client, names)
    if (before > schemaVersion) throw new StorageError('format', `The store in schema ${plain} has version ${before}; this build knows versions up to ${schemaVersion}. Use the newer build that wrote it`)
    for (const [index, migration] of migrations.entries()) {
      if (index < before) continue
      await client.query(migration(names))
      await client.query(`insert into ${schema}.migrations (version) values ($1)`, [index + 1])
    }
    await makeRoot(client, names, enterpriseNumber)
    const { rows: [store] } = await client.query<{ root: Buffer }>(`select root from ${schema}.store`)
    await client.query('commit')
    if (store === undefined) throw new StorageError('format', `The store in schema ${plain} has no root container`)
    return idText(store.root)
  })
}

type Session = Parameters<Parameters<Database['session']>[1]>[0]

async function versionOf (client: Session, { schema, plain }: Names): Promise<number> {
  const { rows: tables } = await client.query<{ name: string }>('select tablename as name from pg_tables where schemaname = $1', [plain])
  if (tables.length === 0) {
    await client.query(`create table ${schema}.migrations (version int primary key, at timestamptz not null default clock_timestamp())`)
    return 0
  }
  if (!tables.some(({ name }) => name === 'migrations')) throw new StorageError('format', `Schema ${plain} is not empty and not a store; give the name of one that does not exist`)
  const { rows: [newest] } = await client.query<{ version: number | null }>(`select max(version) as version from ${schema}.migrations`)
  return newest?.version ?? 0
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
