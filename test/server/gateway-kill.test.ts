/**
 * Gateways on one PostgreSQL and one S3 server, all of them killed again and again while they work. `GATEWAY_ROUNDS`: how often. An ordinary
 * run does two of the eight kinds, and others each time.
 */
import t, { type Test } from 'tap'
import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { request } from 'undici'
import type { S3Options } from '../../schemas/s3-options.js'
import type { DistributedStoreOptions } from '../../schemas/store-options.js'
import { eventually } from '../helpers/eventually.js'
import { audit, type Audit } from '../helpers/gateway-audit.js'
import { Fleet } from '../helpers/gateway-fleet.js'
import { MixedLoad } from '../helpers/mixed-load.js'
import { urlOf } from '../storage/postgres-driver.js'
import { type OwnServer, ownServer, query, schemaOf } from '../storage/postgres-server.js'
import { durableS3Server, freshOptions, type OwnS3Server } from '../storage/s3-server.js'

const rounds = Number(process.env['GATEWAY_ROUNDS'] ?? 2)
const gateways = 4
const workers = 12
/** Acknowledged requests before each fault and after it: at least so many, and up to twice as many. */
const before = 20
const after = 15
/** Milliseconds: short, so that a gateway that stands still is soon taken for dead. */
const leaseTimeout = 2000

/** Bytes: so that many a value is in several objects; and at every second gateway the longest ones in one object that is uploaded in two parts, of which one is as short as S3 permits. */
const segmentSize = 65_536
const partSize = 5 * 1024 * 1024
const longest = partSize + 500_000

const home = '/cdmi/2.0.0/load/'
const health = '/cdmi/2.0.0/health/'

const s3Starting = durableS3Server()
const postgres = await ownServer({ durable: true })
const s3 = await s3Starting
if (postgres === undefined || s3 === undefined) t.pass('PostgreSQL or an S3 server is not installed', { skip: true })
else suite(postgres, s3)

function suite (postgres: OwnServer, s3: OwnS3Server): void {
  t.test(`${gateways} gateways, PostgreSQL and S3 are killed under a mixed load: what was acknowledged is there byte for byte, the rest wholly or not at all, and no garbage stays`, { timeout: 3_600_000 }, async t => {
    const s3Options = freshOptions(s3, { timeout: 3000, retryFor: 1000, partSize })
    const meta = postgres.freshSchema(t)
    const fleet = await startFleet(t, meta, s3Options, gateways, { segmentSize: longest })
    const load = new MixedLoad(workers, longest)
    const faults: Readonly<Record<string, () => Promise<void>>> = {
      async gateways () {
        await fleet.kill(randomInt(1, gateways))
      },
      async PostgreSQL () {
        await postgres.crash()
        await delay(randomInt(300))
        await postgres.start()
      },
      async 'the door of S3' () {
        s3.own.kill()
        await delay(randomInt(300))
        await s3.own.start()
      },
      async 'PostgreSQL, which only stands still' () {
        postgres.freeze()
        await refused(workers)
        postgres.thaw()
      },
      async 'the door of S3, which only stands still' () {
        s3.own.freeze()
        await refused(1)
        s3.own.thaw()
      },
      async 'a gateway that only sleeps' () {
        const { thaw } = fleet.freeze()
        await takenForDead(meta)
        thaw()
      },
      async 'all of S3' () {
        s3.own.crash()
        await s3.own.start()
      },
      async 'all at once' () {
        s3.own.crash()
        await Promise.all([fleet.kill(gateways), postgres.crash()])
        await Promise.all([postgres.start(), s3.own.start()])
        await fleet.start(1)
      }
    }

    let running: Promise<void> = Promise.resolve()
    /** Resolves after so many more acknowledgements, or up to twice as many; and when the load cannot go on. */
    async function enough (count: number): Promise<void> {
      const goal = load.acknowledged + count + randomInt(count)
      await Promise.race([eventually('the load goes on', () => load.acknowledged >= goal), running.then(async () => { await new Promise(() => {}) })])
    }
    /** Resolves when so many more requests have failed. */
    async function refused (count: number): Promise<void> {
      const goal = load.failed + count
      await Promise.race([eventually('requests are refused', () => load.failed >= goal), running.then(async () => { await new Promise(() => {}) })])
    }
    /** Nothing that a gateway has begun is still to come. */
    async function quiet (): Promise<void> {
      const [[now] = []] = await query(meta, 'select clock_timestamp()::text')
      const dead = fleet.dead.map(name => `'${name}'`).join(', ') || 'null'
      await eventually('all transactions have ended', async () => {
        const [[count] = []] = await query(meta, `select count(*) from pg_stat_activity where pid <> pg_backend_pid() and (xact_start < '${String(now)}' or application_name in (${dead}))`)
        return Number(count) === 0
      })
    }

    const kinds = Object.keys(faults).sort(() => randomInt(3) - 1)
    for (let round = 0; round < rounds; round++) {
      const kind = kinds[round % kinds.length] ?? ''
      const begin = performance.now()
      const counts = { acknowledged: load.acknowledged, failed: load.failed }
      const stop = new AbortController()
      running = load.runOn(() => fleet.choose(), stop.signal)
      running.catch(() => {})
      await enough(before)
      await faults[kind]?.()
      const restored = performance.now()
      await enough(after)
      stop.abort()
      await running
      await fleet.start(gateways - fleet.awake.length)
      await fleet.healed(health)
      const healed = performance.now()
      await quiet()
      t.same(await load.check(() => fleet.choose()), [], `round ${round}, after the death of ${kind}`)
      t.same((await audit(meta, s3Options)).missing, [], 'no blob is missing')
      t.comment(`${kind}: ${load.acknowledged - counts.acknowledged} acknowledged, ${load.failed - counts.failed} failed; ${Math.round(restored - begin)} ms with the fault, ${Math.round(healed - restored)} ms after it, ${Math.round(performance.now() - healed)} ms of checks`)
    }
    t.same(await load.check(() => fleet.choose(), true), [], 'everything, once more')

    await anHourLater(meta)
    const { missing, garbage, needed } = await swept(async () => await audit(meta, s3Options))
    t.same(garbage, [], 'the sweepers of the gateways leave no garbage')
    t.same(missing, [])
    t.ok(needed > 0)
    t.same(fleet.faults, [])
    t.comment(`${load.acknowledged} acknowledged, ${load.failed} failed, ${needed} blobs`)
  })

  t.test('a gateway sleeps in the middle of uploads until it is taken for dead and what it has stored is swept: it has to refuse them; negative control: with the fence off, the same check finds what is lost', { timeout: 120_000 }, async t => {
    const s3Options = freshOptions(s3)
    const meta = postgres.freshSchema(t)
    const fleet = await startFleet(t, meta, s3Options, 2)
    const load = new MixedLoad(2)
    const value = randomBytes(4 * segmentSize)
    for (const fence of [true, false]) {
      if (!fence) await unfence(meta)
      await anHourLater(meta)
      t.same((await swept(async () => await audit(meta, s3Options))).garbage, [])
      const sleeper = fleet.choose()
      let finish = (): void => {}
      const rest = new Promise<void>(resolve => { finish = resolve })
      const uploads = Array.from({ length: 3 }, async () => await load.putSlowly(sleeper, value, rest))
      let stored: readonly string[] = []
      await eventually('their first segments are stored', async () => {
        stored = (await audit(meta, s3Options)).garbage
        return stored.length >= 2 * uploads.length
      })
      const { thaw } = fleet.freeze(sleeper)
      const stop = new AbortController()
      const running = load.runOn(() => fleet.choose(), stop.signal)
      await takenForDead(meta)
      await eventually('what it has stored is swept', async () => {
        const { garbage } = await audit(meta, s3Options)
        return !stored.some(blob => garbage.includes(blob))
      })
      thaw()
      finish()
      const acknowledged = (await Promise.all(uploads)).filter(Boolean).length
      stop.abort()
      await running
      const wrong = await load.check(() => fleet.choose())
      const { missing } = await audit(meta, s3Options)
      if (fence) {
        t.same(wrong, [])
        t.same(missing, [])
        t.same(fleet.faults, [])
        t.equal(acknowledged, 0, 'the uploads were refused')
      } else {
        t.equal(acknowledged, uploads.length, 'the uploads were acknowledged')
        t.equal(wrong.filter(sentence => sentence.includes('unreadable where')).length, uploads.length, 'and lost')
        t.ok(missing.length >= 2 * uploads.length)
        t.ok(fleet.faults.length >= uploads.length)
      }
    }
  })
}

async function startFleet (t: Test, meta: string, s3: S3Options, count: number, others: Partial<DistributedStoreOptions> = {}): Promise<Fleet> {
  const times = { sweepInterval: 250, trashGrace: 1000, leaseTimeout, databaseTimeout: 3000, connectTimeout: 2000 }
  const fleet = new Fleet(t, { meta, blobs: urlOf(s3), segmentSize, connections: 8, ...times }, others)
  await fleet.start(count)
  for (const url of [home, health]) await (await request(fleet.choose().origin + url, { method: 'PUT' })).body.dump()
  return fleet
}

/** Resolves when the lease of somebody who lives was closed, because nothing was heard of him. */
async function takenForDead (meta: string): Promise<void> {
  const closed = `select count(*) from ${schemaOf(meta)}.leases where not open and closed - seen > interval '${leaseTimeout} milliseconds'`
  const [[were] = []] = await query(meta, closed)
  await eventually('it is taken for dead', async () => Number((await query(meta, closed))[0]?.[0]) > Number(were))
}

/** Then it is looked once more for what came late, under leases that were closed. */
async function anHourLater (meta: string): Promise<void> {
  await query(meta, `update ${schemaOf(meta)}.leases set swept = swept - interval '2 hours'`)
}

/** Takes the fence out of the database: a commit under a closed lease is made like any other. */
async function unfence (meta: string): Promise<void> {
  const [[source] = []] = await query(meta, `select pg_get_functiondef('${schemaOf(meta)}.commit_change'::regproc)`)
  const fence = "if not found then return '{\"on\": \"lease\"}'; end if;"
  if (!String(source).includes(fence)) throw new Error('the fence is somewhere else now')
  await query(meta, String(source).replace(fence, ''))
}

/** The last of many looks: when there is no garbage any more, or after half a minute. */
async function swept (look: () => Promise<Audit>): Promise<Audit> {
  const end = performance.now() + 30_000
  for (;;) {
    const found = await look()
    if (found.garbage.length === 0 || performance.now() > end) return found
    await delay(200)
  }
}
