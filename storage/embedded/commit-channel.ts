/** The way to the writer. What is submitted in one go is one batch; and all that comes while it is on its way is the next, where the writer has no queue. No timers. */
import { StorageError, StoreClosedError } from '../contract.js'
import { batchBytes, packBatch, type WireResult } from './wire.js'

export interface CommitChannel {
  /** Hands an encoded item to the writer; resolves when it is durable, or with why not. Rejects when the writer cannot be reached. */
  submit (item: Uint8Array): Promise<WireResult>
  /** Waits for what is under way; what comes later is refused. */
  close (): Promise<void>
}

/** Takes a batch to the writer and brings its results back, one for each item in the same order. */
export interface BatchTransport {
  send (batch: Uint8Array<ArrayBuffer>): Promise<readonly WireResult[]>
  /** Whether the writer has a queue of its own, and so never waits for the event loop of the sender. It writes batches in their order. */
  readonly queues?: boolean
  close (): Promise<void>
}

interface Waiting {
  readonly item: Uint8Array
  readonly resolve: (result: WireResult) => void
  readonly reject: (error: unknown) => void
}

export class BatchingChannel implements CommitChannel {
  readonly #transport: BatchTransport
  readonly #answered: () => void
  #waiting: Waiting[] = []
  /** Batches on their way. */
  #sent = 0
  /** A batch is gathered. */
  #gathers = false
  #closed = false
  /** Is told when nothing is waiting or on its way any more. */
  #done: () => void = () => {}

  /** `answered` is called when a batch has come to its end, in which something may have been committed, before those who wait for it go on. */
  constructor (transport: BatchTransport, answered: () => void) {
    this.#transport = transport
    this.#answered = answered
  }

  /** Not async: each promise that waits for another one costs every change something. */
  submit (item: Uint8Array): Promise<WireResult> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new StoreClosedError())
        return
      }
      this.#waiting.push({ item, resolve, reject })
      if (this.#gathers || this.#isBusy) return
      this.#gathers = true
      // What goes on in step with this one submits before.
      process.nextTick(this.#sendNext)
    })
  }

  async close (): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#sent > 0 || this.#waiting.length > 0) await new Promise<void>(resolve => { this.#done = resolve })
    await this.#transport.close()
  }

  get #isBusy (): boolean {
    return this.#sent > 0 && this.#transport.queues !== true
  }

  readonly #sendNext = (): void => {
    this.#gathers = false
    while (this.#waiting.length > 0 && !this.#isBusy) {
      const batch = this.#take()
      this.#sent++
      this.#send(batch).then(results => {
        this.#end(() => {
          batch.forEach(({ resolve, reject }, index) => {
            const result = results[index]
            if (result === undefined) reject(new StorageError('unavailable', 'The writer gave no answer'))
            else resolve(result)
          })
        })
      }, (error: unknown) => {
        this.#end(() => { for (const { reject } of batch) reject(error) })
      })
    }
  }

  /** Async: whatever is wrong, also where there is no memory to pack it, is said to those who wait for this batch. */
  async #send (batch: readonly Waiting[]): Promise<readonly WireResult[]> {
    try {
      return await this.#transport.send(packBatch(batch.map(({ item }) => item)))
    } finally {
      this.#answered()
    }
  }

  #end (settle: () => void): void {
    settle()
    this.#sent--
    this.#sendNext()
    if (this.#sent === 0 && this.#waiting.length === 0) this.#done()
  }

  #take (): Waiting[] {
    let bytes = 0
    const tooMany = this.#waiting.findIndex(({ item }) => (bytes += item.length) > batchBytes)
    return this.#waiting.splice(0, tooMany === -1 ? this.#waiting.length : Math.max(1, tooMany))
  }
}
