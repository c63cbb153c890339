/**
 * Quotas of users and of containers, and the limit of children of a container. Every object belongs for good to whoever made it, and lies in the containers
 * above it; its value counts as long as it is. The store counts, and decides in the commit; what is asked here before that only ends an upload early.
 */
import { createHash } from 'node:crypto'
import { gauge, sample } from '../metrics/family.js'
import type { Registry } from '../metrics/registry.js'
import type { Amount, ObjectID, RecordHead, Refused, Store, Usage } from '../storage/contract.js'
import { ownerAccount, ownerIn, subjectOf, treeAccount } from '../storage/usage.js'
import { type Chain, ContainerQuotas, type LimitedBy } from './container-quotas.js'
import { ContainerFull, LeavesQuota, QuotaExceeded } from './errors.js'
import type { ObjectChange } from './mutation.js'
import type { Principal } from './principal.js'
import type { Quota, QuotaRules } from './quota.js'
import { Reckoning } from './reckoning.js'
import { isContainer } from './record.js'

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

/** What is limited. */
export interface QuotaLimits {
  readonly users?: QuotaRules | undefined
  readonly containers?: QuotaRules | undefined
  /** Of each container. */
  readonly children?: number | undefined
}

export class Quotas {
  readonly #store: Store
  readonly #rules: ReadonlyMap<string, Quota>
  /** Undefined: there are none. */
  readonly #containers: ContainerQuotas | undefined
  readonly #children: number | undefined
  /** Paths of quotas, and the containers there that are known to be counted with all that is below them: one of each, however often it is made anew. */
  readonly #counted = new Map<string, ObjectID>()

  /** Throws OptionError for paths that are none. */
  constructor (store: Store, { users = {}, containers = {}, children }: QuotaLimits = {}) {
    this.#store = store
    this.#rules = new Map(Object.entries(users))
    this.#containers = Object.keys(containers).length === 0 ? undefined : new ContainerQuotas(containers, store.rootID)
    this.#children = children
  }

  /** From now on the store counts what is limited here. */
  async begin (): Promise<void> {
    const { meta, metrics } = this.#store
    if (this.#children !== undefined) await meta.beginCounting('children')
    if (this.#rules.size > 0) await meta.beginCounting('owners')
    if (this.#containers !== undefined) await this.#beginTrees(this.#containers)
    if (!this.#countsMore || metrics === undefined || told.has(metrics)) return
    told.add(metrics)
    metrics.read(async () => await this.#families())
  }

  async #beginTrees ({ places }: ContainerQuotas): Promise<void> {
    await this.#store.meta.beginCounting('trees')
    for (const { names, path } of places) {
      const id = await this.#containerAt(names)
      if (id !== undefined) await this.#count([{ id, path }])
    }
  }

  async #containerAt (names: readonly string[]): Promise<ObjectID | undefined> {
    const chain = await this.#store.meta.resolve(this.#store.rootID, names)
    const record = chain[names.length]
    return record !== undefined && isContainer(record) ? record.id : undefined
  }

  async #count (containers: ReadonlyArray<Pick<LimitedBy, 'id' | 'path'>>): Promise<void> {
    for (const { id, path } of containers) {
      await this.#store.meta.countTree(id)
      this.#counted.set(path, id)
    }
  }

  get #countsMore (): boolean {
    return this.#rules.size > 0 || this.#containers !== undefined
  }

  /** Counts what was there before, until all of it is, or until `signal` aborts. */
  async countAll (signal: AbortSignal): Promise<void> {
    while (this.#countsMore && !signal.aborted && await this.#store.meta.countMore(step) > 0);
  }

  /** What a change that is being put together means to quotas; undefined: nothing. */
  reckoning (): Reckoning | undefined {
    if (!this.#countsMore && this.#children === undefined) return undefined
    return new Reckoning({ containers: this.#containers, children: this.#children, quotaOf: owner => this.#quotaOf(owner) })
  }

  /** What is to be done before the change is committed; undefined: nothing. A container with a quota that others have put where it is need not be counted yet. */
  prepare (reckoning: Reckoning): Promise<void> | undefined {
    const unknown = reckoning.there().filter(({ id, path }) => this.#counted.get(path) !== id)
    return unknown.length === 0 ? undefined : this.#count(unknown)
  }

  /** The change has been committed: what it made is counted from its beginning. */
  committed (reckoning: Reckoning): void {
    for (const { id, path } of reckoning.made()) this.#counted.set(path, id)
  }

  /** The containers with quotas that a helper of an object counts for, by the place of the object; undefined: none. */
  treesOf ({ ancestors }: Pick<ObjectChange, 'ancestors'>): ObjectID[] | undefined {
    const found = this.#containers?.along(ancestors)
    return found === undefined || found.length === 0 ? undefined : found.map(({ id }) => id)
  }

  /**
   * Throws LeavesQuota for a container that would get to where another quota holds for all that is below it: it would have to be counted, all at once. What
   * is not in the paths of this server the store sees by itself.
   */
  requireMovable ({ before, put, ancestors, left }: ObjectChange): void {
    if (this.#containers === undefined || before === undefined || put === undefined || !isContainer(before)) return
    if (before.parentID === put.parentID && before.name === put.name) return
    const from = left ?? (before.parentID === put.parentID ? ancestors : [])
    if (this.#containers.isAtOrBelow(from, before.name) || this.#containers.isAtOrBelow(ancestors, put.name)) throw leavesQuota(before.name ?? before.id)
  }

  #quotaOf (owner: string): Quota | undefined {
    return this.#rules.get(owner) ?? this.#rules.get(everybody)
  }

  /**
   * What may still come for an object, at most; undefined: as much as it likes. `chain`: from the top down to where it is. `before`: the object as it is, whose
   * bytes may be replaced; who has made it has the quota. `also`: what else may go for it.
   */
  room (principal: Principal, chain: Chain, before?: Pick<RecordHead, 'attributes' | 'size'>, also = 0): Promise<Room | undefined> | undefined {
    return this.#countsMore ? this.#room(principal, chain, before, also) : undefined
  }

  async #room (principal: Principal, chain: Chain, before: Pick<RecordHead, 'attributes' | 'size'> | undefined, also: number): Promise<Room | undefined> {
    const owner = before === undefined ? ownerNameOf(principal) : ownerIn(before.attributes)
    const most = owner === undefined ? undefined : this.#quotaOf(owner)?.bytes
    const limits = owner === undefined || most === undefined ? [] : [{ account: ownerAccount(owner), whose: owner, most }]
    for (const { id, path, quota: { bytes: most } } of this.#containers?.along(chain) ?? []) if (most !== undefined) limits.push({ account: treeAccount(id), whose: containerNamed(path), most })
    const replaced = (before?.size ?? 0) + also
    const rooms = await Promise.all(limits.map(async ({ account, whose, most }): Promise<Room> => {
      const used = (await this.#store.meta.usage(account))?.bytes ?? 0
      return { bytes: Math.max(0, most - used) + replaced, refuse: bytes => quotaExceeded(whose, { on: 'bytes', used, more: Math.max(1, bytes - replaced), limit: most }) }
    }))
    return rooms.reduce<Room | undefined>((least, room) => least === undefined || room.bytes < least.bytes ? room : least, undefined)
  }

  /** The error for a limit that a commit would not have kept. `name`: of a container, as the caller knows it. */
  refusal ({ account, ...figures }: Refused, name: (container: ObjectID) => string): Error {
    const subject = subjectOf(account)
    if (account.startsWith('owner:')) return quotaExceeded(subject, figures)
    if (account.startsWith('tree:')) return quotaExceeded(containerNamed(this.#pathOf(subject) ?? name(subject)), figures)
    const { used, more, limit } = figures
    return new ContainerFull(`The container ${name(subject)} may have ${limit} children, the limit of this server (limits.children); it has ${used}, and this would make ${more} more`)
  }

  #pathOf (container: ObjectID): string | undefined {
    for (const [path, id] of this.#counted) if (id === container) return path
    return undefined
  }

  async #families (): Promise<ReturnType<typeof gauge>[]> {
    const { meta } = this.#store
    const users = await Promise.all([...this.#rules].filter(([name]) => name !== everybody).map(async ([user, quota]): Promise<Used> => ({ labels: { user }, quota, usage: await meta.usage(ownerAccount(user)) })))
    const containers = await Promise.all((this.#containers?.places ?? []).map(async ({ names, path, quota }): Promise<Used> => {
      const id = await this.#containerAt(names)
      return { labels: { container: path }, quota, usage: id === undefined ? undefined : await meta.usage(treeAccount(id)) }
    }))
    return [
      ...this.#rules.size === 0
        ? []
        : [
            gauge({ name: 'cdmi_quota_bytes', help: 'Bytes of the values of users who have a quota of their own: used, and the limit.' }, samplesOf(users, 'bytes'), 'max'),
            gauge({ name: 'cdmi_quota_objects', help: 'Objects of users who have a quota of their own: used, and the limit.' }, samplesOf(users, 'objects'), 'max')
          ],
      ...this.#containers === undefined
        ? []
        : [
            gauge({ name: 'cdmi_container_quota_bytes', help: 'Bytes of the values in containers that have a quota, with all that is below them: used, and the limit.' }, samplesOf(containers, 'bytes'), 'max'),
            gauge({ name: 'cdmi_container_quota_objects', help: 'Objects in containers that have a quota, with all that is below them: used, and the limit.' }, samplesOf(containers, 'objects'), 'max')
          ]
    ]
  }
}

interface Used {
  readonly labels: Readonly<Record<string, string>>
  readonly quota: Quota
  readonly usage: Usage | undefined
}

function samplesOf (all: readonly Used[], on: keyof Amount): ReturnType<typeof sample>[] {
  return all.flatMap(({ labels, quota, usage }) => [
    ...usage === undefined ? [] : [sample(usage[on], { ...labels, state: 'used' })],
    ...quota[on] === undefined ? [] : [sample(quota[on], { ...labels, state: 'limit' })]
  ])
}

const containerNamed = (path: string): string => `the container ${path}`

/** The error for a container that cannot get to another place. `name`: as it is called, or its path. */
export function leavesQuota (name: string): Error {
  return new LeavesQuota(`The container ${name} cannot be moved across the border of a container quota, with all that is below it: copy it to where it shall be, and delete it here`)
}

function quotaExceeded (owner: string, { on, used, more, limit }: Omit<Refused, 'account' | 'status'>): Error {
  return new QuotaExceeded(`The quota of ${owner} is ${limit} ${on}, of which ${used} are used; ${more} more do not fit`)
}
