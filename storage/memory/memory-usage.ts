/** What owners and containers have, in a store in memory. Everything is counted at once, when the counting begins. */
import type { Account, AccountLimit, Amount, CountedKind, Miscount, ObjectID, RecordPut, Refused, StoredRecord, Usage } from '../contract.js'
import { Deltas, noAmount, ownerIn, refusalOf, sumOf } from '../usage.js'

/** What becomes of one record; undefined: there is none. */
export interface Becoming {
  readonly before: StoredRecord | undefined
  readonly after: Pick<RecordPut, 'type' | 'parentID' | 'size' | 'attributes'> | undefined
}

export class MemoryUsage {
  readonly #counted = new Set<CountedKind>()
  readonly #amounts = new Map<Account, Amount>()

  begin (kind: CountedKind, records: Iterable<StoredRecord>): void {
    if (this.#counted.has(kind)) return
    this.#counted.add(kind)
    for (const [account, amount] of amountsIn(records)) if (kindOf(account) === kind) this.#amounts.set(account, amount)
  }

  /** After records were put past this. */
  recount (records: Iterable<StoredRecord>): void {
    const kinds = [...this.#counted]
    this.#counted.clear()
    this.#amounts.clear()
    const all = [...records]
    for (const kind of kinds) this.begin(kind, all)
  }

  of (account: Account): Usage | undefined {
    return this.#counted.has(kindOf(account)) ? { ...this.#amounts.get(account) ?? noAmount, whole: true } : undefined
  }

  /** Undefined: nothing is counted. */
  deltas (becoming: Iterable<Becoming>): Deltas | undefined {
    return this.#counted.size === 0 ? undefined : deltasOf(becoming)
  }

  refusal (limits: readonly AccountLimit[], deltas: Deltas): Refused | undefined {
    return refusalOf(limits, deltas, account => this.of(account))
  }

  add (deltas: Deltas): void {
    for (const [account, amount] of deltas.accounts) if (this.#counted.has(kindOf(account))) this.#amounts.set(account, sumOf(this.#amounts.get(account) ?? noAmount, amount))
  }

  /** A record below a removed container is gone, too. */
  prune (before: StoredRecord | undefined): void {
    const deltas = new Deltas()
    deltas.owned(ownerIn(before?.attributes ?? {}), before, undefined)
    this.add(deltas)
  }

  /** A container is gone; whatever was below it is no child any more. */
  forget (container: ObjectID): void {
    this.#amounts.delete(`children:${container}`)
  }

  miscounts (records: Iterable<StoredRecord>): Miscount[] {
    const all = [...records]
    const there = new Set(all.map(({ id }) => `children:${id}`))
    // What is below a removed container waits to be removed, and is nobody's child.
    const found = new Map([...amountsIn(all)].filter(([account]) => this.#counted.has(kindOf(account)) && (kindOf(account) === 'owners' || there.has(account) || this.#amounts.has(account))))
    const accounts = new Set([...found.keys(), ...this.#amounts.keys()])
    return [...accounts].map(account => ({ account, noted: this.#amounts.get(account) ?? noAmount, found: found.get(account) ?? noAmount }))
      .filter(({ noted, found }) => noted.bytes !== found.bytes || noted.objects !== found.objects)
  }
}

function amountsIn (records: Iterable<StoredRecord>): Iterable<[Account, Amount]> {
  return deltasOf(Array.from(records, after => ({ before: undefined, after }))).accounts
}

function deltasOf (becoming: Iterable<Becoming>): Deltas {
  const deltas = new Deltas()
  for (const { before, after } of becoming) {
    deltas.owned(ownerIn((before ?? after)?.attributes ?? {}), before, after)
    deltas.placed(before, after)
  }
  return deltas
}

const kindOf = (account: Account): CountedKind => account.startsWith('owner:') ? 'owners' : 'children'
