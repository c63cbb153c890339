import t, { type Test } from 'tap'
import { Client } from 'pg'
import type { DistributedStoreOptions } from '../../schemas/store-options.js'
import { type Store, StorageError } from '../../storage/contract.js'
import { openStore } from '../../storage/open-store.js'
import { eventually } from '../helpers/eventually.js'
import { aRecord, aValue, commit, follow, isReadable, next, segmentOf, store, storeBlob } from './driver.js'
import { placeOf } from './postgres-driver.js'
import { ownServer, query, schemaOf } from './postgres-server.js'
import { proxyTo } from './tcp-proxy.js'

const server = await ownServer({ durable: true })
if (server === undefined) t.pass('PostgreSQL is not installed', { skip: true })
else {
  const unavailable = { name: 'StorageError', reason: 'unavailable' }
  /** What fails in the background is expected here, but it must be the outage. */
  const outagesOnly = (error: unknown): void => { if (!(error instanceof StorageError && error.reason === 'unavailable')) throw error }
  const open = async (t: Test, changes: Partial<DistributedStoreOptions> = {}): Promise<{ store: Store, meta: string }> => {
    const options = { ...placeOf(t, server, t.testdir()), databaseTimeout: 1000, connectTimeout: 1000, ...changes }
    const store = await openStore(options, outagesOnly)
    t.teardown(async () => { await store.close() })
    return { store, meta: options.meta }
  }

  t.test('PostgreSQL dies and comes back: operations are refused in bounded time, nothing acknowledged is lost, and all goes on by itself', async t => {
    const { store: target } = await open(t)
    const acknowledged: string[] = []
    const following = follow(target, 0, 30)
    let refused = 0
    const stop = new AbortController()
    let seen = 0
    const writers = Array.from({ length: 4 }, async (_, w) => {
      for (let n = 0; !stop.signal.aborted; n++) {
        const name = `${w}-${n}`
        const since = performance.now()
        try {
          await store(target, { put: [aValue(name, { parentID: target.rootID, name })], events: [{ name }] })
          acknowledged.push(name)
          seen++
        } catch (error) {
          outagesOnly(error)
          refused++
          if (performance.now() - since > 15_000) throw error
          await new Promise(resolve => setTimeout(resolve, 20))
        }
      }
    })
    await eventually('some are written', () => acknowledged.length >= 10)
    await server.crash()
    await eventually('some are refused', () => refused >= 4)
    await t.rejects(target.meta.get(target.rootID), unavailable)
    await t.rejects(target.ready(), unavailable)
    await server.start()
    seen = 0
    await eventually('some are written again', () => seen >= 20)
    stop.abort()
    await Promise.all(writers)
    await eventually('it is ready', async () => await target.ready().then(() => true, () => false))
    const there = new Set((await target.meta.children(target.rootID, { limit: 100_000 })).map(({ name }) => name))
    t.same(acknowledged.filter(name => !there.has(name)), [])
    t.equal((await following).length, 30, 'who follows the log goes on, too')
  })

  t.test('a database that says nothing any more: every operation ends, and when it speaks again all goes on', async t => {
    const options = placeOf(t, server, t.testdir())
    const proxy = await proxyTo(t, options.meta)
    const { store: target } = await open(t, { ...options, meta: proxy.url, connections: 3, databaseTimeout: 300, connectTimeout: 300 })
    await target.ready()
    proxy.freeze()
    const since = performance.now()
    const results = await Promise.allSettled([
      ...Array.from({ length: 10 }, async () => await target.meta.get(target.rootID)),
      commit(target, { put: [aRecord()] })
    ])
    for (const result of results) t.match(result, { status: 'rejected', reason: unavailable })
    t.ok(performance.now() - since < 20_000)
    proxy.heal()
    await eventually('it answers again', async () => await target.meta.get(target.rootID).then(record => record !== undefined, () => false))
    t.match(await commit(target, { put: [aRecord()] }), { status: 'committed' })

    const following = follow(target, 0, 1)
    proxy.freeze()
    await target.close()
    t.same(await following, [], 'it can be closed while nothing is heard')
  })

  t.test('the answer of a commit is lost on the way: whether it was made is found out by what it gave birth to', async t => {
    const options = placeOf(t, server, t.testdir())
    const proxy = await proxyTo(t, options.meta)
    const { store: target } = await open(t, { ...options, meta: proxy.url, databaseTimeout: 10_000, connectTimeout: 10_000 })
    const lease = target.lease()
    const birth = await target.blobs.put(lease.id, [Buffer.from('value')])
    const put = aRecord({ size: 5, segments: { kind: 'replace', segments: [segmentOf(birth)] } })
    proxy.mute()
    const committing = commit(target, { lease: lease.id, births: [birth], put: [put], events: [{}] })
    await eventually('it is made', async () => (await query(options.meta, `select 1 from ${schemaOf(options.meta)}.blobs`)).length === 1)
    proxy.heal()
    proxy.cut()
    t.match(await committing, { status: 'committed', sequence: 1 })
    lease.release()
    await target.sweep()
    t.ok(await isReadable(target, birth))

    // And where nothing tells, nothing is claimed.
    const plain = aRecord()
    proxy.mute()
    const unknown = commit(target, { put: [plain] })
    await eventually('it is made', async () => (await query(options.meta, `select 1 from ${schemaOf(options.meta)}.records where id = '\\x${plain.id}'`)).length === 1)
    proxy.heal()
    proxy.cut()
    await t.rejects(unknown, unavailable)
  })

  t.test('a commit that was given up and arrives all the same, after a sweep: it is refused, for the bytes that it names may be gone; what was there stays', async t => {
    const options = placeOf(t, server, t.testdir())
    const proxy = await proxyTo(t, options.meta)
    const { store: target } = await open(t, { ...options, meta: proxy.url, databaseTimeout: 200 })
    const { put, birth: old } = await storeBlob(target, 'what was there', { parentID: target.rootID, name: 'object' })
    const lease = target.lease()
    const birth = await target.blobs.put(lease.id, [Buffer.from('late')])
    // As a statement that the connection knows is asked for.
    proxy.delay('\0commit\0')
    await t.rejects(commit(target, { lease: lease.id, births: [birth], put: [next(put, { size: birth.size, segments: { kind: 'replace', segments: [segmentOf(birth)] } })] }), unavailable)
    t.equal(proxy.late(), 1)
    // As the model does it: nothing has named these.
    lease.release([birth.blob])
    await target.sweep()
    proxy.heal()
    await eventually('the commit has arrived', () => proxy.late() === 0)
    const record = await target.meta.get(put.id)
    t.equal(record?.version, 1)
    t.ok(await isReadable(target, old))
    t.notOk(await isReadable(target, birth))
    await storeBlob(target, 'and it goes on under a new lease')
  })

  t.test('bytes that an operation gave up are looked for again, when the database was away the first time', async t => {
    const options = placeOf(t, server, t.testdir())
    const proxy = await proxyTo(t, options.meta)
    const { store: target } = await open(t, { ...options, meta: proxy.url, databaseTimeout: 200, connectTimeout: 200 })
    const lease = target.lease()
    const birth = await target.blobs.put(lease.id, [Buffer.from('given up')])
    lease.release([birth.blob])
    proxy.freeze()
    await t.rejects(target.sweep(), unavailable)
    t.ok(await isReadable(target, birth))
    proxy.heal()
    await eventually('they are gone', async () => {
      await target.sweep().catch(outagesOnly)
      return !await isReadable(target, birth)
    })
  })

  t.test('more work than the database takes: so much waits, the rest is refused at once, and what waited is done', async t => {
    const { store: target, meta } = await open(t, { connections: 2, queue: 3, databaseTimeout: 20_000, connectTimeout: 20_000 })
    const blocker = new Client({ connectionString: meta })
    await blocker.connect()
    t.teardown(async () => { await blocker.end() })
    await blocker.query('begin')
    // All changes wait for the lock of the lease's owner: the whole store.
    const [[seed] = []] = await query(meta, `select substring(prosrc from '# (''.*''::bigint)') from pg_proc where proname = 'lock_key' and pronamespace = '${schemaOf(meta)}'::regnamespace`)
    await blocker.query(`select pg_advisory_xact_lock(${String(seed)})`)
    const puts = Array.from({ length: 20 }, (_, n) => aValue(String(n), { parentID: target.rootID, name: String(n) }))
    const settled: string[] = []
    const results = puts.map(async put => await commit(target, { put: [put] }).then(({ status }) => { settled.push(status) }, (error: unknown) => {
      t.match(error, { ...unavailable, message: /wait for the database already/ })
      settled.push('refused')
    }))
    await eventually('what is too much is refused', () => settled.length === 15)
    t.same(new Set(settled), new Set(['refused']))
    await blocker.query('commit')
    await Promise.all(results)
    t.equal(settled.filter(status => status === 'committed').length, 5)
    t.equal((await target.meta.children(target.rootID, { limit: 99 })).length, 5)
    t.match(await commit(target, { put: [aRecord()] }), { status: 'committed' })
  })

  t.test('a database that is not there, or does not let us in, is said so', async t => {
    const blobs = placeOf(t, server, t.testdir()).blobs
    await t.rejects(openStore({ meta: 'postgres://nobody:secret@127.0.0.1:1/none', blobs, connectTimeout: 1000 }), unavailable)
    const wrong = new URL(server.url)
    wrong.password = 'wrong'
    await t.rejects(openStore({ meta: wrong.href, blobs }), { name: 'StorageError', reason: 'permission' })
  })
}
