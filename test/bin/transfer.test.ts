import t, { type Test } from 'tap'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { request } from 'undici'
import { openStore } from '../../index.js'
import type { DistributedStoreOptions, StoreOptions } from '../../schemas/store-options.js'
import { eventually } from '../helpers/eventually.js'
import { commandLine, plainNode } from '../helpers/plain-node.js'
import { runInProcess } from '../helpers/run-in-process.js'
import { startServer } from '../helpers/server-process.js'
import { store, storeBlob } from '../storage/driver.js'
import { noErrors, quickDirectory } from '../storage/embedded-driver.js'
import { placeOf } from '../storage/postgres-driver.js'
import { postgresServer } from '../storage/postgres-server.js'
import { fillStore, type Whole, wholeOfStore } from '../storage/whole-store.js'

interface Place {
  readonly options: StoreOptions | DistributedStoreOptions
  /** Flags that name it. */
  flags (end: 'from' | 'to'): string[]
  /** Variables that name it, where flags cannot. */
  variables? (end: 'from' | 'to'): Record<string, string>
  /** Where its blobs are. */
  readonly blobs: string
}

async function aDirectory (t: Test): Promise<Place> {
  const directory = join(await quickDirectory(t), 'store')
  return { options: { directory, sweepInterval: 0, trashGrace: 0 }, flags: end => [`--${end}`, directory], blobs: join(directory, 'blobs') }
}

async function whole ({ options }: Place): Promise<Whole> {
  const opened = await openStore(options, noErrors)
  try {
    return await wholeOfStore(opened)
  } finally {
    await opened.close()
  }
}

/** With more than a hundred blobs. */
async function filled (t: Test): Promise<Place> {
  const place = await aDirectory(t)
  const opened = await openStore({ ...place.options, inlineLimit: 8192, segmentSize: 65_536 }, noErrors)
  await fillStore(opened)
  for (let n = 0; n < 120; n++) await storeBlob(opened, Buffer.alloc(20_000, `blob ${n}, `), { parentID: opened.rootID, name: `blob-${n}` })
  await store(opened, { events: [{ n: 'last' }] })
  await opened.close()
  return place
}

async function filesBelow (directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  // Beside the mark of the place.
  return entries.filter(entry => entry.isFile() && !(['values', '.fastify-cdmi-store'].includes(entry.name) && entry.parentPath === directory)).map(entry => join(entry.parentPath, entry.name))
}

const transferCommand = async (from: Place, to: Place, ...more: readonly string[]): ReturnType<typeof runInProcess> => await runInProcess(['transfer', ...from.flags('from'), ...to.flags('to'), ...more], variablesOf(from, to))
const variablesOf = (from: Place, to: Place): Record<string, string> => ({ ...from.variables?.('from'), ...to.variables?.('to') })

/** Begins it, and kills it when the target has so many blobs, or when all are there and records follow. */
async function killed (t: Test, from: Place, to: Place, when: number | 'records'): Promise<void> {
  const child = spawn(...plainNode(commandLine, 'transfer', ...from.flags('from'), ...to.flags('to'), '--json'), { env: { ...process.env, ...variablesOf(from, to) } })
  t.teardown(() => { child.kill('SIGKILL') })
  let [printed, progress] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => { printed += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => {
    progress += chunk.toString()
    if (when === 'records' && progress.includes(when)) child.kill('SIGKILL')
  })
  const closed = once(child, 'close')
  if (when !== 'records') {
    await eventually(`${when} blobs are there`, async () => child.exitCode !== null || (await filesBelow(to.blobs)).length >= when)
    child.kill('SIGKILL')
  }
  t.same(await closed, [null, 'SIGKILL'], progress)
  t.equal(printed, '', 'it had not come to its end')
}

const database = await postgresServer()

t.test('kill -9 at any time, and the same command goes on: values are not moved again, and the target is the same as the source at the end', { timeout: 300_000 }, async t => {
  const from = await filled(t)
  const first = await whole(from)
  const places: Array<{ to: Place, kills: ReadonlyArray<number | 'records'> }> = [{ to: await aDirectory(t), kills: [40, 'records'] }]
  if (database !== undefined) {
    const options = placeOf(t, database, await quickDirectory(t))
    const { meta, blobs } = options
    places.push({ to: { options, flags: () => [], variables: end => end === 'from' ? { TRANSFER_FROM: meta, TRANSFER_FROM_BLOBS: blobs } : { TRANSFER_TO: meta, TRANSFER_TO_BLOBS: blobs }, blobs: new URL(blobs).pathname }, kills: [60, 'records'] })
  }
  let source = from
  for (const { to, kills } of places) {
    for (const when of kills) {
      await killed(t, source, to, when)
      await t.rejects(openStore(to.options, noErrors), { name: 'StorageError', reason: 'format', message: /is being filled by a transfer that has not come to its end/ })
    }
    const { code, stdout, stderr } = await transferCommand(source, to, '--json')
    t.equal(code, 0, stderr)
    t.match(JSON.parse(stdout), { status: 'complete', rootID: first.rootID, records: first.objects.length, events: first.events.length, damaged: [], blobs: { moved: 0, kept: first.blobs } })
    t.ok((await filesBelow(to.blobs)).length <= first.blobs + 8, 'what was on its way at a kill was written again, nothing else')
    t.strictSame(await whole(to), first)
    t.match(await transferCommand(source, to), { code: 0, stdout: /was moved to .* before, and neither has changed since; there is nothing to do\.\n$/ }, 'as if it was killed before it could say so')
    source = to
  }
  const last = await aDirectory(t)
  const { code, stdout } = await transferCommand(source, last)
  t.equal(code, 0)
  t.match(stdout, /^Moved .* to .*store: \d+ objects, \d+ blobs \([\d.]+ MiB\), a change log of \d+ entries, in \d+ s\. All was read back and compared\.\n$/)
  t.strictSame(await whole(last), first)

  const served = await startServer(t, 'directory' in last.options ? last.options.directory : '')
  const answer = await request(`${served.origin}/a/copy`, { headers: { authorization: served.authorization } })
  t.equal(answer.statusCode, 200)
  t.equal((await answer.body.arrayBuffer()).byteLength, 200_001)
  t.equal(await served.stop(), 0)
})

t.test('a blob of the source with a wrong bit: 3, with its object; nothing of it is copied; the target cannot be served until the source was mended', async t => {
  const from = await aDirectory(t)
  const opened = await openStore({ ...from.options, inlineLimit: 0 }, noErrors)
  const { birth } = await storeBlob(opened, 'the value', { parentID: opened.rootID, name: 'rotten one' })
  await storeBlob(opened, 'another', { parentID: opened.rootID, name: 'sound' })
  await opened.close()
  const file = join(from.blobs, birth.blob)
  const sound = await readFile(file)
  const rotten = Buffer.from(sound)
  rotten[3] = (rotten[3] ?? 0) ^ 4
  await writeFile(file, rotten)
  const to = await aDirectory(t)
  const { code, stdout, stderr } = await transferCommand(from, to, '--json')
  t.equal(code, 3)
  t.match(JSON.parse(stdout), { status: 'damaged', complete: false, blobs: { moved: 1 }, damaged: [{ blob: birth.blob, problem: /has other bytes between 0 and 9 than were written/, objects: [{ path: '/rotten%20one' }] }] })
  t.match(stderr, /fastify-cdmi: A blob of the source is not what was written, and was not copied; the target is not finished\..*\n$/)
  t.notMatch(stderr, /is that the place of the values/)
  const again = await transferCommand(from, to)
  t.match(again, { code: 3, stdout: /^Blob .* has other bytes between 0 and 9 than were written; it belongs to \/rotten%20one\n$/ })
  const directory = 'directory' in to.options ? to.options.directory : ''
  const served = await runInProcess(['serve', '--data', directory, '--port', '0'], { ADMIN_PASSWORD: 'x' })
  t.match(served, { code: 1, stderr: /^fastify-cdmi: The store in .* is being filled by a transfer that has not come to its end; run the same "fastify-cdmi transfer", or "fastify-cdmi restore", again to finish it, or remove it and begin anew\n$/ })
  await writeFile(file, sound)
  t.match(await transferCommand(from, to), { code: 0, stdout: /1 blob had been moved before\./ })
  t.strictSame(await whole(to), await whole(from))
  await writeFile(file, rotten)
  const without = await aDirectory(t)
  t.match(await transferCommand(from, without), { code: 3, stderr: /; or move everything else with --skip-damaged\n$/ })
  const skipped = await transferCommand(from, without, '--skip-damaged', '--json')
  t.equal(skipped.code, 4)
  t.match(skipped.stderr, new RegExp(`\nmoved without its value: /rotten%20one \\(object [0-9A-F]+, blob ${birth.blob}\\)\nfastify-cdmi: The target is finished, without the value of one object that is damaged in the source\n$`))
  t.match(JSON.parse(skipped.stdout), { status: 'damaged', complete: true, blobs: { moved: 0, kept: 1 }, records: 3, damaged: [{ blob: birth.blob, objects: [{ path: '/rotten%20one' }] }], lost: [{ path: '/rotten%20one', blobs: [birth.blob], kept: true }] })
  t.equal((await whole(without)).objects.length, 3)
  await rename(from.blobs, `${from.blobs}-elsewhere`)
  for (const flags of [[], ['--skip-damaged']]) t.match(await transferCommand(from, await aDirectory(t), ...flags), { code: 3, stderr: /fastify-cdmi: 2 blobs of the source are .* is that the place of the values\? / })
})

t.test('what cannot be done is refused with a sentence, and no secret is repeated', async t => {
  const refused = async (args: readonly string[], code: number, pattern: RegExp, environment: Record<string, string> = {}): Promise<void> => {
    const done = await runInProcess(['transfer', ...args], environment)
    t.match(done, { code, stderr: pattern }, args.join(' '))
    t.notMatch(done.stdout + done.stderr, /sEcReT|\n\s+at /)
  }
  const [from, to] = [await aDirectory(t), await aDirectory(t)]
  const names = [from, to].map(({ options }) => 'directory' in options ? options.directory : '')
  await (await openStore(from.options, noErrors)).close()
  await refused([], 2, /^fastify-cdmi: Say with --from which store is to be moved/)
  await refused(from.flags('from'), 2, /^fastify-cdmi: Say with --to where it is to be moved/)
  await refused([...from.flags('from'), '--from-blobs', 's3://b', ...to.flags('to')], 2, /--from-blobs goes with a postgres:\/\/ URL/)
  const secret = (...flags: string[]): string[] => [...from.flags('from'), ...flags]
  await refused(secret('--to', 'postgres://u:sEcReT@127.0.0.1:1/d', '--to-blobs', 's3://b'), 2, /^fastify-cdmi: The option --to has a secret in it, and other users of the machine can read it there: use the variable TRANSFER_TO, or PGPASSWORD\n$/)
  await refused(secret('--to', 'postgres://u@127.0.0.1:1/d', '--to-blobs', 's3://b?accessKeyId=a&secretAccessKey=sEcReT'), 2, /^fastify-cdmi: The option --to-blobs has a secret in it, [^\n]*: use the variable TRANSFER_TO_BLOBS, or AWS_SECRET_ACCESS_KEY\n$/)
  await refused(['--from', 'postgres://u@127.0.0.1:1/d?password=sEcReT'], 2, /The option --from has a secret in it, .* TRANSFER_FROM, /)
  const TRANSFER_TO = 'postgres://u:sEcReT@127.0.0.1:1/d?schema=x'
  await refused(from.flags('from'), 2, /--to is a database: say with --to-blobs/, { TRANSFER_TO })
  await refused(secret('--to-blobs', 'sEcReT'), 2, /--to-blobs must be a URL/, { TRANSFER_TO })
  await refused(from.flags('from'), 2, /--to must be a directory/, { TRANSFER_TO: 'mysql://u:sEcReT@127.0.0.1:1/d' })
  await refused(from.flags('from'), 2, /must be a URL that begins with file:\/\/ or s3:\/\//, { TRANSFER_TO, TRANSFER_TO_BLOBS: 'ftp://u:sEcReT@h/' })
  await refused([...from.flags('from'), '--to', 'file://sEcReT/x'], 2, /--to must name a directory of this machine/)
  await refused([...from.flags('from'), '--to', `${names[0] ?? ''}/../store`], 2, /are the same store/)
  await refused(to.flags('from').concat(from.flags('to')), 1, /^fastify-cdmi: There is no store in .*store\n$/)
  await refused(from.flags('from').concat(`--to-blobs=${pathToFileURL(t.testdir()).href}`), 1, /^fastify-cdmi: .*127\.0\.0\.1:1/, { TRANSFER_TO })
  await refused([...from.flags('from'), '--too=postgres://u:sEcReT@h/d?password=sEcReT'], 2, /unknown option '--too=postgres:\/\/…@h\/d\?password=…'/)
  await refused([...from.flags('from'), ...to.flags('to'), 'more'], 2, /too many arguments/)

  const other = await openStore(to.options, noErrors)
  await storeBlob(other, 'x', { parentID: other.rootID, name: 'x' })
  await refused([...from.flags('from'), ...to.flags('to')], 1, /in use by process/)
  await other.close()
  await refused([...from.flags('from')], 1, /^fastify-cdmi: The store in .* is not empty; a transfer needs a target that has never been used\n$/, { TRANSFER_TO: names[1] ?? '' })
  const { code, stdout } = await transferCommand(from, to, '--json')
  t.equal(code, 1)
  t.match(JSON.parse(stdout), { status: 'failed', from: names[0], to: names[1], error: /is not empty/ })
  t.equal((await whole(to)).objects.length, 2, 'it is as it was')
})

t.test('a signal ends it gently', async t => {
  const [from, to] = [await filled(t), await aDirectory(t)]
  const child = spawn(...plainNode(commandLine, 'transfer', ...from.flags('from'), ...to.flags('to')))
  let printed = ''
  child.stderr.on('data', (chunk: Buffer) => { printed += chunk.toString() })
  const closed = once(child, 'close')
  await eventually('a blob is there', async () => child.exitCode !== null || (await filesBelow(to.blobs)).length > 0)
  child.kill('SIGTERM')
  t.same(await closed, [1, null])
  t.match(printed, /fastify-cdmi: The transfer was interrupted; run the same command again to go on with it\n$/)
  t.match(await transferCommand(from, to), { code: 0, stderr: /^values: 0 %, 0 bytes of [\d.]+ MiB\nvalues: 100 %, .*\nrecords, written and compared: 0 %, .*\nrecords, written and compared: 100 %, .*\nchange log: 0\nchange log: \d+\n$/ })
  t.strictSame(await whole(to), await whole(from))
})
