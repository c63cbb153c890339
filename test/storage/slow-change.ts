/** Transactions that are slow in the very last moment, and those that wait for them. */
import { Client } from 'pg'
import type { Test } from 'tap'
import type { Change } from '../../storage/contract.js'
import { encodeChange } from '../../storage/distributed/change-json.js'
import { eventually } from '../helpers/eventually.js'
import { query, schemaOf } from './postgres-server.js'

/** A change that is made and not committed yet: of a server that is slow in the very last moment. */
export async function slowChange (t: Test, meta: string, change: Partial<Change>): Promise<{ end (how: 'commit' | 'rollback'): Promise<void> }> {
  const client = new Client({ connectionString: meta })
  await client.connect()
  t.teardown(async () => { await client.end() })
  await client.query('begin')
  const { json, bytes } = await encodeChange({ expect: [], events: [], ...change })
  const { rows } = await client.query<{ commit_change: { sequence?: number } }>(`select ${schemaOf(meta)}.commit_change($1, $2)`, [json, bytes])
  if (rows[0]?.commit_change.sequence === undefined) throw new Error(`refused: ${JSON.stringify(rows)}`)
  return { async end (how) { await client.query(how) } }
}

/** Waits until so many transactions wait for a lock. */
export async function waiting (meta: string, count: number): Promise<void> {
  await eventually(`${count} wait for a lock`, async () => Number((await query(meta, "select count(*) from pg_locks where locktype = 'advisory' and not granted"))[0]?.[0]) >= count)
}
