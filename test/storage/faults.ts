/**
 * The fault suite: operations on a store whose process dies between any two steps, with sweepers always at work, checked against a
 * model of what was acknowledged.
 */
import type { Test } from 'tap'
import fc from 'fast-check'
import type { BlobID, BlobStore, Lease, LeaseID, MetaStore, Store } from '../../storage/contract.js'
import { miscountProblem } from '../../storage/usage.js'
import { sweepOnce } from '../../storage/sweeper.js'
import type { Driver } from './driver.js'
import { Operations, type Step } from './operations.js'

export class Crash extends Error {}

/** Counts the steps of one life of a process, and ends it before one of them: from then on nothing happens any more. */
export class Life {
  steps = 0
  #dead = false

  constructor (readonly end: number) {}

  get dead (): boolean { return this.#dead }

  async step<T> (work: () => Promise<T>): Promise<T> {
    if (this.#dead) throw new Crash('dead already')
    if (++this.steps === this.end) {
      this.#dead = true
      throw new Crash('dies here')
    }
    const result = await work()
    // Others of this life may have died meanwhile.
    if (this.#dead) throw new Crash('died meanwhile')
    return result
  }
}

/** The store as a process with this life sees it. */
function mortal (store: Store, life: Life, leases: Set<LeaseID>): Store {
  const meta: MetaStore = {
    ...methods(store.meta, life),
    watch: (after, signal) => store.meta.watch(after, signal)
  }
  const blobs: BlobStore = {
    async put (lease, source, options) {
      // Each chunk is a step: the file is left half-written.
      return await life.step(async () => await store.blobs.put(lease, (async function * () {
        for await (const chunk of source) yield await life.step(async () => chunk)
      })(), options))
    },
    get: (blob, offset, length) => store.blobs.get(blob, offset, length),
    read: async (blob, offset, length) => await life.step(async () => await store.blobs.read(blob, offset, length)),
    remove: async blob => { await life.step(async () => { await store.blobs.remove(blob) }) },
    async * list (lease) {
      for await (const blob of store.blobs.list(lease)) yield await life.step(async () => blob)
    },
    dropLease: async lease => { await life.step(async () => { await store.blobs.dropLease(lease) }) }
  }
  return {
    ...store,
    meta,
    blobs,
    lease (): Lease {
      const lease = store.lease()
      leases.add(lease.id)
      return { id: lease.id, release (abandoned) { if (!life.dead) lease.release(abandoned) } }
    }
  }
}

/** All methods that answer promises, each a step. */
function methods (meta: MetaStore, life: Life): Omit<MetaStore, 'watch'> {
  return {
    get: async id => await life.step(async () => await meta.get(id)),
    getMany: async ids => await life.step(async () => await meta.getMany(ids)),
    resolve: async (from, names) => await life.step(async () => await meta.resolve(from, names)),
    lineage: async id => await life.step(async () => await meta.lineage(id)),
    children: async (id, query) => await life.step(async () => await meta.children(id, query)),
    names: async (id, query) => await life.step(async () => await meta.names(id, query)),
    tree: async (id, query) => await life.step(async () => await meta.tree(id, query)),
    segments: async (id, offset, length) => await life.step(async () => await meta.segments(id, offset, length)),
    commit: async change => await life.step(async () => await meta.commit(change)),
    accesses: async id => await life.step(async () => await meta.accesses(id)),
    noteAccesses: async notes => { await life.step(async () => { await meta.noteAccesses(notes) }) },
    countTree: async container => { await life.step(async () => { await meta.countTree(container) }) },
    beginCounting: async kind => { await life.step(async () => { await meta.beginCounting(kind) }) },
    recount: async () => { await life.step(async () => { await meta.recount() }) },
    countMore: async limit => await life.step(async () => await meta.countMore(limit)),
    usage: async account => await life.step(async () => await meta.usage(account)),
    miscounts: async () => await life.step(async () => await meta.miscounts()),
    events: async (after, limit) => await life.step(async () => await meta.events(after, limit)),
    lastSequence: async () => await life.step(async () => await meta.lastSequence()),
    staleLeases: async milliseconds => await life.step(async () => await meta.staleLeases(milliseconds)),
    closeLease: async lease => { await life.step(async () => { await meta.closeLease(lease) }) },
    closedLeases: async () => await life.step(async () => await meta.closedLeases()),
    dropLease: async lease => { await life.step(async () => { await meta.dropLease(lease) }) },
    unborn: async blobs => await life.step(async () => await meta.unborn(blobs)),
    condemn: async (grace, limit) => await life.step(async () => await meta.condemn(grace, limit)),
    doomed: async limit => await life.step(async () => await meta.doomed(limit)),
    forget: async blobs => { await life.step(async () => { await meta.forget(blobs) }) },
    prune: async limit => await life.step(async () => await meta.prune(limit)),
    trimLog: async (olderThan, limit) => await life.step(async () => await meta.trimLog(olderThan, limit))
  }
}

/** What is wrong with a store that was swept: sentences; none when all is well. */
async function audit (store: Store, operations: Operations, leases: ReadonlySet<LeaseID>): Promise<string[]> {
  const wrong = await operations.check(store)
  const referenced = new Set<BlobID>()
  for (const id of operations.ids()) {
    for (const { blob } of (await store.meta.segments(id, 0, 2 ** 50))?.segments ?? []) referenced.add(blob)
  }
  const present = new Set<BlobID>()
  for (const lease of leases) for await (const blob of store.blobs.list(lease)) present.add(blob)
  for (const blob of referenced) if (!present.has(blob)) wrong.push(`blob ${blob} is referenced and gone`)
  for (const blob of present) if (!referenced.has(blob)) wrong.push(`blob ${blob} is there and not referenced`)
  wrong.push(...(await store.meta.miscounts()).map(miscountProblem))
  return wrong
}

/** Lets a sweeper of its own run until `stop` is called. */
function sweepAlways (store: Store): { stop (): Promise<void> } {
  const stop = new AbortController()
  const rounds = (async () => {
    while (!stop.signal.aborted) {
      await sweepOnce(store, { trashGrace: 0 })
      await new Promise(setImmediate)
    }
  })()
  // A sweeper may die; who stops it hears of it.
  rounds.catch(() => {})
  return { async stop () { stop.abort(); await rounds } }
}

const story: readonly Step[] = [
  { kind: 'upload', name: 'a', value: 'first value of a', pieces: 3 },
  { kind: 'upload', name: 'b', value: 'b', pieces: 1 },
  { kind: 'replace', name: 'a', value: 'second value', pieces: 2 },
  { kind: 'splice', name: 'a', offset: 4, value: 'SPLICED OVER THE END' },
  { kind: 'copy', name: 'c', from: 'a' },
  { kind: 'splice', name: 'c', offset: 0, value: 'x' },
  { kind: 'delete', name: 'a' },
  { kind: 'container', name: 'd' },
  { kind: 'upload', name: 'e', in: 'd', value: 'inside', pieces: 2 },
  { kind: 'delete', name: 'd' },
  { kind: 'sweep' },
  { kind: 'replace', name: 'c', value: '', pieces: 0 }
]

export function faultSuite (t: Test, driver: Driver): void {
  const { place } = driver
  if (place === undefined) return

  t.test('a crash between any two steps of any operation loses nothing acknowledged and leaves nothing behind', { timeout: 600_000 }, async t => {
    const here = await place.call(driver, t)
    const operations = new Operations()
    const leases = new Set<LeaseID>()
    let crashes = 0
    let store = await here.open()
    await countAll(store)
    for (let end = 1; ; end++) {
      const life = new Life(end)
      const dying = mortal(store, life, leases)
      const sweeper = sweepAlways(store)
      let survived = false
      try {
        operations.begin()
        for (const step of story) await operations.run(dying, step)
        survived = true
      } catch (error) {
        if (!(error instanceof Crash)) throw error
        crashes++
      }
      await sweeper.stop()
      await store.close()
      store = await here.open()
      await store.sweep()
      const wrong = await audit(store, operations, leases)
      if (wrong.length > 0) t.same(wrong, [], `died before step ${end}`)
      await operations.clear(store)
      if (survived) break
    }
    await store.close()
    t.ok(crashes > 40, `${crashes} crashes`)
  })

  t.test('writers at once, sweepers always on, leases taken away at any time: the model of what was acknowledged holds', { timeout: 600_000 }, async t => {
    const here = await place.call(driver, t)
    const leases = new Set<LeaseID>()
    const all: Operations[] = []
    await fc.assert(fc.asyncProperty(fc.integer({ min: 5, max: 120 }), fc.infiniteStream(fc.nat()), async (end, choices) => {
      const store = await here.open()
      await countAll(store)
      const life = new Life(end)
      const dying = mortal(store, life, leases)
      const sweepers = [sweepAlways(store), sweepAlways(dying)]
      const writers = Array.from({ length: 3 }, async () => {
        const operations = new Operations()
        all.push(operations)
        operations.begin()
        for (let n = 0; n < 12; n++) await operations.run(dying, operations.random(() => choices.next().value ?? 0))
      })
      const thief = (async () => {
        for (const lease of leases) {
          await new Promise(setImmediate)
          await dying.meta.closeLease(lease)
        }
      })()
      const results = await Promise.allSettled([...writers, thief])
      for (const result of results) if (result.status === 'rejected' && !(result.reason instanceof Crash)) throw result.reason
      for (const sweeper of sweepers) await sweeper.stop().catch((error: unknown) => { if (!(error instanceof Crash)) throw error })
      await store.close()
      const after = await here.open()
      await after.sweep()
      const merged = Operations.merge(all)
      t.same(await audit(after, merged, leases), [])
      await merged.clear(after)
      for (const operations of all.splice(0)) operations.begin()
      await after.close()
    }), { numRuns: 12 })
  })

  t.test('negative control: with the fence off, a writer that outlives its lease damages a value, and the audit sees it', async t => {
    const here = await place.call(driver, t)
    for (const fence of [true, false]) {
      const store = await here.open()
      const leases = new Set<LeaseID>()
      const operations = new Operations()
      operations.begin()
      const slow: Store = {
        ...mortal(store, new Life(Infinity), leases),
        meta: {
          ...methods(store.meta, new Life(Infinity)),
          watch: (after, signal) => store.meta.watch(after, signal),
          async commit (change) {
            // It sleeps here for so long that it is taken for dead.
            if (change.lease !== undefined) await store.meta.closeLease(change.lease)
            await sweepOnce(store, { trashGrace: 0 })
            if (fence || change.lease === undefined) return await store.meta.commit(change)
            return await store.meta.commit({ ...change, lease: await freshLease(store, change.lease) })
          }
        }
      }
      await operations.run(slow, { kind: 'upload', name: 'slow', value: 'the bytes of a slow writer', pieces: 2 })
      await store.sweep()
      const wrong = await audit(store, operations, leases)
      if (fence) t.same(wrong, [])
      else t.ok(wrong.some(sentence => sentence.includes('referenced and gone')), wrong.join('; '))
      await store.close()
    }
  })
}

/** What is on account is looked at in every audit. */
async function countAll ({ meta, rootID }: Store): Promise<void> {
  for (const kind of ['owners', 'children'] as const) await meta.beginCounting(kind)
  await meta.countTree(rootID)
}

/** A lease that is open although that one was closed. */
async function freshLease (store: Store, closed: LeaseID): Promise<LeaseID> {
  for (;;) {
    const lease = store.lease()
    lease.release()
    if (lease.id !== closed) return lease.id
    // A refused commit makes the store take a new one.
    await store.meta.commit({ lease: closed, births: [{ blob: `${closed}/0/none`, size: 0, hash: 'crc32:0' }], expect: [], events: [] })
    await new Promise(setImmediate)
  }
}
