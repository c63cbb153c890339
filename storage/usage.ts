/**
 * What is counted of a record, and by whom: the same in every driver. An object belongs to one owner all its life, the one that its attributes
 * name, and to the trees that it lies in; it counts as one object and as many bytes as its value is long. A copy counts like any other object, whatever
 * bytes it shares. A container never changes its trees, so that what is below it need not be looked at when it gets another place.
 */
import type { Account, AccountLimit, Amount, CountedKind, JsonObject, Miscount, ObjectID, Refused } from './contract.js'

/** Types of records that are no objects of their own: they help others, and only their bytes count. */
export const helperTypes = 'pt'
/** The type of records that others may hang below. */
export const containerType = 'c'

/** The attributes with the name of the owner. It is the first of them: who has them as text finds it without reading on. */
export function withOwner (attributes: JsonObject, owner: string): JsonObject {
  return { owner, ...attributes, ...attributes['owner'] !== undefined && { owner } }
}

/** The owner that the attributes name. What was made before anybody noted owners has none. */
export function ownerIn ({ owner }: JsonObject): string | undefined {
  return typeof owner === 'string' ? owner : undefined
}

/** The same attributes of a helper, with the trees that it counts for: it hangs in none of them. They follow the owner. */
export function withTrees ({ owner, within: _, ...attributes }: JsonObject, trees: readonly ObjectID[]): JsonObject {
  return { ...owner !== undefined && { owner }, within: [...trees], ...attributes }
}

/** The trees that the attributes of a helper name. */
export function treesIn ({ within }: JsonObject): readonly ObjectID[] {
  return Array.isArray(within) ? within.filter(tree => typeof tree === 'string') : []
}

export const ownerAccount = (name: string): Account => `owner:${name}`
export const childrenAccount = (container: ObjectID): Account => `children:${container}`
export const treeAccount = (container: ObjectID): Account => `tree:${container}`

export function kindOf (account: string): CountedKind {
  if (account.startsWith('owner:')) return 'owners'
  return account.startsWith('tree:') ? 'trees' : 'children'
}

/** Who is counted: the name of the owner, or the ID of the container. */
export const subjectOf = (account: Account): string => account.slice(account.indexOf(':') + 1)

export const noAmount: Amount = { bytes: 0, objects: 0 }

export function sumOf (one: Amount, other: Amount, sign: 1 | -1 = 1): Amount {
  return { bytes: one.bytes + sign * other.bytes, objects: one.objects + sign * other.objects }
}

/** What is wrong with an account, for who looks at a store. */
export function miscountProblem ({ account, noted, found }: Miscount): string {
  const kind = kindOf(account)
  const subject = subjectOf(account)
  if (Number.isNaN(noted.objects)) return `What is counted for ${account} has other bytes than were written`
  if (kind === 'children') return `Container ${subject} is said to have ${noted.objects} children, and has ${found.objects}`
  return `${kind === 'owners' ? subject : `Container ${subject} with all below it`} is said to have ${noted.objects} objects and ${noted.bytes} bytes, and has ${found.objects} and ${found.bytes}`
}

/** What of a record decides on what is counted. */
export interface Counted {
  readonly type: string
  readonly parentID?: ObjectID | undefined
  readonly size: number
}

/** What one change adds to accounts, and takes away. */
export class Deltas {
  readonly #amounts = new Map<Account, Amount>()
  /** A container that would leave its trees. */
  bound: ObjectID | undefined

  get accounts (): Iterable<[Account, Amount]> { return this.#amounts }
  of (account: Account): Amount | undefined { return this.#amounts.get(account) }

  /** What becomes of one record; undefined: there is none. */
  owned (owner: string | undefined, before: Counted | undefined, after: Counted | undefined): void {
    if (owner === undefined) return
    this.#add(ownerAccount(owner), sumOf(amountOf(after), amountOf(before), -1))
  }

  /** What a tree gets; `after` undefined: loses. */
  within (tree: ObjectID, before: Counted | undefined, after: Counted | undefined): void {
    this.#add(treeAccount(tree), sumOf(amountOf(after), amountOf(before), -1))
  }

  placed (before: Counted | undefined, after: Counted | undefined): void {
    if (before?.parentID === after?.parentID) return
    if (before?.parentID !== undefined) this.#add(childrenAccount(before.parentID), { bytes: 0, objects: -1 })
    if (after?.parentID !== undefined) this.#add(childrenAccount(after.parentID), { bytes: 0, objects: 1 })
  }

  #add (account: Account, amount: Amount): void {
    this.#amounts.set(account, sumOf(this.#amounts.get(account) ?? noAmount, amount))
  }
}

export function amountOf (record: Counted | undefined): Amount {
  return record === undefined ? noAmount : { bytes: record.size, objects: helperTypes.includes(record.type) ? 0 : 1 }
}

/** The first limit that would not hold. `usage`: of an account before the change; undefined: nobody has counted it. */
export function refusalOf (limits: readonly AccountLimit[], deltas: Deltas, usage: (account: Account) => Amount | undefined): Refused | undefined {
  for (const limit of limits) {
    const more = deltas.of(limit.account)
    const used = more === undefined ? undefined : usage(limit.account)
    if (more === undefined || used === undefined) continue
    for (const on of ['objects', 'bytes'] as const) {
      const most = limit[on]
      if (most !== undefined && more[on] > 0 && used[on] + more[on] > most) return { status: 'refused', account: limit.account, on, used: used[on], more: more[on], limit: most }
    }
  }
  return undefined
}
