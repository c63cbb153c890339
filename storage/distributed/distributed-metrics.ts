/** What a process finds out about a store in a database when it is asked. */
import { setTimeout as delay } from 'node:timers/promises'
import { gauge, sample } from '../../metrics/family.js'
import type { Registry } from '../../metrics/registry.js'
import { storeGauges } from '../store-gauges.js'
import type { Database, Statement } from './database.js'
import type { Names } from './names.js'

/** Milliseconds after which a database that does not answer counts as away. */
const patience = 700

/** Estimates of the database's own; -1: it has not counted yet. Counting itself would read whole tables. */
type Row = [table: string, rows: number, bytes: string, checksums: string]

export function readDistributed (registry: Registry, database: Database, { plain }: Names): void {
  const statement: Statement = {
    name: 'metrics_sizes',
    text: `select relname::text, reltuples::float8, pg_total_relation_size(oid), current_setting('data_checksums')
      from pg_class where relkind = 'r' and relnamespace = (select oid from pg_namespace where nspname = $1)`
  }
  let asking: Promise<Map<string, Row> | undefined> | undefined
  const ask = async (): Promise<Map<string, Row> | undefined> => {
    try {
      const rows = await database.rows<Row>(statement, [plain], 'asking for the size of the store')
      return new Map(rows.map(row => [row[0], row]))
    } catch {
      // That is what is told then.
      return undefined
    } finally {
      asking = undefined
    }
  }
  // Before the question below, which needs a connection itself.
  registry.read(() => {
    const { open, idle, waiting } = database.load
    return [
      gauge({ name: 'cdmi_database_connections', help: 'Connections to the database: in use, and open without a use.' }, [sample(open - idle, { state: 'busy' }), sample(idle, { state: 'idle' })]),
      gauge({ name: 'cdmi_database_waiting', help: 'Operations that wait for a connection to the database.' }, waiting)
    ]
  })
  registry.read(async () => {
    asking ??= ask()
    const enough = new AbortController()
    const tables = await Promise.race([asking, delay(patience, undefined, { signal: enough.signal })]).finally(() => { enough.abort() })
    if (tables === undefined) return storeGauges({ up: false })
    const rows = (table: string): number | undefined => {
      const estimate = tables.get(table)?.[1] ?? -1
      return estimate < 0 ? undefined : estimate
    }
    let bytes = 0
    for (const [, , size] of tables.values()) bytes += Number(size)
    const checksums = [...tables.values()].some(([, , , setting]) => setting === 'on')
    const families = storeGauges({ up: true, objects: rows('records'), bytes: { records: bytes }, garbage: { doomed: rows('doomed'), containers: rows('orphans') }, logEntries: rows('log') })
    return [...families, gauge({ name: 'cdmi_database_page_checksums', help: 'Whether the database finds bits that flip in its pages (data_checksums).' }, checksums ? 1 : 0, 'max')]
  })
}
