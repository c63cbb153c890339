/** One change of the store, put together from the changes of its objects, one after the other: there may be so many that others want their turn in between. */
import type { BlobBirth, Change, JsonObject, RecordPut, RecordRemoval, StoredRecord } from '../storage/contract.js'
import { eachInTurns, inOneTurn } from '../storage/in-turns.js'
import { ownerIn, withOwner, withTrees } from '../storage/usage.js'
import { TooLarge } from './errors.js'
import { now } from './instant.js'
import type { Mutation, ObjectChange } from './mutation.js'
import type { Principal } from './principal.js'
import { ownerNameOf, type Quotas } from './quotas.js'
import type { Reckoning } from './reckoning.js'

/** Most characters of the paths that one change may write into the change log: each object of a deep tree has all the names above it. */
const longestPaths = 64 * 1024 * 1024

type Expected = Pick<StoredRecord, 'id' | 'version'>

export class ChangeDraft {
  readonly #principal: Principal
  readonly #quotas: Quotas
  /** Undefined: nothing is limited. */
  readonly reckoning: Reckoning | undefined
  readonly #put: RecordPut[] = []
  readonly #remove: RecordRemoval[] = []
  readonly #events: JsonObject[] = []
  readonly #expected = new Map<string, number>()
  /** Versions of records that had others by the time they were read again. */
  readonly #outdated: Expected[] = []
  /** The ancestors of the first object, and all that were seen once there are others: most changes are of one object. */
  #first: readonly StoredRecord[] | undefined
  #seen: Set<StoredRecord> | undefined
  readonly #paths = new Paths()

  constructor (principal: Principal, quotas: Quotas) {
    this.#principal = principal
    this.#quotas = quotas
    this.reckoning = quotas.reckoning()
  }

  /** Throws LeavesQuota, and TooLarge when the paths of all objects together are longer than the change log should take at once. */
  add (change: ObjectChange): void {
    this.#quotas.requireMovable(change)
    const owned = withTreesOf(this.#quotas, withOwnerOf(this.#principal, change))
    const { ancestors, left, put, remove } = owned
    this.reckoning?.add(owned)
    this.#expect(ancestors)
    if (left !== undefined) this.#expect(left)
    if (put !== undefined) this.#put.push(put)
    if (remove !== undefined) this.#remove.push(remove)
    this.#tell(owned)
  }

  /** The entries of the change log: the only source of notifications, subscriptions and accounting. */
  #tell (change: ObjectChange): void {
    if (change.hidden === true) return
    const event = eventOf(this.#principal, change, this.#paths)
    this.#events.push(event)
    if (change.also !== undefined) this.#events.push({ ...event, operation: change.also })
  }

  #expect (chain: readonly StoredRecord[]): void {
    if (this.#first === undefined) {
      this.#first = chain
      for (const record of chain) this.expect(record)
      return
    }
    this.#seen ??= new Set(this.#first)
    for (let at = chain.length - 1; at >= 0; at--) {
      const record = chain[at]
      // Many objects that change at once have few parents: what is above one of them was here with it.
      if (record === undefined || this.#seen.has(record)) break
      this.#seen.add(record)
      this.expect(record)
    }
  }

  /** What else was read and decides on the change. What was read at two versions stays expected at both, which no commit can meet: all is to be read again. */
  expect ({ id, version }: Expected): void {
    const before = this.#expected.get(id)
    if (before !== undefined && before !== version) this.#outdated.push({ id, version: before })
    this.#expected.set(id, version)
  }

  /** All of it; a promise when it expects so much that others have their turn in between. */
  change (mutation: Pick<Mutation, 'staging' | 'births'>): Change | Promise<Change> {
    if (this.#expected.size + this.#put.length + this.#remove.length > inOneTurn) return this.#changeInTurns(mutation)
    // What the change itself puts or removes is at its version or the change does not happen; new containers are not there yet.
    for (const own of [this.#put, this.#remove]) for (const { id } of own) this.#expected.delete(id)
    const expect = this.#outdatedOfOthers()
    for (const [id, version] of this.#expected) expect.push({ id, version })
    return this.#change(mutation, expect)
  }

  async #changeInTurns (mutation: Pick<Mutation, 'staging' | 'births'>): Promise<Change> {
    for (const own of [this.#put, this.#remove]) await eachInTurns<Pick<RecordPut, 'id'>>(own, ({ id }) => { this.#expected.delete(id) })
    const expect = this.#outdatedOfOthers()
    await eachInTurns([...this.#expected], ([id, version]) => { expect.push({ id, version }) })
    return this.#change(mutation, expect)
  }

  #outdatedOfOthers (): Expected[] {
    if (this.#outdated.length === 0) return []
    const own = new Set([this.#put, this.#remove].flatMap(changed => changed.map(({ id }) => id)))
    return this.#outdated.filter(({ id }) => !own.has(id))
  }

  #change ({ staging, births = [] }: Pick<Mutation, 'staging' | 'births'>, expect: readonly Expected[]): Change {
    const limits = this.reckoning?.limits()
    const trees = this.reckoning?.made() ?? []
    return {
      ...leased(births, staging),
      expect,
      put: this.#put,
      remove: this.#remove,
      events: this.#events,
      ...limits !== undefined && { limits },
      ...trees.length > 0 && { trees: trees.map(({ id }) => id) }
    }
  }
}

function leased (births: readonly BlobBirth[], staging: Mutation['staging']): Pick<Change, 'lease' | 'births'> | undefined {
  return births.length > 0 && staging !== undefined ? { lease: staging.leaseID, births } : undefined
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
export class Paths {
  /** Most changes have one parent: only with the second one paths are kept. */
  #made: Map<StoredRecord, string> | 'later' | undefined
  #length = 0

  /** Throws TooLarge when those of all objects together are longer than the change log should take at once. */
  of (chain: readonly StoredRecord[]): string {
    const path = this.#path(chain)
    this.#length += path.length
    if (this.#length > longestPaths) throw new TooLarge(`The paths of the objects that would be changed are longer than ${longestPaths} characters, all together; do it in parts, or with shorter names. Nothing was changed`)
    return path
  }

  #path (chain: readonly StoredRecord[]): string {
    if (this.#made === undefined) {
      this.#made = 'later'
      return below('/', chain.slice(1))
    }
    const made = this.#made === 'later' ? this.#made = new Map<StoredRecord, string>() : this.#made
    const known = chain.findLastIndex(record => made.has(record))
    const start = chain[known]
    return below(start === undefined ? '/' : made.get(start) ?? '/', chain.slice(Math.max(known, 0) + 1), (record, path) => { made.set(record, path) })
  }
}

/** The path of the last of these, of which each is in the one before. */
function below (path: string, records: readonly StoredRecord[], made?: (record: StoredRecord, path: string) => void): string {
  let longer = path
  for (const record of records) {
    longer += `${encodeURIComponent(record.name ?? '')}/`
    made?.(record, longer)
  }
  return longer
}
