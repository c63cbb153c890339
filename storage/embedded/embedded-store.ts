/** The store over an opened LMDB file and a way to its writer: the same in the process that owns it and in its workers. */
import type { CompleteStoreOptions } from '../../schemas/store-options.js'
import { type ObjectID, type Store, type StoreFlags, StorageError, type SweepReport } from '../contract.js'
import { removeUnborn, sweepEvery, sweepOnce } from '../sweeper.js'
import { BlobFiles } from './blob-files.js'
import type { EmbeddedMeta } from './embedded-meta.js'
import { LeaseKeeper } from './lease-keeper.js'
import { stateKeys, type Tables } from './tables.js'

/** Is told what fails in the background, and what was being done: half a sentence. */
export type Reporter = (error: unknown, doing: string) => void

export interface EmbeddedParts {
  readonly tables: Tables
  readonly meta: EmbeddedMeta
  readonly options: CompleteStoreOptions
  readonly report: Reporter
  readonly flags: StoreFlags
  /** Whether this process sweeps in the background. */
  readonly sweeps: boolean
  /** Runs last: ends the way to the writer, and closes the file. */
  readonly close: () => Promise<void>
}

export interface EmbeddedStore extends Store {
  /** Leases of this process that are open. */
  openLeases (): string[]
}

/** Milliseconds that an answer of `ready` holds. */
const readyFor = 1000

export async function embeddedStore (parts: EmbeddedParts): Promise<EmbeddedStore> {
  const { tables, meta, options, report } = parts
  const leases = await LeaseKeeper.start(meta, report)
  // Somebody took this process for dead: it goes on with a new lease.
  meta.whenLeaseRefused(lease => {
    leases.litter(lease)
    leases.rotate(options.leaseDuration).catch((error: unknown) => { report(error, 'taking a new lease') })
  })
  const blobs = new BlobFiles({
    directory: options.directory,
    leaseIsOpen: lease => meta.leaseIsOpen(lease),
    left: lease => { leases.litter(lease) }
  })
  let sweeping: Promise<unknown> = Promise.resolve()
  let closed: Promise<void> | undefined
  let readiness: { readonly until: number, readonly answer: Promise<void> } | undefined

  async function round (): Promise<SweepReport> {
    if (closed !== undefined) throw new StorageError('unavailable', 'The store is closed')
    const hinted = await removeUnborn({ meta, blobs }, leases.takeAbandoned())
    await leases.rotate(options.leaseDuration)
    const swept = await sweepOnce({ meta, blobs }, { trashGrace: options.trashGrace, logRetention: options.logRetention })
    return { ...swept, blobs: swept.blobs + hinted }
  }

  async function sweep (): Promise<SweepReport> {
    const next = sweeping.then(round, round)
    sweeping = next.catch(() => {})
    return await next
  }

  const timer = sweepEvery(parts.sweeps ? options.sweepInterval : 0, sweep, error => { report(error, 'sweeping') })

  return {
    name: 'embedded',
    flags: parts.flags,
    meta,
    blobs,
    rootID: rootOf(tables),
    inlineLimit: options.inlineLimit,
    segmentSize: options.segmentSize,
    lease: () => leases.take(),
    openLeases: () => leases.ids(),
    sweep,
    async ready () {
      if (closed !== undefined) throw new StorageError('unavailable', 'The store is closed')
      if (readiness === undefined || Date.now() >= readiness.until) {
        readiness = { until: Date.now() + readyFor, answer: Promise.all([meta.touch(), blobs.probe()]).then(() => {}) }
      }
      await readiness.answer
    },
    async close () {
      closed ??= (async () => {
        await timer.stop()
        await sweeping
        meta.stop()
        await leases.close().catch((error: unknown) => { report(error, 'closing leases') })
        await parts.close()
      })()
      await closed
    }
  }
}

/** The root's ID, written with its record. */
function rootOf (tables: Tables): ObjectID {
  const root = tables.state.getBinary(stateKeys.root)
  if (root === undefined) throw new StorageError('format', 'The store has no root container')
  return root.toString()
}
