/** What is known of paths where others commit of whom nobody tells: their rows show it. */
import type { Chain, PathCheck } from './known-paths.js'
import { EmbeddedRecord, keyOf } from './record-codec.js'
import type { Tables } from './tables.js'

/**
 * A chain holds as long as the row of each of its records has the same bytes: no name leads elsewhere without a change of one of them. Each is found by its ID alone, and only compared, which is
 * a quarter of what it takes to follow the names, check the sums, and decode. To be asked in a snapshot that has all that was acknowledged.
 */
export class SameRows implements PathCheck<readonly Buffer[]> {
  readonly #tables: Pick<Tables, 'records'>

  constructor (tables: Pick<Tables, 'records'>) {
    this.#tables = tables
  }

  /** The keys of the rows. */
  note (chain: Chain): Buffer[] {
    return chain.map(keyOf)
  }

  holds (chain: Chain, keys: readonly Buffer[]): boolean {
    const { records } = this.#tables
    return chain.every((record, at) => {
      const key = keys[at]
      const row = key === undefined ? undefined : records.getBinaryFast(key)
      return row !== undefined && record instanceof EmbeddedRecord && record.isOf(row)
    })
  }
}
