/** Asks the database by the names of statements. */
import type { Attempts, Database } from './database.js'
import type { Statements } from './statements.js'

export class Asking {
  readonly #database: Database
  readonly #statements: Statements

  constructor (database: Database, statements: Statements) {
    this.#database = database
    this.#statements = statements
  }

  async rows<Row extends unknown[]> (statement: keyof Statements, values: readonly unknown[], doing: string, attempts?: Attempts): Promise<Row[]> {
    return await this.#database.rows<Row>(this.#statements[statement], values, doing, attempts)
  }

  /** The one number that a step of the sweeper answers. */
  async count (statement: keyof Statements, values: readonly unknown[], doing: string, attempts?: Attempts): Promise<number> {
    const [row] = await this.rows<[number]>(statement, values, doing, attempts)
    return row?.[0] ?? 0
  }

  /** The first column of all rows. */
  async names (statement: keyof Statements, values: readonly unknown[], doing: string): Promise<string[]> {
    return (await this.rows<[string]>(statement, values, doing)).map(([name]) => name)
  }
}
