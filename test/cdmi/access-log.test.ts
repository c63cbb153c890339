import tap from 'tap'
import { setImmediate } from 'node:timers/promises'
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
  for (const id of [...ids.toReversed(), ...ids]) log.note(id)
  await log.flush()
  t.same(sizes, [500, 500, 500, 200])
  t.same([...noted.keys()], [...noted.keys()].sort(), 'in the order in which stores keep them')
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

tap.test('MET-14: while the store does not answer one batch waits for it, and no more than 20,000 objects are kept', async t => {
  const { store, noted } = notingStore()
  const note = store.meta.noteAccesses
  const waiting: Array<() => void> = []
  let batches = 0
  const meta = Object.create(store.meta, {
    noteAccesses: {
      async value (notes: ReadonlyMap<ObjectID, Accesses>) {
        batches++
        await new Promise<void>(resolve => { waiting.push(resolve) })
        await note(notes)
      }
    }
  }) as Store['meta']
  const timers: Array<() => void> = []
  t.intercept(globalThis, 'setTimeout', {
    value (callback: () => void) {
      timers.push(callback)
      return { unref () { return this } }
    }
  })
  const log = AccessLog.of({ ...store, meta })
  const many = Array.from({ length: 30_000 }, (_, n) => n.toString(16).padStart(48, '0').toUpperCase())
  for (const id of many.slice(0, 15_000)) log.note(id)
  // Each is the time of a batch.
  for (let times = 0; times < 3; times++) {
    timers.splice(0).forEach(elapse => { elapse() })
    await setImmediate()
  }
  for (const id of many) log.note(id)
  await setImmediate()
  t.equal(batches, 1)
  const ended = log.flush()
  for (let done = false; !done;) {
    waiting.splice(0).forEach(resolve => { resolve() })
    done = await Promise.race([ended.then(() => true), setImmediate(false)])
  }
  t.equal(noted.size, 20_000)
})

tap.test('MET-14: a store that takes nothing is not asked again with each use of an object', async t => {
  const { store, sizes } = notingStore(Array.from({ length: 100 }, (_, n) => n + 1))
  const log = AccessLog.of(store)
  for (let n = 0; n < 12_000; n++) {
    log.note(n.toString(16).padStart(48, '0').toUpperCase())
    if (n % 500 === 0) await setImmediate()
  }
  for (let n = 0; n < 100; n++) {
    await setImmediate()
    log.note((n + 12_000).toString(16).padStart(48, '0').toUpperCase())
  }
  t.equal(sizes.length, 1)
})
