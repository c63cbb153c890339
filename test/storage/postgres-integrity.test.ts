/** Rotten bytes and broken tables of a store of many servers: who finds them, and what mends them. */
import t, { type Test } from 'tap'
import { mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { recordProblem } from '../../cdmi/check-record.js'
import type { DistributedStoreOptions } from '../../schemas/store-options.js'
import type { BlobID, ObjectID, Store } from '../../storage/contract.js'
import { distributedScrub, type DistributedScrub } from '../../storage/distributed/distributed-scrub.js'
import { PostgresMeta } from '../../storage/distributed/postgres-meta.js'
import { repairDistributed, verifyDistributed } from '../../storage/distributed/verify-distributed.js'
import { openStore } from '../../storage/open-store.js'
import { treeAccount } from '../../storage/usage.js'
import { ObjectMender } from '../../storage/verify/object-mender.js'
import type { Finding, Repaired, RepairOptions } from '../../storage/verify/findings.js'
import { eventually } from '../helpers/eventually.js'
import { aRecord, aValue, commit, next, segmentOf, store as commitAll, storeBlob } from './driver.js'
import { noErrors, quickDirectory } from './embedded-driver.js'
import { placeOf } from './postgres-driver.js'
import { postgresServer, query, schemaOf } from './postgres-server.js'

const attributes = { metadata: {}, completionStatus: 'Complete', created: 1, modified: 1 }
const server = await postgresServer()
if (server === undefined) t.pass('PostgreSQL is not installed', { skip: true })
else {
  interface Here {
    readonly options: DistributedStoreOptions
    readonly store: Store
    readonly file: (blob: BlobID) => string
    /** `$` stands for the schema. */
    readonly sql: (text: string) => Promise<unknown[][]>
    readonly ids: ReadonlyMap<string, ObjectID>
    readonly blobs: ReadonlyMap<string, BlobID>
  }

  /** A store with objects of one blob each. */
  const here = async (t: Test, ...names: readonly string[]): Promise<Here> => {
    const options = { ...placeOf(t, server, await quickDirectory(t)), scrubRate: 0 }
    const store = await openStore(options, noErrors)
    t.teardown(async () => { await store.close() })
    const [ids, blobs] = [new Map<string, ObjectID>(), new Map<string, BlobID>()]
    for (const name of names) {
      const { put, birth } = await storeBlob(store, Buffer.alloc(10_000, `${name} `), { parentID: store.rootID, name, attributes })
      ids.set(name, put.id)
      blobs.set(name, birth.blob)
    }
    return { options, store, file: blob => join(fileURLToPath(options.blobs), blob), sql: async text => await query(server.url, text.replaceAll('$', schemaOf(options.meta))), ids, blobs }
  }

  const flip = async (file: string): Promise<void> => { await writeFile(file, (await readFile(file)).map((byte, at) => at === 7 ? byte ^ 1 : byte)) }

  const verified = async ({ options }: Here): Promise<Finding[]> => {
    const findings: Finding[] = []
    await verifyDistributed(options, { checkRecord: recordProblem }, noErrors, finding => { findings.push(finding) })
    return findings
  }

  const repaired = async ({ options }: Here, how: RepairOptions = {}): Promise<Repaired[]> => {
    const done: Repaired[] = []
    await repairDistributed(options, { checkRecord: recordProblem, ...how }, noErrors, one => { done.push(one) })
    return done
  }

  t.test('the scrub of many servers: one reads, others see how far it is, and go on where it ended, or when it is dead', async t => {
    const one = await here(t, 'a', 'b', 'c')
    await flip(one.file(one.blobs.get('b') ?? ''))
    const other = await openStore(one.options, noErrors)
    t.teardown(async () => { await other.close() })
    const reported: unknown[] = []
    const begin = (store: Store, rate: number, timeout = 60_000): DistributedScrub => {
      if (!(store.meta instanceof PostgresMeta)) throw new TypeError('no PostgreSQL')
      const scrub = distributedScrub(store.meta, store.blobs, { rate, timeout, report (error) { reported.push(error) }, pauses: { start: 0, note: 0, look: 10, failure: 0 } })
      t.teardown(async () => { await scrub.stop() })
      return scrub
    }
    const held = async (): Promise<unknown> => (await one.sql('select holder from $.scrub'))[0]?.[0]
    // It takes a blob and then so long that it never comes to the next.
    const first = begin(one.store, 5)
    await eventually('it is at it', async () => await held() !== null)
    const holder = await held()
    const second = begin(other, 1e12)
    await eventually('the second has looked', async () => second.note().began !== undefined || await held() === holder)
    t.equal(await held(), holder, 'the second leaves it alone')
    await first.stop()
    await eventually('a pass is over', () => second.note().last !== undefined)
    t.match(second.note(), { began: undefined, last: { blobs: 3, damaged: 1, bytes: 30_000 } })
    t.match(reported, [{ name: 'StorageError', reason: 'corrupt', message: /has the checksum/ }])
    t.not(await held(), holder)
    const third = begin(one.store, 1e12)
    await eventually('it has heard of it', () => third.note().last !== undefined)
    t.match(third.note(), { last: { blobs: 3, damaged: 1 } }, 'and does not begin anew')

    // As if the one that has it had died, in the middle of a pass.
    await third.stop()
    await second.stop()
    const births = (await one.sql('select id from $.blobs order by id')).map(([id]) => String(id))
    await one.sql(`update $.scrub set holder = 'dead', seen = clock_timestamp() - interval '1 hour', note = '${JSON.stringify({ began: 1, blobs: 2, bytes: 20_000, damaged: 1, after: births[1] })}'`)
    const fourth = begin(other, 1e12)
    await eventually('the pass is over', () => fourth.note().last !== undefined)
    t.match(fourth.note(), { last: { blobs: 3, bytes: 30_000 } }, 'what was read before is not read again')

    // Or while the clock was ahead.
    await fourth.stop()
    await one.sql("update $.scrub set holder = 'dead', seen = clock_timestamp() + interval '1 year', note = null")
    const fifth = begin(one.store, 1e12)
    await eventually('the pass is over', () => fifth.note().last !== undefined)
  })

  t.test('one that was taken for dead, and is not, ends when it notices', async t => {
    const one = await here(t, 'a', 'b')
    if (!(one.store.meta instanceof PostgresMeta)) throw new TypeError('no PostgreSQL')
    const reported: unknown[] = []
    const scrub = distributedScrub(one.store.meta, one.store.blobs, { rate: 100_000, report (error) { reported.push(error) }, pauses: { start: 0, note: 0, look: 10, failure: 0 } })
    t.teardown(async () => { await scrub.stop() })
    await eventually('it is at it', async () => (await one.sql('select 1 from $.scrub where holder is not null')).length > 0)
    await one.sql("update $.scrub set holder = 'another', note = null")
    await eventually('it has noticed', () => scrub.note().began === undefined)
    t.same(await one.sql('select holder, note from $.scrub'), [['another', null]])
    t.same(reported, [])
  })

  t.test('a store counts reads that were ended, and tells of its scrub; the scrub does not count as a client', async t => {
    const one = await here(t, 'a')
    t.same(one.store.integrity?.(), { damagedReads: 0, scrub: undefined })
    await rm(one.file(one.blobs.get('a') ?? ''))
    await t.rejects(one.store.blobs.read(one.blobs.get('a') ?? '', 0, 10))
    await t.rejects(async () => await buffer(one.store.blobs.get(one.blobs.get('a') ?? '', 0, 10)))
    t.match(one.store.integrity?.(), { damagedReads: 2 })
    const { scrubRate: _, ...options } = one.options
    const scrubbed = await openStore(options, noErrors)
    t.match(scrubbed.integrity?.(), { damagedReads: 0, scrub: { blobs: 0, last: undefined } }, 'it is on for values in files')
    await scrubbed.close()
  })

  t.test('objects that have lost bytes are moved aside while servers go on, and come back with their bytes; a second repair finds nothing to do', async t => {
    const one = await here(t, 'rotten', 'gone', 'fine')
    t.same(await verified(one), [])
    await flip(one.file(one.blobs.get('rotten') ?? ''))
    const gone = one.file(one.blobs.get('gone') ?? '')
    await rename(gone, `${gone}.away`)
    t.match(await repaired(one, { dryRun: true }), [{ done: /^it would be/ }, { done: /^it would be/ }])
    const done = await repaired(one)
    t.same(done.map(({ path, done }) => [path, done]).sort(), [['/gone', 'it is /lost%2Bfound/gone now'], ['/rotten', 'it is /lost%2Bfound/rotten now']])
    const [lost, fine] = await Promise.all([one.store.meta.resolve(one.store.rootID, ['lost+found', 'rotten']), one.store.meta.resolve(one.store.rootID, ['fine'])])
    t.match(lost[2], { id: one.ids.get('rotten') ?? '', version: 2, size: 10_000, attributes: { completionStatus: /^Error: damaged: has lost bytes of its value: blob \S+ has other bytes than were written$/, metadata: { damage: /has lost bytes/, damage_path: '/rotten' } } })
    t.match(fine[1], { version: 1 })
    const events = await one.store.meta.events(0, 100)
    t.match(events.slice(-2).map(({ event }) => event), [{ operation: 'rename', principal: 'fastify-cdmi repair', formerParentURI: '/', parentURI: '/lost%2Bfound/' }, { operation: 'rename' }])
    t.match(await verified(one), [{ setAside: true }, { setAside: true }])
    t.match(await repaired(one), [{ done: 'it is set aside already' }, { done: 'it is set aside already' }])
    await rename(`${gone}.away`, gone)
    t.match((await repaired(one)).filter(({ setAside }) => setAside !== true), [{ objectID: one.ids.get('gone') ?? '', done: 'it can be read, and be moved to where it was' }])
    t.match(await one.store.meta.get(one.ids.get('gone') ?? ''), { attributes: { completionStatus: 'Complete', metadata: { damage_path: '/gone' } } })
  })

  t.test('an object that has lost bytes of two blobs is set aside once, and nothing is told as left', async t => {
    const one = await here(t, 'sound')
    const lease = one.store.lease()
    const births = [await one.store.blobs.put(lease.id, [Buffer.alloc(10_000, 'first')]), await one.store.blobs.put(lease.id, [Buffer.alloc(10_000, 'second')])]
    const put = aRecord({ parentID: one.store.rootID, name: 'long', attributes, size: 20_000, segments: { kind: 'replace', segments: births.map((birth, at) => segmentOf(birth, at * 10_000)) } })
    await commitAll(one.store, { lease: lease.id, births, put: [put] })
    lease.release()
    for (const { blob } of births) await flip(one.file(blob))
    t.equal((await verified(one)).length, 2)
    const done = await repaired(one)
    t.match(done.map(({ kind, objectID, done }) => ({ kind, objectID, done })).sort((a, b) => (a.done ?? '') < (b.done ?? '') ? -1 : 1), [{ kind: 'blob', objectID: put.id, done: 'it is /lost%2Bfound/long now' }, { kind: 'blob', objectID: put.id, done: 'it is set aside already' }])
    t.match(await verified(one), [{ setAside: true }, { setAside: true }])
  })

  t.test('bytes that a repair could not see to are told as left at its end, once, though no later round reads bytes', async t => {
    const one = await here(t, 'rotten', 'gone', 'misplaced')
    await flip(one.file(one.blobs.get('rotten') ?? ''))
    await rm(one.file(one.blobs.get('gone') ?? ''))
    // What is found by tables alone, and mended, makes it look again.
    await one.sql(`update $.blobs set trashed = null where id = '${one.blobs.get('misplaced') ?? ''}'; delete from $.segments where blob = '${one.blobs.get('misplaced') ?? ''}'; update $.records set size = 0 where id = '\\x${one.ids.get('misplaced') ?? ''}'`)
    const mender = ObjectMender.prototype
    const { setAside } = mender
    t.teardown(() => { mender.setAside = setAside })
    // As where somebody is faster, and gives the object up again.
    mender.setAside = async () => undefined
    const left = (await repaired(one)).filter(({ done }) => done === undefined)
    mender.setAside = setAside
    t.same(left.map(({ kind, objectID }) => `${kind} ${objectID ?? ''}`).sort(), ['rotten', 'gone'].map(name => `blob ${one.ids.get(name) ?? ''}`).sort())
  })

  t.test('what the tables should say together and do not is found and mended: nothing is deleted, and the second look finds nothing', async t => {
    const one = await here(t, 'unknown', 'vanished', 'headless', 'doomed', 'short', 'forgotten', 'text')
    const container = aRecord({ type: 'c', parentID: one.store.rootID, name: 'box', attributes })
    await commitAll(one.store, { put: [container] })
    const inner = aValue('inner', { parentID: container.id, name: 'inner', attributes })
    const kept = aRecord({ type: 'c', parentID: one.store.rootID, name: 'kept', attributes })
    await commitAll(one.store, { put: [inner, kept] })
    const set = aRecord({ type: 'p', attributes: { a: 1 }, size: 5, segments: { kind: 'keep' } })
    await commitAll(one.store, { put: [set] })
    const [id, blob] = [(name: string) => `'\\x${one.ids.get(name) ?? ''}'`, (name: string) => `'${one.blobs.get(name) ?? ''}'`]
    await rm(one.file(one.blobs.get('vanished') ?? ''))
    await one.sql(`delete from $.blobs where id in (${blob('unknown')}, ${blob('vanished')})`)
    await one.sql(`delete from $.records where id = ${id('headless')}`)
    await one.sql(`insert into $.doomed values (${blob('doomed')})`)
    await one.sql(`update $.segments set length = 20000 where record_id = ${id('short')}`)
    await one.sql(`delete from $.segments where record_id = ${id('forgotten')}`)
    await one.sql(`update $.records set size = 0, inline = '' where id = ${id('forgotten')}`)
    await one.sql(`update $.records set attributes = '{"broken' where id = ${id('text')}`)
    await one.sql(`delete from $.records where id = '\\x${container.id}'`)
    await one.sql(`insert into $.orphans values ('\\x${kept.id}')`)
    await one.sql(`insert into $.segments values ('\\x${set.id}', 0, 9, ${blob('doomed')}, 0)`)
    const problems = (await verified(one)).map(({ problem }) => problem).join('\n')
    for (const part of [/\/unknown .* needs blob .* of which the store knows nothing more/, /\/vanished .* knows nothing more/, /has bytes in blob .*, and no record/, /is about to be removed/, /\/short .* has a segment up to byte 20000/, /is needed by nothing/,
      /\/text .* has attributes that are not readable/, /is in container \w+, which is gone/, /\/kept .* is noted as removed/, /Object \w+ has a segment up to byte 9, and a size of 5/]) t.match(problems, part)
    const done = await repaired(one)
    t.same(done.filter(({ done }) => done === undefined), [])
    t.same((await verified(one)).filter(({ setAside }) => setAside !== true), [])
    t.match((await repaired(one)).filter(({ setAside }) => setAside !== true), [])
    const { meta, rootID } = one.store
    const names = (await meta.children((await meta.resolve(rootID, ['lost+found']))[1]?.id ?? '', { limit: 100 })).map(({ name }) => name)
    t.match(names.filter(name => !/^[0-9A-F]{48}$/.test(name)), ['inner', 'short', 'text', 'vanished'])
    t.equal(names.length, 6, 'and two that have no name: one without a record, one that was the server\'s own')
    t.match((await meta.resolve(rootID, ['unknown'])), { length: 2 })
    t.match((await meta.resolve(rootID, ['lost+found', 'text']))[2], { attributes: { metadata: { damage_attributes: '{"broken' } } })
    t.match((await meta.resolve(rootID, ['lost+found', 'inner']))[2]?.attributes, { completionStatus: 'Complete' })
    t.ok(await meta.get(kept.id))
    t.same(await one.sql('select * from $.orphans'), [])
    t.equal(await meta.get(set.id), undefined)
    t.ok((await readFile(one.file(one.blobs.get('forgotten') ?? ''))).length > 0)
  })

  t.test('entries of the change log that nobody can read, or with numbers that were never given out, are set aside; who follows the log goes on, and no number is given twice', async t => {
    const one = await here(t)
    for (let n = 1; n <= 5; n++) await commitAll(one.store, { events: [{ n }] })
    await one.sql("update $.log set event = '{\"broken' where sequence = 2")
    await one.sql("update $.log set event = '7' where sequence = 4")
    await one.sql("insert into $.log (sequence, at, event) values (6, clock_timestamp(), '{\"n\":6}'), (9, clock_timestamp(), '{\"n\":9}'), (11, clock_timestamp(), '{\"n\":11}'), (9000000000000, clock_timestamp(), '{\"n\":0}')")
    await t.rejects(one.store.meta.events(0, 100), { name: 'StorageError', reason: 'corrupt', message: 'Entry 2 of the change log is not readable; "fastify-cdmi repair" sets it aside' })
    const problems = ['Entry 2 of the change log is not readable', 'Entry 4 of the change log is not readable', 'The change log has an entry 9000000000000, far behind its end', 'The change log has entries up to 11, and is said to end at 5; without 7 to 8, 10']
    t.same((await verified(one)).map(({ kind, problem }) => `${kind}: ${problem}`), problems.map(problem => `log: ${problem}`))
    t.same((await repaired(one, { dryRun: true })).map(({ problem }) => problem), problems)
    t.match((await repaired(one)).map(({ done }) => done), [/^its text is in the table moved_aside/, /moved_aside/, /moved_aside/, 'it goes on behind them'])
    t.same(await verified(one), [])
    t.same(await one.sql('select part, key, value from $.moved_aside order by key'), [['log', '2', '{"broken'], ['log', '4', '7'], ['log', '9000000000000', '{"n":0}']])
    await commitAll(one.store, { events: [{ n: 12 }] })
    t.same((await one.store.meta.events(0, 100)).map(({ sequence, event }) => [sequence, event['n']]), [[1, 1], [3, 3], [5, 5], [6, 6], [9, 9], [11, 11], [12, 12]])
  })

  t.test('a change log whose end is said to be before what was trimmed of it goes on behind its entries, and all of them stay', async t => {
    const one = await here(t)
    for (let n = 1; n <= 3; n++) await commitAll(one.store, { events: [{ n }] })
    // So many were there, and the oldest of them are gone; a copy of the tables was made without the sequence.
    await one.sql('update $.log set sequence = sequence + 5000')
    await one.sql('update $.store set trimmed = 5000')
    await one.sql("select setval('$.log_sequence', 1, false)")
    t.match(await repaired(one), [{ kind: 'log', problem: 'The change log has entries up to 5003, and is said to end at 0', done: 'it goes on behind them' }])
    await commitAll(one.store, { events: [{ n: 4 }] })
    t.same((await one.store.meta.events(0, 100)).map(({ sequence, event }) => [sequence, event['n']]), [[5001, 1], [5002, 2], [5003, 3], [5004, 4]])
    await one.sql('delete from $.log')
    await one.sql('update $.store set trimmed = 5004')
    await one.sql("select setval('$.log_sequence', 7)")
    t.match(await repaired(one), [{ kind: 'log', problem: 'The change log had entries up to 5004, and is said to end at 7', done: 'it goes on behind them' }])
    t.same(await verified(one), [])
  })

  t.test('containers that are below themselves, and one in no container, come to /lost+found/ with all that is in them; asking for their place comes to an end', async t => {
    const one = await here(t)
    const box = (name: string, parentID: ObjectID): ReturnType<typeof aRecord> => aRecord({ type: 'c', parentID, name, attributes })
    const a = box('a', one.store.rootID)
    const b = box('b', a.id)
    const c = box('c', b.id)
    const below = aValue('below', { parentID: c.id, name: 'below', attributes })
    const island = box('island', one.store.rootID)
    const inner = aValue('inner', { parentID: island.id, name: 'inner', attributes })
    for (const put of [a, b, c, below, island, inner]) await commitAll(one.store, { put: [put] })
    await one.sql(`update $.records set parent_id = '\\x${c.id}' where id = '\\x${a.id}'`)
    await one.sql(`update $.records set parent_id = null, name = null where id = '\\x${island.id}'`)
    t.same(await one.store.meta.lineage(below.id), [])
    const found = await verified(one)
    t.same(found.filter(({ problem }) => /is below itself$/.test(problem)).map(({ objectID }) => objectID).sort(), [a.id, b.id, c.id].sort())
    t.match(found.filter(({ problem }) => !/is below itself$/.test(problem)), [{ kind: 'place', objectID: island.id, problem: /is in no container, and is not the root$/ }])
    const done = await repaired(one)
    t.same(done.filter(({ done }) => done === undefined), [])
    t.equal(done.filter(({ done }) => /^it is \/lost%2Bfound\//.test(done ?? '')).length, 2, 'one of the ring, and the island')
    t.same((await verified(one)).filter(({ setAside }) => setAside !== true), [])
    const { meta, rootID } = one.store
    const chain = await meta.lineage(below.id)
    t.equal(chain[0]?.id, rootID)
    t.equal(chain[1]?.name, 'lost+found')
    t.equal((await meta.lineage(inner.id))[1]?.name, 'lost+found')
  })

  t.test('a ring with a container that has an account comes to /lost+found/, too, and what is on account is counted anew', async t => {
    const one = await here(t)
    const box = (name: string, parentID: ObjectID): ReturnType<typeof aRecord> => aRecord({ type: 'c', parentID, name, attributes })
    const a = box('a', one.store.rootID)
    const b = box('b', a.id)
    const c = box('c', b.id)
    const shelf = box('shelf', one.store.rootID)
    for (const put of [a, b, c, shelf, aValue('below', { parentID: c.id, name: 'below', attributes })]) await commitAll(one.store, { put: [put] })
    const { meta } = one.store
    await meta.beginCounting('trees')
    for (const { id } of [b, shelf]) await meta.countTree(id)
    while (await meta.countMore(100) > 0);
    t.match(await commit(one.store, { put: [next(c, { parentID: shelf.id })] }), { status: 'refused', on: 'trees', id: c.id })
    // Nobody leaves a container with an account by taking its place.
    t.match(await commit(one.store, { put: [next(c, { parentID: one.store.rootID, name: 'c' }), next(b, { parentID: c.id, name: 'b' })] }), { status: 'refused', on: 'trees' })
    await one.sql(`begin; set local session_replication_role = replica; update $.records set parent_id = '\\x${c.id}' where id = '\\x${a.id}'; commit`)
    const done = await repaired(one)
    t.same(done.filter(({ done }) => done === undefined), [])
    t.equal(done.filter(({ done }) => /^it is \/lost%2Bfound\//.test(done ?? '')).length, 1)
    t.same(await verified(one), [])
    t.match(await meta.usage(treeAccount(b.id)), { bytes: 5, whole: true })
  })

  t.test('a repair goes on for as long as there is less to do each time; what comes again and again it leaves, and tells so', async t => {
    const one = await here(t, 'a', 'b', 'c', 'd', 'e')
    const few = async (): Promise<{ rounds: number, done: Repaired[] }> => {
      const done: Repaired[] = []
      return { rounds: await repairDistributed(one.options, {}, noErrors, one => { done.push(one) }, { mends: 1, idle: 2 }), done }
    }
    await one.sql('delete from $.segments; update $.records set size = 0')
    const { rounds, done } = await few()
    t.equal(rounds, 6)
    t.match(done, Array.from({ length: 5 }, () => ({ kind: 'blob', done: 'it is in the trash' })))
    t.same(await verified(one), [])
    await one.sql("create function $.stubborn() returns trigger language plpgsql as 'begin NEW.trashed := null; return NEW; end'")
    await one.sql('create trigger stubborn before update on $.blobs for each row execute function $.stubborn()')
    await one.sql('update $.blobs set size = size')
    const again = await few()
    t.equal(again.rounds, 4)
    t.match(again.done.filter(({ done }) => done !== undefined), { length: 3 })
    t.match(again.done.filter(({ done }) => done === undefined), { length: 5 }, 'all are told of')
  })

  t.test('what is among the values and belongs to nothing is moved aside; not what a lease may still bring, what is young, or what is not ours', async t => {
    const one = await here(t, 'kept')
    const root = fileURLToPath(one.options.blobs)
    const old = new Date(Date.now() - 7_200_000)
    const file = async (name: string, when = old): Promise<string> => {
      await mkdir(dirname(join(root, name)), { recursive: true })
      await writeFile(join(root, name), name)
      await utimes(join(root, name), when, when)
      return name
    }
    const gone = '0192d6a4-0000-7000-8000-000000000000'
    const closed = '0192d6a4-0000-7000-8000-000000000001'
    await one.sql(`insert into $.leases (id, open, seen, closed) values ('${closed}', false, clock_timestamp(), clock_timestamp())`)
    const lease = one.store.lease()
    const { blob: underWay } = await one.store.blobs.put(lease.id, [Buffer.from('under way')])
    await utimes(join(root, underWay), old, old)
    await utimes(one.file(one.blobs.get('kept') ?? ''), old, old)
    const surplus = await file(`${gone}/0/1`)
    const others = [await file(`${closed}/0/1`), await file(`${gone}/0/2`, new Date()), await file(`${gone}/notes.txt`), await file('somewhere/0/1'), await file('probe-1'), underWay]
    const findings = await verified(one)
    t.match(findings, [{ kind: 'file', blob: surplus, file: surplus, problem: /^What is in file:\/\/\/\S+ as \S+ belongs to nothing$/ }])
    t.match(await repaired(one, { dryRun: true }), [{ done: /^it would be/ }])
    t.match(await repaired(one), [{ blob: surplus, done: `it is ${join(root, 'moved-aside', surplus)} now` }])
    t.equal(await readFile(join(root, 'moved-aside', surplus), 'utf8'), surplus)
    for (const name of others) t.ok((await readFile(join(root, name))).length > 0, name)
    t.ok((await readFile(join(root, '.fastify-cdmi-store'), 'utf8')).length > 30)
    t.same(await verified(one), [])
    lease.release([underWay])
    await one.store.sweep()
    t.same(await repaired(one), [])
    t.equal(await readFile(join(root, 'moved-aside', surplus), 'utf8'), surplus, 'no sweeper goes there')
  })
}
