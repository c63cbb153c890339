/**
 * Operations that may be answered before they are done (CMV-14, CMV-19, COC-36): they are begun as all others are; when they take too long, their object
 * gets a mark that says so, the answer is sent, and the plan of the operation goes by the mark from then on. The commits of the two decide which
 * of them was first, whatever happens at once.
 */
import type { ModelContext } from './context.js'
import { changedContainer } from './container-record.js'
import type { Written } from './data-object-change.js'
import type { MutationGate } from './mutation-gate.js'
import type { ObjectChange } from './mutation.js'
import type { Principal } from './principal.js'
import { attributesOf, type CdmiObject, isContainer } from './record.js'
import { GivenUp, type Transfers, type Work } from './transfers.js'

export interface Delayable {
  readonly principal: Principal
  /** Milliseconds after which it is answered for; undefined: never. */
  readonly delayedAfter: number | undefined
  readonly work: Work
  /** Of the object; it may have to be read first. Never rejects. */
  readonly id: Promise<string>
  /** What puts the mark on the object, which may have to be made for it, when all that can be checked has been; undefined: it has come too late. */
  mark (token: string): Promise<MarkPlan | undefined>
  /** Does it, and goes by the mark in every plan of its changes. */
  run (mark: Mark): Promise<Written>
  /** Called at the end, well or not. */
  end (): void
}

export interface MarkPlan {
  readonly changes: readonly ObjectChange[]
  readonly written: Written
}

/** The object as its mark has it now, and what ends the transfer with the commit that takes the mark away. */
export interface Marked {
  readonly token: string
  readonly object: CdmiObject
  readonly ended: readonly ObjectChange[]
}

interface Token { readonly token: string, readonly id: string }

/** Whether an operation has been answered for. */
export class Mark {
  readonly #transfers: Transfers
  readonly #gate: MutationGate
  #made: Promise<Token | undefined> = Promise.resolve(undefined)

  constructor ({ transfers, gate }: Pick<ModelContext, 'transfers' | 'gate'>) {
    this.#transfers = transfers
    this.#gate = gate
  }

  /** For plans: undefined while nobody has been answered. Throws GivenUp when the mark is gone. */
  async find (): Promise<Marked | undefined> {
    const made = await this.#made
    if (made === undefined) return undefined
    const object = await this.#transfers.waiting(made.token, made.id)
    if (object === undefined) throw new GivenUp()
    return { token: made.token, object, ended: await this.#transfers.ended(made.token) }
  }

  /** Puts it there. Undefined: it has come too late. Throws what the plan of the mark throws. */
  async put ({ principal, mark }: Pick<Delayable, 'principal' | 'mark'>, id: string): Promise<(Token & Pick<MarkPlan, 'written'>) | undefined> {
    const token = this.#transfers.newToken()
    // A subject of its own: the operation may be waiting for this while it has the turn at its destination.
    const marking = this.#gate.mutate(principal, token, async () => {
      const plan = await mark(token)
      return plan === undefined ? undefined : { ...plan, changes: [...plan.changes, this.#transfers.born(token, id)] }
    })
    this.#made = marking.then(plan => plan === undefined ? undefined : { token, id }, () => undefined)
    const plan = await marking
    return plan === undefined ? undefined : { token, id, written: plan.written }
  }

  /** Takes it away from an object that was changed at the very moment in which it was marked. */
  async clear ({ token, id }: Token, principal: Principal): Promise<void> {
    await this.#gate.mutate(principal, token, async () => {
      const object = await this.#transfers.waiting(token, id)
      if (object === undefined || !isContainer(object.record)) return undefined
      const { record: before, ancestors } = object
      return { changes: [{ operation: 'modify' as const, ancestors, before, put: changedContainer(before, { transfer: null }) }, ...await this.#transfers.ended(token)] }
    })
  }
}

/** Does it, and answers when it is done or when it takes too long. Throws what it throws before that. */
export async function mayBeDelayed (context: ModelContext, operation: Delayable): Promise<Written> {
  const { transfers } = context
  const { principal, delayedAfter, work } = operation
  const mark = new Mark(context)
  const done = operation.run(mark)
  const settled = done.then(() => undefined, () => undefined)
  let delayed = false
  try {
    if (delayedAfter !== undefined && transfers.hasRoom && !await isWithin(settled, delayedAfter)) {
      const id = await Promise.race([operation.id, settled])
      const put = id !== undefined && await mark.put(operation, id).catch(async (error: unknown) => {
        // What cannot be answered for need not be done; unless it has been, in the very moment.
        work.stop()
        await done.catch(() => { throw error })
        return undefined
      })
      if (put !== false && put !== undefined) {
        delayed = true
        transfers.run({
          token: put.token,
          objectID: put.id,
          principal,
          work,
          async finish () {
            await done
            await mark.clear(put, principal)
          },
          end () { operation.end() }
        })
        return { ...put.written, pending: true }
      }
    }
    return await done
  } finally {
    if (!delayed) {
      await settled
      operation.end()
    }
  }
}

async function isWithin (settled: Promise<undefined>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>(resolve => { timer = setTimeout(resolve, milliseconds, false) })
  try {
    return await Promise.race([settled.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Work within this server. */
export class LocalWork implements Work {
  readonly #controller = new AbortController()
  /** How much of it is done, from 0 to 1; undefined: nobody knows. */
  measure: () => number | undefined = () => undefined

  get percent (): number | undefined {
    const part = this.measure()
    return part === undefined ? undefined : Math.max(0, Math.min(99, Math.floor(part * 100)))
  }

  /** Aborted when nobody wants it any more. */
  get signal (): AbortSignal {
    return this.#controller.signal
  }

  stop (): void {
    this.#controller.abort()
  }

  /** Throws GivenUp when nobody wants it any more. */
  check (): void {
    if (this.#controller.signal.aborted) throw new GivenUp()
  }
}

/** The mark of a container that is there, and stays as it is until the change is done (CMV-19). */
export function markedContainer ({ record: before, ancestors }: CdmiObject, token: string): MarkPlan | undefined {
  if (!isContainer(before) || attributesOf(before).completionStatus !== 'Complete') return undefined
  const put = changedContainer(before, { transfer: token, failure: null })
  return { changes: [{ operation: 'modify', ancestors, before, put }], written: { object: { record: put, ancestors }, created: false } }
}
