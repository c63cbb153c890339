/**
 * The one gate that every change of every door passes (design: shape): access, protection, validators, versioning,
 * accounting, event, in this order; then one atomic commit. A stage sees what is to change before it happens and
 * throws to refuse it. Access and events are here; the other stages get their place in `stages` when their feature comes.
 */
import type { CommitResult, ObjectID, Store } from '../storage/contract.js'
import { Registry } from '../metrics/registry.js'
import { eachInTurns, inOneTurn } from '../storage/in-turns.js'
import { ChangeDraft, Paths } from './change-draft.js'
import { CommitCount } from './commit-count.js'
import { Contention, StorageUnavailable } from './errors.js'
import type { Mutation, ObjectChange } from './mutation.js'
import type { Principal } from './principal.js'
import { requireAccess } from './access.js'
import { InStep } from './in-step.js'
import { leavesQuota, type Quotas } from './quotas.js'
import { checkPlace, type PlaceLimits } from './names.js'
import { Turns } from './turns.js'

/** What is to be done, made of what is there now. */
type Plan<M extends Mutation> = () => M | undefined | Promise<M | undefined>

type Stage = (principal: Principal, change: ObjectChange, limits: PlaceLimits) => void

const stages: readonly Stage[] = [
  principal => { requireAccess(principal, 'write') },
  (_principal, { operation, ancestors, put }, limits) => {
    // What is there already stays as it is when the operator lowers a limit.
    if (put?.name !== undefined && operation !== 'modify') checkPlace(put.name, ancestors.length, limits)
  }
]

/** Attempts before a writer that always loses is told so. In one process losers queue up, so this takes many processes. */
const attempts = 50

export class MutationGate {
  readonly #store: Store
  readonly #limits: PlaceLimits
  readonly #quotas: Quotas
  readonly #count: CommitCount
  readonly #turns = new Turns()
  readonly #start = new InStep()

  constructor (store: Store, limits: PlaceLimits, quotas: Quotas) {
    this.#store = store
    this.#limits = limits
    this.#quotas = quotas
    this.#count = new CommitCount(store.metrics ?? new Registry())
  }

  /**
   * Runs `plan` (read, compute) and commits what it answers; runs it again when the records it read have changed meanwhile.
   * A plan of undefined: nothing to do. Changes that begin at about the same time are planned in step.
   * `subject`, or what it answers, names what is being changed: writers of one subject that collide go on one after the other.
   */
  async mutate<M extends Mutation> (principal: Principal, subject: string | (() => string), plan: Plan<M>): Promise<M | undefined> {
    await this.#start.join()
    const result = await this.#attempt(principal, plan)
    return result === 'again' ? await this.#inTurn(principal, subject, plan) : result
  }

  async #inTurn<M extends Mutation> (principal: Principal, subject: string | (() => string), plan: Plan<M>): Promise<M | undefined> {
    const done = await this.#turns.take(typeof subject === 'string' ? subject : subject())
    try {
      for (let attempt = 1; attempt < attempts; attempt++) {
        const result = await this.#attempt(principal, plan)
        if (result !== 'again') return result
      }
    } finally {
      done()
    }
    throw new Contention()
  }

  async #attempt<M extends Mutation> (principal: Principal, plan: Plan<M>): Promise<M | undefined | 'again'> {
    const planned = plan()
    const mutation = planned instanceof Promise ? await planned : planned
    if (mutation === undefined || mutation.changes.length === 0) return mutation
    const draft = new ChangeDraft(principal, this.#quotas)
    const gathering = gather(mutation, draft, change => { for (const stage of stages) stage(principal, change, this.#limits) })
    if (gathering !== undefined) await gathering
    const { reckoning } = draft
    const preparing = reckoning === undefined ? undefined : this.#quotas.prepare(reckoning)
    if (preparing !== undefined) await preparing
    const drafted = draft.change(mutation)
    const change = drafted instanceof Promise ? await drafted : drafted
    const result: CommitResult = await this.#count.counted(this.#store.meta, change)
    if (result.status === 'committed') {
      if (reckoning !== undefined) this.#quotas.committed(reckoning)
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

/** Passes all changes through `check` and enters them. Most mutations are of one object: not even a promise is needed. */
function gather ({ changes, expect = [] }: Mutation, draft: ChangeDraft, check: (change: ObjectChange) => void): Promise<void> | undefined {
  function enter (change: ObjectChange): void {
    check(change)
    draft.add(change)
  }
  if (changes.length + expect.length > inOneTurn) return gatherInTurns(changes, enter, expect, draft)
  for (const change of changes) enter(change)
  for (const other of expect) draft.expect(other)
  return undefined
}

/** The same; others have their turn in between. */
async function gatherInTurns (changes: Mutation['changes'], enter: (change: ObjectChange) => void, expect: NonNullable<Mutation['expect']>, draft: ChangeDraft): Promise<void> {
  await eachInTurns(changes, enter)
  await eachInTurns(expect, other => { draft.expect(other) })
}
