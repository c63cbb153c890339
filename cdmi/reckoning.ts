/** What one change means to quotas and to the limit of children, gathered one object after the other: a change may have very many. */
import type { Account, AccountLimit, ObjectID, StoredRecord } from '../storage/contract.js'
import { childrenAccount, ownerAccount, ownerIn, treeAccount } from '../storage/usage.js'
import type { Chain, ContainerQuotas, LimitedBy } from './container-quotas.js'
import type { ObjectChange } from './mutation.js'
import type { Quota } from './quota.js'
import { isContainer } from './record.js'

export interface ReckoningRules {
  /** Undefined: there are none. */
  readonly containers: ContainerQuotas | undefined
  /** The most children of each container; undefined: as many as there may be. */
  readonly children: number | undefined
  /** Undefined: they have none. */
  readonly quotaOf: (owner: string) => Quota | undefined
}

export class Reckoning {
  readonly #rules: ReckoningRules
  readonly #limits = new Map<Account, AccountLimit>()
  /** Containers with quotas that changed objects lie in, and those among them that the change makes. */
  readonly #met = new Map<ObjectID, LimitedBy>()
  readonly #made = new Map<ObjectID, LimitedBy>()
  #last: { readonly ancestors: readonly StoredRecord[], readonly found: readonly LimitedBy[] } | undefined

  constructor (rules: ReckoningRules) {
    this.#rules = rules
  }

  add ({ before, put, ancestors }: ObjectChange): void {
    const { containers, children, quotaOf } = this.#rules
    const above = containers === undefined ? undefined : this.#along(containers, ancestors)
    if (put === undefined) return
    const grows = before === undefined || put.size > before.size
    const owner = grows ? ownerIn(put.attributes) : undefined
    const quota = owner === undefined ? undefined : quotaOf(owner)
    if (owner !== undefined && quota !== undefined) this.#limit(ownerAccount(owner), quota)
    if (containers !== undefined && above !== undefined && (grows || before.parentID !== put.parentID)) {
      for (const { id, quota } of above) this.#limit(treeAccount(id), quota)
      if (isContainer(put)) this.#self(containers, before === undefined, [...ancestors, put])
    }
    if (children === undefined || put.parentID === undefined || put.parentID === before?.parentID) return
    this.#limit(childrenAccount(put.parentID), { objects: children })
  }

  /** A container may have a quota itself. */
  #self (containers: ContainerQuotas, made: boolean, chain: Chain): void {
    const id = chain.at(-1)?.id
    const own = containers.along(chain).at(-1)
    if (own === undefined || own.id !== id) return
    this.#limit(treeAccount(own.id), own.quota)
    if (made) this.#made.set(own.id, own)
  }

  /** Objects that change at once are mostly children of one container. */
  #along (containers: ContainerQuotas, ancestors: readonly StoredRecord[]): readonly LimitedBy[] {
    if (this.#last?.ancestors === ancestors) return this.#last.found
    const found = containers.along(ancestors)
    for (const one of found) this.#met.set(one.id, one)
    this.#last = { ancestors, found }
    return found
  }

  #limit (account: Account, quota: Quota): void {
    if (!this.#limits.has(account)) this.#limits.set(account, { account, ...quota })
  }

  /** What the change must not exceed; undefined: nothing. */
  limits (): AccountLimit[] | undefined {
    return this.#limits.size === 0 ? undefined : [...this.#limits.values()]
  }

  /** Containers with quotas that changed objects lie in, but for those that the change makes; each once. */
  there (): LimitedBy[] {
    return [...this.#met.values()].filter(({ id }) => !this.#made.has(id))
  }

  /** Containers that the change makes where there is a quota. */
  made (): LimitedBy[] {
    return [...this.#made.values()]
  }
}
