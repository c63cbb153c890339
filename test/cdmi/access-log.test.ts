import tap from 'tap'
import { AccessLog } from '../../cdmi/access-log.js'
import { mintObjectID } from '../../cdmi/object-id.js'
import { StorageError, type Accesses, type ObjectID, type Store } from '../../storage/contract.js'
import { openMemoryStore } from '../../storage/memory/memory-store.js'

/** A store that only takes notes. `refuses`: those that it does not take, by their number. */
function notingStore (refuses: readonly number[] = []): { store: Store, noted: Map<ObjectID, number>, sizes: number[] } {
  const store = openMemoryStore()
  const noted = new Map<ObjectID, number>()
  const sizes: number[] = []
  const meta = Object.create(store.meta, {
    noteAccesses: {
      async value (notes: ReadonlyMap<ObjectID, Accesses>) {
        sizes.push(notes.size)
        if (refuses.includes(sizes.length)) throw new StorageError('full', 'no')
        for (const [id, { count }] of notes) noted.set(id, (noted.get(id) ?? 0) + count)
      }
    },
    accesses: { value: async (id: ObjectID) => noted.has(id) ? { count: noted.get(id), last: 1 } : undefined }
  }) as Store['meta']
  return { store: { ...store, meta }, noted, sizes }
}

const ids = Array.from({ length: 1700 }, () => mintObjectID(0))

tap.test('MET-14: however many objects were used, none of them waits for more than 500 to be written', async t => {
  const { store, noted, sizes } = notingStore()
  const log = AccessLog.of(store)
  for (const id of [...ids, ...ids]) log.note(id)
  await log.flush()
  t.same(sizes, [500, 500, 500, 200])
  t.ok(ids.every(id => noted.get(id) === 2))
})

tap.test('MET-14: what a store could not take is written later, and nothing is counted twice', async t => {
  const { store, noted, sizes } = notingStore([2])
  const log = AccessLog.of(store)
  for (const id of ids) log.note(id)
  await t.rejects(log.flush(), StorageError)
  t.equal(noted.size, 500)
  for (const id of ids) t.equal((await log.of(id)).count, 1)
  await log.flush()
  t.ok(ids.every(id => noted.get(id) === 1))
  t.equal(sizes.reduce((sum, size) => sum + size, 0), 500 + 500 + 1200)
})

tap.test('MET-14: writes at the same time write everything once, and what is known is right all along', async t => {
  const { store, noted } = notingStore()
  const log = AccessLog.of(store)
  for (const id of ids) log.note(id)
  const known = Promise.all(ids.map(async id => (await log.of(id)).count))
  await Promise.all([log.flush(), log.flush(), known])
  t.ok((await known).every(count => count === 1))
  t.ok(ids.every(id => noted.get(id) === 1))
})
