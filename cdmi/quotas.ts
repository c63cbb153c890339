/**
 * Quotas of users, and the limit of children of a container. Every object belongs for good to whoever made it, and its value counts as long as it is.
 * The store counts, and decides in the commit; what is asked here before that only ends an upload early.
 */
import { createHash } from 'node:crypto'
import { gauge, sample } from '../metrics/family.js'
import type { Registry } from '../metrics/registry.js'
import type { Account, AccountLimit, Amount, ObjectID, RecordHead, Refused, Store, Usage } from '../storage/contract.js'
import { childrenAccount, ownerAccount, ownerIn } from '../storage/usage.js'
import { ContainerFull, QuotaExceeded } from './errors.js'
import type { ObjectChange } from './mutation-gate.js'
import type { Principal } from './principal.js'

/** The most that a user may have. */
export type Quota = Partial<Amount>

/** Users by name; `*`: everybody who is not named. */
export type QuotaRules = Readonly<Record<string, Quota>>

/** What may still come. */
export interface Room {
  readonly bytes: number
  /** The error for so many bytes, which are more. */
  refuse (bytes: number): Error
}

const everybody = '*'
/** Longest name, in bytes, that an owner is noted by. */
const longestName = 512
/** Objects that are counted in one step. */
const step = 1000

/** Registries that tell of quotas already: one store may be registered several times. */
const told = new WeakSet<Registry>()

/** The name by which a user's objects are counted. */
export function ownerNameOf ({ name }: Pick<Principal, 'name'>): string {
  return Buffer.byteLength(name) <= longestName ? name : `sha256:${createHash('sha256').update(name).digest('hex')}`
}

export class Quotas {
  readonly #store: Store
  readonly #rules: ReadonlyMap<string, Quota>
  readonly #children: number | undefined

  constructor (store: Store, rules: QuotaRules = {}, children?: number) {
    this.#store = store
    this.#rules = new Map(Object.entries(rules))
    this.#children = children
  }

  /** From now on the store counts what is limited here. */
  async begin (): Promise<void> {
    const { meta, metrics } = this.#store
    if (this.#children !== undefined) await meta.beginCounting('children')
    if (this.#rules.size === 0) return
    await meta.beginCounting('owners')
    if (metrics === undefined || told.has(metrics)) return
    told.add(metrics)
    metrics.read(async () => await this.#families())
  }

  /** Counts what was there before, until all of it is, or until `signal` aborts. */
  async countAll (signal: AbortSignal): Promise<void> {
    while (this.#rules.size > 0 && !signal.aborted && await this.#store.meta.countMore(step) > 0);
  }

  /** What a change must not exceed; undefined: nothing. */
  limitsOf (changes: readonly ObjectChange[]): AccountLimit[] | undefined {
    if (this.#rules.size === 0 && this.#children === undefined) return undefined
    const limits = new Map<Account, AccountLimit>()
    for (const { before, put } of changes) {
      if (put === undefined) continue
      const owner = ownerIn(put.attributes)
      const quota = owner === undefined || (before !== undefined && put.size <= before.size) ? undefined : this.#quotaOf(owner)
      if (owner !== undefined && quota !== undefined) limits.set(ownerAccount(owner), { account: ownerAccount(owner), ...quota })
      if (this.#children === undefined || put.parentID === undefined || put.parentID === before?.parentID) continue
      const account = childrenAccount(put.parentID)
      limits.set(account, { account, objects: this.#children })
    }
    return limits.size === 0 ? undefined : [...limits.values()]
  }

  #quotaOf (owner: string): Quota | undefined {
    return this.#rules.get(owner) ?? this.#rules.get(everybody)
  }

  /**
   * What may still come for an object, at most; undefined: as much as it likes. `before`: the object as it is, whose bytes may be replaced; who has made it
   * has the quota. `also`: what else may go for it.
   */
  async room (principal: Principal, before?: Pick<RecordHead, 'attributes' | 'size'>, also = 0): Promise<Room | undefined> {
    if (this.#rules.size === 0) return undefined
    const owner = before === undefined ? ownerNameOf(principal) : ownerIn(before.attributes)
    const most = owner === undefined ? undefined : this.#quotaOf(owner)?.bytes
    if (owner === undefined || most === undefined) return undefined
    const used = (await this.#store.meta.usage(ownerAccount(owner)))?.bytes ?? 0
    const replaced = (before?.size ?? 0) + also
    return { bytes: Math.max(0, most - used) + replaced, refuse: bytes => quotaExceeded(owner, { on: 'bytes', used, more: Math.max(1, bytes - replaced), limit: most }) }
  }

  async #families (): Promise<ReturnType<typeof gauge>[]> {
    const names = [...this.#rules.keys()].filter(name => name !== everybody)
    const usages = await Promise.all(names.map(async (user): Promise<[string, Quota, Usage | undefined]> => [user, this.#rules.get(user) ?? {}, await this.#store.meta.usage(ownerAccount(user))]))
    const samples = (on: keyof Amount): ReturnType<typeof sample>[] => usages.flatMap(([user, quota, usage]) => [
      ...usage === undefined ? [] : [sample(usage[on], { user, state: 'used' })],
      ...quota[on] === undefined ? [] : [sample(quota[on], { user, state: 'limit' })]
    ])
    return [
      gauge({ name: 'cdmi_quota_bytes', help: 'Bytes of the values of users who have a quota of their own: used, and the limit.' }, samples('bytes'), 'max'),
      gauge({ name: 'cdmi_quota_objects', help: 'Objects of users who have a quota of their own: used, and the limit.' }, samples('objects'), 'max')
    ]
  }
}

/** The error for a limit that a commit would not have kept. `name`: of a container, as the caller knows it. */
export function refusal ({ account, ...figures }: Refused, name: (container: ObjectID) => string): Error {
  if (account.startsWith('owner:')) return quotaExceeded(account.slice('owner:'.length), figures)
  const { used, more, limit } = figures
  return new ContainerFull(`The container ${name(account.slice('children:'.length))} may have ${limit} children, the limit of this server (limits.children); it has ${used}, and this would make ${more} more`)
}

function quotaExceeded (owner: string, { on, used, more, limit }: Omit<Refused, 'account' | 'status'>): Error {
  return new QuotaExceeded(`The quota of ${owner} is ${limit} ${on}, of which ${used} are used; ${more} more do not fit`)
}
