/** The primary's side of worker processes: their commits go through its one writer, and what they leave behind is its business. */
import type { Cluster, Worker } from 'node:cluster'
import { resolve } from 'node:path'
import type { LeaseID, Store } from '../contract.js'
import { ownershipOf } from './open-embedded.js'
import { isToPrimary, protocol, type ToWorker } from './worker-messages.js'
import { unpackBatch, type WireResult } from './wire.js'

/**
 * Lets workers of this cluster open `store` with `openWorkerStore`. The cluster must have been set up with
 * `serialization: 'advanced'`. Returns a function that ends it.
 */
export function serveWorkers (cluster: Cluster, store: Store): () => void {
  const ownership = ownershipOf(store)
  if (ownership === undefined) throw new TypeError('Only the process that opened an embedded store can serve workers')
  const { channel, meta, workerLeases, flags, report } = ownership
  const directory = resolve(ownership.directory)
  const leasesOf = new Map<number, Set<LeaseID>>()
  flags.crossProcess = true
  meta.shareChannel()

  function answer (worker: Worker, message: Omit<Extract<ToWorker, { kind: 'welcome' }>, 'protocol' | 'store'> | Omit<Extract<ToWorker, { kind: 'results' }>, 'protocol' | 'store'>): void {
    // The callback takes the error of a worker that is gone; its exit is heard of anyway.
    if (worker.isConnected()) worker.send({ protocol, store: directory, ...message }, () => {})
  }

  async function submit (worker: Worker, batch: Uint8Array): Promise<void> {
    const results = await Promise.all(unpackBatch(batch).map(async (item): Promise<WireResult> => {
      try {
        return await channel.submit(item)
      } catch (error) {
        return ['failed', 'unavailable', error instanceof Error ? error.message : String(error)]
      }
    }))
    answer(worker, { kind: 'results', results })
  }

  const listen = (worker: Worker, message: unknown): void => {
    if (!isToPrimary(message) || message.store !== directory) return
    switch (message.kind) {
      case 'hello':
        answer(worker, { kind: 'welcome', binary: message.bytes instanceof Uint8Array })
        break
      case 'lease': {
        const leases = leasesOf.get(worker.id) ?? new Set()
        leasesOf.set(worker.id, leases.add(message.lease))
        workerLeases.add(message.lease)
        break
      }
      case 'batch':
        submit(worker, message.batch).catch((error: unknown) => { report(error, 'writing for a worker') })
    }
  }

  /** What the dead worker sent is in the queue before these: each commit is visible, or will be refused. */
  const bury = (worker: Worker): void => {
    for (const lease of leasesOf.get(worker.id) ?? []) {
      // It belongs to nobody now: where closing fails, the sweeper does it.
      workerLeases.delete(lease)
      meta.closeLease(lease).catch((error: unknown) => { report(error, `closing lease ${lease} of a dead worker`) })
    }
    leasesOf.delete(worker.id)
  }

  cluster.on('message', listen)
  cluster.on('exit', bury)
  return () => {
    cluster.off('message', listen)
    cluster.off('exit', bury)
  }
}
