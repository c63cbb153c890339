/** Many writers at the doors of several gateways on one PostgreSQL: who waits for whom, and that no update is lost. */
import t, { type Test } from 'tap'
import { Client } from 'pg'
import { askGateway, gatewaysHere, type GatewaysHere } from '../helpers/gateways-here.js'
import { aValue } from '../storage/driver.js'
import { placeOf } from '../storage/postgres-driver.js'
import { postgresServer, query, schemaOf } from '../storage/postgres-server.js'
import { slowChange, waiting } from '../storage/slow-change.js'

const gateways = 4
const writers = 64
/** So many of each, to see how fast they are. */
const creates = 3

const server = await postgresServer()
if (server === undefined) t.pass('PostgreSQL is not installed', { skip: true })
else {
  const setUp = async (t: Test): Promise<GatewaysHere & { meta: string }> => {
    const options = { ...placeOf(t, server, t.testdir()), databaseTimeout: 10_000 }
    return { ...await gatewaysHere(t, gateways, options), meta: options.meta }
  }
  const all = async <T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> => await Promise.all(Array.from({ length: count }, async (_, n) => await work(n)))
  /** The statuses that there are. */
  const statuses = (answers: ReadonlyArray<{ status: number }>): number[] => [...new Set(answers.map(({ status }) => status))].sort((a, b) => a - b)

  t.test(`${writers} writers create in one container through ${gateways} gateways while a create in it does not end: none of them waits for it`, async t => {
    const { at, meta, faults } = await setUp(t)
    await askGateway(at(0), '/container/', { method: 'PUT' })
    const store = at(0).store
    const container = (await store.meta.resolve(store.rootID, ['container']))[1]
    if (container === undefined) throw new Error('there is no container')
    const expect = [{ id: store.rootID, version: 1 }, { id: container.id, version: container.version }]
    const slow = await slowChange(t, meta, { expect, put: [aValue('slow', { parentID: container.id, name: 'slow' })], events: [{}] })
    const created = await all(writers, async n => await askGateway(at(n), `/container/n${n}`, { method: 'PUT', body: 'x'.repeat(n % 2 === 0 ? 10 : 20_000) }))
    t.same(statuses(created), [201])
    const listed = async (): Promise<string[]> => (JSON.parse((await askGateway(at(1), '/container/', { headers: { accept: 'application/cdmi-container' } })).text) as { children: string[] }).children
    t.equal((await listed()).length, writers)
    await slow.end('commit')
    t.equal((await listed()).length, writers + 1)

    // For a look: in one container, and each in his own.
    await all(writers, async n => await askGateway(at(n), `/own${n}/`, { method: 'PUT' }))
    const rate = async (path: (n: number, k: number) => string, count: number): Promise<number> => {
      const begin = performance.now()
      await all(count, async n => {
        for (let k = 0; k < creates; k++) await askGateway(at(n), path(n, k), { method: 'PUT', body: 'x' })
      })
      return Math.round(count * creates * 1000 / (performance.now() - begin))
    }
    const own = await rate((n, k) => `/own${n}/k${k}`, writers)
    const one = await rate((n, k) => `/container/k${n}-${k}`, writers)
    const alone = await rate((_, k) => `/container/alone${k}`, 1)
    t.comment(`creates in a second: ${one} by ${writers} writers in one container, ${own} by ${writers} in containers of their own, ${alone} by one writer`)
    t.same(faults, [])
  })

  t.test(`${writers} writers of one object through ${gateways} gateways, each with If-Match: no update is lost`, async t => {
    const { at, faults } = await setUp(t)
    await askGateway(at(0), '/counter', { method: 'PUT', body: '0' })
    let refused = 0
    await all(writers, async n => {
      for (;;) {
        const { headers, text } = await askGateway(at(n), '/counter')
        const { status } = await askGateway(at(n + 1), '/counter', { method: 'PUT', headers: { 'if-match': String(headers['etag']) }, body: String(Number(text) + 1) })
        if (status === 204) break
        if (status !== 412) throw new Error(`answered ${status}`)
        refused++
      }
    })
    t.equal((await askGateway(at(2), '/counter')).text, String(writers))
    t.ok(refused > 0, `${refused} came too late`)
    t.same(faults, [])
  })

  t.test('writers of one object without conditions, and of ranges of one value: each has its way, and every range is there in the end', async t => {
    const { at, faults } = await setUp(t)
    await askGateway(at(0), '/value', { method: 'PUT', body: Buffer.alloc(writers * 1000) })
    const patched = await all(writers, async n => await askGateway(at(n), '/value', { method: 'PATCH', headers: { 'content-range': `bytes ${n * 1000}-${n * 1000 + 999}/*` }, body: Buffer.alloc(1000, n + 1) }))
    t.same(statuses(patched), [204])
    const { bytes } = await askGateway(at(3), '/value')
    t.ok(bytes.equals(Buffer.concat(Array.from({ length: writers }, (_, n) => Buffer.alloc(1000, n + 1)))))
    const replaced = await all(writers, async n => await askGateway(at(n), '/value', { method: 'PUT', body: `whole ${n}` }))
    t.same(statuses(replaced), [204])
    t.match((await askGateway(at(3), '/value')).text, /^whole \d+$/)
    t.same(faults, [])
  })

  for (const [code, what] of [['40001', 'serialization'], ['40P01', 'deadlock']] as const) {
    t.test(`${code}: a ${what} failure is tried again, and the client hears nothing of it; one that does not end becomes 503, with nothing changed`, async t => {
      const { at, meta, faults } = await setUp(t)
      const s = schemaOf(meta)
      await query(meta, `create sequence ${s}.failures`)
      await query(meta, `create function ${s}.fail() returns trigger language plpgsql as $f$ begin
        if nextval('${s}.failures') <= tg_argv[0]::bigint then raise exception 'as if' using errcode = '${code}'; end if;
        return new;
      end $f$`)
      const failing = async (times: number): Promise<void> => {
        await query(meta, `drop trigger if exists fail on ${s}.records`)
        await query(meta, `alter sequence ${s}.failures restart`)
        await query(meta, `create trigger fail before insert or update on ${s}.records for each row execute function ${s}.fail(${times})`)
      }
      await failing(3)
      t.equal((await askGateway(at(0), '/object', { method: 'PUT', body: 'one' })).status, 201)
      t.same(await query(meta, `select last_value from ${s}.failures`), [['4']], 'the fourth attempt')
      await failing(3)
      t.equal((await askGateway(at(1), '/object', { method: 'PUT', body: 'two' })).status, 204)
      await failing(1000)
      const { status, headers } = await askGateway(at(2), '/object', { method: 'PUT', body: 'three' })
      t.equal(status, 503)
      t.ok(headers['retry-after'])
      t.equal((await askGateway(at(3), '/object')).text, 'two')
      await failing(0)
      t.equal((await askGateway(at(2), '/object', { method: 'PUT', body: 'four' })).status, 204)
      t.same(faults, [])
    })
  }

  t.test('a deadlock with somebody else in the database: the write of the gateway is the one that is tried again, and made', async t => {
    const { at, meta, faults } = await setUp(t)
    await askGateway(at(0), '/container/', { method: 'PUT' })
    await askGateway(at(0), '/container/object', { method: 'PUT', body: 'one' })
    const s = schemaOf(meta)
    const keys = (await query(meta, `select ${s}.lock_key(id) as key from ${s}.records where name is null or name in ('container', 'object') order by key`)).map(([key]) => String(key))
    t.equal(keys.length, 3, 'the root, the container, the object')
    const other = new Client({ connectionString: meta })
    await other.connect()
    t.teardown(async () => { await other.end() })
    const lock = async (key = ''): Promise<unknown> => await other.query(`select pg_advisory_xact_lock(${key})`)
    await other.query('begin')
    // A change takes its locks in this order.
    await lock(keys.at(-1))
    const writing = askGateway(at(1), '/container/object', { method: 'PUT', body: 'two' })
    await waiting(meta, 1)
    await lock(keys[0])
    await other.query('commit')
    t.equal((await writing).status, 204)
    t.equal((await askGateway(at(2), '/container/object')).text, 'two')
    t.same(faults, [])
  })
}
