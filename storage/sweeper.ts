/**
 * The sweeper: removes what no acknowledged write needs. The only place where bytes are deleted. Every step may be repeated and
 * any number of sweepers may run at once. Clocks decide when something is looked at, never whether it is safe to delete.
 */
import { type BlobID, type BlobStore, type LeaseID, type MetaStore, StorageError, type SweepReport } from './contract.js'

export interface SweepOptions {
  /** Milliseconds that a blob which lost its last reference stays readable: longer than the longest read. */
  readonly trashGrace: number
  /** Milliseconds after which a lease that was not renewed counts as dead. */
  readonly leaseTimeout?: number
  /** Milliseconds that change log entries are kept; undefined: for ever. */
  readonly logRetention?: number | undefined
  /** Ends the round early, after the batch that is under way; the rest is for the next one. */
  readonly signal?: AbortSignal | undefined
}

interface Swept { readonly meta: MetaStore, readonly blobs: BlobStore }

const batch = 500
const defaultLeaseTimeout = 300_000
/** Files that are removed at the same time. */
const removalsInFlight = 16

/** One whole round. What fails does not keep the rest from being swept; the first error is thrown at the end. */
export async function sweepOnce (store: Swept, options: SweepOptions): Promise<SweepReport> {
  const report: SweepReport = { leases: 0, blobs: 0, records: 0, events: 0 }
  const failures: unknown[] = []
  const steps = [
    async () => { await sweepLeases(store, options, report, failures) },
    async () => { await sweepDescendants(store.meta, options, report) },
    async () => { await countRest(store.meta, options) },
    async () => { await sweepTrash(store, options, report) },
    async () => { await sweepLog(store.meta, options, report) }
  ]
  for (const step of steps) if (goesOn(options)) await step().catch((error: unknown) => { failures.push(error) })
  if (failures.length > 0) throw failures[0]
  return report
}

function goesOn ({ signal }: SweepOptions): boolean {
  return signal?.aborted !== true
}

/** Closes leases of the dead, THEN looks for blobs under them that no commit gave birth to: the closing fences slow commits off. */
async function sweepLeases (store: Swept, options: SweepOptions, report: SweepReport, failures: unknown[]): Promise<void> {
  const { meta } = store
  const each = async (leases: readonly LeaseID[], work: (lease: LeaseID) => Promise<void>): Promise<void> => {
    for (const lease of leases) if (goesOn(options)) await work(lease).catch((error: unknown) => { failures.push(error) })
  }
  // One cannot be closed as long as a commit under it is under way, and that may be long.
  await each(await meta.staleLeases(options.leaseTimeout ?? defaultLeaseTimeout), async lease => { await meta.closeLease(lease) })
  await each(await meta.closedLeases(), async lease => { await sweepLease(store, lease, options, report) })
}

async function sweepLease ({ meta, blobs }: Swept, lease: LeaseID, options: SweepOptions, report: SweepReport): Promise<void> {
  let page: BlobID[] = []
  for await (const blob of blobs.list(lease)) {
    if (page.push(blob) < batch) continue
    report.blobs += await removeUnborn({ meta, blobs }, page)
    // A lease is dropped only when all of it was looked at.
    if (!goesOn(options)) return
    page = []
  }
  report.blobs += await removeUnborn({ meta, blobs }, page)
  await blobs.dropLease(lease)
  await meta.dropLease(lease)
  report.leases++
}

/** Removes those of these blobs that no commit gave birth to; none is coming any more. Returns how many. */
export async function removeUnborn ({ meta, blobs }: Swept, candidates: readonly BlobID[]): Promise<number> {
  const unborn = candidates.length === 0 ? [] : await meta.unborn(candidates)
  const { failures } = await removeAll(blobs, unborn)
  throwFirst(failures)
  return unborn.length
}

/** Removes what hangs below removed containers. */
async function sweepDescendants (meta: MetaStore, options: SweepOptions, report: SweepReport): Promise<void> {
  for (let count = 1; count > 0 && goesOn(options);) {
    count = await meta.prune(batch)
    report.records += count
  }
}

/** What owners had before it was counted: its own process may have ended in the middle of it. */
async function countRest (meta: MetaStore, options: SweepOptions): Promise<void> {
  while (goesOn(options) && await meta.countMore(batch) > 0);
}

/** Blobs without a reference: condemned in the records first, removed after that, then forgotten. */
async function sweepTrash ({ meta, blobs }: Swept, options: SweepOptions, report: SweepReport): Promise<void> {
  while (goesOn(options) && await meta.condemn(options.trashGrace, batch) > 0);
  while (goesOn(options)) {
    const doomed = await meta.doomed(batch)
    if (doomed.length === 0) return
    const { removed, failures } = await removeAll(blobs, doomed)
    await meta.forget(removed)
    report.blobs += removed.length
    // Those that stay come again with each page: only where nothing at all goes there is no use in another one.
    if (removed.length === 0 || doomed.length < batch) throwFirst(failures)
  }
}

async function sweepLog (meta: MetaStore, options: SweepOptions, report: SweepReport): Promise<void> {
  const { logRetention } = options
  if (logRetention === undefined) return
  for (let count = batch; count === batch && goesOn(options);) {
    count = await meta.trimLog(logRetention, batch)
    report.events += count
  }
}

/** One that cannot be removed does not keep the others; where nothing answers it ends early. */
async function removeAll (blobs: BlobStore, names: readonly BlobID[]): Promise<{ readonly removed: readonly BlobID[], readonly failures: readonly unknown[] }> {
  const removed: BlobID[] = []
  const failures: unknown[] = []
  for (let at = 0; at < names.length; at += removalsInFlight) {
    const [went, away] = [removed.length, failures.filter(isAway).length]
    await Promise.all(names.slice(at, at + removalsInFlight).map(async blob => {
      await blobs.remove(blob).then(() => { removed.push(blob) }, (error: unknown) => { failures.push(error) })
    }))
    if (removed.length === went && failures.filter(isAway).length > away) break
  }
  return { removed, failures }
}

function isAway (error: unknown): boolean {
  return error instanceof StorageError && error.reason === 'unavailable'
}

function throwFirst (failures: readonly unknown[]): void {
  if (failures.length > 0) throw failures[0]
}

export interface SweepTimer {
  /** Waits for a round under way; none begins after it. */
  stop (): Promise<void>
}

/**
 * Sweeps in the background, `interval` milliseconds after the end of the last round, without keeping the process alive.
 * Errors go to `report`; the next round tries again.
 */
export function sweepEvery (interval: number, sweep: () => Promise<unknown>, report: (error: unknown) => void): SweepTimer {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let round: Promise<void> = Promise.resolve()
  const wait = (): void => {
    if (stopped) return
    timer = setTimeout(() => { round = sweep().then(() => {}, report).then(wait) }, interval).unref()
  }
  if (interval > 0) wait()
  return {
    async stop () {
      stopped = true
      clearTimeout(timer)
      await round
    }
  }
}
