/** A repair of a store of many servers to which something says no: one thing is refused, and the rest is mended. */
import t, { type Test } from 'tap'
import { mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import type { DistributedStoreOptions } from '../../schemas/store-options.js'
import type { BlobID, ObjectID, Store } from '../../storage/contract.js'
import { repairDistributed, verifyDistributed } from '../../storage/distributed/verify-distributed.js'
import { openStore } from '../../storage/open-store.js'
import type { Finding, Repaired } from '../../storage/verify/findings.js'
import { runInProcess } from '../helpers/run-in-process.js'
import { aValue, store as commitAll, storeBlob } from './driver.js'
import { noErrors, quickDirectory } from './embedded-driver.js'
import { placeOf } from './postgres-driver.js'
import { ownServer, type PostgresServer, postgresServer, query, schemaOf } from './postgres-server.js'

const attributes = { metadata: {}, completionStatus: 'Complete', created: 1, modified: 1 }
const server = await postgresServer()
if (server === undefined) t.pass('PostgreSQL is not installed', { skip: true })
else {
  interface Here {
    readonly options: DistributedStoreOptions
    readonly store: Store
    readonly root: string
    /** `$` stands for the schema. */
    readonly sql: (text: string) => Promise<unknown[][]>
    readonly ids: ReadonlyMap<string, ObjectID>
    readonly blobs: ReadonlyMap<string, BlobID>
  }

  /** A store with objects of one rotten blob each. */
  const rotten = async (t: Test, at: PostgresServer, ...names: readonly string[]): Promise<Here> => {
    const options = { ...placeOf(t, at, await quickDirectory(t)), scrubRate: 0, databaseTimeout: 1000 }
    const store = await openStore(options, noErrors)
    t.teardown(async () => { await store.close() })
    const root = fileURLToPath(options.blobs)
    const [ids, blobs] = [new Map<string, ObjectID>(), new Map<string, BlobID>()]
    for (const name of names) {
      const { put, birth } = await storeBlob(store, Buffer.alloc(10_000, `${name} `), { parentID: store.rootID, name, attributes })
      ids.set(name, put.id)
      blobs.set(name, birth.blob)
      const file = join(root, birth.blob)
      await writeFile(file, (await readFile(file)).map((byte, at) => at === 7 ? byte ^ 1 : byte))
    }
    return { options, store, root, sql: async text => await query(at.url, text.replaceAll('$', schemaOf(options.meta))), ids, blobs }
  }

  const repaired = async ({ options }: Here): Promise<Repaired[]> => {
    const done: Repaired[] = []
    await repairDistributed(options, {}, noErrors, one => { done.push(one) })
    return done
  }

  const verified = async ({ options }: Here): Promise<Finding[]> => {
    const findings: Finding[] = []
    await verifyDistributed(options, {}, noErrors, finding => { findings.push(finding) })
    return findings
  }

  /** As another one has it who is in the middle of a change. */
  const held = async (t: Test, { options: { meta }, ids }: Here, name: string): Promise<{ release (): Promise<void> }> => {
    const client = new Client({ connectionString: meta })
    await client.connect()
    t.teardown(async () => { await client.end() })
    await client.query('begin')
    await client.query(`select 1 from ${schemaOf(meta)}.records where id = '\\x${ids.get(name) ?? ''}' for update`)
    return { async release () { await client.query('rollback') } }
  }

  t.test('what is refused is told with the reason at the end, and all else is mended; once nothing is in the way another repair mends it', async t => {
    const one = await rotten(t, server, 'a', 'b', 'c', 'd')
    // As the triggers of accounts do.
    await one.sql("create function $.stubborn() returns trigger language plpgsql as 'begin raise exception ''no'' using errcode = ''CD004'', detail = encode(OLD.id, ''hex''); end'")
    await one.sql(`create trigger stubborn before update on $.records for each row when (OLD.id = '\\x${one.ids.get('b') ?? ''}') execute function $.stubborn()`)
    const other = await held(t, one, 'c')
    // Nothing can be moved to where a file has the name of the directory.
    const surplus = '0192d6a4-0000-7000-8000-000000000000/0/1'
    await mkdir(dirname(join(one.root, surplus)), { recursive: true })
    await writeFile(join(one.root, surplus), 'surplus')
    await utimes(join(one.root, surplus), 1, 1)
    await writeFile(join(one.root, 'moved-aside'), '')
    await commitAll(one.store, { put: [aValue('value', { parentID: one.store.rootID, name: 'lost', attributes })] })
    await one.sql("update $.records set parent_id = '\\x0001' where name = 'lost'")

    const first = await repaired(one)
    t.same(first.filter(({ done }) => done !== undefined).map(({ done }) => done).sort(), ['a', 'd', 'lost'].map(name => `it is /lost%2Bfound/${name} now`))
    const refused = first.filter(({ done }) => done === undefined)
    t.same(first.slice(-3), refused, 'at the end, each once')
    t.match(refused.sort((a, b) => (a.path ?? '').localeCompare(b.path ?? '')), [{ file: surplus, refused: /moved-aside/ }, { path: '/b', refused: /it would leave a container that has a quota/ }, { path: '/c', refused: /timeout/ }])

    await other.release()
    await one.sql('drop trigger stubborn on $.records')
    await rm(join(one.root, 'moved-aside'))
    const newly = async (): Promise<unknown[]> => (await repaired(one)).map(({ done }) => done).filter(done => done !== 'it is set aside already').sort()
    t.same(await newly(), [`it is ${join(one.root, 'moved-aside', surplus)} now`, 'it is /lost%2Bfound/b now', 'it is /lost%2Bfound/c now'])
    t.same((await verified(one)).filter(({ setAside }) => setAside !== true), [])
    t.same(await newly(), [])
  })

  t.test('what was in the way of one thing, and is gone when all else is mended, is in the way of nothing', async t => {
    const one = await rotten(t, server, 'a', 'b', 'c')
    // Another object has to go first.
    await one.sql(`create function $.after_others() returns trigger language plpgsql as 'begin
      if exists (select 1 from $.records where name = ''c'' and parent_id = ''\\x${one.store.rootID}'') then raise exception ''first the other''; end if; return NEW; end'`)
    for (const name of ['a', 'b']) await one.sql(`create trigger after_others_${name} before update on $.records for each row when (OLD.id = '\\x${one.ids.get(name) ?? ''}') execute function $.after_others()`)
    t.same((await repaired(one)).map(({ done }) => done).sort(), ['a', 'b', 'c'].map(name => `it is /lost%2Bfound/${name} now`))
  })

  t.test('an object of which two parts are rotten is moved once, and nothing is told as left', async t => {
    const one = await rotten(t, server, 'a', 'b')
    await one.sql(`update $.segments set record_id = '\\x${one.ids.get('a') ?? ''}', start = 10000 where record_id = '\\x${one.ids.get('b') ?? ''}'`)
    await one.sql(`delete from $.records where id = '\\x${one.ids.get('b') ?? ''}'; update $.records set size = 20000 where id = '\\x${one.ids.get('a') ?? ''}'`)
    t.same((await repaired(one)).filter(({ done }) => done !== 'it is set aside already').map(({ done }) => done), ['it is /lost%2Bfound/a now'])
  })

  t.test('the command says what is left, and what to do', async t => {
    const one = await rotten(t, server, 'a', 'b')
    await one.sql("create function $.stubborn() returns trigger language plpgsql as 'begin raise exception ''not this one''; end'")
    await one.sql(`create trigger stubborn before update on $.records for each row when (OLD.id = '\\x${one.ids.get('a') ?? ''}') execute function $.stubborn()`)
    const environment = { CDMI_META: one.options.meta, CDMI_BLOBS: one.options.blobs }
    t.match(await runInProcess(['repair'], environment), {
      code: 3,
      stdout: /^\/b .*: it is \/lost%2Bfound\/b now\.\n\/a .*: it is as it was, for that was refused: not this one\.\n$/,
      stderr: 'fastify-cdmi: 1 thing could be mended, and that was refused; all else is done. Take away what is in the way, and run the same command again\n'
    })
    t.match(JSON.parse((await runInProcess(['repair', '--json'], environment)).stdout), { status: 'damaged', done: 0, left: 0, refused: 1, findings: { length: 2 } })
  })

  t.test('where the database is away it ends at once, and does not try each thing', async t => {
    const own = await ownServer()
    if (own === undefined) throw new Error('no PostgreSQL')
    const one = await rotten(t, own, 'a', 'b', 'c')
    let told = 0
    const work = repairDistributed(one.options, {}, noErrors, () => { if (told++ === 0) own.freeze() })
    await t.rejects(work, { name: 'StorageError', reason: 'unavailable' })
    t.equal(told, 1)
    own.thaw()
  })
}
