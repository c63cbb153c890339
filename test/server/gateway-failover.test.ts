/**
 * Servers as users start them, on one store, under a mixed load, while their primary dies and its synchronous standby is promoted. Some know a name that moves to
 * the new primary, others the names of both. None is started again.
 */
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { openStore } from '../../storage/open-store.js'
import { eventually } from '../helpers/eventually.js'
import { audit, type Audit } from '../helpers/gateway-audit.js'
import type { Target } from '../helpers/load-client.js'
import { MixedLoad } from '../helpers/mixed-load.js'
import { startServer, type ServerProcess } from '../helpers/server-process.js'
import { type Cluster, ownCluster, severalServers } from '../storage/postgres-cluster.js'
import { urlOf } from '../storage/postgres-driver.js'
import { query } from '../storage/postgres-server.js'
import { freshOptions, s3Server, type S3Server } from '../storage/s3-server.js'
import { proxyTo } from '../storage/tcp-proxy.js'

const workers = 12
/** Acknowledged requests before the failover and after it. */
const [before, after] = [100, 100]
/** Seconds in which a server gives up the database; and milliseconds in which a client has an answer, though the machine is busy. */
const [timeout, connectTimeout] = [3, 3]
const bound = 15_000

const home = '/cdmi/2.0.0/load/'
const schema = 'failover'
const value = Buffer.alloc(20_000, 'a value elsewhere')

const s3Starting = s3Server()
const cluster = await ownCluster()
const s3 = await s3Starting
if (cluster === undefined || s3 === undefined) t.pass('PostgreSQL or an S3 server is not installed', { skip: true })
else suite(cluster, s3)

function suite ({ primary, standby, kill, promote }: Cluster, s3: S3Server): void {
  t.test('the primary is killed under a mixed load and its standby promoted: 503 in bounded time until then, then all goes on by itself; what was acknowledged is there byte for byte, the rest wholly or not at all, and no garbage stays', { timeout: 240_000 }, async t => {
    const place = freshOptions(s3, { timeout: 3000, retryFor: 1000 })
    const blobs = urlOf(place)
    const moving = await proxyTo(t, `${primary}?schema=${schema}`)
    const known = { 'a name that moves': moving.url, 'the old primary first': severalServers(schema, primary, standby), 'the standby first': severalServers(schema, standby, primary) }
    const servers = await Promise.all(Object.entries(known).map(async ([name, meta]) => await start(t, name, meta, blobs)))
    const [some] = servers
    if (some === undefined) throw new Error('there is none')
    await (await request(some.origin + home, { method: 'PUT', headers: { authorization: some.authorization } })).body.dump()
    for (const { origin, name } of servers) t.equal((await asked(origin + '/-/ready')).status, 200, `${name}: ready`)

    const load = new MixedLoad(workers)
    let next = 0
    const stop = new AbortController()
    const running = load.runOn(() => servers[next++ % servers.length] ?? some, stop.signal)
    running.catch(() => {})
    const reaches = async (what: string, count: () => number, more: number): Promise<void> => {
      const goal = count() + more
      await Promise.race([eventually(what, () => count() >= goal), running.then(async () => { await new Promise(() => {}) })])
    }
    await reaches('the load runs', () => load.acknowledged, before)
    const acknowledged = load.acknowledged
    kill()
    const begin = performance.now()
    await reaches('requests are refused', () => load.failed, workers)
    await Promise.all(servers.map(async ({ name, origin, authorization }) => {
      const headers = { authorization }
      for (const method of ['GET', 'PUT'] as const) {
        const { status, retryAfter, milliseconds } = await asked(`${origin}${home}away`, { method, headers, body: method === 'PUT' ? value : null })
        t.equal(status, 503, `${name}: ${method}`)
        t.match(retryAfter, /^\d+$/)
        t.ok(milliseconds < bound, `${name}: ${method} in ${Math.round(milliseconds)} ms`)
      }
      await eventually(`${name} is not ready`, async () => (await asked(origin + '/-/ready')).status === 503)
    }))
    promote()
    moving.moveTo(standby)
    const promoted = performance.now()
    await Promise.all(servers.map(async ({ name, origin, authorization }) => {
      const headers = { authorization }
      await eventually(`${name} is ready`, async () => (await asked(origin + '/-/ready')).status === 200)
      t.equal((await asked(`${origin}${home}back`, { method: 'PUT', headers, body: value })).status < 300, true, `${name}: writes`)
    }))
    const healed = performance.now()
    await reaches('the load goes on', () => load.acknowledged, after)
    stop.abort()
    await running
    t.same((await Promise.all(servers.map(async ({ origin }) => (await asked(origin + '/-/ready')).status))), servers.map(() => 200))
    await (await request(`${some.origin}${home}back`, { method: 'DELETE', headers: { authorization: some.authorization } })).body.dump()

    t.same(await load.check(() => servers[next++ % servers.length] ?? some, true), [])
    const { needed, missing } = await audit(`${standby}?schema=${schema}`, place)
    t.same(missing, [], 'no blob is missing')
    t.ok(needed > 0)
    for (const { name, process, dispatcher } of servers) {
      await dispatcher.close()
      t.equal(await process.stop(), 0, `${name}: ends as it should`)
      t.same(process.output().split('\n').filter(line => line.includes('CDMI_INTERNAL')), [], `${name}: no defect`)
    }
    const look = async (): Promise<Audit> => await audit(`${standby}?schema=${schema}`, place)
    const sweeper = await openStore({ meta: known['the old primary first'], blobs, trashGrace: 0, sweepInterval: 0 }, error => { throw error })
    await eventually('all garbage is swept', async () => {
      await sweeper.sweep()
      // As if an hour had passed: then it is looked once more for what came late.
      await query(standby, `update ${schema}.leases set swept = null`)
      return (await look()).garbage.length === 0
    })
    await sweeper.close()
    const last = await look()
    t.same([last.garbage, last.missing], [[], []], 'the sweeper leaves no garbage, and all that is needed')
    t.ok(last.needed > 0)
    t.comment(`${acknowledged} acknowledged before, ${load.acknowledged - acknowledged} after it, ${load.failed} failed; ${Math.round(promoted - begin)} ms without a primary, healed ${Math.round(healed - promoted)} ms after that`)
  })
}

interface Server extends Target {
  /** How it knows the database. */
  readonly name: string
  readonly process: ServerProcess
  readonly authorization: string
  readonly dispatcher: Agent
}

async function start (t: Test, name: string, meta: string, blobs: string): Promise<Server> {
  const flags = ['--log-level', 'error', '--database-timeout', String(timeout), '--database-connect-timeout', String(connectTimeout), '--database-lease-timeout', '5', '--delayed-after', '3600000']
  const process = await startServer(t, undefined, flags, { CDMI_META: meta, CDMI_BLOBS: blobs })
  const dispatcher = new Agent({ connections: 64 })
  t.teardown(async () => { await dispatcher.destroy() })
  return { name, process, origin: process.origin, authorization: process.authorization, dispatcher }
}

async function asked (url: string, options: Parameters<typeof request>[1] = {}): Promise<{ status: number, retryAfter: string, milliseconds: number }> {
  const since = performance.now()
  const { statusCode, headers, body } = await request(url, options)
  await body.dump()
  return { status: statusCode, retryAfter: String(headers['retry-after']), milliseconds: performance.now() - since }
}
