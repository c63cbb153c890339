import t, { type Test } from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { request } from 'undici'
import { openTables } from '../../storage/embedded/tables.js'
import { entryKey } from '../../storage/embedded/keys.js'
import { idKey } from '../../storage/object-key.js'
import { openStore } from '../../storage/open-store.js'
import { eventually } from '../helpers/eventually.js'
import { commandLine, plainNode } from '../helpers/plain-node.js'
import { runInProcess } from '../helpers/run-in-process.js'
import { runCommand, startServer } from '../helpers/server-process.js'
import { aRecord, store as commitAll, storeBlob } from '../storage/driver.js'
import { noErrors, quickDirectory } from '../storage/embedded-driver.js'
import { placeOf } from '../storage/postgres-driver.js'
import { postgresServer } from '../storage/postgres-server.js'
import { filesBelow, verified } from '../storage/verify-store.js'

const attributes = { metadata: {}, completionStatus: 'Complete', created: 1, modified: 1 }

interface Made { readonly directory: string, readonly root: string, readonly blobs: readonly string[] }

/** Objects `v0`, `v1` … of one blob each. */
async function aStore (t: Test, count: number): Promise<Made> {
  const directory = join(await quickDirectory(t), 'store')
  const store = await openStore({ directory, sweepInterval: 0 }, noErrors)
  const blobs: string[] = []
  for (let n = 0; n < count; n++) blobs.push((await storeBlob(store, Buffer.alloc(100_000, `value ${n} `), { parentID: store.rootID, name: `v${n}`, attributes })).birth.blob)
  await store.close()
  return { directory, root: store.rootID, blobs }
}

async function rot (file: string): Promise<void> {
  const bytes = await readFile(file)
  bytes[50] = (bytes[50] ?? 0) ^ 3
  await writeFile(file, bytes)
}

t.test('verify: 0 for a sound store, 3 and a sentence that names the object for a rotten one, also while a server has it; the server goes on with the rest', async t => {
  const { directory, blobs } = await aStore(t, 3)
  const sound = await runCommand(['verify', '--data', directory])
  t.match(sound, { code: 0, stdout: /^Looked at 4 objects, 3 blobs and 0 entries of the change log; 293\.0 KiB of values were read\.\nThe store is sound\.\n$/ })
  t.match(sound.stderr, /^records: 0 %|names: /)
  await rot(join(directory, 'blobs', blobs[1] ?? ''))
  const server = await startServer(t, directory)
  const { code, stdout, stderr } = await runInProcess(['verify', '--data', directory])
  t.equal(code, 3)
  t.match(stdout, /^\/v1 \(object \w{48}\) has lost bytes of its value: blob \S+ has other bytes than were written\.\nLooked at \d objects, .*, while a server had the store open; /)
  t.match(stderr, /fastify-cdmi: Something is wrong with the store, in 1 place; stop its server and run "fastify-cdmi repair"\n$/)
  const json = await runInProcess(['verify', '--data', directory, '--json'])
  t.equal(json.code, 3)
  t.match(JSON.parse(json.stdout), { status: 'damaged', records: Number, blobs: 3, bytes: 300_000, events: Number, online: true, values: true, damage: 1, setAside: 0, findings: [{ kind: 'blob', path: '/v1', objectID: /^\w{48}$/, blob: blobs[1], file: `blobs/${blobs[1]}` }] })
  t.match(await runInProcess(['verify', '--data', directory, '--no-values']), { code: 0, stdout: /values were not read/ })
  t.equal((await request(`${server.origin}/v1`, { headers: { authorization: server.authorization } })).statusCode, 500)
  t.equal((await request(`${server.origin}/v2`, { headers: { authorization: server.authorization } })).statusCode, 200)
  t.match(await runInProcess(['repair', '--data', directory]), { code: 1, stderr: /is in use by process/ })
  t.equal(await server.stop(), 0)
})

t.test('repair: 3 for a dry run with something to do, 0 when it is done, 0 when there is nothing to do', async t => {
  const { directory, root, blobs } = await aStore(t, 3)
  await rm(join(directory, 'blobs', blobs[0] ?? ''))
  await writeFile(join(directory, 'blobs', 'extra'), 'x')
  const tables = openTables(directory)
  tables.entries.removeSync(entryKey(idKey(root), 'v2'))
  await tables.env.close()
  const dry = await runInProcess(['repair', '--data', directory, '--dry-run'])
  t.match(dry, { code: 3, stdout: /is gone: it would be mended, or moved aside\.\n/, stderr: /Something is to be done, in 3 places; without --dry-run it is\n$/ })
  t.match(await runInProcess(['repair', '--data', directory]), { code: 0, stdout: /: it is \/lost%2Bfound\/v0 now\.\n[^]*it is moved-aside\/blobs\/extra now\.\n[^]*Mended or moved aside: 3\. The store is sound now\.\n$/ })
  t.match(await runInProcess(['verify', '--data', directory]), { code: 0, stdout: /\nObjects that a repair has set aside are damaged, as they say themselves\.\nThe store is sound\.\n$/ })
  const again = await runInProcess(['repair', '--data', directory, '--json'])
  t.equal(again.code, 0)
  t.match(JSON.parse(again.stdout), { status: 'sound', dryRun: false, done: 0, left: 0, setAside: 1 })
  const server = await startServer(t, directory)
  const listed = await request(`${server.origin}/lost+found/`, { headers: { authorization: server.authorization, accept: 'application/cdmi-container', 'x-cdmi-specification-version': '2.0.0' } })
  t.match(await listed.body.json(), { children: ['v0'] })
  const object = await request(`${server.origin}/lost+found/v0?completionStatus&metadata`, { headers: { authorization: server.authorization, accept: 'application/cdmi-object', 'x-cdmi-specification-version': '2.0.0' } })
  t.match(await object.body.json(), { completionStatus: /^Error: damaged: /, metadata: { damage: /is gone$/, damage_path: '/v0' } })
  t.equal((await request(`${server.origin}/lost+found/v0`, { headers: { authorization: server.authorization } })).statusCode, 404)
  t.equal((await request(`${server.origin}/lost+found/v0`, { method: 'DELETE', headers: { authorization: server.authorization } })).statusCode, 204)
  t.equal((await request(`${server.origin}/v2`, { headers: { authorization: server.authorization } })).statusCode, 200)
  t.equal(await server.stop(), 0)
})

t.test('verify says what objects name that is not offered, which is no damage; and finds flags that can be true of no object', async t => {
  const directory = join(await quickDirectory(t), 'store')
  const store = await openStore({ directory, sweepInterval: 0 }, noErrors)
  const objects = {
    gold: { template: 'gold' },
    silver: { template: 'silver' },
    hashed: { metadata: { cdmi_value_hash: 'SHA256', cdmi_cors_methods: ['GET', 'BREW'] } },
    strange: { hash: ['MD5', 'ab'] },
    short: { hash: ['SHA256', 'ab'] },
    away: { reference: '/x' }
  }
  for (const [name, more] of Object.entries(objects)) await commitAll(store, { put: [aRecord({ parentID: store.rootID, name, attributes: { ...attributes, ...more } })] })
  await store.close()
  const config = join(t.testdir({ 'c.toml': '[templates.dataobject.gold]\ncdmi_value_hash = "SHA256"\n' }), 'c.toml')
  const { code, stdout } = await runInProcess(['verify', '--data', directory, '--config', config])
  t.equal(code, 3)
  for (const line of [/^\/strange .* has a hash of its value by "MD5", which this build does not offer\.$/m, /^\/short .* has a hash of its value that is none of SHA256\.$/m, /^\/away .* leads elsewhere, and is no reference\.$/m,
    /^No damage, but: "silver" \(object \w+\) has the template "silver", which this configuration does not offer: its capabilitiesURI is that of all data objects\.$/m, /^No damage, but: "hashed" .* asks for "BREW" as cdmi_cors_methods; offered: GET, HEAD, /m]) t.match(stdout, line)
  t.notMatch(stdout, /"gold"/)
  t.match(JSON.parse((await runInProcess(['verify', '--data', directory, '--config', config, '--json'])).stdout), { damage: 3, notices: { length: 2 } })
})

t.test('kill -9 in the middle of a repair, again and again: what was mended stays so, and the last one ends it', async t => {
  const { directory, blobs } = await aStore(t, 60)
  for (const blob of blobs) await rot(join(directory, 'blobs', blob))
  for (let n = 0; n < 40; n++) await writeFile(join(directory, 'blobs', `extra-${n}`), 'x')
  let before = 0
  for (const kill of [10, 35]) {
    const child = spawn(...plainNode(commandLine, 'repair', '--data', directory))
    t.teardown(() => { child.kill('SIGKILL') })
    let lines = 0
    child.stdout.on('data', (chunk: Buffer) => { lines += chunk.toString().split('\n').length - 1 })
    const closed = once(child, 'close')
    await eventually('something is mended', () => child.exitCode !== null || lines >= kill)
    child.kill('SIGKILL')
    await closed
    const { findings, news } = await verified(directory)
    t.ok(findings.length - news.length >= before)
    before = findings.length - news.length
  }
  t.equal((await runInProcess(['repair', '--data', directory])).code, 0)
  const { findings, news } = await verified(directory)
  t.same(news, [])
  t.equal(findings.length, 60)
  t.equal((await filesBelow(join(directory, 'moved-aside'))).length, 40)
})

t.test('what cannot be done is refused with a sentence', async t => {
  const none = join(t.testdir(), 'none')
  t.match(await runInProcess(['verify', '--data', none]), { code: 2, stderr: /^fastify-cdmi: There is no store in .*none; name its directory with --data\n$/ })
  t.match(await runInProcess(['repair', '--data', none]), { code: 2, stderr: /There is no store/ })
  t.match(await runInProcess(['verify', '--meta', 'postgres://h/d']), { code: 2, stderr: /needs blobs/ })
})

const database = await postgresServer()

t.test('a store of many servers: sound, and a rotten blob with its object', { skip: database === undefined ? 'no PostgreSQL here' : false, timeout: 120_000 }, async t => {
  if (database === undefined) return
  const { meta, blobs } = placeOf(t, database, await quickDirectory(t))
  const store = await openStore({ meta, blobs, sweepInterval: 0 }, noErrors)
  const { birth } = await storeBlob(store, Buffer.alloc(100_000, 'v'), { parentID: store.rootID, name: 'rotten one', attributes })
  await storeBlob(store, Buffer.alloc(100_000, 'w'), { parentID: store.rootID, name: 'sound', attributes })
  const environment = { CDMI_META: meta, CDMI_BLOBS: blobs }
  t.match(await runInProcess(['verify'], environment), { code: 0, stdout: /^Looked at 3 objects, 2 blobs and 0 entries of the change log; 195\.3 KiB of values were read\.\n(?:The database has no checksums of its pages \(data_checksums is off\): .*\n)?The store is sound\.\n$/ })
  const places = await filesBelow(new URL(blobs).pathname)
  const file = places.find(name => name.endsWith(birth.blob))
  t.ok(file !== undefined)
  await rot(join(new URL(blobs).pathname, file ?? ''))
  const { code, stdout } = await runInProcess(['verify', '--json'], environment)
  t.equal(code, 3)
  t.match(JSON.parse(stdout), { status: 'damaged', pageChecksums: Boolean, damage: 1, findings: [{ kind: 'blob', path: '/rotten%20one', blob: birth.blob }] })
  t.match(await runInProcess(['verify', '--no-values'], environment), { code: 0 })
  t.match(await runInProcess(['repair', '--dry-run'], environment), { code: 3, stdout: /^\/rotten%20one .*: it would be mended, or moved aside\.\n$/ })
  t.match(await runInProcess(['repair', '--json'], environment), { code: 0, stdout: /"status":"repaired".*"done":1,"left":0/ })
  t.match(await runInProcess(['verify'], environment), { code: 0, stdout: /Objects that a repair has set aside are damaged, as they say themselves\.\n(?:The database has no checksums.*\n)?The store is sound\.\n$/ })
  const sound = await store.meta.resolve(store.rootID, ['sound'])
  const [needed] = (await store.meta.segments(sound[1]?.id ?? '', 0, 1))?.segments ?? []
  await rm(join(new URL(blobs).pathname, needed?.blob ?? ''))
  t.match(await runInProcess(['verify', '--no-values'], environment), { code: 3, stdout: /^\/sound \(object \w+\) has lost bytes of its value: Blob \S+ is gone\.\n/ })
  await store.close()
})
