/**
 * Transfers: what goes on when its request has been answered (CMV-14 to CMV-19, COC-36 to COC-38, DOC-21, DOC-22), whether it comes from another server
 * or from this one. The object is there, and carries the token of its transfer; whoever deletes it, or gives it another value, takes the token away,
 * and the transfer ends. Beside it there is a record of the transfer itself, under a parent that has no record, so that no path and no ID leads to
 * it. It is renewed as long as somebody works on it; when nobody does any more, whoever finds it says so in the object.
 */
import { randomUUID } from 'node:crypto'
import type { RecordPut, Store, StoredRecord } from '../storage/contract.js'
import { arrivedRecord, failedRecord } from './completion.js'
import { clockLeaps } from '../storage/clock-leaps.js'
import { describeError } from './describe-error.js'
import type { MutationGate } from './mutation-gate.js'
import type { ObjectChange } from './mutation.js'
import { hiddenID } from './object-id.js'
import { itself, type Principal } from './principal.js'
import { attributesOf, type CdmiObject, typeLetter } from './record.js'

/** As it is stored. */
interface StoredTransfer {
  readonly objectID: string
  /** When it was last known to go on, in milliseconds. */
  readonly beat: number
  readonly percent: number | null
  /** The object has all of its value, and may be nowhere else any more. */
  readonly arrived?: true
}

/** What goes on. */
export interface Work {
  /** Less than 100; undefined: nobody knows. */
  readonly percent: number | undefined
  /** Whoever does it need not go on. */
  stop (): void
}

interface Running {
  readonly work: Work
  /** It was ended from here. */
  ended: boolean
  /** And why; undefined: nobody waits for it any more. */
  stopped?: string
  done: Promise<void>
}

/** A sign of life of somebody else's, and when this process has seen it first, on a clock that nobody sets. */
interface Seen {
  readonly beat: number
  readonly at: number
}

/** Thrown by work that was told to stop, or whose object nobody waits for any more. */
export class GivenUp extends Error {
  override readonly name = 'GivenUp'
}

export interface Delayed {
  readonly token: string
  readonly objectID: string
  readonly principal: Principal
  readonly work: Work
  /** Waits for all of it, and commits. */
  finish (): Promise<void>
  /** Called at the end, well or not. */
  end (): void
}

/** Milliseconds between two signs of life, and after which there were none. */
const beatEvery = 1000
const deadAfter = 30_000
/** Transfers that go on in one process at once. */
const atOnce = 64
/** Transfers that are looked at in one step. */
const page = 500

/** Of all of them; it has no record. */
const parentID = hiddenID('transfers')

export class Transfers {
  readonly #store: Store
  readonly #gate: MutationGate
  readonly #running = new Map<string, Running>()
  #seen: ReadonlyMap<string, Seen> = new Map()
  #report: (error: unknown) => void = () => {}
  #closing = false

  constructor (store: Store, gate: MutationGate) {
    this.#store = store
    this.#gate = gate
  }

  /** Who hears of what went wrong in the background. */
  reportTo (report: (error: unknown) => void): void {
    this.#report = report
  }

  /** Whether one more may go on. */
  get hasRoom (): boolean {
    return this.#running.size < atOnce
  }

  newToken (): string {
    return randomUUID()
  }

  /** The record of a new transfer, for the commit that makes its object. */
  born (token: string, objectID: string): ObjectChange {
    return { operation: 'create', hidden: true, ancestors: [], before: undefined, put: this.#put(token, 1, { objectID, beat: Date.now(), percent: null }) }
  }

  /** The same from the moment on at which the object has its value, for the commit that gives it that: whatever happens now, it is not lost. */
  async arrived (token: string, objectID: string): Promise<ObjectChange[]> {
    const before = await this.#store.meta.get(hiddenID(`transfers ${token}`))
    return before === undefined ? [] : [{ operation: 'modify', hidden: true, ancestors: [], before, put: this.#put(token, before.version + 1, { objectID, beat: Date.now(), percent: null, arrived: true }) }]
  }

  /** Its removal, for the commit that ends it; none when it is gone. */
  async ended (token: string): Promise<ObjectChange[]> {
    const record = await this.#store.meta.get(hiddenID(`transfers ${token}`))
    return record === undefined ? [] : [{ operation: 'delete', hidden: true, ancestors: [], before: record, remove: { id: record.id, version: record.version, subtree: false } }]
  }

  /** The object, while it is still waiting for this transfer. */
  async waiting (token: string, objectID: string): Promise<CdmiObject | undefined> {
    const chain = await this.#store.meta.lineage(objectID)
    const record = chain.at(-1)
    return record === undefined || attributesOf(record).transfer !== token ? undefined : { record, ancestors: chain.slice(0, -1) }
  }

  /** Goes on with it. */
  run (delayed: Delayed): void {
    const { token, objectID, principal, work } = delayed
    const running: Running = { work, ended: false, done: Promise.resolve() }
    this.#running.set(token, running)
    if (this.#closing) this.#stop(running)
    const timer = setInterval(() => { this.#beat(delayed, running).catch(this.#report) }, beatEvery)
    timer.unref()
    running.done = (async () => {
      try {
        await delayed.finish()
      } catch (error) {
        const { status, message } = describeError(error)
        if (status >= 500 && !running.ended && !(error instanceof GivenUp)) this.#report(error)
        await this.#fail(principal, token, objectID, running.stopped ?? (status >= 500 ? 'The server could not store it' : message.replace(/; nothing was changed$/, '')))
      } finally {
        clearInterval(timer)
        this.#running.delete(token)
        delayed.end()
      }
    })().catch(this.#report)
  }

  /** How much is done, in percent; undefined when that is not known, or, at once, when nothing is to be done. */
  percentOf (record: Pick<StoredRecord, 'attributes'>): string | undefined | Promise<string | undefined> {
    const { transfer: token } = attributesOf(record)
    return token === undefined ? undefined : this.#percentOf(token)
  }

  async #percentOf (token: string): Promise<string | undefined> {
    const running = this.#running.get(token)
    const percent = running === undefined ? transferOf(await this.#store.meta.get(hiddenID(`transfers ${token}`)))?.percent : running.work.percent
    return percent === undefined || percent === null ? undefined : String(percent)
  }

  /** Ends what nobody works on any more. `now` in milliseconds. */
  async recover (now = Date.now()): Promise<void> {
    const before = now - deadAfter - clockLeaps.within(deadAfter)
    const seen = new Map<string, Seen>()
    for (let after: string | undefined; ;) {
      const entries = await this.#store.meta.children(parentID, { after, limit: page })
      for (const { name: token, id } of entries) {
        const transfer = transferOf(await this.#store.meta.get(id))
        if (transfer === undefined || this.#running.has(token) || (transfer.beat > before && !this.#standsStill(token, transfer.beat, seen))) continue
        await this.#fail(itself, token, transfer.objectID, 'The server was restarted before it was complete')
      }
      after = entries.at(-1)?.name
      if (entries.length < page) break
    }
    this.#seen = seen
  }

  /** Whether it was seen with this very sign of life so long ago. The clock may have been set back since, and the sign lie in the future. */
  #standsStill (token: string, beat: number, seen: Map<string, Seen>): boolean {
    const before = this.#seen.get(token)
    const first = before?.beat === beat ? before : { beat, at: performance.now() }
    seen.set(token, first)
    return performance.now() - first.at > deadAfter
  }

  /** Ends all that go on here, and waits until their objects say so. */
  async close (): Promise<void> {
    this.#closing = true
    const running = [...this.#running.values()]
    for (const one of running) this.#stop(one)
    await Promise.all(running.map(async ({ done }) => { await done }))
  }

  #stop (running: Running): void {
    running.stopped = 'The server was stopped before it was complete'
    running.ended = true
    running.work.stop()
  }

  async #beat ({ token, objectID, work }: Delayed, running: Running): Promise<void> {
    if (running.ended) return
    // Deleted, or written to by somebody: nobody waits for it any more.
    if (await this.waiting(token, objectID) === undefined) {
      running.ended = true
      return work.stop()
    }
    const record = await this.#store.meta.get(hiddenID(`transfers ${token}`))
    const stored = transferOf(record)
    if (record === undefined || stored === undefined) return
    // A conflict means that the transfer has come to its end.
    await this.#store.meta.commit({ expect: [], put: [this.#put(token, record.version + 1, { ...stored, beat: Date.now(), percent: work.percent ?? null })], events: [] })
  }

  async #fail (principal: Principal, token: string, objectID: string, sentence: string): Promise<void> {
    await this.#gate.mutate(principal, objectID, async () => {
      const changes = await this.ended(token)
      const object = await this.waiting(token, objectID)
      if (object === undefined) return { changes }
      const { record: before, ancestors } = object
      const arrived = transferOf(await this.#store.meta.get(hiddenID(`transfers ${token}`)))?.arrived === true
      const put = arrived ? arrivedRecord(before) : failedRecord(before, sentence)
      return { changes: [{ operation: 'modify' as const, ancestors, before, put }, ...changes] }
    })
  }

  #put (token: string, version: number, stored: StoredTransfer): RecordPut {
    return { id: hiddenID(`transfers ${token}`), version, type: typeLetter.transfer, parentID, name: token, attributes: { ...stored }, size: 0, segments: { kind: 'replace', segments: [] } }
  }
}

function transferOf (record: StoredRecord | undefined): StoredTransfer | undefined {
  return record?.attributes as StoredTransfer | undefined
}
