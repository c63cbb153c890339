import t, { type Test } from 'tap'
import fc from 'fast-check'
import { withoutValue } from '../../cdmi/lost-value.js'
import { namesOf, readDatabaseUrl } from '../../storage/distributed/names.js'
import { StorageError, type Store } from '../../storage/contract.js'
import { transfer, type TransferReport } from '../../storage/transfer.js'
import { openStore } from '../../storage/open-store.js'
import type { TransferTarget } from '../../storage/transfer/ends.js'
import type { Lose } from '../../storage/transfer/match-records.js'
import { openSource } from '../../storage/transfer/open-ends.js'
import type { Progress } from '../../storage/transfer/progress.js'
import { eventually } from '../helpers/eventually.js'
import { aRecord, aValue, type Ends, isReadable, next, segmentOf, store, storeBlob } from './driver.js'
import { embedded, noErrors } from './embedded-driver.js'
import { memoryEnds } from './memory-driver.js'
import { Operations } from './operations.js'
import { placeOf, postgresAndFiles, postgresAndS3 } from './postgres-driver.js'
import { postgresServer, query, schemaOf } from './postgres-server.js'
import { s3Server } from './s3-server.js'
import { fillStore, readByModel, rotten, serve, type Whole, wholeOfStore } from './whole-store.js'

/** A transfer as the command does it. */
async function move (from: Ends, to: Ends, changes: { rots?: (blob: string) => boolean, target?: (target: TransferTarget) => TransferTarget, progress?: (progress: Progress) => void, signal?: AbortSignal, lose?: Lose } = {}): Promise<TransferReport> {
  const source = await from.source()
  try {
    const target = await to.target(source.rootID, await source.meta.lastSequence())
    try {
      return await transfer(changes.rots === undefined ? source : rotten(source, changes.rots), changes.target?.(target) ?? target, { progress: changes.progress, signal: changes.signal, lose: changes.lose })
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

async function whole (ends: Ends): Promise<Whole> {
  const store = await ends.store()
  try {
    return await wholeOfStore(store)
  } finally {
    await store.close()
  }
}

async function byModel (ends: Ends): Promise<unknown> {
  const store = await ends.store()
  try {
    return await readByModel(store)
  } finally {
    await store.close()
  }
}

/** A store in memory with everything in it; few bytes fit into a record. */
async function filled (): Promise<Ends> {
  const ends = memoryEnds({ inlineLimit: 8 * 1024, segmentSize: 64 * 1024 })
  await fillStore(await ends.store())
  return ends
}

const database = await postgresServer()

async function moved (t: Test, ...places: readonly Ends[]): Promise<void> {
  const origin = await filled()
  const first = await whole(origin)
  t.ok(first.blobs > 5 && first.objects.length > 40 && first.events.length > 40)
  t.ok(first.objects.some(({ type }) => type === 'p'), 'a set of parts')
  t.ok(first.objects.some(({ accesses }) => accesses !== undefined), 'accesses')
  let from = origin
  for (const to of [...places, memoryEnds()]) {
    const report = await move(from, to)
    t.match(report, { complete: true, rootID: first.rootID, records: first.objects.length, events: first.events.length, damaged: [], blobs: { moved: first.blobs, kept: 0 } })
    t.strictSame(await whole(to), first)
    from = to
  }
  const model = await byModel(origin)
  t.match(JSON.stringify(model), /"objectName":"many-29".*"name":"reference\?"/)
  t.strictSame(await byModel(from), model)
}

t.test('a store is the same after it was moved, by memory, directories and PostgreSQL: objects, IDs, versions, metadata, what is hidden, shared bytes, gaps, accesses, the change log', async t => {
  await moved(t, await embedded.ends(t), ...database === undefined ? [] : [await postgresAndFiles(database).ends(t), await postgresAndFiles(database).ends(t)], await embedded.ends(t))
})

t.test('the same by way of S3', async t => {
  const s3 = database === undefined ? undefined : await s3Server()
  if (database === undefined || s3 === undefined) t.plan(0, 'PostgreSQL or an S3 server is missing')
  else await moved(t, await postgresAndS3(database, s3).ends(t), await embedded.ends(t))
})

/** As if the process died before one of its steps: those that write, and reads of the target. */
function dying (target: TransferTarget, step: () => void): TransferTarget {
  const stepping = <T extends object>(object: T): T => new Proxy(object, {
    get (_, name) {
      const member: unknown = Reflect.get(object, name)
      if (name === 'intake') return stepping(member as object)
      if (typeof member !== 'function') return member
      return (...parameters: unknown[]): unknown => {
        step()
        return Reflect.apply(member, object, parameters)
      }
    }
  })
  return { ...target, meta: stepping(target.meta), blobs: stepping(target.blobs) }
}

t.test('cut short before any of its steps, it goes on with what is there and nothing is written twice', { timeout: 300_000 }, async t => {
  const origin = await filled()
  const first = await whole(origin)
  for (let end = 1; ; end++) {
    // Where nothing costs much: a directory takes 20 times as long, and does the same.
    const to = end % 10 === 0 ? await embedded.ends(t) : memoryEnds()
    let steps = 0
    let started = 0
    const died = await move(origin, to, {
      target: target => {
        const stepping = dying(target, () => { if (++steps >= end) throw new Error('dies here') })
        return { ...stepping, blobs: { get: (...parameters) => stepping.blobs.get(...parameters), put: async (...parameters) => { started++; return await stepping.blobs.put(...parameters) } } }
      }
    }).then(() => undefined, (error: unknown) => error)
    if (died === undefined) {
      t.ok(end > 40, `${end} steps`)
      break
    }
    t.match(died, { message: 'dies here' })
    // The last step of all is the one that makes a store of it.
    await t.rejects(to.store(), { name: 'StorageError', reason: 'format' })
    const report = await move(origin, to)
    if (report.blobs.moved + report.blobs.kept !== first.blobs || report.blobs.kept < started - 8) t.fail(`${started} were begun, ${JSON.stringify(report.blobs)} afterwards`)
    if (JSON.stringify(await whole(to)) !== JSON.stringify(first)) t.fail(`died before step ${end}: ${JSON.stringify(await whole(to))}`)
  }
})

t.test('a source that has changed since a transfer was cut short is moved as it is now', async t => {
  const origin = await filled()
  for (const phase of ['values', 'records', 'log'] as const) {
    const to = await embedded.ends(t)
    const stop = new AbortController()
    await t.rejects(move(origin, to, { signal: stop.signal, progress: ({ phase: now, done }) => { if (now === phase && (done > 0 || phase === 'log')) stop.abort(new Error('enough')) } }), { message: 'enough' })
    const store = await origin.store()
    await store.meta.noteAccesses(new Map([[store.rootID, { count: 1, last: 1 }]]))
    const [entry] = await store.meta.children(store.rootID, { limit: 1, prefix: 'copies' })
    if (entry !== undefined) {
      // A container that is gone, a new object, and another that has its name.
      await commitAll(store, entry.id)
    }
    t.match(await move(origin, to), { complete: true })
    t.strictSame(await whole(to), await whole(origin), phase)
  }
})

/** Removes a container, gives its name to something else, adds a blob. */
async function commitAll (target: Store, id: string): Promise<void> {
  await store(target, { remove: [{ id, version: 1, subtree: true }], events: [{ id }] })
  await storeBlob(target, 'something else', { parentID: target.rootID, name: 'copies' })
}

t.test('whatever operations made a store, it is moved with all of it', { timeout: 300_000 }, async t => {
  await fc.assert(fc.asyncProperty(fc.array(fc.nat(), { minLength: 30, maxLength: 120 }), fc.nat(3), async (choices, where) => {
    const from = memoryEnds({ segmentSize: 16 })
    const source = await from.store()
    const operations = new Operations()
    operations.begin()
    const list = [...choices]
    while (list.length > 4) await operations.run(source, operations.random(() => list.shift() ?? 0))
    const to = where === 0 ? await embedded.ends(t) : memoryEnds()
    t.match(await move(from, to), { complete: true })
    const opened = await to.store()
    await opened.sweep()
    t.same(await operations.check(opened), [])
    await opened.close()
    t.strictSame(await whole(to), await whole(from))
  }), { numRuns: 15 })
})

t.test('a blob that is not what was written is found by its checksum: it is named with its objects, nothing of it is copied, and when it is mended the transfer goes on', async t => {
  const origin = await filled()
  const first = await whole(origin)
  const source = await origin.source()
  const births = await source.meta.namedBlobs(undefined, 100)
  const victim = births.find(({ size }) => size === 64 * 1024)?.blob ?? ''
  for (const to of [memoryEnds(), await embedded.ends(t)]) {
    const report = await move(origin, to, { rots: blob => blob === victim })
    t.match(report, { complete: false, records: 0, blobs: { moved: births.length - 1 }, damaged: [{ blob: victim, problem: /^Blob .* has the checksum crc32:\w{8}; when it was written it was crc32:\w{8}$/ }] })
    t.equal(report.damaged.length, 1)
    t.ok(report.damaged[0]?.objects.some(({ path }) => path === '/a/copy'), JSON.stringify(report.damaged))
    await t.rejects(to.store(), { name: 'StorageError', reason: 'format' })
    t.match(await move(origin, to), { complete: true, blobs: { moved: 1, kept: births.length - 1 } })
    t.strictSame(await whole(to), first)
  }
})

t.test('damaged values may be left behind: their objects move without them and say so to every door, parts of uploads do not move, all else is the same; it can be cut short, and taken back by the sound bytes', async t => {
  const origin = await filled()
  const before = await whole(origin)
  const source = await origin.source()
  const births = await source.meta.namedBlobs(undefined, 100)
  const [parts] = (await source.meta.wholes({ limit: 1000, size: Infinity })).filter(({ record }) => record.type === 'p')
  const [ofLong, ofParts] = [births.find(({ size }) => size === 64 * 1024)?.blob ?? '', parts?.segments[0]?.blob ?? '']
  const rots = (blob: string): boolean => blob === ofLong || blob === ofParts
  for (const to of [memoryEnds(), await embedded.ends(t), ...database === undefined ? [] : [await postgresAndFiles(database).ends(t)]]) {
    const stop = new AbortController()
    await t.rejects(move(origin, to, { rots, lose: withoutValue, signal: stop.signal, progress: ({ phase }) => { if (phase === 'log') stop.abort(new Error('enough')) } }), { message: 'enough' })
    await t.rejects(to.store(), { name: 'StorageError', reason: 'format' })
    const report = await move(origin, to, { rots, lose: withoutValue })
    t.match(report, { complete: true, blobs: { moved: 0, kept: births.length - 2 }, damaged: [{}, {}] })
    t.same(report.damaged.map(({ blob }) => blob).sort(), [ofLong, ofParts].sort())
    t.ok(report.lost.some(({ path, kept }) => path === '/a/copy' && kept), JSON.stringify(report.lost))
    t.same(report.lost.filter(({ kept }) => !kept).map(({ objectID, blobs }) => [objectID, blobs]), [[parts?.record.id, [ofParts]]])
    const lost = new Map(report.lost.map(({ objectID, kept }) => [objectID, kept]))
    const after = await whole(to)
    t.equal(report.records, after.objects.length)
    t.strictSame(after.events, before.events)
    // Blobs are numbered as they are met: those that are missing count there, too.
    const comparable = (objects: Whole['objects']): unknown[] => objects.map(object => ({ ...object, map: (object['map'] as Array<{ number: number }>).map(({ number: _, ...segment }) => segment) }))
    t.strictSame(comparable(after.objects.filter(({ id }) => !lost.has(String(id)))), comparable(before.objects.filter(({ id }) => !lost.has(String(id)))))
    for (const object of before.objects) {
      const id = String(object['id'])
      const found = after.objects.find(other => other['id'] === id)
      if (lost.get(id) === false) t.equal(found, undefined)
      else if (lost.get(id) === true) t.match(found, { version: Number(object['version']) + 1, name: object['name'], parentID: object['parentID'], size: 0, map: [], attributes: { completionStatus: /^Error: the value was damaged/, created: (object['attributes'] as { created: number }).created } })
    }
    const opened = await to.store()
    await serve(opened, async (app, client) => {
      const shown = await client.get('/a/copy')
      t.match(shown, { completionStatus: 'Error: the value was damaged, and the store has moved without it' })
      t.notOk('value' in shown)
      t.equal((await app.inject({ url: '/a/copy' })).statusCode, 404)
      t.equal((await app.inject({ method: 'PUT', url: '/a/copy', payload: 'a new value', headers: { 'content-type': 'text/plain' } })).statusCode, 201)
      t.equal((await app.inject({ url: '/a/copy' })).body, 'a new value')
    })
    await opened.sweep()
    await opened.close()
  }

  const mended = memoryEnds()
  const stop = new AbortController()
  await t.rejects(move(origin, mended, { rots, lose: withoutValue, signal: stop.signal, progress: ({ phase }) => { if (phase === 'log') stop.abort(new Error('enough')) } }), { message: 'enough' })
  t.match(await move(origin, mended, { lose: withoutValue }), { complete: true, damaged: [], lost: [], blobs: { moved: 2 } })
  t.strictSame(await whole(mended), await whole(origin))

  t.match(await move(origin, memoryEnds(), { rots: () => true, lose: withoutValue }), { complete: false, lost: [] }, 'where no blob at all is sound, it may be the wrong place')
})

t.test('a blob of which the source knows nothing more counts as damaged', async t => {
  const origin = memoryEnds({ inlineLimit: 0 })
  const source = await origin.store()
  await storeBlob(source, 'sound', { parentID: source.rootID, name: 'sound' })
  const { put } = await storeBlob(source, 'lost', { parentID: source.rootID, name: 'lost' })
  const ends = await origin.source()
  const forgetful = { ...ends, meta: new Proxy(ends.meta, { get: (meta, name) => name === 'namedBlobs' ? async (after: string | undefined, limit: number) => (await meta.namedBlobs(after, limit)).filter(({ size }) => size !== 4) : bound(meta, name) }) }
  const last = await source.meta.lastSequence()
  const to = memoryEnds()
  const target = await to.target(source.rootID, last)
  await t.rejects(transfer(forgetful, target), { reason: 'missing', message: `Object ${put.id} of the source names` })
  t.match(await transfer(forgetful, target, { lose: withoutValue }), { complete: true, damaged: [{ problem: /knows nothing/, objects: [{ objectID: put.id, path: '/lost' }] }], lost: [{ objectID: put.id, path: '/lost', kept: true }] })
})

t.test('a blob that is gone, one that is too short, and one with an unknown checksum are damaged, too; other failures of the source are not taken for that', async t => {
  const origin = memoryEnds()
  const source = await origin.store()
  const { birth: gone } = await storeBlob(source, 'gone', { parentID: source.rootID, name: 'gone' })
  await source.blobs.remove(gone.blob)
  const lease = source.lease()
  const strange = await source.blobs.put(lease.id, [Buffer.from('strange')])
  await store(source, { lease: lease.id, births: [{ ...strange, hash: 'xyz:1' }], put: [aRecord({ size: 7, segments: { kind: 'replace', segments: [segmentOf(strange)] } })] })
  const to = memoryEnds()
  const report = await move(origin, to)
  t.equal(report.complete, false)
  t.same(new Map(report.damaged.map(({ blob, objects }) => [blob, objects.map(({ path }) => path)])), new Map([[gone.blob, ['/gone']], [strange.blob, [undefined]]]))
  t.match(report.damaged.map(({ problem }) => problem).sort(), [/cannot check/, /gone or too short/])

  const away = { ...await origin.source(), blobs: { get () { throw new StorageError('unavailable', 'away') } } }
  await t.rejects(transfer(away, await memoryEnds().target(away.rootID)), { reason: 'unavailable', message: 'away' })
})

t.test('a target that does not keep what it is given is found out, and never becomes a store', async t => {
  const origin = await filled()
  const forgetful = memoryEnds()
  await t.rejects(move(origin, forgetful, {
    target: target => ({ ...target, blobs: { put: async (...parameters) => await target.blobs.put(...parameters), get: (blob, offset, length) => rottenBytes(target.blobs.get(blob, offset, length)) } })
  }), { reason: 'corrupt', message: /does not give back the bytes of blob/ })
  await t.rejects(forgetful.store(), { name: 'StorageError', reason: 'format' })

  const deaf = memoryEnds()
  await t.rejects(move(origin, deaf, {
    target: target => ({ ...target, meta: new Proxy(target.meta, { get: (meta, name) => name === 'intake' ? { ...meta.intake, async take () {} } : bound(meta, name) }) })
  }), { reason: 'corrupt', message: /does not give back the records/ })
  await t.rejects(deaf.store(), { name: 'StorageError', reason: 'format' })
})

async function * rottenBytes (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield Uint8Array.from(chunk, byte => byte ^ 1)
}

function bound (target: object, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name)
  return typeof member === 'function' ? member.bind(target) : member
}

t.test('an older copy of a source whose change log was moved already is refused', async t => {
  const origin = await filled()
  const source = await origin.source()
  const to = memoryEnds()
  const stop = new AbortController()
  await t.rejects(move(origin, to, { signal: stop.signal, progress: ({ phase, done }) => { if (phase === 'log' && done > 0) stop.abort(new Error('enough')) } }), { message: 'enough' })
  const older = { ...source, meta: new Proxy(source.meta, { get: (meta, name) => name === 'lastSequence' ? async () => 1 : bound(meta, name) }) }
  await t.rejects(transfer(older, await to.target(source.rootID)), { reason: 'format', message: /older copy/ })
})

t.test('progress goes up to its end in each phase', async t => {
  const seen: Progress[] = []
  const origin = await filled()
  await move(origin, memoryEnds(), { progress: one => { seen.push(one) } })
  t.same([...new Set(seen.map(({ phase }) => phase))], ['values', 'records', 'log'])
  for (const phase of ['values', 'records']) {
    const of = seen.filter(one => one.phase === phase)
    t.same(of.map(({ done }) => done), of.map(({ done }) => done).sort((a, b) => a - b))
    t.equal(of[0]?.done, 0)
    t.equal(of.at(-1)?.done, of.at(-1)?.total, phase)
  }
})

if (database !== undefined) {
  t.test('a server that died while the clock of the database was ahead keeps a store from being moved for no longer than any other', async t => {
    const options = placeOf(t, database, t.testdir())
    await (await openStore({ ...options, sweepInterval: 0 }, noErrors)).close()
    const leases = `${schemaOf(options.meta)}.leases`
    await query(database.url, `insert into ${leases} (id, open, seen) values ('of-the-dead', true, clock_timestamp() + interval '1 year')`)
    await t.rejects(openSource(options, noErrors), { name: 'StorageError', reason: 'locked', message: /had it open until it died 0 seconds ago/ })
    await query(database.url, `update ${leases} set seen = seen - interval '6 minutes'`)
    const source = await openSource(options, noErrors)
    await source.close()
  })

  t.test('a distributed store that a server has open is not moved, nor filled; while it is moved no server comes', async t => {
    const place = await postgresAndFiles(database).ends(t)
    const open = await place.store()
    await t.rejects(place.source(), { name: 'StorageError', reason: 'locked', message: /A server has the store in schema \w+ open/ })
    await t.rejects(place.target(open.rootID), { name: 'StorageError', reason: 'locked', message: /A server has the store in schema \w+ open/ })
    await open.close()
    const source = await place.source()
    await t.rejects(place.store(), { name: 'StorageError', reason: 'locked', message: /is being transferred right now/ })
    await t.rejects(place.source(), { name: 'StorageError', reason: 'locked', message: /is being transferred already/ })
    await source.stillAlone()
    await source.close()
    await (await place.store()).close()
  })

  t.test('a source that somebody writes to all the same is noticed before the target becomes a store', async t => {
    const [from, to] = [await postgresAndFiles(database).ends(t), await postgresAndFiles(database).ends(t)]
    const open = await from.store()
    const put = aValue('x', { parentID: open.rootID, name: 'x' })
    await store(open, { put: [put] })
    await open.close()
    const source = await from.source()
    const target = await to.target(source.rootID)
    await t.rejects(transfer({ ...source, stillAlone: async () => { throw new StorageError('locked', 'not alone') } }, target), { name: 'StorageError', reason: 'locked' })
    await target.close()
    await source.close()
    await t.rejects(to.store(), { reason: 'format', message: /is being filled/ })
    t.match(await move(from, to), { complete: true })
    const moved = await to.store()
    await store(moved, { put: [next(put)] })
    t.equal(await isReadable(moved, { blob: 'no/blob', size: 1, hash: '' }), false)
    await moved.close()
  })

  t.test('a server that is there at the end, and a lock that was lost, are noticed', async t => {
    const options = placeOf(t, database, t.testdir())
    await (await openStore(options, noErrors)).close()
    const source = await openSource(options, noErrors)
    await source.stillAlone()
    await query(options.meta, `insert into ${schemaOf(options.meta)}.leases (id, open, seen) values ('stranger', true, clock_timestamp())`)
    await t.rejects(source.stillAlone(), { name: 'StorageError', reason: 'locked', message: /A server has the store in schema \w+ open/ })
    await query(options.meta, `update ${schemaOf(options.meta)}.leases set open = false`)
    await source.stillAlone()
    t.equal(source.lost?.aborted, false)
    const { seed } = namesOf(readDatabaseUrl(options.meta).schema)
    t.same(await query(options.meta, `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and (classid::bigint << 32 | objid::bigint) = hashtextextended('transfer', ${seed})`), [[true]])
    await eventually('the loss is noticed', () => source.lost?.aborted === true)
    await t.rejects(source.stillAlone(), { reason: 'unavailable', message: /connection to the database was lost/ })
    const target = await memoryEnds().target(source.rootID)
    await t.rejects(transfer(source, target), { reason: 'unavailable', message: /connection to the database was lost/ })
    await source.close()
  })

  t.test('there must be a source, and a store that is being filled is none', async t => {
    const [nothing, to] = [await postgresAndFiles(database).ends(t), await postgresAndFiles(database).ends(t)]
    await t.rejects(nothing.source(), { name: 'StorageError', reason: 'format', message: /There is no store in schema/ })
    await t.rejects(nothing.source(), { message: /There is no store/ }, 'and none was made by looking')
    const source = await memoryEnds().source()
    await (await to.target(source.rootID)).close()
    await t.rejects(to.source(), { reason: 'format', message: /is being filled/ })
  })
}
