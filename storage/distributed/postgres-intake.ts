/**
 * How a store in PostgreSQL is filled with all that another one has. While it is, the schema has two tables more: `intake` says so, and from which
 * store; `moved` says which blob here has the bytes of which one there. Afterwards `filled` says what it was filled with. No statement here runs beside another server's.
 */
import type { PoolClient } from 'pg'
import { type BlobBirth, type BlobID, type LeaseID, type LoggedEvent, type ObjectID, type Sequence, StorageError } from '../contract.js'
import { checkPlace, idKey, idText } from '../object-key.js'
import type { Intake, IntakeBeginning, Origin, WholeRecord } from '../transfer/ends.js'
import type { Database } from './database.js'
import { migrationLock } from './migrate.js'
import type { Names } from './names.js'
import { renewAhead, type Statements } from './statements.js'

export interface PostgresIntakeParts {
  readonly database: Database
  readonly names: Names
  readonly statements: Statements
  /** Milliseconds after which a server that was not heard of counts as dead. */
  readonly leaseTimeout: number
}

export class PostgresIntake implements Intake {
  readonly #parts: PostgresIntakeParts

  constructor (parts: PostgresIntakeParts) {
    this.#parts = parts
  }

  async #transaction<T> (doing: string, work: (client: PoolClient, schema: string) => Promise<T>): Promise<T> {
    const { database, names } = this.#parts
    return await database.session(doing, async client => {
      await client.query('begin')
      const result = await work(client, names.schema)
      await client.query('commit')
      return result
    })
  }

  async begin ({ rootID, last }: Origin): Promise<IntakeBeginning> {
    const { names, leaseTimeout } = this.#parts
    return await this.#transaction('beginning to fill the store', async (client, s) => {
      await client.query(migrationLock(names))
      const { rows: here } = await client.query<{ name: string }>("select tablename as name from pg_tables where schemaname = $1 and tablename in ('intake', 'filled')", [names.plain])
      if (here.some(({ name }) => name === 'intake')) {
        const { rows: [intake] } = await client.query<{ root: Buffer }>(`select root from ${s}.intake`)
        if (intake === undefined || idText(intake.root) !== rootID) return 'foreign'
        // Of transfers that have ended, however that was: nobody else takes one while this table is there.
        await client.query(`select ${s}.close_lease(id) from ${s}.leases where open`)
        return 'resumed'
      }
      if (here.some(({ name }) => name === 'filled')) {
        const { rows } = await client.query(`select 1 from ${s}.filled f, ${s}.log_sequence l where f.root = $1 and f.last = $2 and $2 = case when l.is_called then l.last_value else 0 end`, [idKey(rootID), last])
        return rows.length > 0 ? 'finished' : 'occupied'
      }
      await requireUnused(client, names, leaseTimeout)
      const { rows: [store] } = await client.query<{ used: boolean }>(`select (select is_called from ${s}.log_sequence) or exists (select 1 from ${s}.log) or exists (select 1 from ${s}.blobs)
        or exists (select 1 from ${s}.records r where r.version > 1 or r.id <> (select root from ${s}.store)) as used`)
      if (store?.used !== false) return 'occupied'
      await client.query(`create table ${s}.intake (root bytea not null, begun timestamptz not null default clock_timestamp())`)
      await client.query(`create table ${s}.moved (source text collate "C" primary key, blob text collate "C" not null)`)
      await client.query(`delete from ${s}.records`)
      await client.query(`update ${s}.store set root = $1`, [idKey(rootID)])
      await client.query(`insert into ${s}.intake (root) values ($1)`, [idKey(rootID)])
      return 'begun'
    })
  }

  async moved (blobs: readonly BlobID[]): Promise<ReadonlyArray<BlobID | undefined>> {
    if (blobs.length === 0) return []
    const rows = await this.#parts.database.rows<[source: string, blob: string]>(this.#parts.statements.moved, [blobs], 'reading what was moved')
    const known = new Map(rows)
    return blobs.map(blob => known.get(blob))
  }

  async move (lease: LeaseID, from: BlobID, { blob, size, hash }: BlobBirth): Promise<boolean> {
    return (await this.#parts.database.rows(this.#parts.statements.move, [lease, from, blob, size, hash], 'noting what was moved', { repeatable: false })).length === 1
  }

  async take (wholes: readonly WholeRecord[], gone: readonly ObjectID[]): Promise<void> {
    await this.#transaction('writing records', async (client, s) => {
      const ids = wholes.map(({ record }) => idKey(record.id))
      const all = [...ids, ...gone.map(idKey)]
      await client.query(`with lost as (delete from ${s}.segments where record_id = any($1::bytea[]) returning blob)
        update ${s}.blobs set trashed = clock_timestamp() where id in (select blob from lost)`, [all])
      await client.query(`delete from ${s}.accesses where id = any($1::bytea[])`, [all])
      if (gone.length > 0) await client.query(`delete from ${s}.records where id = any($1::bytea[])`, [gone.map(idKey)])
      if (wholes.length > 0) await putRecords(client, s, wholes)
    })
  }

  async log (entries: readonly LoggedEvent[]): Promise<void> {
    const [first, last] = [entries[0], entries.at(-1)]
    if (first === undefined || last === undefined) return
    await this.#transaction('writing the change log', async (client, s) => {
      const before = await lastOf(client, s)
      // What is missing before the first of all was trimmed; what is missing between two belonged to nobody.
      if (before === undefined) await client.query(`update ${s}.store set trimmed = $1`, [first.sequence - 1])
      await client.query(`insert into ${s}.log (sequence, at, event)
        select place, clock_timestamp(), e.event from generate_series($1::bigint, $2::bigint) place
        left join unnest($3::bigint[], $4::text[]) as e(sequence, event) on e.sequence = place
        on conflict do nothing`, [before === undefined ? first.sequence : before + 1, last.sequence, entries.map(({ sequence }) => sequence), entries.map(({ event }) => JSON.stringify(event))])
      await client.query('select setval($1::regclass, $2::bigint)', [`${s}.log_sequence`, last.sequence])
    })
  }

  async finish (last: Sequence): Promise<void> {
    await this.#transaction('finishing the store', async (client, s) => {
      const entered = await lastOf(client, s)
      if (entered === undefined) await client.query(`update ${s}.store set trimmed = $1`, [last])
      else await client.query(`insert into ${s}.log (sequence, at) select place, clock_timestamp() from generate_series($1::bigint, $2::bigint) place`, [entered + 1, last])
      if (last > 0) await client.query('select setval($1::regclass, $2::bigint)', [`${s}.log_sequence`, last])
      await client.query(`create table ${s}.filled as select root, $1::bigint as last from ${s}.intake`, [last])
      await client.query(`drop table ${s}.moved`)
      await client.query(`drop table ${s}.intake`)
    })
  }
}

async function lastOf (client: PoolClient, s: string): Promise<Sequence | undefined> {
  const { rows: [row] } = await client.query<{ last: string | null }>(`select max(sequence) as last from ${s}.log`)
  return row === undefined || row.last === null ? undefined : Number(row.last)
}

async function putRecords (client: PoolClient, s: string, wholes: readonly WholeRecord[]): Promise<void> {
  const records = wholes.map(({ record: { id, version, type, parentID, name, attributes, size, inline } }) => {
    checkPlace({ id, version, type, parentID, name, attributes, size, segments: { kind: 'keep' } })
    return {
      id: idKey(id),
      version,
      type,
      parentID: parentID === undefined ? null : idKey(parentID),
      name: name === undefined ? null : Buffer.from(name),
      size,
      attributes: JSON.stringify(attributes),
      inline: inline === undefined ? null : Buffer.from(inline.buffer, inline.byteOffset, inline.length)
    }
  })
  const ids = records.map(({ id }) => id)
  const [parents, names] = [records.map(({ parentID }) => parentID), records.map(({ name }) => name)]
  // Who has one of these places is about to leave it: he is in this page, or will be in another.
  await client.query(`update ${s}.records r set parent_id = null, name = null from unnest($1::bytea[], $2::bytea[], $3::bytea[]) as p(id, parent_id, name)
    where r.parent_id = p.parent_id and r.name = p.name and r.id <> p.id`, [ids, parents, names])
  await client.query(`insert into ${s}.records (id, version, type, parent_id, name, size, attributes, inline)
    select * from unnest($1::bytea[], $2::bigint[], $3::text[], $4::bytea[], $5::bytea[], $6::bigint[], $7::text[], $8::bytea[])
    on conflict (id) do update set version = excluded.version, type = excluded.type, parent_id = excluded.parent_id, name = excluded.name,
      size = excluded.size, attributes = excluded.attributes, inline = excluded.inline`,
  [ids, records.map(({ version }) => version), records.map(({ type }) => type), parents, names, records.map(({ size }) => size), records.map(({ attributes }) => attributes), records.map(({ inline }) => inline)])
  const segments = wholes.flatMap(({ record: { id }, segments }) => segments.map(segment => ({ id: idKey(id), ...segment })))
  if (segments.length > 0) {
    await client.query(`insert into ${s}.segments (record_id, start, length, blob, blob_start) select * from unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[])`,
      [segments.map(({ id }) => id), segments.map(({ offset }) => offset), segments.map(({ length }) => length), segments.map(({ blob }) => blob), segments.map(({ blobOffset }) => blobOffset)])
  }
  const noted = wholes.flatMap(({ record, accesses }) => accesses === undefined ? [] : [{ id: idKey(record.id), ...accesses }])
  if (noted.length > 0) {
    await client.query(`insert into ${s}.accesses (id, count, last) select * from unnest($1::bytea[], $2::bigint[], $3::bigint[])`,
      [noted.map(({ id }) => id), noted.map(({ count }) => count), noted.map(({ last }) => last)])
  }
}

/** To be done before it is asked who lives, and not undone when that is refused. */
export async function hearAnew ({ database, names }: Pick<PostgresIntakeParts, 'database' | 'names'>): Promise<void> {
  await database.session('looking for servers', async client => { await client.query(renewAhead(names.schema)) })
}

/** Throws a StorageError 'locked' when a server has the store open, or may have. */
export async function requireUnused (client: PoolClient, { schema: s, plain }: Names, leaseTimeout: number): Promise<void> {
  const { rows: [seen] } = await client.query<{ ago: number | null }>(`select extract(epoch from clock_timestamp() - max(seen))::float8 as ago from ${s}.leases where open and seen > clock_timestamp() - $1::float8 * interval '1 millisecond'`, [leaseTimeout])
  if (seen === undefined || seen.ago === null) return
  throw new StorageError('locked', `A server has the store in schema ${plain} open, or had it open until it died ${Math.round(seen.ago)} seconds ago; stop all servers, or wait until it is not heard of for ${Math.round(leaseTimeout / 1000)} seconds`)
}
