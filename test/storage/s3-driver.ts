/** Records in memory, blobs in S3: a driver of which only the second half is on trial. */
import type { Test } from 'tap'
import { v7 } from 'uuid'
import type { Store, StoredRecord } from '../../storage/contract.js'
import { openS3Blobs } from '../../storage/distributed/s3-blobs.js'
import { MemoryMeta } from '../../storage/memory/memory-meta.js'
import { defaultEnterpriseNumber, mintObjectID } from '../../storage/object-id.js'
import { sweepOnce } from '../../storage/sweeper.js'
import type { Driver } from './driver.js'
import { freshOptions, type S3Server } from './s3-server.js'

export function s3Driver (server: S3Server): Driver {
  return {
    name: 'memory + S3',
    runs: 12,
    async fresh (t) {
      return openStore(t, server)
    }
  }
}

function openStore (t: Test, server: S3Server): Store {
  const root: StoredRecord = { id: mintObjectID(defaultEnterpriseNumber), version: 1, type: 'c', parentID: undefined, name: undefined, attributes: {}, size: 0, inline: undefined }
  const meta = new MemoryMeta(root)
  const lease = v7()
  meta.openLease(lease)
  const blobs = openS3Blobs(freshOptions(server))
  const abandoned = new Set<string>()
  const close = async (): Promise<void> => {
    meta.stop()
    await blobs.close()
  }
  t.teardown(close)
  return {
    name: 'memory + S3',
    flags: { crossProcess: false },
    meta,
    blobs,
    rootID: root.id,
    inlineLimit: 1024,
    segmentSize: 1024 * 1024,
    lease: () => ({ id: lease, release (left = []) { for (const blob of left) abandoned.add(blob) } }),
    async sweep () {
      for (const blob of await meta.unborn([...abandoned])) await blobs.remove(blob)
      abandoned.clear()
      return await sweepOnce({ meta, blobs }, { trashGrace: 0 })
    },
    ready: async () => { await blobs.probe() },
    close
  }
}
