/**
 * Counts what owners and containers have, inside a write transaction. There is one writer, so an account is read once in a transaction and
 * written once at its end, however many changes concern it. Where nothing is counted this costs one look-up a transaction.
 */
import type { Account, AccountLimit, Amount, CountedKind, Refused } from '../contract.js'
import { idText } from '../object-key.js'
import { type Counted, Deltas, noAmount, refusalOf, sumOf } from '../usage.js'
import { successor } from './bytes.js'
import { accountKey, type Counting, decodeAmount, decodeCounting, encodeAmount, encodeCounting, isPast, kindOf } from './counting.js'
import { ownerKey } from './keys.js'
import { entryKeyOf, ownerOf, sizeOf, typeOf } from './record-codec.js'
import { stateKeys, type Tables } from './tables.js'
import type { WireChange } from './wire.js'

/** Records that one step counts, so that no commit waits long behind it. */
const longestStep = 1000

export class UsageWriter {
  readonly #tables: Tables
  #counting: Counting | undefined
  /** Accounts as this transaction leaves them; undefined: without a row. */
  readonly #amounts = new Map<Account, Amount | undefined>()

  constructor (tables: Tables) {
    this.#tables = tables
  }

  /** At the start of each transaction. */
  begin (): void {
    const state = this.#tables.state.getBinary(stateKeys.counting)
    this.#counting = state === undefined ? undefined : decodeCounting(state)
    this.#amounts.clear()
  }

  /** At its end. */
  end (): void {
    for (const [account, amount] of this.#amounts) {
      if (amount === undefined) this.#tables.usage.removeSync(accountKey(account))
      else this.#tables.usage.putSync(accountKey(account), encodeAmount(amount))
    }
  }

  /** What a change adds and takes away; undefined: nothing is counted. `heads`: of what it replaces and removes. */
  plan ({ put, remove }: WireChange, heads: ReadonlyMap<string, Buffer>): Deltas | undefined {
    const counting = this.#counting
    if (counting === undefined) return undefined
    const deltas = new Deltas()
    for (const [id, record, , owner] of put) this.#count(deltas, counting, id, { owner: owner ?? undefined, before: heads.get(id.toString('latin1')), after: record })
    for (const [id] of remove) {
      const record = this.#tables.records.getBinary(id)
      if (record !== undefined) this.#count(deltas, counting, id, { owner: ownerOf(record), before: record, after: undefined })
    }
    return deltas
  }

  #count (deltas: Deltas, counting: Counting, id: Buffer, { owner, before, after }: { readonly owner: string | undefined, readonly before: Buffer | undefined, readonly after: Buffer | undefined }): void {
    const [was, is] = [countedOf(before), countedOf(after)]
    if (isPast(counting, id)) deltas.owned(owner, was, is)
    if (counting.children === true) deltas.placed(was, is)
  }

  refusal (limits: readonly AccountLimit[] | undefined, deltas: Deltas): Refused | undefined {
    return limits === undefined ? undefined : refusalOf(limits, deltas, account => this.#counts(account) ? this.#amount(account) : undefined)
  }

  /** Before the change itself: children that were never counted are counted as they are. */
  add (deltas: Deltas): void {
    for (const [account, amount] of deltas.accounts) this.#amounts.set(account, sumOf(this.#amount(account), amount))
  }

  /** A record is gone that was below a removed container. */
  prune (id: Buffer, record: Buffer): void {
    if (this.#counting === undefined) return
    const deltas = new Deltas()
    if (isPast(this.#counting, id)) deltas.owned(ownerOf(record), countedOf(record), undefined)
    this.add(deltas)
    this.forget(id)
  }

  /** An object is gone: it has no children any more that somebody could count. */
  forget (id: Buffer): void {
    if (this.#counting?.children === true) this.#amounts.set(`children:${idText(id)}`, undefined)
  }

  beginCounting (kind: CountedKind): void {
    const counting = this.#counting ?? {}
    if (counting[kind] !== undefined) return
    // Whatever is left of an earlier time is not true any more.
    for (const key of Array.from(this.#tables.usage.getKeys({ start: Buffer.from([0]) }))) if (kindOf(key.toString()) === kind) this.#tables.usage.removeSync(key)
    this.#note({ ...counting, ...kind === 'owners' ? { owners: '' } : { children: true as const } })
  }

  /** Begins anew: what the accounts say is not so, for records were changed past them. */
  restart (): void {
    const before = this.#counting
    this.#amounts.clear()
    this.#tables.usage.clearSync()
    if (before !== undefined) this.#note({ ...before, ...before.owners !== undefined && { owners: '' } })
  }

  countMore (limit: number): number {
    const cursor = this.#counting?.owners
    if (cursor === undefined || cursor === true) return 0
    const most = Math.min(limit, longestStep)
    const start = Buffer.concat([Buffer.from(cursor, 'hex'), Buffer.from([0])])
    const deltas = new Deltas()
    let last: Buffer | undefined
    let count = 0
    for (const { key, value } of this.#tables.records.getRange({ start, limit: most })) {
      deltas.owned(ownerOf(value), undefined, countedOf(value))
      last = key
      count++
    }
    this.add(deltas)
    this.#note({ ...this.#counting, owners: last === undefined || count < most ? true : last.toString('hex') })
    return count
  }

  #note (counting: Counting): void {
    this.#counting = counting
    this.#tables.state.putSync(stateKeys.counting, encodeCounting(counting))
  }

  #counts (account: Account): boolean {
    return this.#counting?.[kindOf(account)] !== undefined
  }

  #amount (account: Account): Amount {
    const known = this.#amounts.get(account)
    if (known !== undefined) return known
    const row = this.#amounts.has(account) ? undefined : this.#tables.usage.getBinary(accountKey(account))
    if (row !== undefined) return decodeAmount(row)
    return kindOf(account) === 'owners' ? noAmount : { bytes: 0, objects: this.#childrenIn(account) }
  }

  #childrenIn (account: Account): number {
    const start = ownerKey(Buffer.from(account.slice('children:'.length), 'hex'))
    return this.#tables.entries.getKeysCount({ start, end: successor(start) })
  }
}

function countedOf (record: Uint8Array | undefined): Counted | undefined {
  if (record === undefined) return undefined
  const entry = entryKeyOf(record)
  const parentID = entry.length === 0 ? undefined : idText(Buffer.from(entry.subarray(1, 1 + (entry[0] ?? 0))))
  return { type: String.fromCharCode(typeOf(record)), size: sizeOf(record), parentID }
}
