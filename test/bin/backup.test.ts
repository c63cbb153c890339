import t, { type Test } from 'tap'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openStore } from '../../index.js'
import type { Store } from '../../storage/contract.js'
import { eventually } from '../helpers/eventually.js'
import { MixedLoad } from '../helpers/mixed-load.js'
import { commandLine, plainNode } from '../helpers/plain-node.js'
import { runInProcess } from '../helpers/run-in-process.js'
import { runCommand, startServer } from '../helpers/server-process.js'
import { u64 } from '../../storage/embedded/bytes.js'
import { sealNote } from '../../storage/embedded/note-rows.js'
import { openTables, stateKeys, type Table } from '../../storage/embedded/tables.js'
import { idKey } from '../../storage/object-key.js'
import { aRecord, next, segmentOf, store, storeBlob } from '../storage/driver.js'
import { noErrors, quickDirectory } from '../storage/embedded-driver.js'
import { placeOf } from '../storage/postgres-driver.js'
import { postgresServer } from '../storage/postgres-server.js'
import { fillStore, wholeOfStore, type Whole } from '../storage/whole-store.js'

/** What a command printed with `--json`. */
async function command (...args: readonly string[]): Promise<{ code: number, result: Record<string, unknown>, stderr: string }> {
  const { code, stdout, stderr } = await runInProcess([...args, '--json'])
  return { code, result: Object(JSON.parse(stdout === '' ? '{}' : stdout)) as Record<string, unknown>, stderr }
}

async function filesBelow (directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

async function whole (directory: string): Promise<Whole> {
  const opened = await openStore({ directory, sweepInterval: 0, trashGrace: 0 }, noErrors)
  try {
    return await wholeOfStore(opened)
  } finally {
    await opened.close()
  }
}

/** Begins a command, and kills it when so many files are in the directory. */
async function killed (t: Test, directory: string, files: number, ...args: readonly string[]): Promise<void> {
  const child = spawn(...plainNode(commandLine, ...args), { stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(() => { child.kill('SIGKILL') })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => { said += chunk.toString() })
  const closed = once(child, 'close')
  await eventually(`${files} files are there`, async () => child.exitCode !== null || (await filesBelow(directory)).length >= files)
  child.kill('SIGKILL')
  t.same(await closed, [null, 'SIGKILL'], said)
}

/** Writes objects, of which each commit changes two and tells so in the log, until `stop`: what they had is garbage at once. */
async function writeOn (opened: Store, stop: AbortSignal): Promise<void> {
  await Promise.all(Array.from({ length: 4 }, async (_, writer) => {
    const put = async (n: number): Promise<void> => {
      const lease = opened.lease()
      const births = await Promise.all([1, 2].map(async copy => await opened.blobs.put(lease.id, [Buffer.alloc(9000, `${writer} ${n} ${copy}, `)])))
      const puts = births.map((birth, at) => {
        const fields = { size: birth.size, attributes: { n }, segments: { kind: 'replace' as const, segments: [segmentOf(birth)] } }
        const before = pair[at]
        return before === undefined ? aRecord({ parentID: opened.rootID, name: `${writer}-${at}`, ...fields }) : next(before, fields)
      })
      await store(opened, { lease: lease.id, births, put: puts, events: puts.map(({ id, version }) => ({ id, version })) })
      pair = puts
      lease.release()
    }
    let pair: ReturnType<typeof aRecord>[] = []
    for (let n = 1; !stop.aborted; n++) await put(n)
  }))
}

t.test('a backup of a store that is written to and swept all the time is of one moment: each object is as the change log up to there says, with its bytes', { timeout: 300_000 }, async t => {
  const base = await quickDirectory(t)
  const [directory, backups] = [join(base, 'store'), join(base, 'backups')]
  const opened = await openStore({ directory, trashGrace: 0, sweepInterval: 1 }, noErrors)
  for (let n = 0; n < 100; n++) await storeBlob(opened, Buffer.alloc(9000, `at rest ${n}, `), { parentID: opened.rootID, name: `rest-${n}` })
  const stop = new AbortController()
  const writing = writeOn(opened, stop.signal)
  const names: string[] = []
  try {
    for (let n = 0; n < 2; n++) {
      const before = await opened.meta.lastSequence()
      const { code, result, stderr } = await command('backup', '--data', directory, '--to', backups)
      t.equal(code, 0, stderr)
      t.match(result, { status: 'complete', damaged: [] })
      t.ok(Number(result['sequence']) >= before && Number(result['sequence']) <= await opened.meta.lastSequence())
      names.push(String(result['name']))
    }
  } finally {
    stop.abort()
    await writing
  }
  const log = await opened.meta.events(0, 1_000_000)
  await opened.close()
  for (const name of names) {
    const place = join(base, name)
    const { code, result, stderr } = await command('restore', '--from', backups, '--at', name, '--data', place)
    t.equal(code, 0, stderr)
    t.match(result, { status: 'complete', name })
    const { objects, events, last } = await whole(place)
    t.same(events, log.filter(({ sequence }) => sequence <= last), 'the log up to that moment')
    const versions = new Map(events.map(({ event }) => [event['id'], event['version']]))
    const written = objects.filter(({ attributes }) => Object.hasOwn(Object(attributes), 'n'))
    t.same(new Map(written.map(({ id, version }) => [String(id), Number(version)])), versions)
    t.ok(versions.size === 8 && objects.length === 109)
  }
  t.equal(new Set(await Promise.all(names.map(async name => (await whole(join(base, name))).last))).size, 2, 'two moments')
})

t.test('a backup that is made while all doors are used is a sound store; one of what a killed server left has all that was acknowledged', { timeout: 300_000 }, async t => {
  const base = await quickDirectory(t)
  const [directory, backups, meanwhile, afterwards] = [join(base, 'store'), join(base, 'backups'), join(base, 'meanwhile'), join(base, 'afterwards')]
  const server = await startServer(t, directory, ['--log-level', 'error'])
  await (await fetch(`${server.origin}/cdmi/2.0.0/load/`, { method: 'PUT', headers: { authorization: server.authorization } })).arrayBuffer()
  const load = new MixedLoad(8)
  const running = load.run(server)
  await eventually('there is something', () => load.acknowledged > 100)
  t.match(await command('backup', '--data', directory, '--to', backups), { code: 0, result: { status: 'complete' } })
  await server.kill()
  await running
  t.match(await command('backup', '--data', directory, '--to', backups), { code: 0, result: { status: 'complete' } })
  const [first = '', second = ''] = (await runInProcess(['backup', '--to', backups, '--list'])).stdout.split('\n').map(line => line.split('\t')[0])
  for (const [name, place] of [[first, meanwhile], [second, afterwards]] as const) {
    t.match(await command('restore', '--from', backups, '--at', name, '--data', place), { code: 0, result: { name } })
  }
  t.match(await runInProcess(['verify', '--data', meanwhile]), { code: 0, stdout: /The store is sound\.\n$/ })
  const again = await startServer(t, afterwards, ['--log-level', 'error'])
  t.same(await load.check(again, true), [])
})

t.test('a backup of a store that a server has open, and of one at rest, is the store as it was', async t => {
  const base = await quickDirectory(t)
  const [directory, backups, place] = [join(base, 'store'), join(base, 'backups'), join(base, 'again')]
  const server = await startServer(t, directory)
  const headers = { authorization: server.authorization }
  const put = async (name: string, body: string): Promise<void> => { t.equal((await fetch(`${server.origin}/${name}`, { method: 'PUT', headers, body })).status, 201) }
  await put('one.txt', 'one')
  await put('long.txt', 'long '.repeat(50_000))
  const told = await runCommand(['backup', '--data', directory, '--to', backups])
  t.match(told, { code: 0, stdout: /^Backup \S+ is in .*backups: \d+ objects and their change log up to \d+, 1 blob \(244\.1 KiB\), in \d+ s\. 1 blob \(244\.1 KiB, \d+ bytes compressed\) was new\.\n$/ })
  await put('two.txt', 'two')
  t.equal(await server.stop(), 0)
  t.match(await command('backup', '--data', directory, '--to', backups), { code: 0, result: { blobs: { copied: 0, kept: 1 } } })
  const listed = await runInProcess(['backup', '--to', backups, '--list'])
  const lines = listed.stdout.trimEnd().split('\n').map(line => line.split('\t'))
  t.equal(lines.length, 2)
  t.match(lines[0], [/^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/, /^\d+ objects$/, '244.1 KiB of values', /^change log up to \d+$/])
  t.match(await runInProcess(['backup', '--to', backups, '--check']), { code: 0, stdout: /^Backup \S+ is sound: all its files have the bytes that were written\.\n$/ })

  t.match(await runInProcess(['restore', '--from', backups, '--at', lines[0]?.[0] ?? '', '--data', place]), { code: 0, stdout: /^Backup \S+ is a store again: \d+ objects, a change log of \d+ entries, 1 blob \(244\.1 KiB written now\), in \d+ s\. All was read back and compared\.\n$/ })
  t.match(await runInProcess(['restore', '--from', backups, '--at', lines[0]?.[0] ?? '', '--data', place]), { code: 0, stdout: /was restored there before/ })
  const again = await startServer(t, place)
  const get = async (name: string): Promise<[number, string]> => {
    const answer = await fetch(`${again.origin}/${name}`, { headers: { authorization: again.authorization } })
    const text = await answer.text()
    return [answer.status, answer.ok ? text : '']
  }
  t.same([await get('one.txt'), await get('long.txt'), await get('two.txt')], [[200, 'one'], [200, 'long '.repeat(50_000)], [404, '']])
})

const database = await postgresServer()

t.test('the same of a store in a database, that a server has open, into another database', { timeout: 120_000 }, async t => {
  if (database === undefined) return t.plan(0, 'PostgreSQL is missing')
  const base = await quickDirectory(t)
  const [from, to] = ['one', 'two'].map(name => placeOf(t, database, join(base, name)))
  const environment = (place = from): Record<string, string> => ({ CDMI_META: place?.meta ?? '', CDMI_BLOBS: place?.blobs ?? '' })
  const server = await startServer(t, undefined, [], environment())
  const headers = { authorization: server.authorization }
  t.equal((await fetch(`${server.origin}/long.txt`, { method: 'PUT', headers, body: 'long '.repeat(50_000) })).status, 201)
  t.match(await runInProcess(['backup', '--to', join(base, 'backups')], environment()), { code: 0, stdout: /^Backup \S+ is in / })
  t.equal((await fetch(`${server.origin}/long.txt`, { method: 'DELETE', headers })).status, 204)
  t.equal(await server.stop(), 0)
  t.match(await runInProcess(['restore', '--from', join(base, 'backups')], environment(to)), { code: 0, stdout: /is a store again/ })
  const again = await startServer(t, undefined, [], environment(to))
  t.equal(await (await fetch(`${again.origin}/long.txt`, { headers: { authorization: again.authorization } })).text(), 'long '.repeat(50_000))
})

t.test('kill -9 in the middle of a backup and of a restoration: the same command goes on, and a pin of the dead keeps nothing', { timeout: 300_000 }, async t => {
  const base = await quickDirectory(t)
  const [directory, backups, place] = [join(base, 'store'), join(base, 'backups'), join(base, 'again')]
  const opened = await openStore({ directory, trashGrace: 0, sweepInterval: 0, inlineLimit: 8192, segmentSize: 65_536 }, noErrors)
  await fillStore(opened)
  await opened.sweep()
  for (let n = 0; n < 300; n++) await storeBlob(opened, Buffer.alloc(20_000, `blob ${n}, `), { parentID: opened.rootID, name: `blob-${n}` })
  const first = await wholeOfStore(opened)
  await killed(t, join(backups, 'blobs'), 60, 'backup', '--data', directory, '--to', backups)
  t.match(await runInProcess(['backup', '--to', backups, '--list']), { code: 0, stdout: '' })
  const there = (await filesBelow(join(backups, 'blobs'))).length
  t.ok((await readdir(directory)).some(name => name.startsWith('pin-')), 'its pin is left')
  const { put, birth } = await storeBlob(opened, Buffer.alloc(20_000, 'to be removed'))
  await store(opened, { remove: [{ id: put.id, version: 1, subtree: false }] })
  t.match(await opened.sweep(), { blobs: 1 }, birth.blob)
  t.notOk((await readdir(directory)).some(name => name.startsWith('pin-')), 'and gone when the sweeper has looked')
  t.match(await command('backup', '--data', directory, '--to', backups), { code: 0, result: { status: 'complete', blobs: { kept: there, copied: first.blobs - there } } })
  await opened.close()

  await killed(t, join(place, 'blobs'), 60, 'restore', '--from', backups, '--data', place)
  t.match(await runInProcess(['serve', '--data', place, '--port', '0']), { code: 1, stderr: /is being filled by a transfer .* or "fastify-cdmi restore", again/ })
  const { code, result, stderr } = await command('restore', '--from', backups, '--data', place)
  t.equal(code, 0, stderr)
  const { moved, kept } = Object(result['blobs']) as { moved: number, kept: number }
  t.ok(moved + kept === first.blobs && kept >= 50, JSON.stringify(result))
  t.strictSame(await whole(place), first)
})

t.test('a damaged backup is found and named, with exit code 3; what is restored all the same is told', async t => {
  const base = await quickDirectory(t)
  const [directory, backups] = [join(base, 'store'), join(base, 'backups')]
  const opened = await openStore({ directory, sweepInterval: 0 }, noErrors)
  for (const name of ['a', 'b']) await storeBlob(opened, Buffer.alloc(100_000, name), { parentID: opened.rootID, name })
  await opened.close()
  t.equal((await command('backup', '--data', directory, '--to', backups)).code, 0)
  const [file = ''] = (await filesBelow(join(backups, 'blobs'))).sort()
  const bytes = await readFile(file)
  await writeFile(file, bytes.map((byte, at) => at === 20 ? byte ^ 1 : byte))
  t.match(await runInProcess(['backup', '--to', backups, '--check']), { code: 3, stdout: /^blobs\/\S+\.gz in .*(?:cannot be decompressed|other bytes than were written)\.\n$/, stderr: /Backup \S+ is damaged, in 1 file\. / })
  t.match(await command('backup', '--to', backups, '--check'), { code: 3, result: { status: 'damaged', problems: { length: 1 } } })
  const refused = await runInProcess(['restore', '--from', backups, '--data', join(base, 'one')])
  t.match(refused, { code: 3, stdout: /^blobs\/\S+ in .*; it belongs to \/[ab]\n$/, stderr: /1 blob of backup \S+ cannot be restored; the store is not finished\./ })
  t.match(await runInProcess(['restore', '--from', backups, '--data', join(base, 'one'), '--skip-damaged']), {
    code: 4,
    stdout: /belongs to \/[ab]\nBackup \S+ is a store again: 3 objects, .* All else was read back and compared\.\n$/,
    stderr: /restored without its value: \/[ab] \(object \w+, blob \S+\)\nfastify-cdmi: The target is finished, without the value of one object that is damaged in the source\n$/
  })
  const { objects } = await whole(join(base, 'one'))
  t.match(objects.map(({ size, attributes }) => [size, Object(attributes)['completionStatus']]).sort(), [[0, 'Complete'], [0, /^Error: the value was damaged/], [100_000, undefined]])
  await writeFile(file, bytes)

  const manifest = (await filesBelow(join(backups, 'backups')))[0] ?? ''
  await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('"records":3', '"records":4'))
  t.match(await runInProcess(['restore', '--from', backups, '--data', join(base, 'two')]), { code: 3, stderr: /^fastify-cdmi: backups\/\S+\.json in .* is not what was written\n$/ })
  t.match(await command('restore', '--from', backups, '--data', join(base, 'two')), { code: 3, result: { status: 'failed', error: /is not what was written/ } })
  t.equal((await command('backup', '--data', directory, '--to', backups)).code, 0, 'the next one is sound')
  t.match(await runInProcess(['backup', '--to', backups, '--list']), { code: 3, stdout: /^\S+\tdamaged: backups\/\S+ in .* is not what was written\n\S+\t3 objects\t/, stderr: /1 backup cannot be read/ }, 'and is shown beside the damaged one')
})

t.test('values of the store that are damaged are named, with exit code 3; all else is backed up', async t => {
  const base = await quickDirectory(t)
  const directory = join(base, 'store')
  const opened = await openStore({ directory, sweepInterval: 0 }, noErrors)
  const { birth } = await storeBlob(opened, Buffer.alloc(100_000, 'x'), { parentID: opened.rootID, name: 'rotten' })
  await storeBlob(opened, Buffer.alloc(100_000, 'y'), { parentID: opened.rootID, name: 'fine' })
  await opened.close()
  await writeFile(join(directory, 'blobs', birth.blob), Buffer.alloc(100_000, 'z'))
  const { code, stdout, stderr } = await runInProcess(['backup', '--data', directory, '--to', join(base, 'backups')])
  t.equal(code, 3)
  t.match(stdout, /^Backup .* 1 blob \(97\.7 KiB, .* was new\.\nBlob \S+ has .*; it belongs to \/rotten\n$/)
  t.match(stderr, /1 blob of the store is not what was written, and not in the backup; all else is\./)
})

t.test('what cannot be read of the store is named, with exit code 3, and keeps it from being backed up; with --skip-damaged all else is, and that is code 4', async t => {
  const base = await quickDirectory(t)
  const [directory, backups] = [join(base, 'store'), join(base, 'backups')]
  const opened = await openStore({ directory, sweepInterval: 0, inlineLimit: 1000 }, noErrors)
  const { birth } = await storeBlob(opened, Buffer.alloc(100_000, 'x'), { parentID: opened.rootID, name: 'unknown' })
  const [wrong, fine] = ['wrong', 'fine'].map(name => aRecord({ parentID: opened.rootID, name, attributes: { metadata: {} } }))
  if (wrong === undefined || fine === undefined) throw new Error('there are two')
  await store(opened, { put: [wrong, fine], events: [{ n: 1 }, { n: 2 }] })
  await opened.close()
  const tables = openTables(directory)
  const flip = (table: Table, key: Buffer): void => {
    const bytes = Buffer.from(table.getBinary(key) ?? '')
    bytes[9] = (bytes[9] ?? 0) ^ 1
    table.putSync(key, bytes)
  }
  flip(tables.records, idKey(wrong.id))
  flip(tables.blobs, Buffer.from(birth.blob))
  flip(tables.log, u64(2))
  // Where there is something to remove it is asked what hangs where.
  const removed = Buffer.from('0100', 'hex')
  tables.orphans.putSync(removed, sealNote(removed))
  await tables.env.close()

  const refused = await runInProcess(['backup', '--data', directory, '--to', backups])
  t.match(refused, { code: 3, stdout: '', stderr: new RegExp(`fastify-cdmi: The record of object ${wrong.id} has other bytes than were written\\. There is no new backup: "fastify-cdmi verify" names .* or back up all else with --skip-damaged\\n$`) })
  t.match(await command('backup', '--data', directory, '--to', backups), { code: 3, result: { status: 'failed', error: /other bytes than were written/ } })

  const skipped = await runInProcess(['backup', '--data', directory, '--to', backups, '--skip-damaged'])
  t.match(skipped, { code: 4, stderr: /The backup is there, without 1 blob and 2 rows that are not what was written/ })
  t.match(skipped.stdout, new RegExp(`What is noted of blob ${birth.blob} has other bytes than were written; it belongs to /unknown\\nleft out: The record of object ${wrong.id} has .*\\nleft out: Entry 2 of the change log has`))
  t.match(await command('backup', '--data', directory, '--to', backups, '--skip-damaged'), { code: 4, result: { status: 'damaged', damaged: { length: 1 }, leftOut: [{ objectID: wrong.id }, { problem: /^Entry 2/ }] } })
  t.match(await runInProcess(['backup', '--to', backups, '--check']), {
    code: 4,
    stdout: new RegExp(`^What is noted of blob .*; it belongs to /unknown\\nleft out: The record of object ${wrong.id} has .*\\nleft out: Entry 2 of the change log has .*\\n$`),
    stderr: /All files of backup \S+ have the bytes that were written; but it was made of a damaged store, and is without 1 blob and 2 rows of it: "fastify-cdmi restore" takes it with --skip-damaged only\n$/
  })
  t.match(await command('backup', '--to', backups, '--check'), { code: 4, result: { status: 'damaged', problems: { length: 0 }, damaged: [{ blob: birth.blob, objects: [{ path: '/unknown' }] }], leftOut: [{ objectID: wrong.id }, {}] } })
  t.match(await runInProcess(['backup', '--to', backups, '--list']), { code: 0, stdout: /\t1 blob damaged\t2 rows left out\n$/ })

  t.match(await runInProcess(['restore', '--from', backups, '--data', join(base, 'one')]), { code: 3, stdout: /^left out: /, stderr: /was made of a damaged store, without 2 rows that could not be read\. Take another/ })
  t.match(await runInProcess(['restore', '--from', backups, '--data', join(base, 'one'), '--skip-damaged']), { code: 4, stderr: /left out: .*The store is finished, without 2 rows that could not be read/s })
  t.match(await command('restore', '--from', backups, '--data', join(base, 'one'), '--skip-damaged'), { code: 4, result: { status: 'damaged', already: true, leftOut: { length: 2 } } }, 'once more')
  const { objects, events } = await whole(join(base, 'one'))
  t.same(objects.map(({ id }) => id).includes(fine.id), true)
  t.same(objects.map(({ id }) => id).includes(wrong.id), false)
  t.same(events.map(({ sequence }) => sequence).includes(2), false)
  t.match(await command('restore', '--from', backups, '--data', join(base, 'two'), '--skip-damaged'), { code: 4, result: { status: 'damaged', complete: true, leftOut: { length: 2 } } })

  // An older build knows no version but the first.
  const manifests = await filesBelow(join(backups, 'backups'))
  const versions = await Promise.all(manifests.map(async file => (JSON.parse(await readFile(file, 'utf8')) as { manifest: { version: number } }).manifest.version))
  t.same(versions, [2, 2])
  // The first builds that left something out have said so under that version.
  for (const file of manifests) {
    const manifest = { ...(JSON.parse(await readFile(file, 'utf8')) as { manifest: object }).manifest, version: 1 }
    await writeFile(file, `${JSON.stringify({ manifest, sha256: createHash('sha256').update(JSON.stringify(manifest)).digest('hex') })}\n`)
  }
  t.match(await command('restore', '--from', backups, '--data', join(base, 'three')), { code: 3, result: { status: 'damaged', leftOut: { length: 2 } } })
  t.match(await command('backup', '--to', backups, '--check'), { code: 4 })

  const rootless = openTables(directory)
  rootless.state.putSync(stateKeys.root, Buffer.from('00'))
  await rootless.env.close()
  t.match(await runInProcess(['backup', '--data', directory, '--to', backups, '--skip-damaged']), { code: 3, stderr: /^fastify-cdmi: The note which container is the root .* "fastify-cdmi repair" mends it\n$/ })
})

t.test('what the place of the backups has lost is not told as damage of the store', async t => {
  const base = await quickDirectory(t)
  const [directory, backups] = [join(base, 'store'), join(base, 'backups')]
  await (await openStore({ directory, sweepInterval: 0 }, noErrors)).close()
  t.equal((await command('backup', '--data', directory, '--to', backups)).code, 0)
  await symlink('nowhere', join(backups, 'backups', '9999-01-01T00-00-00.000Z.json'))
  t.match(await runInProcess(['backup', '--data', directory, '--to', backups]), { code: 1, stdout: '', stderr: /^fastify-cdmi: \S+9999-01-01T00-00-00\.000Z\.json is gone\n$/ })
})

t.test('what is not clear is refused with a sentence, and nothing is made', async t => {
  const base = t.testdir({ store: {}, link: t.fixture('symlink', 'store') })
  for (const [args, code, stderr] of [
    [['backup', '--data', 'x'], 2, /^fastify-cdmi: Say with --to where the backups are: a directory, a file, or s3:\/\/bucket\/prefix\n$/],
    [['backup', '--data', 'x', '--to', 'https://bucket/x'], 2, /^fastify-cdmi: --to must be a directory or a file of this machine, or s3:/],
    [['backup', '--data', 'x', '--to', 's3://bucket/x?secretAccessKey=y'], 2, /^fastify-cdmi: The option --to has a secret in it, .*: use the variable BACKUP_TO, or AWS_SECRET_ACCESS_KEY\n$/],
    [['backup', '--data', 'x', '--to', 's3://bucket/x?nonsense=y'], 2, /nonsense/],
    [['backup', '--meta', 'postgres://h/d', '--blobs', 's3://bucket/x', '--to', 's3://bucket/x/y'], 2, /^fastify-cdmi: --to must not be among the values of the store/],
    [['backup', '--to', '-', '--list'], 2, /^fastify-cdmi: --to - is for making a backup/],
    [['backup', '--data', 'x', '--to', 'package.json'], 1, /^fastify-cdmi: package\.json is a file already, and a file has one backup/],
    [['backup', '--to', 'package.json', '--list'], 1, /^fastify-cdmi: .*package\.json is not a backup\n$/],
    [['restore', '--from', '-', '--data', 'x'], 2, /^fastify-cdmi: --from cannot be standard input/],
    [['backup', '--to', 'x', '--list', '--check'], 2, /^fastify-cdmi: Either --list or --check\n$/],
    [['backup', '--to', 'x', '--at', 'y'], 2, /^fastify-cdmi: --at goes with --check/],
    [['backup', '--to', 'x', '--check', '--at', 'yesterday'], 2, /^fastify-cdmi: --at must be the name of a backup/],
    [['backup', '--to', 'x', '--check', '--at', '2030-01-31T18:00:00'], 2, /with its offset from UTC/],
    [['backup', '--to', 'x', '--check', '--at', '2030-02-31T18:00:00Z'], 2, /^fastify-cdmi: --at must be the name of a backup/],
    [['backup', '--to', join(base, 'nothing'), '--list'], 1, /^fastify-cdmi: There are no backups in /],
    [['backup', '--data', base, '--to', join(base, 'backups')], 2, /^fastify-cdmi: --to must not be in the directory of the store\n$/],
    [['backup', '--data', base, '--to', base], 2, /--to must not be in the directory of the store\n$/],
    [['backup', '--data', join(base, 'store'), '--to', join(base, 'link', 'backups')], 2, /--to must not be in the directory of the store\n$/],
    [['backup', '--data', join(base, 'link'), '--to', join(base, 'store', 'backups')], 2, /--to must not be in the directory of the store\n$/],
    [['backup', '--data', join(base, 'store'), '--to', join(base, 'backups')], 1, /^fastify-cdmi: There is no store in /],
    [['restore', '--data', 'x'], 2, /^fastify-cdmi: Say with --from where the backups are/],
    [['restore', '--from', 'x'], 2, /^fastify-cdmi: Say with --data into which directory/],
    [['restore', '--from', join(base, 'nothing'), '--data', join(base, 'store')], 1, /^fastify-cdmi: There are no backups in /]
  ] as const) t.match(await runInProcess(args), { code, stdout: '', stderr }, args.join(' '))
  t.same(await readdir(base), ['link', 'store'])
  t.same(await readdir(join(base, 'store')), [])
})
