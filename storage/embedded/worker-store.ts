/** A store in a worker process of node:cluster: it reads the files itself, and commits through the primary that owns them. */
import { resolve } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { Registry } from '../../metrics/registry.js'
import { checkOptions } from '../../schemas/check-options.js'
import { completeStoreOptions, StoreOptions } from '../../schemas/store-options.js'
import { type Store, StorageError } from '../contract.js'
import type { Reporter } from '../compose-store.js'
import { toStorageError } from '../storage-errors.js'
import { BatchingChannel, type BatchTransport } from './commit-channel.js'
import { EmbeddedMeta } from './embedded-meta.js'
import { embeddedStore } from './embedded-store.js'
import { openTables, type Tables } from './tables.js'
import { isToWorker, protocol, type ToPrimary, type ToWorker } from './worker-messages.js'
import type { WireResult } from './wire.js'

/** Milliseconds to wait for the primary, which may open the store only after it has started its workers; and between two tries. */
const patience = 30_000
const retry = 50

type Body = { [Kind in ToPrimary['kind']]: Omit<Extract<ToPrimary, { kind: Kind }>, 'protocol' | 'store'> }[ToPrimary['kind']]

/** The worker's end of the channel. */
class PrimaryLink {
  readonly #store: string
  #answer: ((results: WireResult[]) => void) | undefined
  #refuse: ((error: StorageError) => void) | undefined
  #welcome: ((binary: boolean) => void) | undefined

  constructor (store: string) {
    this.#store = store
    process.on('message', this.#listen)
    process.on('disconnect', this.#lost)
  }

  end (): void {
    process.off('message', this.#listen)
    process.off('disconnect', this.#lost)
  }

  async greet (): Promise<void> {
    const binary = await new Promise<boolean>((resolve, reject) => {
      const again = setInterval(() => { this.#send({ kind: 'hello', bytes: new Uint8Array(1) }) }, retry)
      const end = setTimeout(() => {
        clearInterval(again)
        reject(new StorageError('unavailable', `The primary process does not serve the store in ${this.#store}`))
      }, patience)
      this.#welcome = binary => {
        clearInterval(again)
        clearTimeout(end)
        resolve(binary)
      }
      this.#send({ kind: 'hello', bytes: new Uint8Array(1) })
    })
    if (!binary) throw new StorageError('unavailable', "Workers need a cluster that was set up with { serialization: 'advanced' }")
  }

  announce (lease: string): void {
    this.#send({ kind: 'lease', lease })
  }

  async submit (batch: Uint8Array): Promise<WireResult[]> {
    if (process.connected !== true) throw lost()
    return await new Promise((resolve, reject) => {
      this.#answer = resolve
      this.#refuse = reject
      this.#send({ kind: 'batch', batch })
    })
  }

  #send (body: Body): void {
    process.send?.({ protocol, store: this.#store, ...body }, undefined, undefined, (error: Error | null) => { if (error !== null) this.#lost() })
  }

  readonly #lost = (): void => { this.#refuse?.(lost()) }

  readonly #listen = (message: unknown): void => {
    if (!isToWorker(message) || message.store !== this.#store) return
    this.#receive(message)
  }

  #receive (message: ToWorker): void {
    if (message.kind === 'welcome') this.#welcome?.(message.binary)
    else this.#answer?.(message.results)
  }
}

function lost (): StorageError {
  return new StorageError('unavailable', 'The primary process is gone; whether the last changes were made is not known')
}

/**
 * Opens the store that the primary has opened and serves with `serveWorkers`; the directory and the options are the primary's.
 * Throws a StorageError 'unavailable' when it does not.
 */
export async function openWorkerStore (options: StoreOptions, report: Reporter): Promise<Store> {
  const complete = completeStoreOptions(checkOptions(StoreOptions, options, 'openWorkerStore'))
  const directory = resolve(complete.directory)
  if (process.send === undefined) throw new StorageError('unavailable', 'openWorkerStore works in a worker of node:cluster only')
  const link = new PrimaryLink(directory)
  let tables: Tables | undefined
  try {
    await link.greet()
    const opened = openTables(directory, { readOnly: true })
    tables = opened
    const transport: BatchTransport = {
      send: async batch => await link.submit(batch),
      async close () { link.end() }
    }
    const channel = new BatchingChannel(transport, () => { meta.wake() })
    const meta = new EmbeddedMeta(opened, channel, { foreignCommits: true, announceLease: lease => { link.announce(lease) } })
    return await embeddedStore({
      tables: opened,
      meta,
      options: { ...complete, directory },
      report,
      flags: { crossProcess: true },
      sweeps: false,
      metrics: new Registry(),
      close: async () => {
        // Walks through trees end in their next turn, and let go of their transactions.
        await setImmediate()
        await channel.close()
        await opened.env.close()
      }
    })
  } catch (error) {
    link.end()
    await tables?.env.close()
    throw toStorageError(error, `opening ${directory} in a worker`)
  }
}
