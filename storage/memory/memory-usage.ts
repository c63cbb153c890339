/** What owners, containers and trees have, in a store in memory. Everything is counted at once, when the counting begins. */
import type { Account, AccountLimit, Amount, CountedKind, Miscount, ObjectID, RecordPut, Refused, StoredRecord, Usage } from '../contract.js'
import { countInTrees, type Member, TreeWalk, type TreeWalks } from '../trees.js'
import { containerType, Deltas, kindOf, noAmount, ownerIn, refusalOf, subjectOf, sumOf, treeAccount, treesIn } from '../usage.js'

/** What becomes of one record; undefined: there is none. */
export interface Becoming {
  readonly before: StoredRecord | undefined
  readonly after: Pick<RecordPut, 'id' | 'type' | 'parentID' | 'size' | 'attributes'> | undefined
}

/** A record that is there. */
export type Find = (id: ObjectID) => { readonly parentID?: ObjectID | undefined } | undefined

export class MemoryUsage {
  readonly #find: Find
  readonly #counted = new Set<CountedKind>()
  readonly #amounts = new Map<Account, Amount>()
  readonly #trees = new Set<ObjectID>()
  /** Of removed containers below which there may still be something. */
  readonly #left = new Map<ObjectID, readonly ObjectID[]>()

  constructor (find: Find) {
    this.#find = find
  }

  begin (kind: CountedKind, records: Iterable<StoredRecord>): void {
    if (this.#counted.has(kind)) return
    this.#counted.add(kind)
    for (const [account, amount] of this.#amountsIn(records)) if (kindOf(account) === kind) this.#amounts.set(account, amount)
  }

  beginTree (root: ObjectID, records: Iterable<StoredRecord>): void {
    this.#counted.add('trees')
    if (this.#trees.has(root) || this.#find(root) === undefined) return
    this.#trees.add(root)
    const account = treeAccount(root)
    for (const [one, amount] of this.#amountsIn(records)) if (one === account) this.#amounts.set(account, amount)
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
    return this.#counts(account) ? { ...this.#amounts.get(account) ?? noAmount, whole: true } : undefined
  }

  #counts (account: Account): boolean {
    return kindOf(account) === 'trees' ? this.#trees.has(subjectOf(account)) : this.#counted.has(kindOf(account))
  }

  /** Undefined: nothing is counted. `trees`: new containers that are some. Only if the change is made they stay. */
  deltas (becoming: readonly Becoming[], trees: readonly ObjectID[] = []): Deltas | undefined {
    if (this.#counted.size === 0) return undefined
    if (this.#counted.has('trees')) for (const tree of trees) this.#trees.add(tree)
    return this.#deltasOf(becoming)
  }

  refused (trees: readonly ObjectID[] = []): void {
    for (const tree of trees) this.#trees.delete(tree)
  }

  refusal (limits: readonly AccountLimit[], deltas: Deltas): Refused | undefined {
    return refusalOf(limits, deltas, account => this.of(account))
  }

  add (deltas: Deltas): void {
    for (const [account, amount] of deltas.accounts) if (this.#counts(account)) this.#amounts.set(account, sumOf(this.#amounts.get(account) ?? noAmount, amount))
  }

  /** A record below a removed container is gone, too. */
  prune (before: StoredRecord | undefined): void {
    if (before === undefined) return
    const deltas = new Deltas()
    deltas.owned(ownerIn(before.attributes), before, undefined)
    if (this.#trees.size > 0) for (const tree of this.#walk().ofMember(memberOf(before))) deltas.within(tree, before, undefined)
    this.add(deltas)
  }

  /** A container is about to go; what is below it stays for a while. */
  leave (container: ObjectID): void {
    if (this.#trees.size > 0) this.#left.set(container, this.#walk().of(container))
  }

  /** There is nothing left below a removed container. */
  cleared (container: ObjectID): void {
    this.#left.delete(container)
    if (this.#left.size > 0) return
    for (const tree of this.#trees) {
      if (this.#find(tree) !== undefined) continue
      this.#trees.delete(tree)
      this.#amounts.delete(treeAccount(tree))
    }
  }

  /** A container is gone; whatever was below it is no child any more. */
  forget (container: ObjectID): void {
    this.#amounts.delete(`children:${container}`)
  }

  miscounts (records: Iterable<StoredRecord>): Miscount[] {
    const all = [...records]
    const there = new Set(all.map(({ id }) => `children:${id}`))
    // What is below a removed container waits to be removed, and is nobody's child.
    const found = new Map([...this.#amountsIn(all)].filter(([account]) => this.#counts(account) && (kindOf(account) !== 'children' || there.has(account) || this.#amounts.has(account))))
    const accounts = new Set([...found.keys(), ...this.#amounts.keys()])
    return [...accounts].map(account => ({ account, noted: this.#amounts.get(account) ?? noAmount, found: found.get(account) ?? noAmount }))
      .filter(({ noted, found }) => noted.bytes !== found.bytes || noted.objects !== found.objects)
  }

  #amountsIn (records: Iterable<StoredRecord>): Iterable<[Account, Amount]> {
    return this.#deltasOf(Array.from(records, after => ({ before: undefined, after }))).accounts
  }

  #deltasOf (becoming: readonly Becoming[]): Deltas {
    const deltas = new Deltas()
    const walks = this.#trees.size === 0 ? undefined : this.#walks(becoming)
    for (const { before, after } of becoming) {
      deltas.owned(ownerIn((before ?? after)?.attributes ?? {}), before, after)
      deltas.placed(before, after)
      if (walks !== undefined) countInTrees(deltas, walks, before && memberOf(before), after && memberOf(after))
    }
    return deltas
  }

  #walks (becoming: readonly Becoming[]): TreeWalks {
    const put = new Map(becoming.flatMap(({ after }) => after?.type === containerType ? [[after.id, after]] : []))
    return {
      before: this.#walk(),
      after: this.#walk(id => put.get(id) ?? this.#find(id)),
      counts: () => true,
      isKnown: id => this.#find(id) !== undefined || this.#left.has(id)
    }
  }

  #walk (find = this.#find): TreeWalk {
    return new TreeWalk({ isTree: id => this.#trees.has(id), parentOf: id => find(id)?.parentID, leftOf: id => this.#left.get(id) })
  }
}

function memberOf ({ id, type, parentID, size, attributes }: NonNullable<Becoming['after']>): Member {
  return { id, type, parentID, size, within: () => treesIn(attributes) }
}
