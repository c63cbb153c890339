/** What is left in a directory that many servers share, and in PostgreSQL, and who removes it. */
import t from 'tap'
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openStore } from '../../storage/open-store.js'
import { eventually } from '../helpers/eventually.js'
import { aRecord, commit, isReadable, store as storeAll, storeBlob } from './driver.js'
import { noErrors } from './embedded-driver.js'
import { placeOf } from './postgres-driver.js'
import { postgresServer, query, schemaOf } from './postgres-server.js'

const server = await postgresServer()
if (server === undefined) t.pass('PostgreSQL is not installed', { skip: true })
else {
  t.test('a file that comes under a closed lease, of a server that was stopped for long and dies as it goes on, does not stay for ever', async t => {
    const place = placeOf(t, server, t.testdir())
    const store = await openStore(place, noErrors)
    t.teardown(async () => { await store.close() })
    const { birth } = await storeBlob(store, 'kept')
    const [lease = '', group = ''] = birth.blob.split('/')
    await store.meta.closeLease(lease)
    await store.sweep()
    const late = join(fileURLToPath(place.blobs), lease, group, 'zz')
    writeFileSync(late, 'late')
    await store.sweep()
    t.ok(existsSync(late), 'it is not looked for all the time')
    const s = schemaOf(place.meta)
    await query(server.url, `update ${s}.leases set closed = closed - interval '2 hours', swept = swept - interval '2 hours' where id = '${lease}'`)
    await store.sweep()
    t.notOk(existsSync(late))
    t.ok(await isReadable(store, birth))
    t.same(await query(server.url, `select id from ${s}.leases where id = '${lease}'`), [], 'and nobody looks again')
  })

  t.test('what removed containers had is removed, though its segments are so many that the time is too short for all of it', async t => {
    const place = { ...placeOf(t, server, t.testdir()), databaseTimeout: 1000 }
    const store = await openStore(place, noErrors)
    t.teardown(async () => { await store.close() })
    const top = aRecord({ type: 'c', parentID: store.rootID, name: 'top' })
    await storeAll(store, { put: [top] })
    const births = []
    for (let n = 0; n < 40; n++) births.push((await storeBlob(store, `value ${n}`, { parentID: top.id, name: `leaf${n}` })).birth)
    await storeAll(store, { remove: [{ id: top.id, version: 1, subtree: true }] })
    const s = schemaOf(place.meta)
    await query(server.url, `create function ${s}.slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.04); return old; end'`)
    await query(server.url, `create trigger slow before delete on ${s}.segments for each row execute function ${s}.slow()`)
    t.equal((await store.sweep()).records, 40)
    for (const birth of births) t.notOk(await isReadable(store, birth))
  })

  t.test('removed containers in which there was nothing are forgotten step by step, however many they are; what is in one that is there stays', async t => {
    const place = placeOf(t, server, t.testdir())
    const store = await openStore(place, noErrors)
    t.teardown(async () => { await store.close() })
    const s = schemaOf(place.meta)
    const kept = aRecord({ type: 'c', parentID: store.rootID, name: 'kept' })
    await storeAll(store, { put: [kept, aRecord({ parentID: kept.id, name: 'inner' })] })
    await query(server.url, `insert into ${s}.orphans select decode(lpad(n::text, 48, '0'), 'hex') from generate_series(1, 450) n union all select '\\x${kept.id}'`)
    t.same(await query(server.url, `select removed, cleared from ${s}.prune_step(10)`), [[0, 10]])
    t.equal((await store.sweep()).records, 0)
    t.match(await query(server.url, `select id from ${s}.orphans`), { length: 1 }, 'but for one that is there')
    t.equal((await store.meta.resolve(store.rootID, ['kept', 'inner'])).length, 3, 'with what is in it')
  })

  t.test('what was trashed while the clock of the database was ahead waits for its grace, and not for as long as the clock was wrong', async t => {
    const place = placeOf(t, server, t.testdir())
    const store = await openStore(place, noErrors)
    t.teardown(async () => { await store.close() })
    const patient = await openStore({ ...place, trashGrace: 3_600_000 }, noErrors)
    t.teardown(async () => { await patient.close() })
    const { put, birth } = await storeBlob(store, 'value')
    await storeAll(store, { remove: [{ id: put.id, version: 1, subtree: false }] })
    const s = schemaOf(place.meta)
    await query(server.url, `update ${s}.blobs set trashed = trashed + interval '3 years'`)
    await patient.sweep()
    t.ok(await isReadable(store, birth))
    t.same(await query(server.url, `select trashed <= clock_timestamp() from ${s}.blobs`), [[true]])
    await store.sweep()
    t.notOk(await isReadable(store, birth))
  })

  t.test('an object with very many segments is copied, replaced and removed, though it takes longer than others may', async t => {
    const place = placeOf(t, server, t.testdir())
    const store = await openStore(place, noErrors)
    t.teardown(async () => { await store.close() })
    const { put, birth } = await storeBlob(store, 'value', { parentID: store.rootID, name: 'many' })
    const { put: few } = await storeBlob(store, 'value', { parentID: store.rootID, name: 'few' })
    const s = schemaOf(place.meta)
    await query(server.url, `insert into ${s}.segments select '\\x${put.id}', n * 5, 5, '${birth.blob}', 0 from generate_series(1, 10000) n`)
    await query(server.url, `create function ${s}.slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.7); return null; end'`)
    await query(server.url, `create trigger slow after insert or delete on ${s}.segments for each statement execute function ${s}.slow()`)
    const hasty = await openStore({ ...place, databaseTimeout: 600 }, noErrors)
    t.teardown(async () => { await hasty.close() })
    await t.rejects(commit(hasty, { remove: [{ id: few.id, version: 1, subtree: false }] }), { name: 'StorageError', reason: 'unavailable', message: /57014/ })
    const copy = aRecord({ parentID: store.rootID, name: 'copy', size: put.size, segments: { kind: 'copy', from: put.id, version: 1 } })
    await storeAll(hasty, { put: [copy] })
    t.equal((await store.meta.segments(copy.id, 0, 1e9))?.segments.length, 10_001)
    await storeAll(hasty, { remove: [{ id: put.id, version: 1, subtree: false }] })
    t.equal(await store.meta.get(put.id), undefined)
  })

  t.test('where the directory of the values is not mounted, nothing is written in its place, nothing is taken for removed, and no store that has values opens', async t => {
    const place = placeOf(t, server, t.testdir())
    const root = fileURLToPath(place.blobs)
    const store = await openStore(place, noErrors)
    t.teardown(async () => { await store.close() })
    const { birth, put } = await storeBlob(store, 'kept')
    const removed = await storeBlob(store, 'removed')
    await storeAll(store, { remove: [{ id: removed.put.id, version: 1, subtree: false }] })
    // As when it is unmounted below a server that runs.
    renameSync(root, `${root}-away`)
    mkdirSync(root)
    const away = { name: 'StorageError', reason: 'unavailable', message: /mounted/ }
    await t.rejects(store.ready(), away)
    await store.meta.closeLease(birth.blob.slice(0, birth.blob.indexOf('/')))
    await t.rejects(store.sweep(), away)
    const lease = store.lease()
    await t.rejects(store.blobs.put(lease.id, [Buffer.from('x')]))
    lease.release()
    await t.rejects(openStore(place, noErrors), away)
    t.same(readdirSync(root), [])
    rmdirSync(root)
    renameSync(`${root}-away`, root)
    await store.sweep()
    await eventually('the store is ready', async () => await store.ready().then(() => true, () => false))
    t.ok(await isReadable(store, birth))
    t.notOk(await isReadable(store, removed.birth))
    t.match(await store.meta.get(put.id), { version: 1 })
    // One that was made before there was such a file.
    rmSync(join(root, 'values'))
    await (await openStore(place, noErrors)).close()
    await store.ready()
  })
}
