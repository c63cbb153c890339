import t from 'tap'
import fc from 'fast-check'
import { join } from 'node:path'
import type { StoredRecord } from '../../storage/contract.js'
import { ownerKey, segmentKey } from '../../storage/embedded/keys.js'
import { isWhole } from '../../storage/embedded/record-codec.js'
import { gapsIn, isHole, readableSegments } from '../../storage/embedded/segment-writer.js'
import { openTables } from '../../storage/embedded/tables.js'
import { idKey } from '../../storage/object-key.js'
import { aRecord, commit, next, readValue, segmentOf, store as commitAll, storeBlob } from './driver.js'
import { quickDirectory } from './embedded-driver.js'
import { filledStore, harmed, openQuietly, repaired, verified } from './verify-store.js'

const filled = await filledStore(t)
const sparse = filled.id('/a/sparse')
const key = idKey(sparse)
const attributes = { metadata: {}, completionStatus: 'Complete', created: 1, modified: 1, mimetype: 'text/plain' }

t.test('bytes that were never written are told from those whose row got lost: whoever reads these gets an error, all else is read; verify finds it, repair sets the object aside', async t => {
  const rows: Buffer[] = []
  await harmed(t, filled, ({ segments }) => { rows.push(...readableSegments(segments, key).map(({ key }) => Buffer.from(key))) })
  t.ok(rows.length > 2, 'segments and holes')
  for (const row of rows) {
    let [offset, length, hole] = [0, 0, false]
    const directory = await harmed(t, filled, ({ segments }) => {
      for (const segment of readableSegments(segments, key)) {
        if (segment.key.equals(row)) [offset, length, hole] = [segment.offset, segment.length, isHole(segment)]
      }
      segments.removeSync(row)
    })
    const said = `${hole ? 'a hole' : 'a segment'} from ${offset} on`
    const store = await openQuietly(directory)
    const record = await store.meta.get(sparse)
    if (record === undefined) throw new Error('not there')
    await t.rejects(store.meta.segments(sparse, offset, length), { name: 'StorageError', reason: 'corrupt' }, said)
    await t.rejects(store.meta.segments(sparse, 0, record.size), { name: 'StorageError', reason: 'corrupt' })
    if (offset > 0) t.ok(await store.meta.segments(sparse, 0, offset), 'what lies before it')
    await store.close()
    t.match((await verified(directory)).findings, [{ kind: 'segment', objectID: sparse, problem: new RegExp(`has lost where ${length} bytes of its value are, from byte ${offset} on$`) }])
    await repaired(directory)
    t.same((await verified(directory)).news, [])
  }
})

t.test('a row that has other bytes than were written is an error to those who want its part of the value, and to nobody else', async t => {
  let parts: Array<{ offset: number, length: number }> = []
  const directory = await harmed(t, filled, ({ segments }) => {
    parts = readableSegments(segments, key)
    const first = segmentKey(key, 0)
    const row = Buffer.from(segments.getBinary(first) ?? '')
    row[3] = (row[3] ?? 0) ^ 1
    segments.putSync(first, row)
  })
  const store = await openQuietly(directory)
  t.teardown(() => store.close())
  const [first, ...others] = parts
  t.equal(first?.offset, 0)
  t.ok(others.length > 1)
  // The one behind it may be reached by it, as far as anybody knows.
  for (const { offset, length } of others.slice(1)) t.ok(await store.meta.segments(sparse, offset, length), `from ${offset} on`)
  for (const length of [1, first?.length ?? 0, 1e9]) await t.rejects(store.meta.segments(sparse, 0, length), { name: 'StorageError', reason: 'corrupt' })
  const last = others.at(-1)
  const record = await store.meta.get(sparse)
  if (record === undefined || last === undefined) throw new Error('not there')
  const { birth } = await storeBlob(store, Buffer.alloc(1, 'x'))
  const splice = { kind: 'splice', offset: last.offset, length: 1, segments: [{ ...segmentOf(birth), offset: last.offset }] } as const
  await commitAll(store, { put: [{ ...next(record), segments: splice }] })
})

t.test('whatever is written into a value and cut from it, its map covers it, and who reads it sees segments only', async t => {
  const directory = join(await quickDirectory(t), 'store')
  const store = await openQuietly(directory)
  const tables = openTables(directory)
  t.teardown(async () => {
    await tables.env.close()
    await store.close()
  })
  const steps = fc.array(fc.oneof(
    fc.record({ kind: fc.constant('splice' as const), offset: fc.nat(300), length: fc.integer({ min: 1, max: 80 }) }),
    fc.record({ kind: fc.constant('resize' as const), size: fc.nat(500) }),
    fc.record({ kind: fc.constant('empty' as const), offset: fc.nat(300), length: fc.integer({ min: 1, max: 80 }) }),
    fc.record({ kind: fc.constant('replace' as const), length: fc.integer({ min: 1, max: 80 }) })
  ), { maxLength: 12 })
  await fc.assert(fc.asyncProperty(steps, async steps => {
    const { birth } = await storeBlob(store, Buffer.alloc(100, 'x'), { attributes })
    const first = aRecord({ attributes, parentID: store.rootID, name: `o-${birth.blob.replaceAll('/', '-')}`, size: 0, segments: { kind: 'replace', segments: [] } })
    await commitAll(store, { put: [first] })
    let bytes: Buffer = Buffer.alloc(0)
    const resized = (size: number): Buffer => Buffer.concat([bytes.subarray(0, size), Buffer.alloc(Math.max(0, size - bytes.length))])
    for (const step of steps) {
      const before = await store.meta.get(first.id) as StoredRecord
      if (step.kind === 'replace') {
        bytes = Buffer.alloc(step.length, 'x')
        await commitAll(store, { put: [next(before, { size: step.length, inline: undefined, segments: { kind: 'replace', segments: [{ ...segmentOf(birth), length: step.length }] } })] })
      } else if (step.kind === 'resize') {
        const { length } = bytes
        bytes = resized(step.size)
        await commitAll(store, { put: [next(before, { size: step.size, inline: undefined, segments: { kind: 'splice', segments: [], offset: step.size, length: Math.max(0, length - step.size) } })] })
      } else {
        const end = step.offset + step.length
        bytes = resized(Math.max(bytes.length, end))
        bytes.fill(step.kind === 'splice' ? 'x' : 0, step.offset, end)
        const segments = step.kind === 'splice' ? [{ ...segmentOf(birth, step.offset), length: step.length }] : []
        await commitAll(store, { put: [next(before, { size: bytes.length, inline: undefined, segments: { kind: 'splice', segments, offset: step.offset, length: step.length } })] })
      }
      const after = await store.meta.get(first.id) as StoredRecord
      if (!bytes.equals(await readValue(store, after))) throw new Error('other bytes than were written')
      tables.env.resetReadTxn()
      const id = idKey(first.id)
      const row = tables.records.getBinary(id)
      const rows = Array.from(tables.segments.getKeys({ start: ownerKey(id), end: segmentKey(id, 2 ** 48) }))
      if (rows.length > 0 && (row === undefined || !isWhole(row))) throw new Error('nobody would find it when a row of this map is lost')
      if (rows.length > 0) t.same(gapsIn(tables.segments, id, bytes.length), [])
    }
    const copy = aRecord({ attributes, parentID: store.rootID, name: `copy-${first.id}`, size: bytes.length })
    const { version } = await store.meta.get(first.id) as StoredRecord
    t.equal((await commit(store, { put: [{ ...copy, segments: { kind: 'copy', from: first.id, version } }] })).status, 'committed')
    t.ok(bytes.equals(await readValue(store, await store.meta.get(copy.id) as StoredRecord)))
  }), { numRuns: 40 })
  await store.sweep()
  t.same((await verified(directory)).findings, [])
})
