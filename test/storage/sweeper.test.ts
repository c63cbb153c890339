/** What fails in a round of the sweeper, and what is swept all the same. */
import t from 'tap'
import { existsSync, mkdirSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type MetaStore, StorageError } from '../../storage/contract.js'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import { openStore } from '../../storage/open-store.js'
import { sweepOnce } from '../../storage/sweeper.js'
import { aRecord, isReadable, store, storeBlob } from './driver.js'
import { noErrors } from './embedded-driver.js'

/** The same, but for these. */
function changed<T extends object> (whole: T, changes: Partial<T>): T {
  return new Proxy(whole, {
    get (_, name) {
      const member: unknown = Reflect.get(name in changes ? changes : whole, name)
      return typeof member === 'function' ? member.bind(whole) : member
    }
  })
}

const away = new StorageError('unavailable', 'a commit under it is still under way')

t.test('a lease that cannot be closed keeps no other one from being closed and swept', async t => {
  const target = openMemoryStore()
  const lease = target.lease()
  const birth = await target.blobs.put(lease.id, [Buffer.from('left behind')])
  const stuck: Pick<MetaStore, 'staleLeases' | 'closeLease'> = {
    async staleLeases () { return ['stuck', lease.id] },
    async closeLease (id) {
      if (id === 'stuck') throw away
      await target.meta.closeLease(id)
    }
  }
  const meta = changed(target.meta, stuck)
  await t.rejects(sweepOnce({ meta, blobs: target.blobs }, { trashGrace: 0 }), away)
  t.notOk(await isReadable(target, birth))
})

t.test('bytes of an upload that was given up, and cannot be removed, keep nothing else from being swept; they are tried again', async t => {
  const directory = t.testdir()
  const target = await openStore({ directory, sweepInterval: 0 }, noErrors)
  t.teardown(async () => { await target.close() })
  const lease = target.lease()
  const birth = await target.blobs.put(lease.id, [Buffer.from('given up')])
  lease.release([birth.blob])
  const path = join(directory, 'blobs', birth.blob)
  unlinkSync(path)
  mkdirSync(path)
  const top = aRecord({ type: 'c', parentID: target.rootID, name: 'top' })
  const leaf = aRecord({ parentID: top.id, name: 'leaf' })
  await store(target, { put: [top, leaf] })
  await store(target, { remove: [{ id: top.id, version: 1, subtree: true }] })
  await t.rejects(target.sweep(), { name: 'StorageError' })
  t.equal(await target.meta.get(leaf.id), undefined)
  rmdirSync(path)
  writeFileSync(path, 'given up')
  t.equal((await target.sweep()).blobs, 1)
  t.notOk(existsSync(path))
})

t.test('who closes the store does not wait for a round that has much to do; the rest is for the next one', async t => {
  const directory = t.testdir()
  const target = await openStore({ directory, sweepInterval: 0 }, noErrors)
  const top = aRecord({ type: 'c', parentID: target.rootID, name: 'top' })
  await store(target, { put: [top] })
  await store(target, { put: Array.from({ length: 4000 }, (_, n) => aRecord({ parentID: top.id, name: String(n) })) })
  await store(target, { remove: [{ id: top.id, version: 1, subtree: true }] })
  const round = target.sweep()
  await new Promise(resolve => { setImmediate(resolve) })
  await target.close()
  const { records } = await round
  t.ok(records < 4000, `${records} were removed`)
  const again = await openStore({ directory, sweepInterval: 0 }, noErrors)
  t.teardown(async () => { await again.close() })
  t.equal((await again.sweep()).records, 4000 - records)
})

t.test('a lease whose blobs were not all looked at is looked at again', async t => {
  const target = openMemoryStore()
  const lease = target.lease()
  const births = []
  for (let n = 0; n < 1200; n++) births.push(await target.blobs.put(lease.id, [Buffer.from('x')]))
  await target.meta.closeLease(lease.id)
  const stop = new AbortController()
  const blobs = { ...target.blobs, async remove (blob: string) { stop.abort(); await target.blobs.remove(blob) } }
  t.equal((await sweepOnce({ meta: target.meta, blobs }, { trashGrace: 0, signal: stop.signal })).blobs, 500)
  t.equal((await target.sweep()).blobs, 700)
})

t.test('a blob that cannot be removed keeps no other one; where nothing answers, each is not asked after', async t => {
  const directory = t.testdir()
  const target = await openStore({ directory, sweepInterval: 0, trashGrace: 0, inlineLimit: 0 }, noErrors)
  t.teardown(async () => { await target.close() })
  const [stuck, other] = [await storeBlob(target, 'stuck'), await storeBlob(target, 'other')]
  await store(target, { remove: [stuck, other].map(({ put: { id } }) => ({ id, version: 1, subtree: false })) })
  const path = join(directory, 'blobs', stuck.birth.blob)
  unlinkSync(path)
  mkdirSync(path)
  await t.rejects(target.sweep(), { name: 'StorageError' })
  t.notOk(await isReadable(target, other.birth))
  t.same(await target.meta.doomed(10), [stuck.birth.blob])
  rmdirSync(path)
  writeFileSync(path, 'stuck')
  t.equal((await target.sweep()).blobs, 1)

  let asked = 0
  const doomed = Array.from({ length: 400 }, (_, n) => `a/0/${n}`)
  const meta = changed(target.meta, { doomed: async () => doomed, condemn: async () => 0 })
  const blobs = changed(target.blobs, {
    async remove () {
      asked++
      throw away
    }
  })
  await t.rejects(sweepOnce({ meta, blobs }, { trashGrace: 0 }), away)
  t.ok(asked < 20, `${asked} were asked for`)
})
