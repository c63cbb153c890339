/** What is on account of owners and containers. */
import type { Account, CountedKind, Miscount, ObjectID, Usage } from '../contract.js'
import { idKey } from '../object-key.js'
import type { Asking } from './asking.js'
import { accountOf, accountText } from './usage-text.js'

/** Records that are counted in one step, during which no change is made. */
const mostCounted = 1000
/** Who compares all accounts may take so many times as long as others. */
const patience = 10

export class Accounts {
  readonly #ask: Asking

  constructor (ask: Asking) {
    this.#ask = ask
  }

  async beginCounting (kind: CountedKind): Promise<void> {
    const [row] = await this.#ask.rows<[owners: boolean, children: boolean, trees: boolean]>('counting', [], 'reading what is counted')
    if (row?.[(['owners', 'children', 'trees'] as const).indexOf(kind)] === true) return
    if (kind === 'trees') await this.#ask.rows('beginTrees', [], 'beginning to count')
    else await this.#ask.rows('beginCounting', [kind], 'beginning to count')
  }

  async countTree (container: ObjectID): Promise<void> {
    const [row] = await this.#ask.rows<[boolean]>('isTree', [idKey(container)], 'reading what is counted')
    if (row?.[0] !== true) await this.#ask.rows('countTree', [idKey(container)], 'beginning to count')
  }

  async recount (): Promise<void> { await this.#ask.rows('recount', [], 'beginning to count') }

  async countMore (limit: number): Promise<number> {
    const most = [Math.min(limit, mostCounted)]
    const owners = await this.#ask.count('countMore', most, 'counting what there is', { repeatable: false })
    return owners > 0 ? owners : await this.#ask.count('countMoreTrees', most, 'counting what there is', { repeatable: false })
  }

  async usage (account: Account): Promise<Usage | undefined> {
    const [row] = await this.#ask.rows<[counted: boolean, bytes: string | null, objects: string | null, whole: boolean]>('usage', [accountText(account)], `reading what ${account} has`)
    const [counted = false, bytes = null, objects = null, whole = false] = row ?? []
    if (!counted || (objects === null && account.startsWith('children:'))) return undefined
    return { bytes: Number(bytes), objects: Number(objects), whole }
  }

  async miscounts (): Promise<Miscount[]> {
    const rows = await this.#ask.rows<[account: string, string, string, string, string]>('miscounts', [], 'counting what there is', { patience })
    return rows.map(([account, ...amounts]) => {
      const [bytes = 0, objects = 0, foundBytes = 0, foundObjects = 0] = amounts.map(Number)
      return { account: accountOf(account), noted: { bytes, objects }, found: { bytes: foundBytes, objects: foundObjects } }
    })
  }
}
