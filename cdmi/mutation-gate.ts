/**
 * The one gate that every change of every door passes (design: shape): access, protection, validators, versioning,
 * accounting, event, in this order; then one atomic commit. A stage sees what is to change before it happens and
 * throws to refuse it. Access and events are here; the other stages get their place in `stages` when their feature comes.
 */
import type { BlobBirth, Change, CommitResult, JsonObject, ObjectID, RecordHead, RecordPut, RecordRemoval, Store, StoredRecord } from '../storage/contract.js'
import { Registry } from '../metrics/registry.js'
import { eachInTurns, inOneTurn } from '../storage/in-turns.js'
import { ownerIn, withOwner, withTrees } from '../storage/usage.js'
import { CommitCount } from './commit-count.js'
import { Contention, StorageUnavailable, TooLarge } from './errors.js'
import { now } from './instant.js'
import type { Principal } from './principal.js'
import { requireAccess } from './access.js'
import { leavesQuota, ownerNameOf, type Quotas } from './quotas.js'
import { checkPlace, type PlaceLimits } from './names.js'
import type { Staging } from './staging.js'
import { Turns } from './turns.js'

/** What happens to one object. */
export interface ObjectChange {
  /** As notifications tell them apart (NOT-05): a move is a `rename`, and a new reference is no new object. */
  readonly operation: 'create' | 'modify' | 'delete' | 'rename' | 'reference'
  /** A new object that is a copy is announced as that, too. */
  readonly also?: 'copy'
  /** From the top down to the parent, as read. The commit holds only while none of them has changed. */
  readonly ancestors: readonly StoredRecord[]
  /** The same of the place that a moved object leaves. */
  readonly left?: readonly StoredRecord[]
  readonly before: RecordHead | undefined
  /** A record of the server's own, which no client knows of: it makes no event. */
  readonly hidden?: true
  /** Exactly one of the two. */
  readonly put?: RecordPut
  readonly remove?: RecordRemoval
}

/** One operation: all its changes happen, or none. */
export interface Mutation {
  readonly changes: readonly ObjectChange[]
  /** What else was read and decides on the changes: the commit holds only while it is as it was. */
  readonly expect?: ReadonlyArray<Pick<StoredRecord, 'id' | 'version'>>
  /** Blobs that the changes name for the first time, and the operation that put them. */
  readonly staging?: Staging | undefined
  readonly births?: readonly BlobBirth[]
}

type Stage = (principal: Principal, mutation: Mutation, limits: PlaceLimits) => void

const stages: readonly Stage[] = [
  principal => { requireAccess(principal, 'write') },
  (_principal, { changes }, limits) => {
    for (const { operation, ancestors, put } of changes) {
      // What is there already stays as it is when the operator lowers a limit.
      if (put?.name !== undefined && operation !== 'modify') checkPlace(put.name, ancestors.length, limits)
    }
  }
]

/** Attempts before a writer that always loses is told so. In one process losers queue up, so this takes many processes. */
const attempts = 50

/** Most characters of the paths that one change may write into the change log: each object of a deep tree has all the names above it. */
const longestPaths = 64 * 1024 * 1024

export class MutationGate {
  readonly #store: Store
  readonly #limits: PlaceLimits
  readonly #quotas: Quotas
  readonly #count: CommitCount
  readonly #turns = new Turns()

  constructor (store: Store, limits: PlaceLimits, quotas: Quotas) {
    this.#store = store
    this.#limits = limits
    this.#quotas = quotas
    this.#count = new CommitCount(store.metrics ?? new Registry())
  }

  /**
   * Runs `plan` (read, compute) and commits what it answers; runs it again when the records it read have changed meanwhile.
   * A plan of undefined: nothing to do.
   * `subject` names what is being changed: writers of one subject that collide go on one after the other.
   */
  async mutate<M extends Mutation> (principal: Principal, subject: string, plan: () => Promise<M | undefined>): Promise<M | undefined> {
    let result = await this.#attempt(principal, plan)
    if (result !== 'again') return result
    const done = await this.#turns.take(subject)
    try {
      for (let attempt = 1; attempt < attempts; attempt++) {
        result = await this.#attempt(principal, plan)
        if (result !== 'again') return result
      }
    } finally {
      done()
    }
    throw new Contention()
  }

  async #attempt<M extends Mutation> (principal: Principal, plan: () => Promise<M | undefined>): Promise<M | undefined | 'again'> {
    const mutation = await plan()
    if (mutation === undefined || mutation.changes.length === 0) return mutation
    for (const stage of stages) stage(principal, mutation, this.#limits)
    const preparing = this.#quotas.prepare(mutation.changes)
    if (preparing !== undefined) await preparing
    const change = mutation.changes.length > inOneTurn ? await changeInTurns(principal, mutation, this.#quotas) : changeAtOnce(principal, mutation, this.#quotas)
    const result: CommitResult = await this.#count.counted(async () => await this.#store.meta.commit(change))
    if (result.status === 'committed') {
      mutation.staging?.committed(mutation.births ?? [])
      return mutation
    }
    if (result.status === 'refused') {
      if (result.on === 'trees') throw leavesQuota(mutation.changes.find(({ before }) => before?.id === result.id)?.before?.name ?? result.id)
      throw this.#quotas.refusal(result, id => nameIn(mutation.changes, id))
    }
    // The staged bytes may be gone with the lease, and the body that they came from has been read: only the client can begin anew.
    if (result.on === 'lease') throw new StorageUnavailable()
    return 'again'
  }
}

/** A container that gets something below it by these changes, as the caller knows it. */
function nameIn (changes: readonly ObjectChange[], id: ObjectID): string {
  const paths = new Paths()
  for (const { ancestors, put } of changes) {
    if (put?.id === id) return decodeURI(`${paths.of(ancestors)}${encodeURIComponent(put.name ?? id)}/`)
    const at = ancestors.findIndex(record => record.id === id)
    if (at !== -1) return decodeURI(paths.of(ancestors.slice(0, at + 1)))
  }
  return id
}

function changeAtOnce (principal: Principal, mutation: Mutation, quotas: Quotas): Change {
  const paths = new Paths()
  const owned = mutation.changes.map(change => ownedIn(quotas, principal, change))
  return changeOf(mutation, quotas, owned, mutation.changes.flatMap(change => eventsOf(principal, change, paths)))
}

/** The same; others have their turn in between. */
async function changeInTurns (principal: Principal, mutation: Mutation, quotas: Quotas): Promise<Change> {
  const paths = new Paths()
  const owned: ObjectChange[] = []
  const events: JsonObject[] = []
  await eachInTurns(mutation.changes, change => {
    owned.push(ownedIn(quotas, principal, change))
    events.push(...eventsOf(principal, change, paths))
  })
  return changeOf(mutation, quotas, owned, events)
}

function changeOf (mutation: Mutation, quotas: Quotas, owned: readonly ObjectChange[], events: readonly JsonObject[]): Change {
  const limits = quotas.limitsOf(owned)
  const trees = quotas.made(owned)
  const births = mutation.births ?? []
  return {
    ...(births.length > 0 && mutation.staging !== undefined ? { lease: mutation.staging.leaseID, births } : undefined),
    expect: expectedOf(mutation),
    put: owned.flatMap(change => change.put ?? []),
    remove: mutation.changes.flatMap(change => change.remove ?? []),
    events,
    ...limits !== undefined && { limits },
    ...trees !== undefined && { trees: trees.map(({ id }) => id) }
  }
}

/** The change, with what accounts need to know of the object. */
function ownedIn (quotas: Quotas, principal: Principal, change: ObjectChange): ObjectChange {
  quotas.requireMovable(change)
  return withTreesOf(quotas, withOwnerOf(principal, change))
}

/** What helps an object counts where the object does. It hangs somewhere else, so it has to name that. */
function withTreesOf (quotas: Quotas, change: ObjectChange): ObjectChange {
  const { hidden, put } = change
  const trees = hidden === true && put !== undefined ? quotas.treesOf(change) : undefined
  return trees === undefined || put === undefined ? change : { ...change, put: { ...put, attributes: withTrees(put.attributes, trees) } }
}

/** Who makes an object owns it; whoever changes it later does not. */
function withOwnerOf (principal: Principal, change: ObjectChange): ObjectChange {
  const { before, put } = change
  if (put === undefined) return change
  // Most new objects have been made with it.
  if (before === undefined && ownerIn(put.attributes) !== undefined) return change
  const owner = before === undefined ? ownerNameOf(principal) : ownerIn(before.attributes)
  return owner === undefined || ownerIn(put.attributes) === owner ? change : { ...change, put: { ...put, attributes: withOwner(put.attributes, owner) } }
}

type Expected = Pick<StoredRecord, 'id' | 'version'>

function expectedOf (mutation: Mutation): Expected[] {
  const [change] = mutation.changes
  // The common case, without what only many changes need: what is made or changed is no ancestor of its own.
  if (change !== undefined && mutation.changes.length === 1 && change.left === undefined) {
    const id = change.put?.id ?? change.remove?.id
    return [...change.ancestors.map(expectation), ...(mutation.expect ?? []).filter(other => other.id !== id)]
  }
  const expected = new Map<string, number>()
  const seen = new Set<StoredRecord>()
  for (const { ancestors, left = [] } of mutation.changes) {
    for (const chain of [ancestors, left]) {
      for (let at = chain.length - 1; at >= 0; at--) {
        const record = chain[at]
        // Many objects that change at once have few parents: what is above one of them was here with it.
        if (record === undefined || seen.has(record)) break
        seen.add(record)
        expected.set(record.id, record.version)
      }
    }
  }
  for (const { id, version } of mutation.expect ?? []) expected.set(id, version)
  // What the change itself puts or removes is at its version or the change does not happen; new containers are not there yet.
  for (const { put, remove } of mutation.changes) expected.delete(put?.id ?? remove?.id ?? '')
  return Array.from(expected, ([id, version]) => ({ id, version }))
}

const expectation = ({ id, version }: StoredRecord): Expected => ({ id, version })

/** The entries of the change log: the only source of notifications, subscriptions and accounting. */
function eventsOf (principal: Principal, change: ObjectChange, paths: Paths): JsonObject[] {
  if (change.hidden === true) return []
  const event = eventOf(principal, change, paths)
  return change.also === undefined ? [event] : [event, { ...event, operation: change.also }]
}

function eventOf (principal: Principal, { operation, ancestors, left, before, put }: ObjectChange, paths: Paths): JsonObject {
  const object = put ?? before
  const event: JsonObject = {
    operation,
    principal: principal.name,
    time: now(),
    objectID: object?.id ?? '',
    type: object?.type ?? '',
    size: put?.size ?? 0
  }
  if (principal.source !== undefined) event['source'] = principal.source
  if (object?.name !== undefined) {
    event['objectName'] = object.name
    event['parentURI'] = paths.of(ancestors)
  }
  if (left !== undefined && before?.name !== undefined) {
    event['formerName'] = before.name
    event['formerParentURI'] = paths.of(left)
  }
  return event
}

/** The paths of the parents of all objects of one change, each made once. */
class Paths {
  readonly #made = new Map<StoredRecord, string>()
  #length = 0

  /** Throws TooLarge when those of all objects together are longer than the change log should take at once. */
  of (chain: readonly StoredRecord[]): string {
    const path = this.#path(chain)
    this.#length += path.length
    if (this.#length > longestPaths) throw new TooLarge(`The paths of the objects that would be changed are longer than ${longestPaths} characters, all together; do it in parts, or with shorter names. Nothing was changed`)
    return path
  }

  #path (chain: readonly StoredRecord[]): string {
    const known = chain.findLastIndex(record => this.#made.has(record))
    const start = chain[known]
    let path = start === undefined ? '/' : this.#made.get(start) ?? '/'
    for (const record of chain.slice(Math.max(known, 0) + 1)) {
      path += `${encodeURIComponent(record.name ?? '')}/`
      this.#made.set(record, path)
    }
    return path
  }
}
