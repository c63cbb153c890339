/** Leases, the fence, and what the sweeper removes. */
import type { Test } from 'tap'
import type { BlobID, RecordPut, Store } from '../../storage/contract.js'
import { sweepOnce } from '../../storage/sweeper.js'
import { aRecord, commit, type Driver, isReadable, next, segmentOf, store, storeBlob } from './driver.js'

async function listed (target: Store, lease: string): Promise<BlobID[]> {
  const blobs: BlobID[] = []
  for await (const blob of target.blobs.list(lease)) blobs.push(blob)
  return blobs
}

/** Sweeps as if every grace time were over. */
async function sweepAll (target: Store): Promise<void> {
  await sweepOnce(target, { trashGrace: 0 })
}

export function sweepSuite (t: Test, driver: Driver): void {
  t.test('the fence: a writer that outlives its lease is refused, and its bytes are swept', async t => {
    const target = await driver.fresh(t)
    const lease = target.lease()
    const kept = await target.blobs.put(lease.id, [Buffer.from('in time')])
    const inTime = aRecord({ size: 7, segments: { kind: 'replace', segments: [segmentOf(kept)] } })
    await store(target, { lease: lease.id, births: [kept], put: [inTime] })
    const late = await target.blobs.put(lease.id, [Buffer.from('too late')])
    t.notOk((await target.meta.staleLeases(0)).includes(lease.id), 'a lease of this process is never stale')
    await target.meta.closeLease(lease.id)
    await target.meta.closeLease(lease.id)
    t.ok((await target.meta.closedLeases()).includes(lease.id))
    const refused = { lease: lease.id, births: [late], put: [aRecord({ size: 8, segments: { kind: 'replace', segments: [segmentOf(late)] } })] }
    t.same(await commit(target, refused), { status: 'conflict', on: 'lease' })
    await sweepAll(target)
    t.notOk(await isReadable(target, late))
    t.ok(await isReadable(target, kept), 'what was committed in time stays')
    t.notOk((await target.meta.closedLeases()).includes(lease.id))
    t.same(await commit(target, refused), { status: 'conflict', on: 'lease' }, 'still refused when the lease is forgotten')
    t.same(await commit(target, { births: [late], put: [] }), { status: 'conflict', on: 'lease' }, 'births need a lease')
    t.match(await commit(target, { put: [aRecord()] }), { status: 'committed' }, 'a change without births needs none')

    // What comes even later is refused at once or with its commit, and never stays.
    const later = await target.blobs.put(lease.id, [Buffer.from('later still')]).catch(() => undefined)
    if (later !== undefined) t.same(await commit(target, { lease: lease.id, births: [later], put: [] }), { status: 'conflict', on: 'lease' })
    else t.same(await listed(target, lease.id), [kept.blob])
    await store(target, { remove: [{ id: inTime.id, version: 1, subtree: false }] })
    await sweepAll(target)
    t.notOk(await isReadable(target, kept))
  })

  t.test('replaced bytes stay for the grace time, then go', async t => {
    const target = await driver.fresh(t)
    const { put, birth } = await storeBlob(target, 'old')
    await store(target, { put: [next(put, { size: 0, segments: { kind: 'replace', segments: [] } })] })
    await sweepOnce(target, { trashGrace: 3_600_000 })
    t.ok(await isReadable(target, birth), 'a download under way can end')
    await sweepAll(target)
    t.notOk(await isReadable(target, birth))
    t.same(await target.meta.doomed(10), [])
  })

  t.test('a blob that is referenced again before the grace time ends is left alone', async t => {
    const target = await driver.fresh(t)
    const { put, birth } = await storeBlob(target, 'twice')
    await store(target, { put: [next(put, { size: 0, segments: { kind: 'replace', segments: [] } })] })
    const copy = aRecord({ size: 5, segments: { kind: 'replace', segments: [segmentOf(birth)] } })
    await store(target, { put: [copy] })
    await sweepAll(target)
    t.ok(await isReadable(target, birth))
    await store(target, { remove: [{ id: copy.id, version: 1, subtree: false }] })
    await sweepAll(target)
    t.notOk(await isReadable(target, birth))
  })

  t.test('a removed container takes its descendants out of reach at once, their records and bytes in the background', async t => {
    const target = await driver.fresh(t)
    const top = aRecord({ type: 'c', parentID: target.rootID, name: 'top' })
    const inner = Array.from({ length: 5 }, (_, n) => aRecord({ type: 'c', parentID: top.id, name: `inner${n}` }))
    const leaves: RecordPut[] = []
    await store(target, { put: [top, ...inner] })
    const births = []
    for (const { id } of inner) {
      for (let n = 0; n < 7; n++) {
        const { put, birth } = await storeBlob(target, `value ${n}`, { parentID: id, name: `leaf${n}` })
        leaves.push(put)
        births.push(birth)
      }
    }
    const beside = await storeBlob(target, 'beside', { parentID: target.rootID, name: 'beside' })
    await store(target, { remove: [{ id: top.id, version: 1, subtree: true }] })
    t.equal(await target.meta.get(top.id), undefined)
    t.same(await target.meta.lineage(leaves[0]?.id ?? ''), [])
    t.same((await target.meta.resolve(target.rootID, ['top'])).length, 1)
    // A new container of that name has nothing to do with the old one.
    const again = aRecord({ type: 'c', parentID: target.rootID, name: 'top' })
    await store(target, { put: [again, aRecord({ parentID: again.id, name: 'inner0' })] })
    let removed = 0
    for (let count = await target.meta.prune(3); count > 0; count = await target.meta.prune(3)) {
      t.ok(count <= 3)
      removed += count
    }
    t.equal(removed, 40)
    for (const { id } of [...inner, ...leaves]) t.equal(await target.meta.get(id), undefined)
    await sweepAll(target)
    for (const birth of births) t.notOk(await isReadable(target, birth))
    t.ok(await isReadable(target, beside.birth))
    t.equal((await target.meta.resolve(target.rootID, ['top', 'inner0'])).length, 3)
  })

  t.test('an ID comes back only when nothing is left of what was below it', async t => {
    const target = await driver.fresh(t)
    const top = aRecord({ type: 'c', parentID: target.rootID, name: 'top' })
    const inner = aRecord({ type: 'c', parentID: top.id, name: 'inner' })
    const leaf = aRecord({ parentID: inner.id, name: 'leaf' })
    await store(target, { put: [top, inner, leaf] })
    await store(target, { remove: [{ id: top.id, version: 1, subtree: true }] })
    t.same(await commit(target, { put: [top] }), { status: 'conflict', on: 'version', id: top.id })
    t.same(await commit(target, { put: [leaf] }), { status: 'conflict', on: 'version', id: leaf.id })
    while (await target.meta.prune(1) > 0);
    await store(target, { put: [top, inner] })
    t.same(await target.meta.children(inner.id, { limit: 10 }), [], 'without what it had')
    await sweepAll(target)
    t.equal((await target.meta.resolve(target.rootID, ['top', 'inner'])).length, 3, 'and it stays')
  })

  t.test('two sweepers at once do no harm', async t => {
    const target = await driver.fresh(t)
    const top = aRecord({ type: 'c', parentID: target.rootID, name: 'top' })
    await store(target, { put: [top] })
    const lease = target.lease()
    const kept = []
    const dropped = []
    for (let n = 0; n < 30; n++) {
      dropped.push((await storeBlob(target, `dropped ${n}`, { parentID: top.id, name: String(n) })).birth)
      kept.push((await storeBlob(target, `kept ${n}`)).birth)
      dropped.push(await target.blobs.put(lease.id, [Buffer.from('abandoned')]))
    }
    await store(target, { remove: [{ id: top.id, version: 1, subtree: true }] })
    await target.meta.closeLease(lease.id)
    await Promise.all([sweepAll(target), sweepAll(target), target.sweep(), target.sweep()])
    await sweepAll(target)
    for (const birth of kept) t.ok(await isReadable(target, birth))
    for (const birth of dropped) t.notOk(await isReadable(target, birth))
  })

  t.test('the log is trimmed by a round', async t => {
    const target = await driver.fresh(t)
    for (let n = 0; n < 10; n++) await store(target, { events: Array.from({ length: 60 }, () => ({ n })) })
    t.equal((await sweepOnce(target, { trashGrace: 0, logRetention: 3_600_000 })).events, 0)
    t.equal((await sweepOnce(target, { trashGrace: 0, logRetention: -1000 })).events, 600)
  })
}
