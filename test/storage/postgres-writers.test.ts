import t, { type Test } from 'tap'
import type { Store } from '../../storage/contract.js'
import { openStore } from '../../storage/open-store.js'
import { eventually } from '../helpers/eventually.js'
import { aRecord, aValue, commit, follow, next, store, text } from './driver.js'
import { noErrors } from './embedded-driver.js'
import { placeOf } from './postgres-driver.js'
import { postgresServer, query, schemaOf } from './postgres-server.js'
import { slowChange, waiting } from './slow-change.js'

const server = await postgresServer()
if (server === undefined) t.pass('PostgreSQL is not installed', { skip: true })
else {
  /** Several servers on one store. */
  const gateways = async (t: Test, count: number): Promise<{ stores: Store[], meta: string }> => {
    const options = placeOf(t, server, t.testdir())
    const stores = await Promise.all(Array.from({ length: count }, async () => await openStore(options, noErrors)))
    t.teardown(async () => { await Promise.all(stores.map(async store => { await store.close() })) })
    return { stores, meta: options.meta }
  }

  const first = (stores: readonly Store[]): Store => {
    const [store] = stores
    if (store === undefined) throw new Error('no store')
    return store
  }

  t.test('64 creators in one container do not wait for each other, nor for one that never ends', async t => {
    const { stores, meta } = await gateways(t, 2)
    const target = first(stores)
    const container = aRecord({ type: 'c', parentID: target.rootID, name: 'container' })
    await store(target, { put: [container] })
    const expect = [{ id: target.rootID, version: 1 }, { id: container.id, version: 1 }]
    const slow = await slowChange(t, meta, { expect, put: [aValue('slow', { parentID: container.id, name: 'slow' })] })
    await Promise.all(Array.from({ length: 64 }, async (_, n) => {
      await store(stores[n % 2] ?? target, { expect, put: [aValue(String(n), { parentID: container.id, name: String(n) })], events: [{ n }] })
    }))
    t.equal((await target.meta.children(container.id, { limit: 99 })).length, 64)
    await slow.end('commit')
    t.equal((await target.meta.children(container.id, { limit: 99 })).length, 65)
  })

  t.test('who changes a container waits for those who create in it, gets his turn before those who come later, and these find it changed', async t => {
    const { stores, meta } = await gateways(t, 1)
    const target = first(stores)
    const container = aRecord({ type: 'c', parentID: target.rootID, name: 'container' })
    await store(target, { put: [container] })
    const expect = [{ id: container.id, version: 1 }]
    const slow = await slowChange(t, meta, { expect, put: [aValue('slow', { parentID: container.id, name: 'slow' })] })
    const changing = commit(target, { put: [next(container, { attributes: { changed: true } })] })
    await waiting(meta, 1)
    const later = Array.from({ length: 4 }, async (_, n) => await commit(target, { expect, put: [aRecord({ parentID: container.id, name: `later ${n}` })] }))
    await waiting(meta, 5)
    await slow.end('commit')
    t.match(await changing, { status: 'committed' })
    for (const result of await Promise.all(later)) t.same(result, { status: 'conflict', on: 'version', id: container.id })
    t.same((await target.meta.children(container.id, { limit: 9 })).map(({ name }) => name), ['slow'])
  })

  t.test('two objects that each want the other as it is: one of the changes is refused', async t => {
    const { stores } = await gateways(t, 2)
    const [one, two] = [first(stores), stores[1] ?? first(stores)]
    for (let round = 0; round < 10; round++) {
      const [a, b] = [aRecord(), aRecord()]
      await store(one, { put: [a, b] })
      const results = await Promise.all([
        commit(one, { expect: [{ id: a.id, version: 1 }], put: [next(b)] }),
        commit(two, { expect: [{ id: b.id, version: 1 }], put: [next(a)] })
      ])
      t.same(results.map(({ status }) => status).sort(), ['committed', 'conflict'])
    }
  })

  t.test('64 writers of one object on four servers lose no update', async t => {
    const { stores } = await gateways(t, 4)
    const target = first(stores)
    const counter = aValue('0', { parentID: target.rootID, name: 'counter' })
    await store(target, { put: [counter] })
    await Promise.all(Array.from({ length: 64 }, async (_, n) => {
      const mine = stores[n % 4] ?? target
      for (;;) {
        const record = await mine.meta.get(counter.id)
        if (record === undefined) throw new Error('the record is gone')
        const inline = Buffer.from(String(Number(text(record.inline)) + 1))
        if ((await commit(mine, { put: [next(record, { inline, size: inline.length, segments: { kind: 'replace', segments: [] } })], events: [{ n }] })).status === 'committed') break
      }
    }))
    const end = await target.meta.get(counter.id)
    t.equal(text(end?.inline), '64')
    t.equal(end?.version, 65)
    const events = await target.meta.events(0, 99)
    t.same(events.map(({ event }) => event['n']).sort((a, b) => Number(a) - Number(b)), Array.from({ length: 64 }, (_, n) => n))
  })

  t.test('what one server has acknowledged the other one sees at its next request, and followers hear of it', async t => {
    const { stores } = await gateways(t, 2)
    const [one, two] = [first(stores), stores[1] ?? first(stores)]
    const following = follow(two, 0, 20)
    for (let n = 0; n < 20; n++) {
      await store(one, { put: [aValue(String(n), { parentID: one.rootID, name: `name ${n}` })], events: [{ n }] })
      t.equal(text((await two.meta.resolve(two.rootID, [`name ${n}`]))[1]?.inline), String(n))
    }
    t.same((await following).map(({ event }) => event['n']), Array.from({ length: 20 }, (_, n) => n))
  })

  t.test('the log: nobody reads past a place whose commit is under way; when that is made, it is read first', async t => {
    const { stores, meta } = await gateways(t, 1)
    const target = first(stores)
    await store(target, { events: [{ n: 1 }] })
    const slow = await slowChange(t, meta, { events: [{ n: 2 }] })
    await store(target, { events: [{ n: 3 }] })
    t.same((await target.meta.events(0, 9)).map(({ event }) => event), [{ n: 1 }])
    const [following, last] = [follow(target, 1, 2), target.meta.lastSequence()]
    await slow.end('commit')
    t.same((await following).map(({ event }) => event), [{ n: 2 }, { n: 3 }])
    t.equal(await last, 3)
  })

  t.test('the log: the place of a commit that failed is given up, and whoever comes for a place that was given up gets another', async t => {
    const { stores, meta } = await gateways(t, 1)
    const target = first(stores)
    const slow = await slowChange(t, meta, { events: [{ never: true }] })
    await store(target, { events: [{ n: 2 }] })
    const following = follow(target, 0, 1)
    await slow.end('rollback')
    t.same(await following, [{ sequence: 2, event: { n: 2 } }])
    t.equal(await target.meta.lastSequence(), 2)
    await query(meta, `insert into ${schemaOf(meta)}.log (sequence, at) values (3, clock_timestamp())`)
    t.match(await commit(target, { events: [{ n: 4 }] }), { status: 'committed', sequence: 4 })
    t.same((await target.meta.events(0, 9)).map(({ sequence }) => sequence), [2, 4])
    await query(meta, `select nextval('${schemaOf(meta)}.log_sequence')`)
    await store(target, { events: [{ n: 6 }] })
    t.equal(await target.meta.trimLog(-1000, 99), 4)
    t.equal(await target.meta.trimLog(-1000, 99), 2, 'trimming closes gaps, too')
    t.equal(await target.meta.lastSequence(), 6)
  })

  t.test('a tree of more objects than there is room for locks is made, changed and removed; what is beside it waits and goes on', async t => {
    const { stores } = await gateways(t, 2)
    const [one, two] = [first(stores), stores[1] ?? first(stores)]
    const top = aRecord({ type: 'c', parentID: one.rootID, name: 'top' })
    const below = Array.from({ length: 300 }, (_, n) => aValue(String(n), { parentID: top.id, name: `n${n}` }))
    await store(one, { put: [top, ...below] })
    const [changed, beside] = await Promise.all([
      commit(one, { expect: [{ id: top.id, version: 1 }], put: below.map(put => next(put, { attributes: { again: true } })) }),
      Promise.all(below.slice(0, 8).map(async put => await commit(two, { put: [next(put, { attributes: { single: true } })] })))
    ])
    t.same(beside.map(({ status }) => status), beside.map(() => changed.status === 'committed' ? 'conflict' : 'committed'))
    const versions = (await two.meta.getMany(below.map(({ id }) => id))).map(record => record?.version)
    t.equal(versions.filter(version => version === 2).length, changed.status === 'committed' ? 300 : 8, 'all of it or nothing')
    const records = await one.meta.getMany(below.map(({ id }) => id))
    await store(one, { remove: records.flatMap(record => record === undefined ? [] : [{ id: record.id, version: record.version, subtree: false }]) })
    t.same(await two.meta.children(top.id, { limit: 9 }), [])
  })

  t.test('a server that was heard of while the clock was ahead, and is dead, counts as alive for no longer than any other; one that lives is heard of again', async t => {
    const { stores, meta } = await gateways(t, 2)
    const two = stores[1] ?? first(stores)
    const leases = `${schemaOf(meta)}.leases`
    await query(meta, `insert into ${leases} (id, open, seen) values ('of-the-dead', true, clock_timestamp() + interval '1 year')`)
    const lease = first(stores).lease()
    lease.release()
    await query(meta, `update ${leases} set seen = clock_timestamp() + interval '1 year' where id = '${lease.id}'`)
    t.same(await two.meta.staleLeases(60_000), [])
    t.same(await query(meta, `select count(*)::int from ${leases} where seen > clock_timestamp()`), [[0]])
    await query(meta, `update ${leases} set seen = seen - interval '2 minutes'`)
    await first(stores).ready()
    t.same(await two.meta.staleLeases(60_000), ['of-the-dead'])
    await query(meta, `update ${leases} set open = false, closed = clock_timestamp() + interval '1 year', swept = clock_timestamp() + interval '1 year' where id = 'of-the-dead'`)
    t.same(await two.meta.closedLeases(), ['of-the-dead'], 'it is looked at again what came late under it')
    await two.sweep()
    t.same(await query(meta, `select closed <= clock_timestamp(), swept <= clock_timestamp() from ${leases} where id = 'of-the-dead'`), [[true, true]])
  })

  t.test('a server that was not heard of counts as dead: its commits are refused, its bytes swept; it goes on with a new lease', async t => {
    const { stores, meta } = await gateways(t, 2)
    const [one, two] = [first(stores), stores[1] ?? first(stores)]
    const lease = one.lease()
    const birth = await one.blobs.put(lease.id, [Buffer.from('slow')])
    t.same(await two.meta.staleLeases(60_000), [])
    await query(meta, `update ${schemaOf(meta)}.leases set seen = seen - interval '1 hour'`)
    t.same(await two.meta.staleLeases(60_000), [lease.id], 'and never its own')
    await two.sweep()
    const put = aRecord({ size: 4, segments: { kind: 'replace', segments: [{ offset: 0, length: 4, blob: birth.blob, blobOffset: 0 }] } })
    t.same(await commit(one, { lease: lease.id, births: [birth], put: [put] }), { status: 'conflict', on: 'lease' })
    await t.rejects(one.blobs.read(birth.blob, 0, 4), { name: 'StorageError', reason: 'missing' })
    await t.rejects(one.blobs.put(lease.id, [Buffer.from('late')]), { name: 'StorageError', reason: 'unavailable' }, 'nothing comes late')
    lease.release()
    await eventually('it has a new lease', () => {
      const now = one.lease()
      now.release()
      return now.id !== lease.id
    })
    const fresh = one.lease()
    const again = await one.blobs.put(fresh.id, [Buffer.from('again')])
    t.match(await commit(one, { lease: fresh.id, births: [again] }), { status: 'committed' })
    fresh.release()
  })
}
