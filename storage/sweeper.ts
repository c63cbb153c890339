/**
 * The sweeper: removes what no acknowledged write needs. The only place where bytes are deleted. Every step may be repeated and
 * any number of sweepers may run at once. Clocks decide when something is looked at, never whether it is safe to delete.
 */
import type { BlobID, BlobStore, MetaStore, SweepReport } from './contract.js'

export interface SweepOptions {
  /** Milliseconds that a blob which lost its last reference stays readable: longer than the longest read. */
  readonly trashGrace: number
  /** Milliseconds after which a lease that was not renewed counts as dead. */
  readonly leaseTimeout?: number
  /** Milliseconds that change log entries are kept; undefined: for ever. */
  readonly logRetention?: number
}

const batch = 500
const defaultLeaseTimeout = 300_000

/** One whole round. */
export async function sweepOnce (store: { meta: MetaStore, blobs: BlobStore }, options: SweepOptions): Promise<SweepReport> {
  const report: SweepReport = { leases: 0, blobs: 0, records: 0, events: 0 }
  await sweepLeases(store, options, report)
  await sweepDescendants(store.meta, report)
  await sweepTrash(store, options, report)
  if (options.logRetention !== undefined) {
    for (let count = batch; count === batch;) {
      count = await store.meta.trimLog(options.logRetention, batch)
      report.events += count
    }
  }
  return report
}

/** Closes leases of the dead, THEN looks for blobs under them that no commit gave birth to: the closing fences slow commits off. */
async function sweepLeases ({ meta, blobs }: { meta: MetaStore, blobs: BlobStore }, options: SweepOptions, report: SweepReport): Promise<void> {
  for (const lease of await meta.staleLeases(options.leaseTimeout ?? defaultLeaseTimeout)) await meta.closeLease(lease)
  for (const lease of await meta.closedLeases()) {
    let page: BlobID[] = []
    const clear = async (): Promise<void> => {
      for (const blob of await meta.unborn(page)) {
        await blobs.remove(blob)
        report.blobs++
      }
      page = []
    }
    for await (const blob of blobs.list(lease)) {
      if (page.push(blob) >= batch) await clear()
    }
    await clear()
    await blobs.dropLease(lease)
    await meta.dropLease(lease)
    report.leases++
  }
}

/** Removes what hangs below removed containers. */
async function sweepDescendants (meta: MetaStore, report: SweepReport): Promise<void> {
  for (let count = 1; count > 0;) {
    count = await meta.prune(batch)
    report.records += count
  }
}

/** Blobs without a reference: condemned in the records first, removed after that, then forgotten. */
async function sweepTrash ({ meta, blobs }: { meta: MetaStore, blobs: BlobStore }, options: SweepOptions, report: SweepReport): Promise<void> {
  while (await meta.condemn(options.trashGrace, batch) > 0);
  for (let doomed = await meta.doomed(batch); doomed.length > 0; doomed = await meta.doomed(batch)) {
    for (const blob of doomed) await blobs.remove(blob)
    await meta.forget(doomed)
    report.blobs += doomed.length
  }
}
