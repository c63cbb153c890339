/**
 * A store in memory: for tests of applications and for trying things out. It keeps the whole contract but durability: all is
 * lost when the process ends, and memory grows with the values. Everything happens synchronously, so that each method is one step.
 */
import { v7 } from 'uuid'
import { Registry } from '../../metrics/registry.js'
import type { Store, StoredRecord } from '../contract.js'
import { defaultEnterpriseNumber, mintObjectID } from '../object-id.js'
import { memoryBlobs } from './memory-blobs.js'
import { MemoryMeta } from './memory-meta.js'
import { SweepCount } from '../sweep-count.js'
import { sweepOnce } from '../sweeper.js'

export interface MemoryStoreOptions {
  /** Values up to so many bytes are kept in the record. Default: 64 KiB. */
  readonly inlineLimit?: number
  /** Longest segment in bytes. Default: 8 MiB. */
  readonly segmentSize?: number
  /** Milliseconds that a blob which lost its last reference stays readable. Default: one hour. */
  readonly trashGrace?: number
}

/** Makes an empty store. */
export function openMemoryStore (options: MemoryStoreOptions = {}): Store {
  const rootID = mintObjectID(defaultEnterpriseNumber)
  const born = Date.now() * 1000
  const root: StoredRecord = {
    id: rootID,
    version: 1,
    type: 'c',
    parentID: undefined,
    name: undefined,
    size: 0,
    inline: undefined,
    attributes: { metadata: {}, completionStatus: 'Complete', created: born, modified: born }
  }
  const meta = new MemoryMeta(root)
  const blobs = memoryBlobs()
  const metrics = new Registry()
  const count = new SweepCount(metrics)
  const lease = v7()
  meta.openLease(lease)
  const abandoned = new Set<string>()
  return {
    name: 'memory',
    flags: { crossProcess: false },
    meta,
    blobs,
    metrics,
    get rootID () { return meta.rootID },
    inlineLimit: options.inlineLimit ?? 64 * 1024,
    segmentSize: options.segmentSize ?? 8 * 1024 * 1024,
    lease: () => ({ id: lease, release (left = []) { for (const blob of left) abandoned.add(blob) } }),
    async sweep () {
      for (const blob of await meta.unborn([...abandoned])) await blobs.remove(blob)
      abandoned.clear()
      return await count.round(async () => await sweepOnce({ meta, blobs }, { trashGrace: options.trashGrace ?? 3_600_000 }))
    },
    async ready () {},
    async close () { meta.stop() }
  }
}
