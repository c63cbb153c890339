/** A store in memory as an end of transfers: nothing is gone while the test has it, so nothing is closed. */
import { StorageError } from '../../storage/contract.js'
import { type MemoryStoreOptions, openMemoryStore } from '../../storage/memory/memory-store.js'
import { requireFillable } from '../../storage/transfer/ends.js'
import { type Ends, movable } from './driver.js'

export function memoryEnds (options: MemoryStoreOptions = {}): Ends {
  const store = openMemoryStore({ trashGrace: 0, ...options })
  const meta = movable(store)
  let filling = false
  return {
    source: async () => ({ meta, blobs: store.blobs, rootID: store.rootID, async stillAlone () {}, async close () {} }),
    async target (rootID, last = 0) {
      requireFillable(await meta.intake.begin({ rootID, last }), 'The store')
      filling = true
      const intake = { ...meta.intake, async finish (last: number) { await meta.intake.finish(last); filling = false } }
      return { meta: new Proxy(meta, { get: (_, name) => name === 'intake' ? intake : bound(name) }), blobs: store.blobs, lease: () => store.lease(), async close () {} }
    },
    async store () {
      if (filling) throw new StorageError('format', 'The store is being filled by a transfer')
      return { ...store, rootID: store.rootID, async close () {} }
    }
  }

  function bound (name: string | symbol): unknown {
    const member: unknown = Reflect.get(meta, name)
    return typeof member === 'function' ? member.bind(meta) : member
  }
}
