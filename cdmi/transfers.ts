/**
 * Transfers from other servers that go on when their request has been answered (CMV-14 to CMV-18, DOC-21, DOC-22): the object is there, `Processing`, and
 * carries the token of its transfer; whoever writes to it takes the token away, and the transfer ends. Beside it there is a record of the transfer
 * itself, under a parent that has no record, so that no path and no ID leads to it. It is renewed as long as somebody works on it; when nobody
 * does any more, whoever finds it says so in the object.
 */
import { randomUUID } from 'node:crypto'
import type { RecordPut, Store, StoredRecord } from '../storage/contract.js'
import { changedDataObject } from './data-object-record.js'
import { describeError } from './describe-error.js'
import type { MutationGate, ObjectChange } from './mutation-gate.js'
import { hiddenID } from './object-id.js'
import { itself, type Principal } from './principal.js'
import { attributesOf, type CdmiObject, typeLetter } from './record.js'
import type { RemoteObject } from './remote-sources.js'
import { keepValue } from './values.js'

/** As it is stored. */
interface StoredTransfer {
  readonly objectID: string
  /** When it was last known to go on, in milliseconds. */
  readonly beat: number
  readonly percent: number | null
}

interface Running {
  readonly remote: RemoteObject
  /** Why it was ended from here; undefined: it was not. */
  stopped?: string
  done: Promise<void>
}

export interface Delayed {
  readonly token: string
  readonly objectID: string
  readonly principal: Principal
  readonly remote: RemoteObject
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
    const { token, objectID, principal, remote } = delayed
    const running: Running = { remote, done: Promise.resolve() }
    this.#running.set(token, running)
    if (this.#closing) this.#stop(running)
    const timer = setInterval(() => { this.#beat(delayed).catch(this.#report) }, beatEvery)
    timer.unref()
    running.done = (async () => {
      try {
        await delayed.finish()
      } catch (error) {
        const { status, message } = describeError(error)
        if (status >= 500) this.#report(error)
        await this.#fail(principal, token, objectID, running.stopped ?? (status >= 500 ? 'The server could not store it' : message.replace(/; nothing was changed$/, '')))
      } finally {
        clearInterval(timer)
        this.#running.delete(token)
        remote.close()
        delayed.end()
      }
    })().catch(this.#report)
  }

  /** Part of the value that has come, in percent; undefined when that is not known, or nothing is to come. */
  async percentOf (record: Pick<StoredRecord, 'attributes'>): Promise<string | undefined> {
    const { transfer: token } = attributesOf(record)
    if (token === undefined) return undefined
    const running = this.#running.get(token)
    const percent = running === undefined ? transferOf(await this.#store.meta.get(hiddenID(`transfers ${token}`)))?.percent : percentOf(running.remote)
    return percent === undefined || percent === null ? undefined : String(percent)
  }

  /** Ends what nobody works on any more. `now` in milliseconds. */
  async recover (now = Date.now()): Promise<void> {
    for (let after: string | undefined; ;) {
      const entries = await this.#store.meta.children(parentID, { after, limit: page })
      for (const { name: token, id } of entries) {
        const transfer = transferOf(await this.#store.meta.get(id))
        if (transfer === undefined || this.#running.has(token) || transfer.beat > now - deadAfter) continue
        await this.#fail(itself, token, transfer.objectID, 'The server was restarted before all of it had come')
      }
      after = entries.at(-1)?.name
      if (entries.length < page) return
    }
  }

  /** Ends all that go on here, and waits until their objects say so. */
  async close (): Promise<void> {
    this.#closing = true
    const running = [...this.#running.values()]
    for (const one of running) this.#stop(one)
    await Promise.all(running.map(async ({ done }) => { await done }))
  }

  #stop (running: Running): void {
    running.stopped = 'The server was stopped before all of it had come'
    running.remote.close()
  }

  async #beat ({ token, objectID, remote }: Delayed): Promise<void> {
    // Deleted, or written to by somebody: nobody waits for it any more.
    if (await this.waiting(token, objectID) === undefined) return remote.close()
    const record = await this.#store.meta.get(hiddenID(`transfers ${token}`))
    if (record === undefined) return
    // A conflict means that the transfer has come to its end.
    await this.#store.meta.commit({ expect: [], put: [this.#put(token, record.version + 1, { objectID, beat: Date.now(), percent: percentOf(remote) ?? null })], events: [] })
  }

  async #fail (principal: Principal, token: string, objectID: string, sentence: string): Promise<void> {
    await this.#gate.mutate(principal, objectID, async () => {
      const changes = await this.ended(token)
      const object = await this.waiting(token, objectID)
      if (object === undefined) return { changes }
      const { record: before, ancestors } = object
      const put = changedDataObject(before, { completionStatus: `Error: ${sentence}` }, keepValue(before), attributesOf(before).valuetransferencoding ?? 'base64')
      return { changes: [{ operation: 'modify' as const, ancestors, before, put }, ...changes] }
    })
  }

  #put (token: string, version: number, { objectID, beat, percent }: StoredTransfer): RecordPut {
    return { id: hiddenID(`transfers ${token}`), version, type: typeLetter.transfer, parentID, name: token, attributes: { objectID, beat, percent }, size: 0, segments: { kind: 'replace', segments: [] } }
  }
}

function transferOf (record: StoredRecord | undefined): StoredTransfer | undefined {
  return record?.attributes as StoredTransfer | undefined
}

/** Not 100 before it is complete. */
function percentOf ({ length, received }: RemoteObject): number | undefined {
  return length === undefined || length === 0 ? undefined : Math.min(99, Math.floor(received / length * 100))
}
