/** Counts what is done with blobs, whatever keeps them. */
import { type Counter, durations, type Histogram, type Registry } from '../metrics/registry.js'
import type { BlobStore } from './contract.js'

const operations = { name: 'cdmi_blob_operations_total', help: 'Segments of values that were stored (put), read (get) and removed, by how that ended; failures in the middle of a stream that is read are not among them.' }
const bytes = { name: 'cdmi_blob_bytes_total', help: 'Bytes of segments of values that were stored (put), and that were asked for (get).' }
const took = { name: 'cdmi_blob_operation_duration_seconds', help: 'How long it took to store a segment of a value, its arrival included (put), to read one in one piece (get), and to remove one.' }

type Operation = 'put' | 'get' | 'remove'

interface Meters {
  readonly done: Counter
  readonly failed: Counter
  readonly took: Histogram
}

/** The same blobs, counted. What is read as a stream passes as it is: a layer around each chunk would cost more than it tells. */
export function countedBlobs (blobs: BlobStore, registry: Registry): BlobStore {
  const meters = (operation: Operation): Meters => ({
    done: registry.counter(operations, { operation, result: 'done' }),
    failed: registry.counter(operations, { operation, result: 'failed' }),
    took: registry.histogram(took, durations, { operation })
  })
  const [putting, getting, removing] = [meters('put'), meters('get'), meters('remove')]
  const stored = registry.counter(bytes, { operation: 'put' })
  const asked = registry.counter(bytes, { operation: 'get' })
  return {
    async put (lease, source, options) {
      const birth = await metered(putting, async () => await registry.traced('cdmi.blob.put', {}, async () => await blobs.put(lease, source, options)))
      stored.add(birth.size)
      return birth
    },
    get (blob, offset, length, options) {
      getting.done.add()
      asked.add(length)
      const chunks = blobs.get(blob, offset, length, options)
      return registry.tracing === undefined ? chunks : registry.tracing.stream('cdmi.blob.get', { 'cdmi.bytes': length }, chunks)
    },
    async read (blob, offset, length) {
      asked.add(length)
      return await metered(getting, async () => await registry.traced('cdmi.blob.get', { 'cdmi.bytes': length }, async () => await blobs.read(blob, offset, length)))
    },
    remove: async blob => { await metered(removing, async () => { await blobs.remove(blob) }) },
    list: lease => blobs.list(lease),
    dropLease: async lease => { await blobs.dropLease(lease) }
  }
}

async function metered<T> ({ done, failed, took }: Meters, work: () => Promise<T>): Promise<T> {
  const began = performance.now()
  try {
    const result = await work()
    done.add()
    took.observe((performance.now() - began) / 1000)
    return result
  } catch (error) {
    failed.add()
    throw error
  }
}
