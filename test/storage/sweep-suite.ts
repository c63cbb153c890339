/** What every driver's leases, trash and sweeper promise: nothing that a commit names is ever removed, and all else is in the end. */
import type { Test } from 'tap'
import { birth, blobsOf, change, commit, type DriverUnderTest, must, putBlob, segmented, valueOf } from './driver.js'

export async function sweepSuite (t: Test, driver: DriverUnderTest): Promise<void> {
  t.test('the fence: a commit under a closed lease is refused, and what it put is swept', async t => {
    const store = await (await driver.place(t))({ trashGrace: 0 })
    t.teardown(async () => { await store.close() })
    const kept = await segmented(store, 'kept', Buffer.from('kept'))
    const { lease, birth: blob } = await putBlob(store, Buffer.from('too late'))
    await store.meta.closeLease(lease)
    const segments = { kind: 'replace' as const, segments: [{ offset: 0, length: 8, blob: blob.blob, blobOffset: 0 }] }
    const late = birth({ parentID: store.rootID, name: 'late', size: 8, segments })
    t.same(await commit(store, { lease, births: [blob], put: [late] }), { status: 'conflict', on: 'lease' })
    t.equal(await store.meta.get(late.id), undefined)
    t.ok((await store.meta.closedLeases()).includes(lease))
    t.same(await store.meta.unborn([blob.blob, kept.blob.blob]), [blob.blob])
    await store.sweep()
    t.same(await blobsOf(store, [lease]), [kept.blob.blob])
    t.same(await commit(store, { lease, births: [blob], put: [late] }), { status: 'conflict', on: 'lease' }, 'also after the lease is forgotten')
    t.equal(String(await valueOf(store, kept.id)), 'kept')
  })

  t.test('a blob that no commit ever named cannot be referred to', async t => {
    const store = await (await driver.place(t))()
    t.teardown(async () => { await store.close() })
    const { birth: blob, release } = await putBlob(store, Buffer.from('loose'))
    const put = birth({ size: 5, segments: { kind: 'replace', segments: [{ offset: 0, length: 5, blob: blob.blob, blobOffset: 0 }] } })
    t.equal((await commit(store, { put: [put] })).status, 'conflict')
    release()
  })

  t.test('copies share blobs: one is removed with its last reference, not before', async t => {
    const store = await (await driver.place(t))({ trashGrace: 0 })
    t.teardown(async () => { await store.close() })
    const original = await segmented(store, 'original', Buffer.from('shared value'))
    const map = await store.meta.segments(original.id, 0, 100)
    const copy = birth({ parentID: store.rootID, name: 'copy', size: original.size, segments: { kind: 'replace', segments: map?.segments ?? [] } })
    await must(store, { put: [copy] })
    await must(store, { remove: [{ id: original.id, version: 1, subtree: false }] })
    await store.sweep()
    t.equal(String(await valueOf(store, copy.id)), 'shared value')
    await must(store, { remove: [{ id: copy.id, version: 1, subtree: false }] })
    const report = await store.sweep()
    t.equal(report.blobs, 1)
    const again = birth({ size: original.size, segments: { kind: 'replace', segments: map?.segments ?? [] } })
    t.equal((await commit(store, { put: [again] })).status, 'conflict', 'a removed blob cannot be referred to again')
  })

  t.test('a blob stays readable for the grace time after its last reference is gone', async t => {
    const store = await (await driver.place(t))({ trashGrace: 3_600_000 })
    t.teardown(async () => { await store.close() })
    const object = await segmented(store, 'o', Buffer.from('still being read'))
    await must(store, { remove: [{ id: object.id, version: 1, subtree: false }] })
    t.equal((await store.sweep()).blobs, 0)
    t.equal(String(await store.blobs.read(object.blob.blob, 0, 16)), 'still being read')
  })

  t.test('a copy made while the sweeper looks at the trash wins or is refused; it is never left without its bytes', async t => {
    const store = await (await driver.place(t))({ trashGrace: 0 })
    t.teardown(async () => { await store.close() })
    for (let round = 0; round < 20; round++) {
      const object = await segmented(store, `r${round}`, Buffer.from('value'))
      const map = await store.meta.segments(object.id, 0, 100)
      await must(store, { remove: [{ id: object.id, version: 1, subtree: false }] })
      const copy = birth({ size: 5, segments: { kind: 'replace', segments: map?.segments ?? [] } })
      const [result] = await Promise.all([commit(store, { put: [copy] }), store.sweep()])
      if (result.status === 'committed') t.equal(String(await valueOf(store, copy.id)), 'value')
      else t.equal(await store.meta.get(copy.id), undefined)
    }
  })

  t.test('the blobs of what hung below a removed container are removed', async t => {
    const store = await (await driver.place(t))({ trashGrace: 0 })
    t.teardown(async () => { await store.close() })
    const container = birth({ type: 'c', parentID: store.rootID, name: 'c' })
    const inner = birth({ type: 'c', parentID: container.id, name: 'i' })
    await must(store, { put: [container, inner] })
    const objects = await Promise.all(Array.from({ length: 10 }, async (_, n) => await segmented(store, `o${n}`, Buffer.from(`value ${n}`))))
    for (const { id } of objects) {
      const record = await store.meta.get(id)
      if (record !== undefined) await must(store, { put: [change(record, { parentID: inner.id })] })
    }
    await must(store, { remove: [{ id: container.id, version: 1, subtree: true }] })
    const report = await store.sweep()
    t.equal(report.records, 11)
    const lease = store.lease()
    const left = (await blobsOf(store, [lease.id, ...objects.map(({ blob }) => blob.blob.split('/')[0] ?? '')])).length
    lease.release()
    t.equal(left, 0)
  })

  t.test('a blob that a failed operation gave back is removed', async t => {
    const store = await (await driver.place(t))({ trashGrace: 0 })
    t.teardown(async () => { await store.close() })
    const lease = store.lease()
    const { blob } = await store.blobs.put(lease.id, [Buffer.from('abandoned')])
    const held = store.lease()
    const used = await store.blobs.put(held.id, [Buffer.from('under way')])
    lease.release([blob])
    await store.sweep()
    t.same(await blobsOf(store, new Set([lease.id])), lease.id === held.id ? [used.blob] : [])
    const put = birth({ size: 9, segments: { kind: 'replace', segments: [{ offset: 0, length: 9, blob: used.blob, blobOffset: 0 }] } })
    await must(store, { lease: held.id, births: [used], put: [put] })
    held.release()
    await store.sweep()
    t.equal(String(await valueOf(store, put.id)), 'under way', 'a sweep never takes from an operation under way')
  })

  t.test('two sweepers at once, beside writers, do no harm', async t => {
    const store = await (await driver.place(t))({ trashGrace: 0 })
    t.teardown(async () => { await store.close() })
    const ids = new Map<string, string>()
    const writing = new AbortController()
    const sweepers = Array.from({ length: 2 }, async () => { while (!writing.signal.aborted) await store.sweep() })
    for (let n = 0; n < 40; n++) {
      const value = `value ${n}`
      const { id } = await segmented(store, `w${n}`, Buffer.from(value))
      ids.set(id, value)
      if (n % 3 === 0) {
        await must(store, { remove: [{ id, version: 1, subtree: false }] })
        ids.delete(id)
      }
    }
    writing.abort()
    await Promise.all(sweepers)
    for (const [id, value] of ids) t.equal(String(await valueOf(store, id)), value)
  })

  t.test('a store that is open is ready', async t => {
    const store = await (await driver.place(t))()
    await t.resolves(store.ready())
    await store.close()
  })
}
