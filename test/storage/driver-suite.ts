/**
 * The one suite that every storage driver passes: what the contract promises, method by method, and what it promises
 * to concurrent writers. A new driver needs a `DriverUnderTest` and one call.
 */
import type { Test } from 'tap'
import fc from 'fast-check'
import { StorageError, type LoggedEvent } from '../../storage/contract.js'
import { birth, blobsOf, change, collect, commit, type DriverUnderTest, must, newID, putBlob, segmented, valueOf } from './driver.js'
import { sweepSuite } from './sweep-suite.js'

export function driverSuite (t: Test, driver: DriverUnderTest): void {
  t.test(`${driver.name}: records and names`, async t => { await recordSuite(t, driver) })
  t.test(`${driver.name}: versions and conflicts`, async t => { await conflictSuite(t, driver) })
  t.test(`${driver.name}: segment maps`, async t => { await segmentSuite(t, driver) })
  t.test(`${driver.name}: blobs`, async t => { await blobSuite(t, driver) })
  t.test(`${driver.name}: the change log`, async t => { await logSuite(t, driver) })
  t.test(`${driver.name}: sweeping`, async t => { await sweepSuite(t, driver) })
  if (driver.durable) t.test(`${driver.name}: what was committed is there after opening again`, async t => { await reopenSuite(t, driver) })
}

async function recordSuite (t: Test, driver: DriverUnderTest): Promise<void> {
  const store = await (await driver.place(t))()
  t.teardown(async () => { await store.close() })

  t.test('a new store has a root container without a parent', async t => {
    const root = await store.meta.get(store.rootID)
    t.match(root, { id: store.rootID, version: 1, type: 'c', parentID: undefined, name: undefined, size: 0 })
    t.equal((await store.meta.lineage(store.rootID)).length, 1)
    t.same(await store.meta.children(store.rootID, { limit: 10 }), [])
  })

  t.test('a record is read as it was put, through every way to it', async t => {
    const container = birth({ type: 'c', parentID: store.rootID, name: 'c' })
    const attributes = { metadata: { a: [1, 'x', { b: null }], ü: true, __proto: 1 }, n: 1.5, deep: { er: { est: 'ok' } } }
    const object = birth({ parentID: container.id, name: 'o é 你 😀', attributes, size: 5, inline: Buffer.from('hello') })
    await must(store, { put: [container, object] })
    for (const found of [await store.meta.get(object.id), (await store.meta.resolve(store.rootID, ['c', 'o é 你 😀'])).at(-1), (await store.meta.lineage(object.id)).at(-1)]) {
      t.match(found, { id: object.id, version: 1, type: 'd', parentID: container.id, name: 'o é 你 😀', size: 5 })
      t.same(found?.attributes, attributes)
      t.same(Buffer.from(found?.inline ?? []), Buffer.from('hello'))
    }
    t.same((await store.meta.lineage(object.id)).map(({ id }) => id), [store.rootID, container.id, object.id])
    t.same((await store.meta.resolve(store.rootID, ['c', 'none', 'x'])).map(({ id }) => id), [store.rootID, container.id], 'stops at the first that is missing')
    t.same(await store.meta.resolve(newID(), []), [])
    t.equal(await store.meta.get(newID()), undefined)
    t.same(await store.meta.lineage(newID()), [])
  })

  t.test('an object without a path has a lineage of its own', async t => {
    const object = birth()
    await must(store, { put: [object] })
    t.same((await store.meta.lineage(object.id)).map(({ id }) => id), [object.id])
  })

  t.test('values up to the inline limit are kept in the record, empty ones too', async t => {
    for (const size of [0, 1, store.inlineLimit]) {
      const bytes = Buffer.alloc(size, size)
      const object = birth({ size, inline: bytes })
      await must(store, { put: [object] })
      t.ok(Buffer.from((await store.meta.get(object.id))?.inline ?? []).equals(bytes), `${size} bytes`)
    }
  })

  t.test('a name of 1024 bytes is possible', async t => {
    const name = 'é'.repeat(512)
    const object = birth({ parentID: store.rootID, name })
    await must(store, { put: [object] })
    t.equal((await store.meta.resolve(store.rootID, [name])).length, 2)
    await must(store, { remove: [{ id: object.id, version: 1, subtree: false }] })
    t.equal((await store.meta.resolve(store.rootID, [name])).length, 1)
  })

  t.test('children come in the order of the UTF-8 bytes of their names, by page, after a name, by prefix', async t => {
    const container = birth({ type: 'c', parentID: store.rootID, name: 'ordered' })
    const names = ['z', 'a', 'ab', 'a b', 'A', '\uffff', '😀', 'é', 'e\u0301', '~', '10', '9', 'aa', 'a\u007fx', 'ab-1']
    await must(store, { put: [container, ...names.map(name => birth({ parentID: container.id, name }))] })
    const sorted = names.map(name => Buffer.from(name)).sort(Buffer.compare).map(String)
    const list = async (query: { after?: string, prefix?: string, limit: number }): Promise<string[]> => (await store.meta.children(container.id, query)).map(({ name }) => name)
    t.same(await list({ limit: 100 }), sorted)
    t.same(await list({ limit: 3 }), sorted.slice(0, 3))
    for (const [index, name] of sorted.entries()) t.same(await list({ after: name, limit: 100 }), sorted.slice(index + 1), `after ${name}`)
    t.same(await list({ after: 'zz', limit: 2 }), sorted.filter(name => Buffer.compare(Buffer.from(name), Buffer.from('zz')) > 0).slice(0, 2), 'after a name that is not there')
    for (const prefix of ['a', 'ab', 'x', '😀', 'e']) t.same(await list({ prefix, limit: 100 }), sorted.filter(name => name.startsWith(prefix)), `prefix ${prefix}`)
    t.same(await list({ prefix: 'a', after: 'aa', limit: 2 }), sorted.filter(name => name.startsWith('a') && Buffer.compare(Buffer.from(name), Buffer.from('aa')) > 0).slice(0, 2))
    t.same(await list({ prefix: 'a', after: 'z', limit: 2 }), [])
    const [entry] = await store.meta.children(container.id, { prefix: 'z', limit: 1 })
    t.match(entry, { name: 'z', type: 'd' })
  })

  t.test('a move frees the old name and takes the new one', async t => {
    const object = birth({ parentID: store.rootID, name: 'before' })
    await must(store, { put: [object] })
    const record = await store.meta.get(object.id)
    if (record === undefined) throw new Error('gone')
    await must(store, { put: [change(record, { name: 'after' })] })
    t.equal((await store.meta.resolve(store.rootID, ['before'])).length, 1)
    t.equal((await store.meta.resolve(store.rootID, ['after'])).at(-1)?.id, object.id)
    await must(store, { put: [birth({ parentID: store.rootID, name: 'before' })] })
  })

  t.test('a removed container takes all below it out of reach at once', async t => {
    const outer = birth({ type: 'c', parentID: store.rootID, name: 'outer' })
    const inner = birth({ type: 'c', parentID: outer.id, name: 'inner' })
    const object = birth({ parentID: inner.id, name: 'o' })
    await must(store, { put: [outer, inner, object] })
    await must(store, { remove: [{ id: outer.id, version: 1, subtree: true }] })
    t.same(await store.meta.lineage(object.id), [])
    t.same(await store.meta.lineage(inner.id), [])
    t.equal((await store.meta.resolve(store.rootID, ['outer', 'inner', 'o'])).length, 1)
    t.same(await commit(store, { expect: [{ id: outer.id, version: 1 }], put: [birth({ parentID: inner.id, name: 'late' })] }), { status: 'conflict', on: 'version', id: outer.id })
    let pruned = 0
    for (let count = 1; count > 0;) pruned += count = await store.meta.prune(1)
    t.equal(pruned, 2)
    t.equal(await store.meta.get(object.id), undefined)
    t.equal(await store.meta.get(inner.id), undefined)
  })
}

async function conflictSuite (t: Test, driver: DriverUnderTest): Promise<void> {
  const store = await (await driver.place(t))()
  t.teardown(async () => { await store.close() })

  t.test('a change with one expectation that does not hold changes nothing at all', async t => {
    const object = birth({ parentID: store.rootID, name: 'o', size: 1, inline: Buffer.from('1') })
    await must(store, { put: [object] })
    const record = await store.meta.get(object.id)
    if (record === undefined) throw new Error('gone')
    const good = birth({ parentID: store.rootID, name: 'good' })
    const wrong = [
      { put: [good, change(record, { version: 3 })] },
      { put: [good, change(record, { version: 1 })] },
      { put: [good], expect: [{ id: record.id, version: 2 }] },
      { put: [good], expect: [{ id: record.id, version: 0 }] },
      { put: [good], remove: [{ id: record.id, version: 2, subtree: false }] }
    ]
    for (const fields of wrong) t.same(await commit(store, { ...fields, events: [{ never: true }] }), { status: 'conflict', on: 'version', id: record.id })
    const missing = newID()
    t.same(await commit(store, { put: [good], expect: [{ id: missing, version: 1 }] }), { status: 'conflict', on: 'version', id: missing })
    t.same(await commit(store, { put: [good, birth({ parentID: store.rootID, name: 'o' })] }), { status: 'conflict', on: 'name', id: object.id })
    t.equal(await store.meta.get(good.id), undefined)
    t.equal((await store.meta.resolve(store.rootID, ['good'])).length, 1)
    t.equal((await store.meta.get(object.id))?.version, 1)
    t.equal(await store.meta.lastSequence(), 0)
    await must(store, { put: [good], expect: [{ id: record.id, version: 1 }, { id: missing, version: 0 }] })
  })

  t.test('of N writers that create one name at once exactly one succeeds', async t => {
    const results = await Promise.all(Array.from({ length: 50 }, async () => await commit(store, { put: [birth({ parentID: store.rootID, name: 'one' })] })))
    t.equal(results.filter(({ status }) => status === 'committed').length, 1)
    t.ok(results.every(result => result.status === 'committed' || (result.status === 'conflict' && result.on === 'name')))
  })

  t.test('N writers that read, compute and commit one record lose no update', async t => {
    const counter = birth({ attributes: { count: 0 } })
    await must(store, { put: [counter] })
    await Promise.all(Array.from({ length: 16 }, async () => {
      for (let done = 0; done < 10;) {
        const record = await store.meta.get(counter.id)
        if (record === undefined) throw new Error('gone')
        const result = await commit(store, { put: [change(record, { attributes: { count: Number(record.attributes['count']) + 1 } })] })
        if (result.status === 'committed') done++
      }
    }))
    const record = await store.meta.get(counter.id)
    t.equal(record?.attributes['count'], 160)
    t.equal(record?.version, 161)
  })

  t.test('many independent changes at once all happen', async t => {
    const puts = Array.from({ length: 500 }, (_, n) => birth({ parentID: store.rootID, name: `many-${n}`, size: 2, inline: Buffer.from('xy') }))
    await Promise.all(puts.map(async put => { await must(store, { put: [put] }) }))
    t.equal((await store.meta.children(store.rootID, { prefix: 'many-', limit: 1000 })).length, 500)
  })
}

async function segmentSuite (t: Test, driver: DriverUnderTest): Promise<void> {
  const store = await (await driver.place(t))({ trashGrace: 0 })
  t.teardown(async () => { await store.close() })

  t.test('segments of a range: all that overlap it, whole, ascending, with the version', async t => {
    const object = await segmented(store, 'ranges', Buffer.from('abc'))
    const { blob } = object.blob
    const at = (offset: number): { offset: number, length: number, blob: string, blobOffset: number } => ({ offset, length: 3, blob, blobOffset: 0 })
    const record = await store.meta.get(object.id)
    if (record === undefined) throw new Error('gone')
    await must(store, { put: [change(record, { size: 40, segments: { kind: 'replace', segments: [at(20), at(0), at(10)] } })] })
    t.same(await store.meta.segments(object.id, 0, 40), { version: 2, segments: [at(0), at(10), at(20)] })
    t.same((await store.meta.segments(object.id, 2, 9))?.segments, [at(0), at(10)])
    t.same((await store.meta.segments(object.id, 3, 7))?.segments, [])
    t.same((await store.meta.segments(object.id, 12, 1))?.segments, [at(10)])
    t.same((await store.meta.segments(object.id, 23, 100))?.segments, [])
    t.equal(await store.meta.segments(newID(), 0, 1), undefined)
  })

  t.test('any series of splices, replacements and sweeps reads like a plain buffer', async t => {
    const step = fc.record({ offset: fc.nat(60), bytes: fc.uint8Array({ minLength: 1, maxLength: 30 }), replace: fc.boolean(), sweep: fc.boolean() })
    let n = 0
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async steps => {
      const object = await segmented(store, `splice-${n++}`, Buffer.from('0123456789'))
      let expected = Buffer.from('0123456789')
      for (const { offset, bytes, replace, sweep } of steps) {
        const record = await store.meta.get(object.id)
        if (record === undefined) return false
        const { lease, birth: blob, release } = await putBlob(store, bytes)
        const segment = { offset: replace ? 0 : offset, length: bytes.length, blob: blob.blob, blobOffset: 0 }
        const size = replace ? bytes.length : Math.max(record.size, offset + bytes.length)
        await must(store, {
          lease,
          births: [blob],
          put: [change(record, { size, segments: replace ? { kind: 'replace', segments: [segment] } : { kind: 'splice', offset, length: bytes.length, segments: [segment] } })]
        })
        release()
        const next = Buffer.alloc(size)
        if (!replace) next.set(expected)
        next.set(bytes, segment.offset)
        expected = next
        if (sweep) await store.sweep()
        if (!(await valueOf(store, object.id)).equals(expected)) return false
      }
      const record = await store.meta.get(object.id)
      await must(store, { remove: [{ id: object.id, version: record?.version ?? 0, subtree: false }] })
      return true
    }), { numRuns: driver.durable ? 25 : 100 })
    await store.sweep()
    const lease = store.lease()
    const left = await blobsOf(store, [lease.id])
    lease.release()
    t.equal(left.length, 1, 'only the blob of the test before is left')
  })

  t.test('a put without change of the map keeps it; an inline value replaces it', async t => {
    const object = await segmented(store, 'kept', Buffer.from('segmented'))
    let record = await store.meta.get(object.id)
    if (record === undefined) throw new Error('gone')
    await must(store, { put: [change(record, { attributes: { changed: true } })] })
    t.equal(String(await valueOf(store, object.id)), 'segmented')
    record = await store.meta.get(object.id)
    if (record === undefined) throw new Error('gone')
    await must(store, { put: [change(record, { size: 2, inline: Buffer.from('in'), segments: { kind: 'replace', segments: [] } })] })
    t.equal(String(await valueOf(store, object.id)), 'in')
    t.same((await store.meta.segments(object.id, 0, 10))?.segments, [])
  })
}

async function blobSuite (t: Test, driver: DriverUnderTest): Promise<void> {
  const store = await (await driver.place(t))()
  t.teardown(async () => { await store.close() })

  t.test('a blob is read as it was put: whole, in parts, streamed', async t => {
    const bytes = Buffer.from(Array.from({ length: 1_000_000 }, (_, n) => n % 251))
    const lease = store.lease()
    async function * source (): AsyncGenerator<Uint8Array> { for (let at = 0; at < bytes.length; at += 70_001) yield bytes.subarray(at, at + 70_001) }
    const { blob, size, hash } = await store.blobs.put(lease.id, source(), { size: bytes.length })
    t.equal(size, bytes.length)
    t.match(hash, /^\w+:[0-9a-f]+$/)
    t.ok(bytes.equals(await store.blobs.read(blob, 0, bytes.length)))
    for (const [offset, length] of [[0, 1], [999_999, 1], [123_456, 600_000], [500_000, 500_000], [5, 0]] as const) {
      t.ok(bytes.subarray(offset, offset + length).equals(Buffer.concat(await collect(store.blobs.get(blob, offset, length)))), `${length} from ${offset}`)
    }
    t.same(await blobsOf(store, [lease.id]), [blob])
    t.ok(blob.startsWith(lease.id + '/'))
    const again = await store.blobs.put(lease.id, [bytes])
    t.not(again.blob, blob, 'a name is never used twice')
    t.equal(again.hash, hash)
    lease.release()
  })

  t.test('the caller may use its buffer again at once', async t => {
    const lease = store.lease()
    const shared = Buffer.alloc(1000)
    async function * source (): AsyncGenerator<Uint8Array> { for (let n = 1; n <= 5; n++) yield shared.fill(n) }
    const { blob } = await store.blobs.put(lease.id, source())
    const read = Buffer.from(await store.blobs.read(blob, 0, 5000))
    for (let n = 1; n <= 5; n++) t.ok(read.subarray((n - 1) * 1000, n * 1000).every(byte => byte === n))
    lease.release()
  })

  t.test('bytes that are not there are an error, never a short answer', async t => {
    const lease = store.lease()
    const { blob } = await store.blobs.put(lease.id, [Buffer.from('abc')])
    for (const read of [
      async () => { await store.blobs.read(blob, 1, 3) },
      async () => { await collect(store.blobs.get(blob, 0, 4)) },
      async () => { await store.blobs.read(blob + 'x', 0, 1) },
      async () => { await collect(store.blobs.get(blob + 'x', 0, 1)) }
    ]) {
      await t.rejects(read(), StorageError)
    }
    await store.blobs.remove(blob)
    await store.blobs.remove(blob)
    await t.rejects(store.blobs.read(blob, 0, 1), StorageError)
    lease.release()
  })

  t.test('a source that fails, and an abort, reject with that reason', async t => {
    const lease = store.lease()
    async function * broken (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('abc')
      throw new Error('the source broke')
    }
    await t.rejects(store.blobs.put(lease.id, broken()), { message: 'the source broke' })
    const abort = new AbortController()
    async function * aborting (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('abc')
      abort.abort(new Error('given up'))
      yield Buffer.from('def')
    }
    await t.rejects(store.blobs.put(lease.id, aborting(), { signal: abort.signal }), { message: 'given up' })
    lease.release()
  })

  t.test('many puts at once are all there', async t => {
    const lease = store.lease()
    const births = await Promise.all(Array.from({ length: 60 }, async (_, n) => await store.blobs.put(lease.id, [Buffer.alloc(n + 1, n)])))
    t.equal(new Set(births.map(({ blob }) => blob)).size, 60)
    for (const [n, { blob, size }] of births.entries()) {
      t.equal(size, n + 1)
      t.ok(Buffer.alloc(n + 1, n).equals(await store.blobs.read(blob, 0, n + 1)))
    }
    lease.release()
  })
}

async function logSuite (t: Test, driver: DriverUnderTest): Promise<void> {
  const store = await (await driver.place(t))()
  t.teardown(async () => { await store.close() })

  t.test('events stand in the log in the order of the commits, and are read in pages', async t => {
    t.equal(await store.meta.lastSequence(), 0)
    for (let n = 0; n < 5; n++) await must(store, { events: [{ n, part: 1 }, { n, part: 2 }] })
    const all = await store.meta.events(0, 100)
    t.same(all.map(({ event }) => event), [0, 1, 2, 3, 4].flatMap(n => [{ n, part: 1 }, { n, part: 2 }]))
    t.ok(all.every(({ sequence }, index) => index === 0 || sequence > (all[index - 1]?.sequence ?? Infinity)))
    t.equal(await store.meta.lastSequence(), all.at(-1)?.sequence)
    t.same(await store.meta.events(all[2]?.sequence ?? 0, 2), all.slice(3, 5))
    t.same(await store.meta.events(all[9]?.sequence ?? 0, 5), [])
  })

  t.test('a watcher gets what was there and what comes, once each, and ends when it is told to', async t => {
    const after = await store.meta.lastSequence()
    await must(store, { events: [{ w: 0 }] })
    const abort = new AbortController()
    const seen: LoggedEvent[] = []
    const watching = (async () => {
      for await (const entry of store.meta.watch(after, abort.signal)) {
        seen.push(entry)
        if (seen.length === 20) abort.abort()
      }
    })()
    for (let n = 1; n < 20; n++) await must(store, { events: [{ w: n }] })
    await watching
    t.same(seen.map(({ event }) => event['w']), Array.from({ length: 20 }, (_, n) => n))
  })

  t.test('old entries can be trimmed; sequences go on', async t => {
    const last = await store.meta.lastSequence()
    t.equal(await store.meta.trimLog(3_600_000, 100), 0, 'none is an hour old')
    t.equal(await store.meta.trimLog(-1, 3), 3)
    t.ok((await store.meta.events(0, 1))[0]?.sequence ?? 0 > 3)
    while (await store.meta.trimLog(-1, 100) > 0);
    t.same(await store.meta.events(0, 10), [])
    await must(store, { events: [{ next: true }] })
    t.ok(await store.meta.lastSequence() > last)
  })
}

async function reopenSuite (t: Test, driver: DriverUnderTest): Promise<void> {
  const open = await driver.place(t)
  const first = await open()
  const inline = birth({ parentID: first.rootID, name: 'inline', attributes: { a: 1 }, size: 3, inline: Buffer.from('abc') })
  await must(first, { put: [inline], events: [{ e: 1 }] })
  const value = Buffer.alloc(300_000, 'segmented ')
  const { id } = await segmented(first, 'segmented', value)
  const sequence = await first.meta.lastSequence()
  await first.close()
  await first.close()
  await t.rejects(commit(first, { put: [birth()] }), StorageError, 'a closed store takes nothing')

  const second = await open()
  t.teardown(async () => { await second.close() })
  t.equal(second.rootID, first.rootID)
  t.match(await second.meta.get(inline.id), { version: 1, attributes: { a: 1 }, size: 3 })
  t.ok((await valueOf(second, id)).equals(value))
  t.equal(await second.meta.lastSequence(), sequence)
  await second.sweep()
  t.ok((await valueOf(second, id)).equals(value), 'what a former lease gave birth to stays')
}
