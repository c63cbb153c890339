/**
 * `meta.lmdb` in the process that owns a store, and the thread that writes to it. When the last write of a commit fails, the one that makes it count, LMDB refuses everything until the file was
 * closed by all threads of the process, and is opened anew. That is what is done then: until the disk takes bytes again whoever reads or writes is told to come back later.
 */
import { StorageError } from '../contract.js'
import type { Reporter } from '../compose-store.js'
import type { End } from '../end-process.js'
import type { BatchTransport } from './commit-channel.js'
import { openTables, type Tables } from './tables.js'
import { startWriter, type WriterThread } from './thread-transport.js'
import { encodeStep, failureOf, packBatch, type WireResult } from './wire.js'
import type { WriteTimes } from './writer.js'

/** Milliseconds between two tries to open it. */
const pause = 1000

export interface RecordsFileOptions {
  readonly directory: string
  /** Is told how much was written at once, and how long that took. */
  readonly measured: (items: number, times: WriteTimes) => void
  /** Called when it was opened anew. */
  readonly reopened: () => void
  readonly report: Reporter
  /** Sees to the end of the process. */
  readonly end: End
}

export class RecordsFile implements BatchTransport {
  /** The same object however often the file is opened. */
  readonly tables: Tables
  readonly queues = true
  readonly #options: RecordsFileOptions
  #writer: WriterThread | undefined
  #isOpen = true
  /** Why it is not open. */
  #cause = ''
  /** Transactions up to this one are there; undefined: so is all that was written. */
  #last: number | undefined
  #opening: Promise<void> | undefined
  /** When the next try is due. */
  #next = 0
  #closing = false
  #givenUp = false

  /** Throws a StorageError. Nothing can be sent before `begin`. */
  constructor (options: RecordsFileOptions) {
    this.#options = options
    this.tables = openTables(options.directory)
  }

  /** Starts the writer. */
  begin (): void {
    const { directory, measured } = this.#options
    this.#writer = startWriter({ directory }, measured)
  }

  get isOpen (): boolean {
    return this.#isOpen
  }

  /** Throws a StorageError 'unavailable' when it is not open; and sees to it that it will be. */
  require (): void {
    if (this.#isOpen) return
    if (!this.#closing && !this.#givenUp && performance.now() >= this.#next) this.#opening ??= this.#reopen().finally(() => { this.#opening = undefined })
    throw new StorageError('unavailable', `meta.lmdb in ${this.#options.directory} is ${this.#givenUp ? 'used no more, the process has to end' : 'opened anew'} after a write that failed: ${this.#cause}`)
  }

  async send (batch: Uint8Array<ArrayBuffer>): Promise<readonly WireResult[]> {
    this.require()
    const writer = this.#writer
    if (writer === undefined) throw new TypeError('The writer was not started')
    const { results, lost, spoilt } = await writer.send(batch)
    if (spoilt !== undefined) this.#giveUp(spoilt)
    else if (lost !== undefined) this.#lose(lost, results)
    return results
  }

  /** Ends the writer. A file that is not open is tried a last time: who gives the store up writes that down in it. */
  async close (): Promise<void> {
    this.#closing = true
    await this.#opening
    if (!this.#isOpen && !this.#givenUp) await this.#reopen()
    await this.#writer?.close()
  }

  /** The last who has it open in this process: what LMDB gave to this thread is not for another one to take back. */
  async closeTables (): Promise<void> {
    if (this.#isOpen) await this.tables.env.close()
    this.#isOpen = false
  }

  #lose (last: number, results: readonly WireResult[]): void {
    // Those behind it meet the same.
    if (!this.#isOpen) return
    this.#cause = results.map(failureOf).find(failure => failure !== undefined)?.message ?? 'nobody knows why'
    this.#last = last
    this.#isOpen = false
    this.#options.report(new StorageError('unavailable', `The last write of a commit failed, so that meta.lmdb has to be opened anew: ${this.#cause}`), 'committing')
    this.#opening ??= this.#reopen(true).finally(() => { this.#opening = undefined })
  }

  /** Nothing is written from memory that may be spoilt. Sooner or later the process would die of it: it is to end now, for somebody to start it again. */
  #giveUp (said: string): void {
    if (this.#givenUp) return
    this.#cause = said
    this.#isOpen = false
    this.#givenUp = true
    this.#options.end(new StorageError('unavailable', `LMDB has spoilt memory of this process while it told of a failed write to ${this.#options.directory}, so the process has to end; nothing acknowledged is lost. ${said}`))
  }

  /** Never rejects. `first`: this thread has it open still. */
  async #reopen (first = false): Promise<void> {
    try {
      await this.#writer?.close()
      if (first) await this.tables.env.close()
      this.#writer = await this.#startAnew()
      try {
        Object.assign(this.tables, openTables(this.#options.directory))
      } catch (error) {
        await this.#writer.close()
        throw error
      }
      this.#isOpen = !this.#givenUp
      this.#options.reopened()
    } catch (error) {
      // Whoever is refused is told.
      this.#cause = error instanceof Error ? error.message : String(error)
      this.#next = performance.now() + pause
    }
  }

  /** Both heads of the file are written once more: whichever of them was in doubt is not any more. */
  async #startAnew (): Promise<WriterThread> {
    const { directory, measured } = this.#options
    const writer = startWriter({ directory, after: this.#last ?? 0 }, measured)
    try {
      for (let head = 0; head < 2; head++) {
        const { results: [result], lost, spoilt } = await writer.send(packBatch([encodeStep({ kind: 'touch' })]))
        // 0: it did not get as far as to know.
        if (lost !== undefined && lost > 0) this.#last = lost
        if (spoilt !== undefined) this.#giveUp(spoilt)
        const failure = result === undefined ? undefined : failureOf(result)
        if (failure !== undefined) throw failure
        this.#last = undefined
      }
      return writer
    } catch (error) {
      await writer.close()
      throw error
    }
  }
}
