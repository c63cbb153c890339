/**
 * The one gate that every change of every door passes (design: shape): access, protection, validators, versioning,
 * accounting, event, in this order; then one atomic commit. A stage sees what is to change before it happens and
 * throws to refuse it. Access and events are here; the other stages get their place in `stages` when their feature comes.
 */
import type { BlobBirth, Change, CommitResult, JsonObject, RecordHead, RecordPut, RecordRemoval, Store, StoredRecord } from '../storage/contract.js'
import { Contention, StorageUnavailable } from './errors.js'
import { now } from './instant.js'
import type { Principal } from './principal.js'
import { requireAccess } from './access.js'
import type { Staging } from './staging.js'
import { Turns } from './turns.js'
import { formatPath } from './address.js'

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

type Stage = (principal: Principal, mutation: Mutation) => void

const stages: readonly Stage[] = [
  principal => { requireAccess(principal, 'write') }
]

/** Attempts before a writer that always loses is told so. In one process losers queue up, so this takes many processes. */
const attempts = 50

export class MutationGate {
  readonly #store: Store
  readonly #turns = new Turns()

  constructor (store: Store) {
    this.#store = store
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
    for (const stage of stages) stage(principal, mutation)
    const result: CommitResult = await this.#store.meta.commit(changeOf(principal, mutation))
    if (result.status === 'committed') {
      mutation.staging?.committed(mutation.births ?? [])
      return mutation
    }
    // The staged bytes may be gone with the lease, and the body that they came from has been read: only the client can begin anew.
    if (result.on === 'lease') throw new StorageUnavailable()
    return 'again'
  }
}

function changeOf (principal: Principal, mutation: Mutation): Change {
  const expected = new Map<string, number>()
  // Many objects that change at once have few parents.
  const chains = new Set(mutation.changes.flatMap(({ ancestors, left = [] }) => [ancestors, left]))
  for (const chain of [...chains, mutation.expect ?? []]) {
    for (const { id, version } of chain) expected.set(id, version)
  }
  // What the change itself puts or removes is at its version or the change does not happen; new containers are not there yet.
  for (const { put, remove } of mutation.changes) expected.delete(put?.id ?? remove?.id ?? '')
  const births = mutation.births ?? []
  return {
    ...(births.length > 0 && mutation.staging !== undefined ? { lease: mutation.staging.leaseID, births } : {}),
    expect: Array.from(expected, ([id, version]) => ({ id, version })),
    put: mutation.changes.flatMap(change => change.put ?? []),
    remove: mutation.changes.flatMap(change => change.remove ?? []),
    events: mutation.changes.filter(change => change.hidden !== true).flatMap(change => eventsOf(principal, change))
  }
}

/** The entries of the change log: the only source of notifications, subscriptions and accounting. */
function eventsOf (principal: Principal, change: ObjectChange): JsonObject[] {
  const event = eventOf(principal, change)
  return change.also === undefined ? [event] : [event, { ...event, operation: change.also }]
}

function eventOf (principal: Principal, { operation, ancestors, left, before, put }: ObjectChange): JsonObject {
  const object = put ?? before
  const event: JsonObject = {
    operation,
    principal: principal.name,
    time: now(),
    objectID: object?.id ?? '',
    type: object?.type ?? '',
    size: put?.size ?? 0
  }
  if (object?.name !== undefined) {
    event['objectName'] = object.name
    event['parentURI'] = parentPath(ancestors)
  }
  if (left !== undefined && before?.name !== undefined) {
    event['formerName'] = before.name
    event['formerParentURI'] = parentPath(left)
  }
  return event
}

function parentPath (ancestors: readonly StoredRecord[]): string {
  return formatPath(ancestors.slice(1).map(record => record.name ?? ''), true)
}
