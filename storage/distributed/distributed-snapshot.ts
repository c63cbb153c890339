/** A snapshot of a store of many servers, which go on serving: PostgreSQL keeps the records as they were, a pin keeps the bytes. */
import type { Client } from 'pg'
import type { CompleteDistributedOptions } from '../../schemas/store-options.js'
import type { Reporter } from '../compose-store.js'
import { type BlobBirth, type BlobID, type LoggedEvent, type ObjectID, type Sequence, StorageError } from '../contract.js'
import type { StoreSnapshot } from '../backup/snapshot.js'
import { type PassOver, readableOf } from '../backup/unreadable.js'
import { idKey } from '../object-key.js'
import type { WholeRecord, WholesQuery } from '../transfer/ends.js'
import type { Statement } from './database.js'
import { toDatabaseError } from './database-errors.js'
import { openEvent } from './log-events.js'
import { migrate } from './migrate.js'
import type { Names } from './names.js'
import { requireStore } from './open-ends.js'
import { type Parts, placedOf, withParts } from './open-distributed.js'
import { checkPlace } from './place-identity.js'
import { setPin } from './pins.js'
import { wholeOfRow, type WholeRow } from './postgres-meta.js'
import { type Statements, statementsOf } from './statements.js'

/** Milliseconds that commits may have to wait for the snapshot, at most: it begins between two of them. */
const longestWait = 10_000

/** Counting all that is there may take so many times as long as other statements. */
const countingPatience = 100
/** Milliseconds that the server has to give up before this side does. */
const margin = 1000

/** Throws a StorageError: 'format' without a store, 'unavailable'. Whether servers have it open does not matter. */
export async function takeDistributedSnapshot (options: CompleteDistributedOptions, report: Reporter): Promise<StoreSnapshot> {
  return await withParts(options, report, async parts => {
    await requireStore(parts)
    const { rootID } = await migrate(parts.database, parts.names, { ...options, migrate: false })
    await checkPlace(placedOf(parts))
    const doing = 'taking a snapshot'
    const client = await parts.database.client().catch((error: unknown) => { throw toDatabaseError(error, doing) })
    try {
      return await begin(parts, client, rootID)
    } catch (error) {
      await client.end().catch(() => {})
      throw toDatabaseError(error, doing)
    }
  })
}

async function begin (parts: Parts, client: Client, rootID: ObjectID): Promise<StoreSnapshot> {
  const { database, names, options, place } = parts
  let lost = false
  const lose = (): void => { lost = true }
  client.on('error', lose)
  client.on('end', lose)
  await client.query(setPin(names))
  const { last, taken } = await beginBetweenCommits(parts, client)
  const reader = new SnapshotReader(client, names, options.databaseTimeout)
  const hasOrphans = (await reader.rows({ name: 'snapshot_orphans', text: `select 1 from ${names.schema}.orphans limit 1` }, [])).length > 0
  const release = async (): Promise<void> => { await database.patiently(client.end().catch(() => {})) }
  return {
    rootID,
    last,
    taken,
    meta: {
      census: async () => await reader.census(),
      wholes: async query => await reader.wholes(query, hasOrphans),
      namedBlobs: async (after, limit) => await reader.namedBlobs(after, limit),
      events: async (after, limit, passOver) => await reader.events(after, limit, passOver)
    },
    // Of the bytes nothing is written here.
    blobs: place.open({ leaseIsOpen: async () => false, left () {} }).blobs,
    // When it fails the connection is gone, and the snapshot with it.
    releaseMeta () { client.query('commit').catch(lose) },
    stillHeld () {
      if (lost) throw new StorageError('unavailable', 'The connection to the database was lost that kept the values of the store from being removed')
    },
    async close () {
      client.off('end', lose)
      await release()
      await database.close()
      await place.close()
    }
  }
}

/** Begins the snapshot while no commit is under way, so that it has all up to one place of the change log and nothing behind it. */
async function beginBetweenCommits ({ database, names: { schema } }: Parts, client: Client): Promise<{ last: number, taken: number }> {
  return await database.session('taking a snapshot', async other => {
    await other.query('begin')
    await other.query(`set local lock_timeout = ${longestWait}`)
    // Whoever enters something into the log waits; who has done so is waited for.
    await other.query(`lock table ${schema}.log in share mode`)
    // There may be long pauses between two pages.
    await client.query('set idle_in_transaction_session_timeout = 0')
    await client.query('begin transaction isolation level repeatable read, read only')
    const { rows: [row] } = await client.query<{ last: string }>(`select case when is_called then last_value else 0 end as last from ${schema}.log_sequence`)
    const taken = Date.now()
    await other.query('commit')
    return { last: Number(row?.last ?? 0), taken }
  })
}

class SnapshotReader {
  readonly #client: Client
  readonly #statements: Statements
  readonly #schema: string
  readonly #timeout: number

  /** `timeout`: milliseconds that a statement may take which looks at a page. */
  constructor (client: Client, names: Names, timeout: number) {
    this.#client = client
    this.#statements = statementsOf(names)
    this.#schema = names.schema
    this.#timeout = timeout
  }

  /** `patience`: how many times as long as others it may take. */
  async rows<Row extends unknown[]> ({ name, text }: Statement, values: readonly unknown[], patience = 1): Promise<Row[]> {
    const time = this.#timeout * patience
    const config = { name, text, values: [...values], rowMode: 'array' as const, query_timeout: time + margin }
    try {
      if (patience > 1) await this.#client.query(`set local statement_timeout = ${time}`)
      const { rows } = await this.#client.query<Row>(config)
      if (patience > 1) await this.#client.query(`set local statement_timeout = ${this.#timeout}`)
      return rows
    } catch (error) {
      throw toDatabaseError(error, 'reading a snapshot')
    }
  }

  /** It reads two whole tables. */
  async census (): Promise<{ records: number, blobs: number, bytes: number }> {
    const [row] = await this.rows<[records: string, blobs: string, bytes: string]>(this.#statements.census, [], countingPatience)
    const [records = 0, blobs = 0, bytes = 0] = row?.map(Number) ?? []
    return { records, blobs, bytes }
  }

  async namedBlobs (after: BlobID | undefined, limit: number): Promise<BlobBirth[]> {
    const rows = await this.rows<[blob: string, size: string, hash: string]>(this.#statements.namedBlobs, [after ?? '', limit])
    return rows.map(([blob, size, hash]) => ({ blob, size: Number(size), hash }))
  }

  async events (after: Sequence, limit: number, passOver: PassOver | undefined): Promise<LoggedEvent[]> {
    // As text: a number that is wrong may be greater than numbers are exact.
    for (let at = String(after); ;) {
      const rows = await this.rows<[sequence: string, event: string]>({ name: 'snapshot_log', text: `select l.sequence, l.event from ${this.#schema}.log l where l.sequence > $1 and l.event is not null order by l.sequence limit $2` }, [at, limit])
      const events = readableOf(rows, ([sequence, event]) => ({ sequence: Number(sequence), event: openEvent(Number(sequence), event) }), passOver, () => ({}))
      const last = rows.at(-1)
      // Only the last page is empty.
      if (events.length > 0 || last === undefined) return events
      at = last[0]
    }
  }

  /** But for what hangs below removed containers: it is out of reach, and a store that is made of this would never be told to remove it. */
  async wholes ({ after, limit, size }: WholesQuery, hasOrphans: boolean): Promise<WholeRecord[]> {
    for (let at = after; ;) {
      const page = (await this.rows<WholeRow>(this.#statements.wholes, [at === undefined ? Buffer.alloc(0) : idKey(at), limit, size])).map(wholeOfRow)
      const last = page.at(-1)
      const kept = hasOrphans ? await this.#reachable(page) : page
      // Only the last page is empty.
      if (kept.length > 0 || last === undefined) return kept
      at = last.record.id
    }
  }

  /** A ring of containers, of a store that is damaged, is below nothing that was removed. */
  async #reachable (page: readonly WholeRecord[]): Promise<WholeRecord[]> {
    const parents = [...new Set(page.flatMap(({ record: { parentID } }) => parentID === undefined ? [] : [parentID]))]
    const gone = await this.rows<[parent: number]>({
      name: 'snapshot_below_orphans',
      text: `with recursive up as (
          select p.number, p.id as at from unnest($1::bytea[]) with ordinality as p(id, number)
          union
          select up.number, r.parent_id from up join ${this.#schema}.records r on r.id = up.at where r.parent_id is not null
        ) select distinct (up.number - 1)::int from up join ${this.#schema}.orphans o on o.id = up.at`
    }, [parents.map(idKey)])
    const lost = new Set(gone.map(([number]) => parents[number]))
    return page.filter(({ record: { parentID } }) => parentID === undefined || !lost.has(parentID))
  }
}
