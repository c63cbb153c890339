/** The way to the writer: what is submitted while a batch is on its way is the next batch. No timers. */
import { StorageError, StoreClosedError } from '../contract.js'
import { packBatch, type WireResult } from './wire.js'

export interface CommitChannel {
  /** Hands an encoded item to the writer; resolves when it is durable, or with why not. Rejects when the writer cannot be reached. */
  submit (item: Uint8Array): Promise<WireResult>
  /** Waits for what is under way; what comes later is refused. */
  close (): Promise<void>
}

/** Takes a batch to the writer and brings its results back, one for each item in the same order. */
export interface BatchTransport {
  send (batch: Uint8Array<ArrayBuffer>): Promise<WireResult[]>
  /** Milliseconds that the writer was busy with the last batch; undefined: not known. */
  readonly took?: number | undefined
  close (): Promise<void>
}

interface Waiting {
  readonly item: Uint8Array
  readonly resolve: (result: WireResult) => void
  readonly reject: (error: unknown) => void
}

/** Bytes after which a batch is sent although more is waiting: a transaction holds all its pages in memory. */
const batchBytes = 8 * 1024 * 1024

export class BatchingChannel implements CommitChannel {
  readonly #transport: BatchTransport
  readonly #answered: () => void
  #waiting: Waiting[] = []
  /** Set while a batch is under way; settles when none is left. */
  #pumping: Promise<void> | undefined
  /** Set while the first batch is gathered: since when, and what sends it before this turn of the event loop is over. */
  #gathering: { readonly since: number, readonly send: () => void } | undefined
  #closed = false

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
      this.#pumping ??= this.#pump()
      this.#sendInTime()
    })
  }

  async close (): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#pumping
    await this.#transport.close()
  }

  async #pump (): Promise<void> {
    await this.#gathered()
    while (this.#waiting.length > 0) {
      const batch = this.#take()
      try {
        const results = await this.#transport.send(packBatch(batch.map(({ item }) => item))).finally(this.#answered)
        batch.forEach(({ resolve, reject }, index) => {
          const result = results[index]
          if (result === undefined) reject(new StorageError('unavailable', 'The writer gave no answer'))
          else resolve(result)
        })
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#pumping = undefined
  }

  /** Whatever else this turn of the event loop submits goes along, unless that takes too long. */
  async #gathered (): Promise<void> {
    await new Promise<void>(resolve => {
      const immediate = setImmediate(resolve)
      this.#gathering = {
        since: performance.now(),
        send () {
          clearImmediate(immediate)
          resolve()
        }
      }
    })
    this.#gathering = undefined
  }

  /**
   * A turn in which many have something to write may last longer than the writer takes for a batch. To go on gathering would let it wait, and
   * then everybody for it: so both work at once, and a disk that is slow gets as large batches as before.
   */
  #sendInTime (): void {
    const { took } = this.#transport
    if (took !== undefined && this.#gathering !== undefined && performance.now() - this.#gathering.since >= took) this.#gathering.send()
  }

  #take (): Waiting[] {
    let bytes = 0
    const tooMany = this.#waiting.findIndex(({ item }) => (bytes += item.length) > batchBytes)
    const batch = this.#waiting.splice(0, tooMany === -1 ? this.#waiting.length : Math.max(1, tooMany))
    return batch
  }
}
