/** What a transfer asks of a store: all that is in it, and the way to fill it. */
import type { Test } from 'tap'
import type { BlobBirth, LoggedEvent, ObjectID } from '../../storage/contract.js'
import { hiddenID, mintObjectID } from '../../storage/object-id.js'
import type { MovableMeta, WholeRecord } from '../../storage/transfer/ends.js'
import { aRecord, aValue, type Driver, fields, follow, isReadable, movable, next, readValue, segmentOf, store, storeBlob } from './driver.js'

const all = { limit: 1000, size: 1_000_000 }

/** What a whole record is, for comparison. */
function plain ({ record, segments, accesses }: WholeRecord): Record<string, unknown> {
  return { ...fields(record), segments, accesses }
}

async function paged (meta: MovableMeta, query: { limit: number, size: number }): Promise<WholeRecord[][]> {
  const pages: WholeRecord[][] = []
  for (let after: ObjectID | undefined; ;) {
    const page = await meta.wholes({ after, ...query })
    after = page.at(-1)?.record.id
    if (after === undefined) return pages
    pages.push(page)
  }
}

export function intakeSuite (t: Test, { name, fresh, ends }: Driver): void {
  t.test('every object is read with all that belongs to it, page by page, whether a path leads to it or not', async t => {
    const target = await fresh(t)
    const meta = movable(target)
    const { put: shared, birth } = await storeBlob(target, 'shared', { parentID: target.rootID, name: 'shared' })
    const copy = aRecord({ parentID: target.rootID, name: 'copy', size: 10, segments: { kind: 'replace', segments: [{ offset: 1, length: 2, blob: birth.blob, blobOffset: 3 }, { offset: 4, length: 6, blob: birth.blob, blobOffset: 0 }] } })
    const hidden = aValue('of the server', { id: hiddenID('x'), type: 'p', parentID: hiddenID('nobody'), name: 'x' })
    const lost = aValue('x'.repeat(100), { attributes: { a: 'b'.repeat(100) } })
    const gap = aRecord({ size: 2 ** 41 })
    await store(target, { put: [copy, hidden, lost, gap] })
    await store(target, { put: [next(lost)] })
    await target.meta.noteAccesses(new Map([[shared.id, { count: 3, last: 1_764_000_000_000_001 }]]))
    const wholes = await meta.wholes(all)
    t.same(wholes.map(({ record }) => record.id), [target.rootID, shared.id, copy.id, hidden.id, lost.id, gap.id].sort(), 'in the order of their IDs')
    const found = new Map(wholes.map(whole => [whole.record.id, plain(whole)]))
    for (const id of found.keys()) t.match(found.get(id), fields(await target.meta.get(id)))
    t.match(found.get(shared.id), { segments: [segmentOf(birth)], accesses: { count: 3, last: 1_764_000_000_000_001 } })
    t.same(found.get(copy.id)?.['segments'], 'segments' in copy.segments ? copy.segments.segments : [])
    t.match(found.get(lost.id), { version: 2, segments: [], accesses: undefined })

    t.same((await paged(meta, { limit: 1, size: 1_000_000 })).map(page => page.map(plain)), wholes.map(whole => [plain(whole)]))
    t.same((await paged(meta, { limit: 1000, size: 0 })).map(page => page.length), wholes.map(() => 1), 'one at least, however large')
    t.ok((await paged(meta, { limit: 1000, size: 200 })).length > 1)

    const { birth: deleted, put: leaving } = await storeBlob(target, 'deleted')
    const { birth: other } = await storeBlob(target, 'other')
    await store(target, { remove: [{ id: leaving.id, version: 1, subtree: false }] })
    const blobs = [birth, other].sort((a, b) => a.blob < b.blob ? -1 : 1)
    t.same(await meta.namedBlobs(undefined, 10), blobs, 'what nobody names is passed over')
    t.same(await meta.namedBlobs(undefined, 1), blobs.slice(0, 1))
    t.same(await meta.namedBlobs(blobs[0]?.blob, 10), blobs.slice(1))
    t.same(await meta.namedBlobs(blobs[1]?.blob, 10), [])
    const { records, blobs: count, bytes } = await meta.census()
    t.equal(records, wholes.length + 1)
    t.ok(count >= 2 && bytes >= birth.size + other.size && bytes <= birth.size + other.size + deleted.size)
  })

  t.test('a store in use cannot be filled', async t => {
    const place = await ends?.(t)
    if (place === undefined) throw new Error(`the driver ${name} has no ends`)
    const used = await place.store()
    const put = aValue('x', { parentID: used.rootID, name: 'x' })
    await store(used, { put: [put] })
    await used.close()
    await t.rejects(place.target(mintObjectID()), { name: 'StorageError', reason: 'format', message: /is not empty/ })
    const again = await place.store()
    t.equal(again.rootID, used.rootID)
    t.equal((await again.meta.get(put.id))?.version, 1)
    await again.close()
  })

  t.test('an empty store is filled with objects as they are, can be gone on with, and is a store when that has come to its end, not before', async t => {
    const place = await ends?.(t)
    if (place === undefined) throw new Error(`the driver ${name} has no ends`)
    await (await place.store()).close()
    const root = mintObjectID()
    const first = await place.target(root)
    const record = (put: ReturnType<typeof aRecord>, version = put.version): WholeRecord['record'] => ({ ...put, parentID: put.parentID, name: put.name, inline: put.inline, version })
    const whole = (put: ReturnType<typeof aRecord>, more: Partial<WholeRecord> = {}, version = put.version): WholeRecord => ({ record: record(put, version), segments: [], accesses: undefined, ...more })
    const lease = first.lease()
    const births: BlobBirth[] = []
    for (const value of ['first', 'second', 'nobody']) births.push(await first.blobs.put(lease.id, [Buffer.from(value)]))
    const [one, two, three] = births
    if (one === undefined || two === undefined || three === undefined) throw new Error('no blobs')
    t.same(await first.meta.intake.moved(['far/1', 'far/2']), [undefined, undefined])
    t.same(await first.meta.intake.moved([]), [])
    t.equal(await first.meta.intake.move(lease.id, 'far/1', one), true)
    t.equal(await first.meta.intake.move(lease.id, 'far/2', two), true)
    t.equal(await first.meta.intake.move('no-lease', 'far/3', three), false, 'under a lease that is closed nothing is noted')
    const rootPut = aRecord({ id: root, type: 'c', attributes: { metadata: {} } })
    const value = aValue('inline', { parentID: root, name: 'väl', attributes: { s: '\u0000\ud800', n: 1.5, i: 1_764_000_000_000_001 } })
    const blobbed = aRecord({ parentID: root, name: 'blob', size: 20 })
    const copy = aRecord({ parentID: root, name: 'copy', size: 5 })
    const astray = aRecord({ parentID: root, name: 'astray' })
    await first.meta.intake.take([whole(rootPut, {}, 7), whole(value, { accesses: { count: 2, last: 99 } }, 12), whole(astray)], [])
    await first.meta.intake.take([whole(blobbed, { segments: [segmentOf(one), segmentOf(two, 10)] }), whole(copy, { segments: [segmentOf(one)] })], [astray.id])
    lease.release([three.blob])
    await first.close()

    await t.rejects(place.store(), { name: 'StorageError', reason: 'format', message: /is being filled by a transfer/ })
    await t.rejects(place.target(mintObjectID()), { name: 'StorageError', reason: 'format', message: /is being filled from another store/ })

    const second = await place.target(root)
    t.same(await second.meta.intake.moved(['far/2', 'far/3', 'far/1']), [two.blob, undefined, one.blob])
    // Two change places, one has other segments now; and once more the same.
    const swapped = [whole({ ...blobbed, name: 'copy' }, { segments: [segmentOf(two)] }, 2), whole({ ...copy, name: 'blob' }, { segments: [segmentOf(one)] }, 2)]
    for (let times = 0; times < 2; times++) await second.meta.intake.take(swapped, [astray.id])
    const entries: LoggedEvent[] = [{ sequence: 4, event: { n: 'four' } }, { sequence: 6, event: { s: '\ud800' } }]
    await second.meta.intake.log(entries)
    t.equal(await second.meta.lastSequence(), 6)
    await second.meta.intake.log([{ sequence: 9, event: { n: 'nine' } }])
    await second.meta.intake.finish(12)
    await second.close()

    await t.rejects(place.target(root, 12), { name: 'AlreadyTransferred' }, 'once more the same would do nothing')
    for (const [id, last] of [[root, 11], [mintObjectID(), 12]] as const) await t.rejects(place.target(id, last), { reason: 'format', message: /is not empty/ }, 'it is a store like others now')
    const opened = await place.store()
    t.equal(opened.rootID, root)
    t.match(fields(await opened.meta.get(root)), { version: 7, type: 'c' })
    t.match(fields(await opened.meta.get(value.id)), { version: 12, name: 'väl', inline: 'inline', attributes: value.attributes })
    t.equal(await opened.meta.get(astray.id), undefined)
    t.same((await opened.meta.children(root, { limit: 10 })).map(({ name, id }) => [name, id]), [['blob', copy.id], ['copy', blobbed.id], ['väl', value.id]])
    t.same((await opened.meta.segments(blobbed.id, 0, 100))?.segments, [segmentOf(two)])
    t.same(await opened.meta.accesses(value.id), { count: 2, last: 99 })
    t.equal(await opened.meta.accesses(blobbed.id), undefined)
    t.same(await opened.meta.events(0, 10), [...entries, { sequence: 9, event: { n: 'nine' } }])
    t.equal(await opened.meta.lastSequence(), 12)
    await store(opened, { events: [{ n: 'next' }] })
    t.same((await follow(opened, 9, 1)), [{ sequence: 13, event: { n: 'next' } }])

    await opened.sweep()
    t.equal((await readValue(opened, record(copy, 2))).toString(), 'first')
    await store(opened, { remove: [{ id: copy.id, version: 2, subtree: false }] })
    await opened.sweep()
    t.notOk(await isReadable(opened, one), 'a blob that was moved is swept like others when nobody names it any more')
    t.ok(await isReadable(opened, two))
    await opened.close()
    await t.rejects(place.target(root, 12), { reason: 'format', message: /is not empty/ }, 'it has changed since')
  })

  t.test('a change log that was trimmed away is as long in the store that is filled', async t => {
    const place = await ends?.(t)
    if (place === undefined) throw new Error(`the driver ${name} has no ends`)
    const root = mintObjectID()
    const target = await place.target(root)
    await target.meta.intake.take([{ record: { ...aRecord({ id: root, type: 'c' }), parentID: undefined, name: undefined, inline: undefined }, segments: [], accesses: undefined }], [])
    await target.meta.intake.log([])
    await target.meta.intake.finish(1_000_000_000)
    await target.close()
    const opened = await place.store()
    t.equal(await opened.meta.lastSequence(), 1_000_000_000)
    t.same(await opened.meta.events(0, 10), [])
    await store(opened, { events: [{ n: 1 }] })
    t.same(await opened.meta.events(0, 10), [{ sequence: 1_000_000_001, event: { n: 1 } }])
    await opened.close()
  })
}
