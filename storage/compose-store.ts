/** A store made of names and records here and bytes there: what is the same whatever keeps them. */
import type { Registry } from '../metrics/registry.js'
import type { StoreSettings } from '../schemas/store-options.js'
import { type BlobStore, type Integrity, type LeaseID, type MetaStore, type ObjectID, type Store, type StoreFlags, StoreClosedError, type SweepReport } from './contract.js'
import { clockLeaps } from './clock-leaps.js'
import { countedBlobs } from './counted-blobs.js'
import { readIntegrity } from './integrity-metrics.js'
import { LeaseKeeper } from './lease-keeper.js'
import { Readiness } from './readiness.js'
import { SweepCount } from './sweep-count.js'
import { removeUnborn, sweepEvery, sweepOnce } from './sweeper.js'

/** Is told what fails in the background, and what was being done: half a sentence. */
export type Reporter = (error: unknown, doing: string) => void

/** What a composition needs of the records beyond the contract. */
export interface LeasedMeta extends MetaStore {
  /** Makes a lease known: from now on commits under it are taken. */
  openLease (lease: LeaseID): Promise<void>
  leaseIsOpen (lease: LeaseID): Promise<boolean>
  /** `listener` is told of leases that somebody else has closed. */
  whenLeaseRefused (listener: (lease: LeaseID) => void): void
  /** `listener` is told of leases under which a commit has failed that may be made after all. Missing where the end of every commit is known. */
  whenCommitDoubted? (listener: (lease: LeaseID) => void): void
  /** Writes durably what nobody reads. */
  touch (): Promise<void>
  /** Ends all followers of the log. */
  stop (): void
}

export interface StoreParts {
  readonly name: string
  readonly meta: LeasedMeta
  /** Makes the other half; `left` is to be told of leases under which something broken was left. */
  readonly blobs: (left: (lease: LeaseID) => void) => { readonly blobs: BlobStore, probe (): Promise<void> }
  readonly rootID: ObjectID
  /** What the operator should know of the place of the store: ends of sentences. */
  readonly notices?: readonly string[]
  readonly settings: StoreSettings
  /** Where the parts count what they do. */
  readonly metrics: Registry
  readonly report: Reporter
  readonly flags: StoreFlags
  /** Whether this process sweeps in the background. */
  readonly sweeps: boolean
  /** Milliseconds after which a writer that was not heard of counts as dead; undefined: the driver knows who lives. */
  readonly leaseTimeout?: number
  /** What must be so, beside that both halves can be written to, for the store to be ready. */
  readonly check?: () => Promise<void>
  /** What is known of rotten bytes. */
  readonly integrity?: () => Integrity
  /** What runs in the background beside the sweeper: begun when the store is there, ended before it closes. */
  readonly background?: () => { stop (): Promise<void> }
  /** Runs last: lets go of both halves. */
  readonly close: () => Promise<void>
}

export interface ComposedStore extends Store {
  /** Leases of this process that are open. */
  openLeases (): LeaseID[]
}

export async function composeStore (parts: StoreParts): Promise<ComposedStore> {
  const { meta, settings, report, metrics } = parts
  const count = new SweepCount(metrics)
  const leases = await LeaseKeeper.start(meta, report)
  // Somebody took this process for dead: it goes on with a new lease.
  meta.whenLeaseRefused(lease => {
    leases.litter(lease)
    leases.rotate(settings.leaseDuration).catch((error: unknown) => { report(error, 'taking a new lease') })
  })
  meta.whenCommitDoubted?.(lease => { leases.doubt(lease) })
  const values = parts.blobs(lease => { leases.litter(lease) })
  const blobs = countedBlobs(values.blobs, metrics)
  const readiness = new Readiness([
    { part: 'records', check: async () => { await parts.check?.() } },
    { part: 'records', check: async () => { await meta.touch() } },
    { part: 'values', check: async () => { await values.probe() } }
  ])
  let sweeping: Promise<unknown> = Promise.resolve()
  let closed: Promise<void> | undefined
  /** A round may have hours to go, and who closes the store waits for its end. */
  const closing = new AbortController()

  async function round (): Promise<SweepReport> {
    if (closed !== undefined) throw new StoreClosedError()
    const { trashGrace, logRetention } = settings
    const options = { trashGrace: trashGrace + clockLeaps.within(trashGrace), logRetention, signal: closing.signal, ...(parts.leaseTimeout === undefined ? {} : { leaseTimeout: parts.leaseTimeout }) }
    const failures: unknown[] = []
    // What fails does not keep the rest from being swept.
    const hinted = await leases.showAbandoned(async abandoned => await removeUnborn({ meta, blobs }, abandoned)).catch((error: unknown) => {
      failures.push(error)
      return 0
    })
    await leases.rotate(settings.leaseDuration).catch((error: unknown) => { failures.push(error) })
    const swept = await sweepOnce({ meta, blobs }, options)
    if (failures.length > 0) throw failures[0]
    return { ...swept, blobs: swept.blobs + hinted }
  }

  const counted = async (): Promise<SweepReport> => await count.round(round)

  async function sweep (): Promise<SweepReport> {
    const next = sweeping.then(counted, counted)
    sweeping = next.catch(() => {})
    return await next
  }

  const timer = sweepEvery(parts.sweeps ? settings.sweepInterval : 0, sweep, error => { report(error, 'sweeping') })

  const background = parts.background?.()
  if (parts.integrity !== undefined) readIntegrity(metrics, parts.integrity)

  return {
    name: parts.name,
    flags: parts.flags,
    meta,
    blobs,
    rootID: parts.rootID,
    ...parts.notices !== undefined && { notices: parts.notices },
    inlineLimit: settings.inlineLimit,
    segmentSize: settings.segmentSize,
    metrics,
    lease: () => leases.take(),
    openLeases: () => leases.ids(),
    sweep,
    async ready () {
      if (closed !== undefined) throw new StoreClosedError()
      await readiness.ready()
    },
    ...parts.integrity !== undefined && { integrity: parts.integrity },
    async close () {
      closed ??= (async () => {
        closing.abort()
        await Promise.all([timer.stop(), background?.stop()])
        await sweeping
        meta.stop()
        await leases.close().catch((error: unknown) => { report(error, 'closing leases') })
        await parts.close()
      })()
      await closed
    }
  }
}
