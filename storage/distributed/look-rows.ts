/** How tables are read by who looks at all of them: page by page, with patience. */
import type { Database } from './database.js'
import type { Names } from './names.js'

export interface LookedAt {
  readonly database: Database
  readonly names: Names
  readonly signal: AbortSignal
}

/** Who looks for what should not be there reads whole tables. */
const patience = 100

/** Rows of a statement, whose text is given the schema. Throws the reason of the signal. */
export async function rowsIn<Row extends unknown[] = unknown[]> ({ database, names, signal }: LookedAt, name: string, text: (schema: string) => string, values: readonly unknown[]): Promise<Row[]> {
  signal.throwIfAborted()
  return await database.rows<Row>({ name: `verify_${name}`, text: text(names.schema) }, values, 'looking at the tables', { patience })
}

/** All rows of a statement that gives pages of them, by their first column: those behind `$1`, which is `first` in the beginning. */
export async function * pagesIn<Row extends [unknown, ...unknown[]]> (looked: LookedAt, name: string, first: Row[0], text: (schema: string) => string): AsyncGenerator<Row> {
  for (let after = first; ;) {
    const rows = await rowsIn<Row>(looked, name, text, [after])
    yield * rows
    const last = rows.at(-1)
    if (last === undefined) return
    after = last[0]
  }
}

/** Before all IDs of records. */
export const noID = Buffer.alloc(0)
