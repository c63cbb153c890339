/**
 * Counts what owners and containers have, inside a write transaction. There is one writer, so an account is read once in a transaction and
 * written once at its end, however many changes concern it. Where nothing is counted this costs one look-up a transaction.
 */
import type { Account, AccountLimit, Amount, CountedKind, ObjectID, Refused } from '../contract.js'
import { idKey, idText } from '../object-key.js'
import { countInTrees, type Member, type TreeWalk, type TreeWalks } from '../trees.js'
import { containerType, Deltas, helperTypes, kindOf, noAmount, refusalOf, subjectOf, sumOf, treeAccount } from '../usage.js'
import { successor } from './bytes.js'
import { accountKey, type Counting, encodeCounting, isPast, isPastInTree, nextToCount, readAmount, readCounting, sealAmount, unreadableAmount, unreadableCounting } from './counting.js'
import { ownerKey } from './keys.js'
import { ownerOf, typeOf } from './record-codec.js'
import { stateKeys, type Tables } from './tables.js'
import { sealOrphan } from './orphan-rows.js'
import { countedOf, memberOf, parentIn, walkIn } from './tree-rows.js'
import type { WireChange } from './wire-change.js'

/** Records that one step counts, so that no commit waits long behind it. */
const longestStep = 1000

export class UsageWriter {
  readonly #tables: Tables
  #counting: Counting | undefined
  /** Nobody knows what is counted: until that is begun anew no limit can be kept, and nothing is counted. */
  #isUnreadable = false
  /** As it will be, once the change that is being looked at is made. */
  #planned: Counting | undefined
  /** Of what is stored; what it has found holds for the transaction. */
  readonly #walk: TreeWalk
  /** Accounts as this transaction leaves them; undefined: without a row. */
  readonly #amounts = new Map<Account, Amount | undefined>()

  constructor (tables: Tables) {
    this.#tables = tables
    this.#walk = walkIn(tables, () => this.#counting ?? {})
  }

  /** At the start of each transaction. */
  begin (): void {
    const state = this.#tables.state.getBinary(stateKeys.counting)
    this.#counting = state === undefined ? undefined : readCounting(state)
    this.#isUnreadable = state !== undefined && this.#counting === undefined
    this.#amounts.clear()
    this.#walk.clear()
  }

  /** At its end. */
  end (): void {
    for (const [account, amount] of this.#amounts) {
      const key = accountKey(account)
      if (amount === undefined) this.#tables.usage.removeSync(key)
      else this.#tables.usage.putSync(key, sealAmount(key, amount))
    }
  }

  /** What a change adds and takes away; undefined: nothing is counted. `heads`: of what it replaces and removes. */
  plan ({ put, remove, limits = [], trees = [] }: WireChange, heads: ReadonlyMap<string, Buffer>): Deltas | undefined {
    if (this.#isUnreadable && limits.length > 0) throw unreadableCounting()
    if (this.#counting === undefined) return undefined
    const counting = this.#planned = withTrees(this.#counting, trees, true)
    const deltas = new Deltas()
    const walks = counting.trees === undefined || Object.keys(counting.trees).length === 0 ? undefined : this.#walks(counting, put)
    for (const [id, record, , owner] of put) this.#count(deltas, counting, walks, id, { owner: owner ?? undefined, before: heads.get(id.toString('latin1')), after: record })
    for (const [id] of remove) {
      const record = this.#tables.records.getBinary(id)
      if (record !== undefined) this.#count(deltas, counting, walks, id, { owner: ownerOf(record), before: record, after: undefined })
    }
    return deltas
  }

  #count (deltas: Deltas, counting: Counting, walks: TreeWalks | undefined, id: Buffer, { owner, before, after }: { readonly owner: string | undefined, readonly before: Buffer | undefined, readonly after: Buffer | undefined }): void {
    const [was, is] = [before && countedOf(before), after && countedOf(after)]
    if (isPast(counting, id)) deltas.owned(owner, was, is)
    if (counting.children === true) deltas.placed(was, is)
    if (walks === undefined) return
    const name = idText(id)
    countInTrees(deltas, walks, before && this.#memberOf(name, id, before), after && memberOf(name, after))
  }

  /** `head`: all that is at hand of what is stored. */
  #memberOf (name: ObjectID, id: Buffer, head: Buffer): Member {
    return helperTypes.includes(String.fromCharCode(typeOf(head))) ? memberOf(name, this.#tables.records.getBinary(id) ?? head) : memberOf(name, head)
  }

  #walks (counting: Counting, put: WireChange['put']): TreeWalks {
    const containers = put.filter(([, record]) => typeOf(record) === containerType.charCodeAt(0))
    const { records, orphans } = this.#tables
    return {
      before: this.#walk,
      after: containers.length === 0 && counting === this.#counting ? this.#walk : walkIn(this.#tables, () => counting, new Map(containers.map(([id, record]) => [idText(id), parentIn(record)]))),
      counts: (tree, id) => isPastInTree(counting, tree, id),
      isKnown: id => records.doesExist(idKey(id)) || orphans.doesExist(ownerKey(idKey(id)))
    }
  }

  refusal (limits: readonly AccountLimit[] | undefined, deltas: Deltas): Refused | undefined {
    return limits === undefined ? undefined : refusalOf(limits, deltas, account => this.#counts(account) ? this.#readableAmount(account) : undefined)
  }

  /** The change is made. To be told before it is: children that were never counted are counted as they are. */
  accept (deltas: Deltas): void {
    if (this.#planned !== undefined && this.#planned !== this.#counting) this.#note(this.#planned)
    this.#add(deltas)
  }

  #add (deltas: Deltas): void {
    for (const [account, amount] of deltas.accounts) {
      const before = this.#amount(account)
      // Under a checksum of its own nobody would see any more that it was wrong.
      if (before !== undefined) this.#amounts.set(account, sumOf(before, amount))
    }
  }

  /** A record is gone that was below a removed container. */
  prune (id: Buffer, record: Buffer): void {
    if (this.#counting === undefined) return
    const deltas = new Deltas()
    const name = idText(id)
    const member = memberOf(name, record)
    if (isPast(this.#counting, id)) deltas.owned(ownerOf(record), member, undefined)
    if (this.#hasTrees()) for (const tree of this.#walk.ofMember(member)) if (isPastInTree(this.#counting, tree, name)) deltas.within(tree, member, undefined)
    this.#add(deltas)
    this.forget(id)
  }

  /** What is kept of a container that is about to be removed, while there may be something below it. */
  leftBelow (id: Buffer): Buffer {
    return sealOrphan(ownerKey(id), this.#hasTrees() ? this.#walk.of(idText(id)) : [])
  }

  /** There is nothing left below a removed container. Of trees that are gone nobody needs an account any more. */
  cleared (orphan: Buffer): void {
    if (this.#counting?.trees === undefined) return
    this.#walk.forget(idText(orphan, 1))
    if (!this.#hasTrees() || this.#tables.orphans.getKeysCount({ start: Buffer.from([0]), limit: 1 }) > 0) return
    const gone = Object.keys(this.#counting.trees).filter(tree => !this.#tables.records.doesExist(idKey(tree)))
    if (gone.length === 0) return
    for (const tree of gone) this.#amounts.set(treeAccount(tree), undefined)
    this.#note({ ...this.#counting, trees: Object.fromEntries(Object.entries(this.#counting.trees).filter(([tree]) => !gone.includes(tree))) })
  }

  #hasTrees (): boolean {
    return this.#counting?.trees !== undefined && Object.keys(this.#counting.trees).length > 0
  }

  /** An object is gone: it has no children any more that somebody could count. */
  forget (id: Buffer): void {
    if (this.#hasTrees()) this.#walk.forget(idText(id))
    if (this.#counting?.children === true) this.#amounts.set(`children:${idText(id)}`, undefined)
  }

  beginCounting (kind: CountedKind): void {
    const counting = this.#counting ?? {}
    if (counting[kind] !== undefined) return
    // Whatever is left of an earlier time is not true any more.
    for (const key of Array.from(this.#tables.usage.getKeys({ start: Buffer.from([0]) }))) if (kindOf(key.toString()) === kind) this.#tables.usage.removeSync(key)
    this.#note({ ...counting, ...kind === 'owners' ? { owners: '' } : kind === 'trees' ? { trees: {} } : { children: true as const } })
  }

  /** Of one that is there. */
  countTree (container: ObjectID): void {
    const counting = this.#counting ?? {}
    if (counting.trees?.[container] !== undefined || !this.#tables.records.doesExist(idKey(container))) return
    this.#amounts.set(treeAccount(container), undefined)
    this.#note(withTrees({ trees: {}, ...counting }, [container], ''))
  }

  /** Begins anew: what the accounts say is not so, for records were changed past them. */
  restart (): void {
    const before = this.#counting
    this.#amounts.clear()
    this.#tables.usage.clearSync()
    if (before === undefined) return
    this.#note({ ...before, ...before.owners !== undefined && { owners: '' }, ...before.trees !== undefined && { trees: Object.fromEntries(Object.keys(before.trees).map(tree => [tree, ''])) } })
  }

  countMore (limit: number): number {
    const next = this.#counting === undefined ? undefined : nextToCount(this.#counting)
    if (next === undefined) return 0
    const { cursor, trees } = next
    const most = Math.min(limit, longestStep)
    const start = Buffer.concat([Buffer.from(cursor, 'hex'), Buffer.from([0])])
    const deltas = new Deltas()
    const walk = walkIn(this.#tables, () => this.#counting ?? {})
    let last: Buffer | undefined
    let count = 0
    for (const { key, value } of this.#tables.records.getRange({ start, limit: most })) {
      const member = memberOf(idText(key), value)
      if (trees === undefined) deltas.owned(ownerOf(value), undefined, member)
      else for (const tree of walk.ofMember(member)) if (trees.includes(tree)) deltas.within(tree, undefined, member)
      last = key
      count++
    }
    this.#add(deltas)
    const reached = last === undefined || count < most ? true : trees === undefined ? last.toString('hex') : idText(last)
    this.#note(trees === undefined ? { ...this.#counting, owners: reached } : withTrees(this.#counting ?? {}, trees, reached))
    return count
  }

  #note (counting: Counting): void {
    this.#counting = counting
    this.#walk.clear()
    this.#tables.state.putSync(stateKeys.counting, encodeCounting(counting))
  }

  #counts (account: Account): boolean {
    const kind = kindOf(account)
    return kind === 'trees' ? this.#planned?.trees?.[subjectOf(account)] !== undefined : this.#counting?.[kind] !== undefined
  }

  /** Undefined: what is stored has other bytes than were written. Children are counted anew then: they lie together. */
  #amount (account: Account): Amount | undefined {
    const known = this.#amounts.get(account)
    if (known !== undefined) return known
    const key = accountKey(account)
    const row = this.#amounts.has(account) ? undefined : this.#tables.usage.getBinary(key)
    const stored = row && readAmount(key, row)
    if (stored !== undefined) return stored
    if (kindOf(account) === 'children') return { bytes: 0, objects: this.#childrenIn(account) }
    return row === undefined ? noAmount : undefined
  }

  #readableAmount (account: Account): Amount {
    const amount = this.#amount(account)
    if (amount === undefined) throw unreadableAmount(account)
    return amount
  }

  #childrenIn (account: Account): number {
    const start = ownerKey(Buffer.from(account.slice('children:'.length), 'hex'))
    return this.#tables.entries.getKeysCount({ start, end: successor(start) })
  }
}

/** With these trees, counted so far. Where trees are not counted none is added. */
function withTrees (counting: Counting, trees: readonly ObjectID[], reached: string | true): Counting {
  return trees.length === 0 || counting.trees === undefined ? counting : { ...counting, trees: { ...counting.trees, ...Object.fromEntries(trees.map(tree => [tree, reached])) } }
}
