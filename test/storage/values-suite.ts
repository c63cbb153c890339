/** Blobs and segment maps. */
import type { Test } from 'tap'
import fc from 'fast-check'
import { type BlobBirth, type RecordPut, type Segment, StorageError } from '../../storage/contract.js'
import { mintObjectID } from '../../storage/object-id.js'
import { aRecord, aValue, collect, commit, type Driver, isReadable, next, readValue, segmentOf, store, storeBlob, text } from './driver.js'

export function valuesSuite (t: Test, driver: Driver): void {
  t.test('a blob is given back whole and in part, in chunks and in one piece', async t => {
    const target = await driver.fresh(t)
    const lease = target.lease()
    for (const size of [0, 1, 1000, 262_144, 1_048_577, 3_000_000]) {
      const bytes = Buffer.from(Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8)) & 0xff))
      const chunks: Buffer[] = []
      for (let at = 0; at < size; at += 70_001) chunks.push(bytes.subarray(at, at + 70_001))
      const birth = await target.blobs.put(lease.id, chunks, { size })
      t.equal(birth.size, size)
      t.match(birth.hash, /^[a-z0-9]+:[0-9a-f]+$/)
      t.ok(birth.blob.startsWith(lease.id + '/'))
      t.ok(bytes.equals(await collect(target.blobs.get(birth.blob, 0, size))))
      for (const [from, to] of [[0, 1], [size >> 1, size], [1, size - 1], [size, size]]) {
        const [start, end] = [Math.max(0, Math.min(from ?? 0, size)), Math.max(0, Math.min(to ?? 0, size))]
        if (end < start) continue
        t.ok(bytes.subarray(start, end).equals(await collect(target.blobs.get(birth.blob, start, end - start))))
        t.ok(bytes.subarray(start, end).equals(Buffer.from(await target.blobs.read(birth.blob, start, end - start))))
      }
    }
    lease.release()
  })

  t.test('blobs at the same time have different names', async t => {
    const target = await driver.fresh(t)
    const lease = target.lease()
    const births = await Promise.all(Array.from({ length: 50 }, async (_, n) => await target.blobs.put(lease.id, [Buffer.from(String(n))])))
    t.equal(new Set(births.map(({ blob }) => blob)).size, 50)
    for (const [n, { blob, size }] of births.entries()) t.equal(text(await target.blobs.read(blob, 0, size)), String(n))
    const listed: string[] = []
    for await (const blob of target.blobs.list(lease.id)) listed.push(blob)
    t.same(listed.sort(), births.map(({ blob }) => blob).sort())
    lease.release()
  })

  t.test('a read never ends short: missing bytes are an error', async t => {
    const target = await driver.fresh(t)
    const { birth } = await storeBlob(target, 'abc')
    const wrong = { name: 'StorageError', reason: /missing|corrupt/ }
    await t.rejects(target.blobs.read(birth.blob, 0, 4), wrong)
    await t.rejects(collect(target.blobs.get(birth.blob, 2, 2)), wrong)
    await target.blobs.remove(birth.blob)
    await target.blobs.remove(birth.blob)
    await t.rejects(target.blobs.read(birth.blob, 0, 1), { name: 'StorageError', reason: 'missing' })
    await t.rejects(collect(target.blobs.get(birth.blob, 0, 1)), { name: 'StorageError', reason: 'missing' })
  })

  t.test('a source that fails or a signal that aborts ends the put with its own error; the sweeper clears up', async t => {
    const target = await driver.fresh(t)
    const lease = target.lease()
    const failure = new Error('the client is gone')
    await t.rejects(target.blobs.put(lease.id, (async function * () {
      yield Buffer.alloc(1000)
      throw failure
    })()), failure)
    const stop = new AbortController()
    await t.rejects(target.blobs.put(lease.id, (async function * () {
      yield Buffer.alloc(1000)
      stop.abort(failure)
      yield Buffer.alloc(1000)
    })(), { signal: stop.signal }), failure)
    await t.rejects(target.blobs.put(lease.id, [], { signal: stop.signal }), failure)
    const lost = await target.blobs.put(lease.id, [Buffer.from('never committed')])
    lease.release([lost.blob])
    await target.sweep()
    t.notOk(await isReadable(target, lost))
    const left: string[] = []
    for await (const blob of target.blobs.list(lease.id)) left.push(blob)
    t.same(left, [])
  })

  t.test('segments: those that overlap a range, whole, ascending, with the version of the record', async t => {
    const target = await driver.fresh(t)
    const lease = target.lease()
    const birth = await target.blobs.put(lease.id, [Buffer.alloc(100, 1)])
    const at = (offset: number, length: number): Segment => ({ offset, length, blob: birth.blob, blobOffset: offset })
    const put = aRecord({ size: 100, segments: { kind: 'replace', segments: [at(40, 10), at(0, 10), at(10, 10)] } })
    await store(target, { lease: lease.id, births: [birth], put: [put, aRecord({ size: 9, segments: { kind: 'replace', segments: [at(0, 9)] } })] })
    lease.release()
    const range = async (offset: number, length: number): Promise<number[]> => (await target.meta.segments(put.id, offset, length))?.segments.map(segment => segment.offset) ?? []
    t.same(await target.meta.segments(put.id, 0, 100), { version: 1, segments: [at(0, 10), at(10, 10), at(40, 10)] })
    t.same(await range(5, 1), [0])
    t.same(await range(9, 2), [0, 10])
    t.same(await range(10, 30), [10])
    t.same(await range(20, 20), [])
    t.same(await range(49, 1000), [40])
    t.same(await range(50, 50), [])
    t.equal(await target.meta.segments(aRecord().id, 0, 1), undefined)
    await store(target, { put: [next(put)] })
    t.equal((await target.meta.segments(put.id, 0, 100))?.version, 2, 'kept with the next version')
    await store(target, { put: [next(next(put), { inline: Buffer.from('x'), size: 1, segments: { kind: 'replace', segments: [] } })] })
    t.same(await target.meta.segments(put.id, 0, 100), { version: 3, segments: [] })
  })

  t.test('splices: any series of them gives what writing into a buffer gives, and no referenced blob is lost', async t => {
    const target = await driver.fresh(t)
    const patch = fc.record({ offset: fc.nat(60), value: fc.uint8Array({ minLength: 0, maxLength: 30 }), cuts: fc.nat(3) })
    await fc.assert(fc.asyncProperty(fc.array(patch, { minLength: 1, maxLength: 12 }), fc.boolean(), async (patches, sweeping) => {
      const lease = target.lease()
      let put = aRecord()
      await store(target, { put: [put] })
      let model = Buffer.alloc(0)
      for (const { offset, value, cuts } of patches) {
        const size = value.length === 0 ? model.length : Math.max(model.length, offset + value.length)
        const grown = Buffer.alloc(size)
        grown.set(model)
        grown.set(value, value.length === 0 ? 0 : offset)
        model = grown
        const births: BlobBirth[] = []
        const segments: Segment[] = []
        const step = Math.max(1, Math.ceil(value.length / (cuts + 1)))
        for (let at = 0; at < value.length; at += step) {
          const birth = await target.blobs.put(lease.id, [value.subarray(at, at + step)])
          births.push(birth)
          segments.push(segmentOf(birth, offset + at))
        }
        put = next(put, { size, segments: { kind: 'splice', offset, length: value.length, segments } })
        await store(target, { lease: lease.id, births, put: [put] })
        if (sweeping) await target.sweep()
        const record = await target.meta.get(put.id)
        t.ok(record !== undefined && model.equals(await readValue(target, record)))
      }
      lease.release()
    }), { numRuns: driver.runs ?? 40 })
  })

  t.test('copies share blobs; the bytes go with the last of them', async t => {
    const target = await driver.fresh(t)
    const { put, birth } = await storeBlob(target, 'shared bytes')
    const copy = aRecord({ size: put.size, segments: { kind: 'replace', segments: [segmentOf(birth), { offset: 20, length: 6, blob: birth.blob, blobOffset: 6 }] } })
    await store(target, { put: [copy] })
    await store(target, { remove: [{ id: put.id, version: 1, subtree: false }] })
    await target.sweep()
    t.ok(await isReadable(target, birth))
    await store(target, { put: [next(copy, { segments: { kind: 'splice', offset: 0, length: 12, segments: [] } })] })
    await target.sweep()
    t.ok(await isReadable(target, birth), 'one segment still names it')
    await store(target, { put: [next(next(copy), { size: 0, segments: { kind: 'replace', segments: [] } })] })
    await target.sweep()
    t.notOk(await isReadable(target, birth))
    const late = aRecord({ size: 12, segments: { kind: 'replace', segments: [segmentOf(birth)] } })
    t.same(await commit(target, { put: [late] }), { status: 'conflict', on: 'version', id: late.id }, 'a copy of what is gone must read again')
    t.equal(await target.meta.get(late.id), undefined)
  })

  t.test('a whole value is copied by naming its record: from the record, from segments, over an old value', async t => {
    const target = await driver.fresh(t)
    const small = aValue('small')
    const { put: large, birth } = await storeBlob(target, 'a large value', { size: 20 })
    await store(target, { put: [small] })
    const copyOf = (from: RecordPut, fields: Partial<RecordPut> = {}): RecordPut => aRecord({ size: from.size, segments: { kind: 'copy', from: from.id, version: from.version }, ...fields })
    const [one, two] = [copyOf(small), copyOf(large)]
    await store(target, { put: [one, two] })
    const value = async ({ id }: RecordPut): Promise<string> => {
      const record = await target.meta.get(id)
      return record === undefined ? 'gone' : text(await readValue(target, record))
    }
    t.same([await value(one), await value(two)], ['small', 'a large value' + '\0'.repeat(7)])
    t.equal(text((await target.meta.get(one.id))?.inline), 'small')
    t.equal((await target.meta.get(two.id))?.inline, undefined)
    // Each becomes the other.
    await store(target, { put: [copyOf(large, { id: one.id, version: 2 })] })
    await store(target, { put: [copyOf(small, { id: two.id, version: 2 })] })
    t.same([await value(one), await value(two)], ['a large value' + '\0'.repeat(7), 'small'])
    t.same((await target.meta.segments(two.id, 0, 99))?.segments, [])
    t.same(await commit(target, { put: [aRecord({ segments: { kind: 'copy', from: small.id, version: 2 } })] }), { status: 'conflict', on: 'version', id: small.id })
    const missing = mintObjectID()
    t.same(await commit(target, { put: [aRecord({ segments: { kind: 'copy', from: missing, version: 1 } })] }), { status: 'conflict', on: 'version', id: missing })
    await store(target, { remove: [{ id: large.id, version: 1, subtree: false }] })
    await target.sweep()
    t.ok(await isReadable(target, birth), 'the copy still names it')
    await store(target, { remove: [{ id: one.id, version: 2, subtree: false }] })
    await target.sweep()
    t.notOk(await isReadable(target, birth))
  })

  t.test('blobs pass from one record to another in one commit, whether the first is removed or emptied: they are not lost, and not born again', async t => {
    const target = await driver.fresh(t)
    for (const kind of ['removed', 'emptied'] as const) {
      const { put: from, birth } = await storeBlob(target, 'bytes that move')
      const heir = aRecord({ size: 5, segments: { kind: 'replace', segments: [{ offset: 0, length: 5, blob: birth.blob, blobOffset: 0 }] } })
      const emptied = next(from, { size: 0, segments: { kind: 'replace', segments: [] } })
      await store(target, kind === 'removed' ? { put: [heir], remove: [{ id: from.id, version: 1, subtree: false }] } : { put: [emptied, heir] })
      await target.sweep()
      const record = await target.meta.get(heir.id)
      t.equal(text(record === undefined ? undefined : await readValue(target, record)), 'bytes', kind)
      await store(target, { remove: [{ id: heir.id, version: 1, subtree: false }] })
      await target.sweep()
      t.notOk(await isReadable(target, birth), 'and go with the last of them')
    }
  })

  t.test('a blob that nobody gave birth to cannot be named', async t => {
    const target = await driver.fresh(t)
    const lease = target.lease()
    const birth = await target.blobs.put(lease.id, [Buffer.from('x')])
    const put = aRecord({ size: 1, segments: { kind: 'replace', segments: [segmentOf(birth)] } })
    t.match(await commit(target, { put: [put] }), { status: 'conflict', on: 'version', id: put.id })
    t.match(await commit(target, { lease: lease.id, births: [birth], put: [put] }), { status: 'committed' })
    lease.release()
  })

  t.test('errors of a driver are StorageErrors', async t => {
    const target = await driver.fresh(t)
    await target.blobs.read('00000000-0000-7000-8000-000000000000/0/0', 0, 1).then(
      () => { t.fail('read what is not there') },
      (error: unknown) => { t.ok(error instanceof StorageError) })
  })
}
