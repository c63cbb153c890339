/** A store while its database fails over to a synchronous standby, that it knows by a URL of both servers or by a name that moves. */
import t, { type Test } from 'tap'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import type { DistributedStoreOptions } from '../../schemas/store-options.js'
import { type Store, StorageError } from '../../storage/contract.js'
import { Database } from '../../storage/distributed/database.js'
import { schemaVersion } from '../../storage/distributed/migrate.js'
import { migrateStore } from '../../storage/distributed/migrate-store.js'
import { namesOf, readDatabaseUrl } from '../../storage/distributed/names.js'
import { takeTransferLock } from '../../storage/distributed/transfer-lock.js'
import { openStore } from '../../storage/open-store.js'
import { eventually } from '../helpers/eventually.js'
import { aRecord, aValue, commit, follow, isReadable, segmentOf } from './driver.js'
import { type Cluster, ownCluster, severalServers } from './postgres-cluster.js'
import { query } from './postgres-server.js'
import { proxyTo } from './tcp-proxy.js'

const unavailable = { name: 'StorageError', reason: 'unavailable' }
const outagesOnly = (error: unknown): void => { if (!(error instanceof StorageError && error.reason === 'unavailable')) throw error }
const times = { databaseTimeout: 1500, connectTimeout: 1500, trashGrace: 0, sweepInterval: 0 }

const [first, second] = [await ownCluster(), await ownCluster()]
if (first === undefined || second === undefined) t.pass('PostgreSQL is not installed', { skip: true })
else suite(first, second)

function suite (first: Cluster, second: Cluster): void {
  /** Of each test, made once: to ask for it again would empty it. */
  const directories = new WeakMap<Test, string>()
  const optionsOf = (t: Test, meta: string): DistributedStoreOptions => {
    const directory = directories.get(t) ?? t.testdir({})
    directories.set(t, directory)
    return { ...times, meta, blobs: pathToFileURL(join(directory, /schema=(\w+)/.exec(meta)?.[1] ?? 'values')).href }
  }
  const open = async (t: Test, options: DistributedStoreOptions): Promise<Store> => {
    const store = await openStore(options, outagesOnly)
    t.teardown(async () => { await store.close() })
    return store
  }
  const works = async (target: Store): Promise<boolean> => await target.ready().then(() => true, () => false)

  t.test('the only synchronous standby is away: nobody promises what it has not got, reads go on, and when it is back all goes on', async t => {
    const options = optionsOf(t, `${first.primary}?schema=waits`)
    const target = await open(t, options)
    const put = aValue('kept', { parentID: target.rootID, name: 'kept' })
    t.match(await commit(target, { put: [put] }), { status: 'committed' })
    const other = await open(t, options)
    const lease = other.lease()
    const birth = await other.blobs.put(lease.id, [Buffer.from('of an upload under way')])
    first.freezeStandby()
    try {
      const since = performance.now()
      await t.rejects(commit(target, { put: [aValue('in doubt', { parentID: target.rootID, name: 'in doubt' })] }), unavailable)
      await t.rejects(target.ready(), unavailable)
      t.ok(performance.now() - since < 15_000)
      t.same((await target.meta.children(target.rootID, { limit: 9 })).map(({ name }) => name), ['kept'], 'what is not safe is not seen')
      // After a crash of the primary it is seen nevertheless. A failover would open the lease again, and the upload be committed.
      await query(first.primary, `set local synchronous_commit = local; select waits.close_lease('${lease.id}')`)
      await t.rejects(target.sweep(), unavailable)
      t.ok(await isReadable(target, birth), 'and no bytes are deleted for it')
    } finally {
      first.thawStandby()
    }
    await eventually('it is ready', async () => await works(target))
    await eventually('now they are', async () => {
      await target.sweep().catch(outagesOnly)
      return !await isReadable(target, birth)
    })
    lease.release()
    await eventually('what was in doubt is there, for it was not undone', async () => (await target.meta.children(target.rootID, { limit: 9 })).length === 2)
    t.match(await commit(target, { put: [aRecord()] }), { status: 'committed' })
  })

  t.test('the machine of the primary says nothing any more, and the standby is promoted: refused in bounded time until then, nothing acknowledged is lost, and leases, fence, log and locks go on', async t => {
    const { primary, standby } = first
    // The standby comes first: who asks finds that it is none.
    const options = optionsOf(t, severalServers('first', standby, primary))
    t.match(await migrateStore(options, { dryRun: true }), { migrations: { length: schemaVersion } })
    const target = await open(t, options)
    await t.rejects(openStore(optionsOf(t, `${standby}?schema=first`), outagesOnly), { ...unavailable, message: /^opening schema first: the server is a standby$/ }, 'a standby alone is no store')
    const acknowledged = Array.from({ length: 3 }, (_, n) => aValue(`value ${n}`, { parentID: target.rootID, name: `object ${n}` }))
    let last = 0
    for (const put of acknowledged) {
      const result = await commit(target, { put: [put], events: [{ name: put.name ?? '' }] })
      if (result.status !== 'committed') throw new Error(result.on)
      last = result.sequence
    }
    const following = follow(target, 0, 4)
    const lease = target.lease()
    const birth = await target.blobs.put(lease.id, [Buffer.from('stored before')])
    const { urls, schema } = readDatabaseUrl(options.meta)
    const database = new Database({ ...times, urls, connections: 2, queue: 10 })
    t.teardown(async () => { await database.close() })
    const lock = await takeTransferLock(database, namesOf(schema))

    first.freeze()
    const since = performance.now()
    for (const result of await Promise.allSettled(Array.from({ length: 20 }, async () => await target.meta.get(target.rootID)))) t.match(result, { status: 'rejected', reason: unavailable })
    await t.rejects(commit(target, { put: [aRecord()] }), unavailable)
    await t.rejects(target.ready(), unavailable)
    t.ok(performance.now() - since < 20_000)
    first.promote()
    await eventually('it is ready', async () => await works(target))
    t.notOk(lock.lost.aborted, 'nobody has told the connection of the lock that the machine is gone')
    first.kill()
    await eventually('the lock is lost', () => lock.lost.aborted)
    await lock.release()
    const again = await takeTransferLock(database, namesOf(schema))
    await again.release()
    await eventually('the follower of the log listens at the new primary', async () => (await query(standby, "select 1 from pg_stat_activity where query = 'listen \"cdmi_first\"'")).length === 1)

    const put = aRecord({ size: birth.size, parentID: target.rootID, name: 'object after', segments: { kind: 'replace', segments: [segmentOf(birth)] } })
    const result = await commit(target, { lease: lease.id, births: [birth], put: [put], events: [{ name: 'object after' }] })
    t.equal(result.status, 'committed')
    const jumped = result.status === 'committed' ? result.sequence - last : 0
    t.ok(jumped > 1, `places of the log were jumped over: ${jumped}`)
    t.same((await following).map(({ event }) => event['name']), ['object 0', 'object 1', 'object 2', 'object after'], 'who follows the log gets over that')
    t.equal(await target.meta.lastSequence(), last + jumped)
    t.same((await target.meta.children(target.rootID, { limit: 9 })).map(({ name }) => name), ['object 0', 'object 1', 'object 2', 'object after'])

    const late = await target.blobs.put(lease.id, [Buffer.from('of a server that is taken for dead')])
    await query(standby, 'select first.close_lease(id) from first.leases')
    t.match(await commit(target, { lease: lease.id, births: [late], put: [aRecord({ size: late.size, segments: { kind: 'replace', segments: [segmentOf(late)] } })] }), { status: 'conflict', on: 'lease' })
    lease.release()
    await target.sweep()
    t.notOk(await isReadable(target, late))
    t.ok(await isReadable(target, birth))
  })

  t.test('a planned change of the primary, with no connection broken: those that lead to a server that takes no writes any more are left, and no commit is refused', async t => {
    const { primary, standby } = second
    const proxy = await proxyTo(t, `${primary}?schema=second`)
    const stores = [await open(t, optionsOf(t, proxy.url)), await open(t, optionsOf(t, severalServers('second', primary, standby)))]
    const alone = await open(t, optionsOf(t, `${primary}?schema=alone`))
    const commits = async (): Promise<void> => {
      for (const target of stores) for (const result of await Promise.all(Array.from({ length: 5 }, async () => await commit(target, { put: [aRecord()], events: [{}] })))) t.match(result, { status: 'committed' })
    }
    await commits()
    second.promote()
    // What a cluster manager does to a server that is to be the primary no more.
    await query(primary, 'alter system set default_transaction_read_only = on')
    await query(primary, 'select pg_reload_conf()')
    await eventually('the old primary takes no writes', async () => (await query(primary, 'show transaction_read_only'))[0]?.[0] === 'on')
    proxy.moveTo(standby)
    await commits()
    for (const target of stores) await target.ready()

    t.comment('and one that is all there is')
    await t.rejects(commit(alone, { put: [aRecord()] }), { ...unavailable, message: /\(25006\)$/ })
    await t.rejects(alone.ready(), unavailable)
    t.not(await alone.meta.get(alone.rootID), undefined, 'what can be read is read')
    await query(primary, 'alter system reset default_transaction_read_only')
    await query(primary, 'alter system reset synchronous_standby_names')
    await query(primary, 'select pg_reload_conf()')
    await eventually('it is ready again', async () => await works(alone))
    t.match(await commit(alone, { put: [aValue('x')] }), { status: 'committed' })
  })

  t.test('no server is the primary: each of them is named', async t => {
    const elsewhere = 'postgres://nobody:secret@127.0.0.1:1/none'
    const error: unknown = await openStore(optionsOf(t, severalServers('none', elsewhere, elsewhere)), outagesOnly).catch((error: unknown) => error)
    t.match(error, { ...unavailable, message: /^opening schema none: 127\.0\.0\.1:1: connect ECONNREFUSED .*; 127\.0\.0\.1:1: connect ECONNREFUSED / })
    const wrong = new URL(second.standby)
    wrong.password = 'wrong'
    await t.rejects(openStore(optionsOf(t, severalServers('none', wrong.href, elsewhere)), outagesOnly), { name: 'StorageError', reason: 'permission' })
  })
}
