/** Transfers from stores of which rows cannot be read. */
import t from 'tap'
import { join } from 'node:path'
import { Client } from 'pg'
import { openStore } from '../../index.js'
import type { DistributedStoreOptions, StoreOptions } from '../../schemas/store-options.js'
import { u64 } from '../../storage/embedded/bytes.js'
import { openTables, stateKeys, type Table } from '../../storage/embedded/tables.js'
import { idKey } from '../../storage/object-key.js'
import { runInProcess } from '../helpers/run-in-process.js'
import { aRecord, store, storeBlob } from '../storage/driver.js'
import { noErrors, quickDirectory } from '../storage/embedded-driver.js'
import { placeOf } from '../storage/postgres-driver.js'
import { postgresServer, schemaOf } from '../storage/postgres-server.js'
import { wholeOfStore, type Whole } from '../storage/whole-store.js'

const database = await postgresServer()
const attributes = { metadata: {}, completionStatus: 'Complete', created: 1, modified: 1 }

async function whole (options: StoreOptions | DistributedStoreOptions): Promise<Whole> {
  const opened = await openStore({ ...options, sweepInterval: 0 }, noErrors)
  try {
    return await wholeOfStore(opened)
  } finally {
    await opened.close()
  }
}

function flip (table: Table, key: Buffer): void {
  const bytes = Buffer.from(table.getBinary(key) ?? '')
  bytes[9] = (bytes[9] ?? 0) ^ 1
  table.putSync(key, bytes)
}

t.test('what cannot be read of a directory keeps it from being moved, with exit code 3; with --skip-damaged all else moves, each is named as by a backup, and that is code 4', async t => {
  const base = await quickDirectory(t)
  const from = join(base, 'from')
  const opened = await openStore({ directory: from, sweepInterval: 0, inlineLimit: 1000 }, noErrors)
  const { put, birth } = await storeBlob(opened, Buffer.alloc(100_000, 'x'), { parentID: opened.rootID, name: 'unknown', attributes })
  await storeBlob(opened, Buffer.alloc(100_000, 'y'), { parentID: opened.rootID, name: 'sound', attributes })
  const box = aRecord({ type: 'c', parentID: opened.rootID, name: 'box', attributes, segments: { kind: 'keep' } })
  const inside = await storeBlob(opened, Buffer.alloc(100_000, 'z'), { parentID: box.id, name: 'inside', attributes })
  const fine = aRecord({ parentID: opened.rootID, name: 'fine', attributes })
  await store(opened, { put: [box, fine], events: [{ n: 1 }, { n: 2 }, { n: 3 }] })
  await opened.close()
  const tables = openTables(from)
  flip(tables.records, idKey(box.id))
  for (const { blob } of [birth, inside.birth]) flip(tables.blobs, Buffer.from(blob))
  flip(tables.log, u64(2))
  await tables.env.close()

  const refused = join(base, 'refused')
  const advice = '; the target is not finished. "fastify-cdmi verify" names all that is damaged in the source, "fastify-cdmi repair" mends it; or move all else with --skip-damaged'
  const said = await runInProcess(['transfer', '--from', from, '--to', refused])
  t.match(said, { code: 3, stdout: '' })
  t.ok(said.stderr.includes(`has other bytes than were written${advice}\n`), said.stderr)

  const targets = [{ options: { directory: join(base, 'to') }, flags: ['--to', join(base, 'to')], variables: {} }]
  const elsewhere = database === undefined ? undefined : placeOf(t, database, base)
  for (const { options, flags, variables } of [...targets, ...elsewhere === undefined ? [] : [{ options: elsewhere, flags: [], variables: { TRANSFER_TO: elsewhere.meta, TRANSFER_TO_BLOBS: elsewhere.blobs } }]]) {
    const { code, stdout, stderr } = await runInProcess(['transfer', '--from', from, ...flags, '--skip-damaged', '--json'], variables)
    t.equal(code, 4, stderr)
    t.match(JSON.parse(stdout), {
      status: 'damaged',
      complete: true,
      damaged: [birth, inside.birth].map(({ blob }) => ({ blob, problem: `What is noted of blob ${blob} has other bytes than were written` })).sort((one, other) => one.blob < other.blob ? -1 : 1),
      leftOut: [{ objectID: box.id, problem: `The record of object ${box.id} has other bytes than were written` }, { problem: /^Entry 2 of the change log/ }]
    })
    t.ok(stderr.includes(`moved without its value: /unknown (object ${put.id}, blob ${birth.blob})\n`), stderr)
    t.match(stderr, /\nmoved without its value: no path \(object \w+, blob \S+\)\n/)
    t.match(stderr, new RegExp(`\\nleft out: The record of object ${box.id} has .*\\nleft out: Entry 2 of .*\\nfastify-cdmi: The target is finished, without 2 rows that could not be read, and without the values of 2 objects; "fastify-cdmi repair" brings`))
    const { objects, events } = await whole(options)
    const ids = objects.map(({ id }) => id)
    t.ok(ids.includes(fine.id) && ids.includes(inside.put.id) && !ids.includes(box.id))
    t.same(events.map(({ sequence }) => sequence), [1, 3])
  }
})

for (const key of ['root', 'sequence', 'owner'] as const) {
  t.test(`what a directory says of itself (${key}) and cannot be read keeps it from being moved, with exit code 3, whatever is skipped`, async t => {
    const base = await quickDirectory(t)
    const [from, to] = [join(base, 'from'), join(base, 'to')]
    const opened = await openStore({ directory: from, sweepInterval: 0 }, noErrors)
    await store(opened, { put: [aRecord({ parentID: opened.rootID, name: 'one', attributes })], events: [{ n: 1 }] })
    await opened.close()
    const tables = openTables(from)
    if (key === 'owner') tables.state.putSync(stateKeys.owner, Buffer.alloc(20, 'what nobody can read'))
    else flip(tables.state, stateKeys[key])
    await tables.env.close()
    for (const flags of [[], ['--skip-damaged']]) t.match(await runInProcess(['transfer', '--from', from, '--to', to, ...flags]), { code: 3, stdout: '', stderr: /has other bytes than were written.*; the target is not finished\. "fastify-cdmi verify" names all that is damaged in the source, "fastify-cdmi repair" mends it\n$/ })
  })
}

t.test('a blob of which the source knows nothing more is damage of the source, with exit code 3', async t => {
  const base = await quickDirectory(t)
  const [from, to] = [join(base, 'from'), join(base, 'to')]
  const opened = await openStore({ directory: from, sweepInterval: 0, inlineLimit: 1000 }, noErrors)
  const { birth } = await storeBlob(opened, Buffer.alloc(100_000, 'x'), { parentID: opened.rootID, name: 'unknown', attributes })
  await storeBlob(opened, Buffer.alloc(100_000, 'y'), { parentID: opened.rootID, name: 'sound', attributes })
  await opened.close()
  const tables = openTables(from)
  tables.blobs.removeSync(Buffer.from(birth.blob))
  await tables.env.close()
  t.match(await runInProcess(['transfer', '--from', from, '--to', to]), { code: 3, stderr: /of which the source knows nothing more; the target is not finished\..* or move all else with --skip-damaged\n$/ })
  t.match(await runInProcess(['transfer', '--from', from, '--to', to, '--skip-damaged']), { code: 4, stderr: /moved without its value: \/unknown / })
})

t.test('a value that an earlier run has moved is there, though what is noted of its blob cannot be read any more', async t => {
  const base = await quickDirectory(t)
  const [from, to] = [join(base, 'from'), join(base, 'to')]
  const opened = await openStore({ directory: from, sweepInterval: 0, inlineLimit: 1000 }, noErrors)
  const { put, birth } = await storeBlob(opened, Buffer.alloc(100_000, 'x'), { parentID: opened.rootID, name: 'one', attributes })
  await store(opened, { put: [], events: [{ n: 1 }] })
  await opened.close()
  const harm = async (work: (tables: Pick<ReturnType<typeof openTables>, 'blobs' | 'log'>) => void): Promise<void> => {
    const tables = openTables(from)
    work(tables)
    await tables.env.close()
  }
  await harm(({ log }) => { flip(log, u64(1)) })
  t.match(await runInProcess(['transfer', '--from', from, '--to', to]), { code: 3 })
  await harm(({ blobs }) => { flip(blobs, Buffer.from(birth.blob)) })
  const { code, stdout } = await runInProcess(['transfer', '--from', from, '--to', to, '--skip-damaged', '--json'])
  t.equal(code, 4)
  t.match(JSON.parse(stdout), { complete: true, blobs: { moved: 0, kept: 1 }, damaged: { length: 0 }, lost: { length: 0 }, leftOut: [{ problem: /^Entry 1 / }] })
  const { objects } = await whole({ directory: to })
  t.equal(objects.find(({ id }) => id === put.id)?.size, 100_000)
})

t.test('so it is with a database: what is stored as attributes and cannot be read', { skip: database === undefined && 'POSTGRESQL IS MISSING' }, async t => {
  if (database === undefined) return
  const base = await quickDirectory(t)
  const options = placeOf(t, database, base)
  const opened = await openStore({ ...options, sweepInterval: 0 }, noErrors)
  const [wrong, fine] = ['wrong', 'fine'].map(name => aRecord({ parentID: opened.rootID, name, attributes }))
  if (wrong === undefined || fine === undefined) throw new Error('there are two')
  await store(opened, { put: [wrong, fine], events: [{ n: 1 }, { n: 2 }, { n: 3 }] })
  await opened.close()
  const client = new Client({ connectionString: database.url })
  t.teardown(async () => { await client.end() })
  await client.connect()
  const taken = schemaOf(options.meta)
  await client.query(`update ${taken}.records set attributes = '{"broken' where id = '\\x${wrong.id}'`)
  await client.query(`update ${taken}.log set event = 'broken' where sequence = 2`)
  const variables = { TRANSFER_FROM: options.meta, TRANSFER_FROM_BLOBS: options.blobs }
  t.match(await runInProcess(['transfer', '--to', join(base, 'refused')], variables), { code: 3, stderr: new RegExp(`The attributes of object ${wrong.id} are not readable; the target is not finished\\.`) })
  const { code, stdout, stderr } = await runInProcess(['transfer', '--to', join(base, 'to'), '--skip-damaged', '--json'], variables)
  t.equal(code, 4, stderr)
  t.match(JSON.parse(stdout), { status: 'damaged', complete: true, damaged: [], lost: [], leftOut: [{ objectID: wrong.id }, { problem: /^Entry 2/ }] })
  const { objects, events } = await whole({ directory: join(base, 'to') })
  t.same(objects.map(({ id }) => id).includes(fine.id), true)
  t.same(objects.map(({ id }) => id).includes(wrong.id), false)
  t.same(events.map(({ sequence }) => sequence), [1, 3])
})
