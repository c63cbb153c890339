import t from 'tap'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import { driverSuite } from './driver-suite.js'
import { memoryEnds } from './memory-driver.js'

driverSuite(t, {
  name: 'memory',
  async fresh (t) {
    const store = openMemoryStore({ trashGrace: 0 })
    t.teardown(async () => { await store.close() })
    return store
  },
  ends: async () => memoryEnds()
})
