import t from 'tap'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { schemaVersion } from '../../storage/distributed/migrate.js'
import { migrateStore } from '../../storage/distributed/migrate-store.js'
import { firstTables } from '../../storage/distributed/migrations/first-tables.js'
import { mendedFunctions } from '../../storage/distributed/migrations/mended-functions.js'
import { placeIdentity } from '../../storage/distributed/migrations/place-identity.js'
import { scrubPlace } from '../../storage/distributed/migrations/scrub-place.js'
import { trees } from '../../storage/distributed/migrations/trees.js'
import { usage } from '../../storage/distributed/migrations/usage.js'
import { namesOf } from '../../storage/distributed/names.js'
import { verifyDistributed } from '../../storage/distributed/verify-distributed.js'
import { openStore } from '../../storage/open-store.js'
import { treeAccount } from '../../storage/usage.js'
import { eventually } from '../helpers/eventually.js'
import { aRecord, aValue, fields, fieldsOfPut, next, store, storeBlob } from './driver.js'
import { noErrors, quickDirectory } from './embedded-driver.js'
import { placeOf } from './postgres-driver.js'
import { postgresServer, query, schemaOf } from './postgres-server.js'

t.test('options of a distributed store are checked, and no secret is repeated', async t => {
  const refused = async (options: object, message: string | RegExp): Promise<void> => {
    const error: unknown = await openStore(Object.assign({ meta: 'postgres://u:secret@127.0.0.1:1/d', blobs: 'file:///tmp/never' }, options)).catch((error: unknown) => error)
    t.match(error, { name: 'OptionError', message })
    t.notMatch(String(error), 'secret')
  }
  await refused({ meta: 'mysql://u:secret@h/d' }, 'The option "meta" of openStore must be a URL like postgres://user:password@host/database, or with several hosts and commas between them')
  await refused({ meta: 'secret' }, /"meta"/)
  await refused({ meta: 'postgres://u:secret@h/d?schema=pg_secret' }, /schema/)
  await refused({ meta: 'postgres://u:secret@h/d?schema=a"b' }, /schema/)
  await refused({ blobs: 'ftp://u:secret@h/d' }, /^The option "blobs" of openStore must be a URL that begins with file:\/\//)
  await refused({ blobs: 'file://host/d' }, /"blobs" of openStore must name a directory of this machine/)
  await refused({ connections: 0 }, /"connections"/)
  await refused({ directory: '/tmp/never' }, 'openStore has no option "directory"')
  await t.rejects(openStore(Object({ meta: 'postgres://h/d' })), { name: 'OptionError', message: 'openStore needs the option "blobs"' })
})

const server = await postgresServer()
if (server !== undefined) {
  t.test('servers that open a new store at the same time make one store', async t => {
    const options = placeOf(t, server, t.testdir())
    const stores = await Promise.all(Array.from({ length: 4 }, async () => await openStore(options, noErrors)))
    t.equal(new Set(stores.map(({ rootID }) => rootID)).size, 1)
    t.same(await query(options.meta, `select version from ${schemaOf(options.meta)}.migrations order by version`), Array.from({ length: schemaVersion }, (_, n) => [n + 1]))
    const [one, two] = stores
    if (one === undefined || two === undefined) throw new Error('no stores')
    const put = aValue('x', { parentID: one.rootID, name: 'x' })
    await store(one, { put: [put] })
    t.same(fields(await two.meta.get(put.id)), fieldsOfPut(put))
    await Promise.all(stores.map(async store => { await store.close() }))
    const again = await openStore(options, noErrors)
    t.equal(again.rootID, one.rootID)
    t.same(fields(await again.meta.get(put.id)), fieldsOfPut(put))
    t.equal(again.flags.crossProcess, true)
    t.equal(again.name, 'postgresql+files')
    await again.close()
    await t.rejects(again.meta.get(put.id), { name: 'StorageError', reason: 'unavailable' })
    await t.rejects(again.meta.commit({ expect: [], events: [] }), { name: 'StorageError', reason: 'unavailable' })
    await t.rejects(again.ready(), { name: 'StorageError', reason: 'unavailable' })
    await t.rejects(again.sweep(), { name: 'StorageError', reason: 'unavailable' })
  })

  t.test('a store of a newer build, and a schema of something else, are left alone', async t => {
    const options = placeOf(t, server, t.testdir())
    await (await openStore(options, noErrors)).close()
    await query(options.meta, `insert into ${schemaOf(options.meta)}.migrations (version) values (99)`)
    await t.rejects(openStore(options, noErrors), { name: 'StorageError', reason: 'format', message: /has version 99; this build knows versions up to \d+\. / })
    const other = placeOf(t, server, t.testdir())
    await query(other.meta, `create schema ${schemaOf(other.meta)}`)
    await query(other.meta, `create table ${schemaOf(other.meta)}.people (name text)`)
    await t.rejects(openStore(other, noErrors), { name: 'StorageError', reason: 'format', message: /is not empty and not a store/ })
    t.equal((await query(other.meta, `select tablename from pg_tables where schemaname = ${schemaOf(other.meta).replaceAll('"', "'")}`)).length, 1)
  })

  t.test('tables are made by one of those who migrate at the same time; who may not migrate opens the store only when that is done', async t => {
    const options = placeOf(t, server, t.testdir())
    await t.rejects(openStore({ ...options, migrate: false }, noErrors), { name: 'StorageError', reason: 'format', message: /^There is no store in schema \w+; run "fastify-cdmi migrate" first$/ })
    t.match(await migrateStore(options, { dryRun: true }), { version: schemaVersion, migrations: Array.from({ length: schemaVersion }, (_, n) => ({ version: n + 1 })) })
    const reports = await Promise.all(Array.from({ length: 4 }, async () => await migrateStore(options, { dryRun: false })))
    t.same(reports.map(({ migrations }) => migrations.length).sort(), [0, 0, 0, schemaVersion])
    t.match(await migrateStore(options, { dryRun: true }), { version: schemaVersion, migrations: [] })
    const store = await openStore({ ...options, migrate: false }, noErrors)
    await store.ready()
    await store.close()
    await query(options.meta, `update ${schemaOf(options.meta)}.migrations set version = version - ${schemaVersion}`)
    await t.rejects(openStore({ ...options, migrate: false }, noErrors), { name: 'StorageError', reason: 'format', message: /There is no store/ })
  })

  t.test('a user who may only use the tables needs no rights for those that are for the triggers alone; where others are missing a start says what to grant', async t => {
    const options = placeOf(t, server, t.testdir())
    const name = `gateway_${process.pid}`
    const schema = schemaOf(options.meta)
    await migrateStore(options, { dryRun: false })
    await query(server.url, `create role ${name} login password 'secret'`)
    t.teardown(async () => { await query(server.url, `drop owned by ${name}; drop role ${name}`) })
    const grant = async (what: string): Promise<void> => { await query(server.url, `grant ${what} to ${name}`) }
    await grant(`usage on schema ${schema}`)
    await grant(`select, insert, update, delete on all tables in schema ${schema}`)
    await grant(`usage, select, update on all sequences in schema ${schema}`)
    await query(server.url, `revoke all on ${['trees', 'moving', 'moved_aside'].map(table => `${schema}.${table}`).join(', ')} from ${name}`)
    const url = new URL(options.meta)
    Object.assign(url, { username: name, password: 'secret' })
    const theirs = { ...options, meta: url.href, migrate: false }
    await t.rejects(openStore(theirs, noErrors), { name: 'StorageError', reason: 'permission', message: `The database's user ${name} lacks rights in schema ${schema.replaceAll('"', '')}: moving (select), trees (select, insert, update, delete). The owner of the tables can give them: grant select, insert, update, delete on all tables in schema ${schema} to ${name}; grant usage, select, update on all sequences in schema ${schema} to ${name}` })
    await grant(`select, insert, update, delete on ${schema}.trees`)
    await grant(`select on ${schema}.moving`)
    const target = await openStore(theirs, noErrors)
    for (const kind of ['owners', 'children', 'trees'] as const) await target.meta.beginCounting(kind)
    const box = aRecord({ type: 'c', parentID: target.rootID, name: 'box' })
    const shelf = aRecord({ type: 'c', parentID: target.rootID, name: 'shelf' })
    await store(target, { put: [box, shelf] })
    await target.meta.countTree(box.id)
    await target.sweep()
    await store(target, { put: [aValue('value', { parentID: box.id, name: 'value' })], limits: [{ account: treeAccount(box.id), objects: 9 }], trees: [box.id] })
    await store(target, { put: [next(shelf, { name: 'moved' })] })
    t.same(await target.meta.usage(treeAccount(box.id)), { bytes: 5, objects: 2, whole: true })
    await store(target, { remove: [{ id: box.id, version: 1, subtree: true }] })
    await target.sweep()
    t.equal(await target.meta.usage(treeAccount(box.id)), undefined)
    await target.close()
  })

  t.test('servers of the build of before that make and remove containers do not stand in the way of the accounts of trees, nor these in theirs', async t => {
    const names = namesOf(new URL(server.freshSchema(t)).searchParams.get('schema') ?? '')
    const { schema } = names
    const [change, migration] = [new Client({ connectionString: server.url }), new Client({ connectionString: server.url })]
    t.teardown(async () => { await Promise.all([change.end(), migration.end()]) })
    await Promise.all([change.connect(), migration.connect()])
    await change.query(`create schema ${schema}`)
    for (const sql of [firstTables, usage, scrubPlace, placeIdentity]) await change.query(sql(names))
    // A removal looks at the list of what is removed, and then its trigger at what is counted.
    await change.query('begin')
    await change.query(`insert into ${schema}.orphans values ('')`)
    const migrated = migration.query(trees(names))
    migrated.catch(() => {})
    await eventually('it waits', async () => (await query(server.url, `select 1 from pg_locks where not granted and relation in ('${schema}.orphans'::regclass, '${schema}.counting'::regclass)`)).length > 0)
    await change.query(`select * from ${schema}.counting`)
    await change.query('commit')
    await migrated
    t.match((await migration.query(`select trees from ${schema}.counting`)).rows, [{ trees: false }])
  })

  t.test('sweepers of servers of before go on after a migration, until their servers are replaced', async t => {
    const versions = [firstTables, usage, scrubPlace, placeIdentity, trees, mendedFunctions]
    for (const version of [5, 6]) {
      const options = placeOf(t, server, await quickDirectory(t))
      const schema = schemaOf(options.meta)
      const names = namesOf(schema.replaceAll('"', ''))
      const former = new Client({ connectionString: server.url })
      await former.connect()
      t.teardown(async () => { await former.end() })
      await former.query(`create schema ${schema}; create table ${schema}.migrations (version int primary key, at timestamptz not null default clock_timestamp())`)
      for (const [index, sql] of versions.slice(0, version).entries()) await former.query(`${sql(names)}; insert into ${schema}.migrations (version) values (${index + 1})`)
      const prune = async (): Promise<unknown> => (await former.query<{ count: unknown }>({ name: 'prune', text: `select ${schema}.prune($1) as count`, values: [500] })).rows[0]?.count
      if (version === 5) t.equal(await prune(), 0, 'the server has prepared its statement')
      const target = await openStore(options, noErrors)
      t.teardown(async () => { await target.close() })
      const box = aRecord({ type: 'c', parentID: target.rootID, name: 'box' })
      const value = aValue('value', { parentID: box.id, name: 'value' })
      await store(target, { put: [box, value] })
      await store(target, { remove: [{ id: box.id, version: 1, subtree: true }] })
      // Containers without anything in them stand before it, more than are forgotten at once.
      await query(server.url, `insert into ${schema}.orphans select decode(lpad(n::text, 48, '0'), 'hex') from generate_series(1, 450) n`)
      while (await prune() !== 0);
      t.equal(await target.meta.get(value.id), undefined, `from version ${version}`)
      t.same(await query(server.url, `select id from ${schema}.orphans`), [])
    }
  })

  t.test('an account that somebody has changed in the database is found by a look at the store, and counted anew', async t => {
    const options = placeOf(t, server, t.testdir())
    const target = await openStore(options, noErrors)
    await target.meta.beginCounting('owners')
    while (await target.meta.countMore(10) > 0);
    await store(target, { put: [aValue('value', { attributes: { owner: 'alice', metadata: {} } })] })
    const problems = async (): Promise<string[]> => {
      const found: string[] = []
      await verifyDistributed(options, {}, noErrors, ({ kind, problem }) => { found.push(`${kind}: ${problem}`) })
      return found
    }
    t.same(await problems(), [])
    await query(options.meta, `update ${schemaOf(options.meta)}.usage set bytes = bytes + 1 where account = 'owner:alice'`)
    t.same(await problems(), ['usage: alice is said to have 1 objects and 6 bytes, and has 1 and 5'])
    await query(options.meta, `select ${schemaOf(options.meta)}.recount()`)
    await target.sweep()
    t.same(await problems(), [])
    t.same(await target.meta.usage('owner:alice'), { bytes: 5, objects: 1, whole: true })
    await target.close()
  })

  t.test('two stores in one database know nothing of each other', async t => {
    const [one, two] = await Promise.all(['one', 'two'].map(name => placeOf(t, server, join(t.testdir({}), name))).map(async options => await openStore(options, noErrors)))
    if (one === undefined || two === undefined) throw new Error('no stores')
    const put = aValue('x', { parentID: one.rootID, name: 'x' })
    await store(one, { put: [put] })
    t.not(one.rootID, two.rootID)
    t.equal(await two.meta.get(put.id), undefined)
    await Promise.all([one.close(), two.close()])
  })

  t.test('a server whose values are in another place than those of the others is refused, and told both; whoever looks at the store, too', async t => {
    const one = placeOf(t, server, t.testdir({}))
    const other = { ...one, blobs: `${one.blobs}-of-another` }
    const first = await openStore(one, noErrors)
    t.teardown(async () => { await first.close() })
    const elsewhere = { name: 'StorageError', reason: 'format', message: /^The store in postgres:\/\/[^@]*\?schema=\w+ has its values in file:\/\/\S+\/blobs; file:\/\/\S+\/blobs-of-another has no "\.fastify-cdmi-store"\. Give all servers the same "blobs"/ }
    await t.rejects(openStore(other, noErrors), elsewhere)
    const shape = (text: string): string => text.replace(/postgres:\/\/\S+/, 'database').replace(/(?:s3|file):\/\/\S+?(?: at \S+?)?(?=;| has)/g, 'place').replace(/(?<=its text is )[^)]+/, 'id').trim()
    const [, shown = ''] = /```\n(The store in postgres:[^`]+)```/.exec(await readFile('docs/scale-out.md', 'utf8')) ?? []
    t.equal(shape(await openStore(other, noErrors).then(() => '', (error: unknown) => error instanceof Error ? error.message : '')), shape(shown), 'as the manual shows it')
    await t.rejects(verifyDistributed(other, {}, noErrors, () => {}), elsewhere)
    await storeBlob(first, Buffer.alloc(10_000), { parentID: first.rootID, name: 'x', attributes: {} })
    // It is not asked for what would make an empty directory one with values.
    const empty = { ...one, blobs: `${one.blobs}-empty` }
    const another = { name: 'StorageError', reason: 'format', message: /-empty has no "\.fastify-cdmi-store"\. Give all servers the same "blobs"/ }
    await t.rejects(openStore(empty, noErrors), another)
    await t.rejects(verifyDistributed(empty, {}, noErrors, () => {}), another)
    await (await openStore(one, noErrors)).close()
    const stranger = placeOf(t, server, await quickDirectory(t))
    await (await openStore(stranger, noErrors)).close()
    await t.rejects(openStore({ ...one, blobs: stranger.blobs }, noErrors), { name: 'StorageError', reason: 'format', message: /has the values of another store: its "\.fastify-cdmi-store" says [0-9a-f-]{36}, and this store is [0-9a-f-]{36}/ })
    await t.rejects(openStore({ ...stranger, blobs: one.blobs }, noErrors), { name: 'StorageError', reason: 'format', message: /another store/ })
    await cp(fileURLToPath(one.blobs), fileURLToPath(other.blobs), { recursive: true })
    await (await openStore(other, noErrors)).close()
    const mark = join(fileURLToPath(other.blobs), '.fastify-cdmi-store')
    const text = await readFile(mark, 'utf8')
    await rm(mark)
    const message: unknown = await openStore(other, noErrors).catch((error: unknown) => error)
    t.match(message, { name: 'StorageError', reason: 'format', message: /has lost its "\.fastify-cdmi-store": is that really the place of its values\?/ })
    t.match(String(message), text.trim())
    await writeFile(mark, text)
    await (await openStore(other, noErrors)).close()
  })

  t.test('of two servers that open a new store at once with different places one is refused; of many with the same none is', async t => {
    const one = placeOf(t, server, t.testdir({}))
    const outcomes = await Promise.all(['', '-b'].map(async end => await openStore({ ...one, blobs: one.blobs + end }, noErrors).then(async store => {
      await store.close()
      return 'opened'
    }, (error: unknown) => String(error))))
    t.equal(outcomes.filter(outcome => outcome === 'opened').length, 1)
    t.match(outcomes.find(outcome => outcome !== 'opened'), /has no "\.fastify-cdmi-store"/)
  })

  t.test('a store of before gets its mark at the first start, in a place that has its values and in no other', async t => {
    const one = placeOf(t, server, t.testdir({}))
    const made = await openStore(one, noErrors)
    await storeBlob(made, Buffer.alloc(10_000), { parentID: made.rootID, name: 'x', attributes: {} })
    await made.close()
    const mark = join(fileURLToPath(one.blobs), '.fastify-cdmi-store')
    await rm(mark)
    await query(one.meta, `update ${schemaOf(one.meta)}.store set place = null`)
    await verifyDistributed(one, {}, noErrors, () => {})
    await t.rejects(readFile(mark), { code: 'ENOENT' }, 'a look leaves no mark')
    const stranger = placeOf(t, server, await quickDirectory(t))
    await (await openStore(stranger, noErrors)).close()
    await rm(join(fileURLToPath(stranger.blobs), '.fastify-cdmi-store'))
    await t.rejects(openStore({ ...one, blobs: stranger.blobs }, noErrors), { name: 'StorageError', reason: 'format', message: /has its values in a place that is not known yet; \S+ has none of its values/ })
    const stores = await Promise.all([1, 2, 3].map(async () => await openStore(one, noErrors)))
    t.match(await readFile(mark, 'utf8'), String((await query(one.meta, `select identity from ${schemaOf(one.meta)}.store`))[0]?.[0]))
    await Promise.all(stores.map(async store => { await store.close() }))
  })

  t.test('where the database has no checksums of its pages the store has a sentence for the operator', async t => {
    const store = await openStore(placeOf(t, server, t.testdir({})), noErrors)
    const isOn = (await query(server.url, 'show data_checksums'))[0]?.[0] === 'on'
    t.match(store.notices, isOn ? undefined : [/data_checksums is off/])
    await store.close()
  })
}
