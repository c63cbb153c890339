import t from 'tap'
import { execFileSync } from 'node:child_process'
import { createHash, randomFillSync } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { ArchiveReader } from '../../storage/backup/archive-reader.js'
import { backUp, type BackupReport } from '../../storage/backup/back-up.js'
import type { BackupPlace, ReadablePlace } from '../../storage/backup/backup-place.js'
import { openPlace, reading } from '../../storage/backup/open-place.js'
import { readPart } from '../../storage/backup/parts.js'
import { takeSnapshot } from '../../storage/backup/take-snapshot.js'
import { blockSize, readTarHead, tarHead } from '../../storage/backup/tar-format.js'
import type { TransferReport } from '../../storage/transfer.js'
import { backUpStore, fullStore, openedStore, problemsOf, restoredTo, wholeOf } from './backup-steps.js'
import { store as commitAll, storeBlob } from './driver.js'
import { noErrors } from './embedded-driver.js'
import { memoryEnds } from './memory-driver.js'
import { type Whole, wholeOfStore } from './whole-store.js'

async function backup (directory: string, place: BackupPlace): Promise<BackupReport> {
  try {
    return await backUpStore(directory, place)
  } finally {
    await place.close()
  }
}

async function restored (where: string): Promise<{ report: TransferReport, whole: Whole | undefined }> {
  const ends = memoryEnds()
  const report = await reading(where, async place => await restoredTo(ends, place))
  return { report, whole: report.complete ? await wholeOf(ends) : undefined }
}

const check = async (where: string): Promise<string[]> => await reading(where, problemsOf)

t.test('a backup in one file is the store as it was: looked at, checked and restored from where it is', async t => {
  const { base, directory, store, first } = await fullStore(t)
  // It is not compressed, and waits on a disk until it is counted.
  await storeBlob(store, randomFillSync(Buffer.alloc(9 * 1024 * 1024)), { parentID: store.rootID, name: 'noise' })
  const second = await wholeOfStore(store)
  const file = join(base, 'monday.cdmibak')
  const { manifest } = await backup(directory, await openPlace(file))
  t.match(manifest, { counts: { records: first.objects.length + 1, blobs: first.blobs + 1 }, damaged: [] })
  t.same((await readdir(base)).sort(), ['monday.cdmibak', 'store'])
  t.equal((await stat(file)).mode & 0o77, 0, 'it is its owner\'s')
  t.same(await check(file), [])
  const { report, whole } = await restored(file)
  t.match(report, { complete: true, damaged: [], lost: [] })
  t.strictSame(whole, second)
  await t.rejects(openPlace(file), { reason: 'format', message: /is a file already/ })
})

t.test('it is a tar archive: unpacked it is a directory of backups, and the next backup goes on with it', async t => {
  const { base, directory, store, first } = await fullStore(t)
  const file = join(base, 'x.tar')
  await backup(directory, await openPlace(file))
  const unpacked = join(base, 'unpacked')
  await mkdir(unpacked)
  execFileSync('tar', ['-xf', file, '-C', unpacked])
  t.strictSame((await restored(unpacked)).whole, first)
  await storeBlob(store, 'one more', { parentID: store.rootID, name: 'more' })
  t.match((await backup(directory, await openPlace(unpacked))).blobs, { copied: 1, kept: first.blobs })
  t.same(await check(unpacked), [])
  // As tar(1) fills up its blocks.
  const bytes = await readFile(file)
  await writeFile(file, Buffer.concat([bytes, Buffer.alloc(10_240)]))
  t.strictSame((await restored(file)).whole, first)
})

t.test('what is written to a stream is the same, however slow that is; when its reader ends the backup fails, and one that was cut short is none', async t => {
  const { base, directory, first } = await fullStore(t)
  const chunks: Uint8Array[] = []
  const slow = new Writable({ highWaterMark: 1, write (chunk: Uint8Array, _, done) { chunks.push(Buffer.from(chunk)); setImmediate(() => { done() }) } })
  await backup(directory, await openPlace('-', slow))
  const file = join(base, 'from a stream')
  await writeFile(file, Buffer.concat(chunks))
  t.strictSame((await restored(file)).whole, first)

  let room = 20
  const ending = new Writable({ write (_chunk, _, done) { done(room-- > 0 ? null : Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })) } })
  await t.rejects(backup(directory, await openPlace('-', ending)), { name: 'StorageError', reason: 'unavailable', message: 'Whoever reads standard output has ended' })

  await truncate(file, (await stat(file)).size - 3 * blockSize)
  await t.rejects(check(file), { name: 'StorageError', reason: 'corrupt', message: /from a stream is not a whole backup: its end is missing$/ })
  await writeFile(file, 'something else')
  await t.rejects(check(file), { reason: 'format', message: /is not a backup$/ })
})

t.test('a bit that is wrong anywhere in the file is found, or does not matter; a run that fails leaves nothing', async t => {
  const { base, directory, store } = await openedStore(t, { inlineLimit: 100 })
  await storeBlob(store, Buffer.alloc(5000, 'text '), { parentID: store.rootID, name: 'text' })
  await commitAll(store, { events: [{ a: 1 }] })
  const first = await wholeOfStore(store)
  const file = join(base, 'x.cdmibak')
  await backup(directory, await openPlace(file))
  const bytes = await readFile(file)
  let found = 0
  for (let at = 0; at < bytes.length; at += 61) {
    await writeFile(file, bytes.map((byte, n) => n === at ? byte ^ 4 : byte))
    const outcome = await restored(file).catch((error: unknown) => error)
    if (outcome instanceof Error || !('whole' in Object(outcome)) || Object(outcome).whole === undefined) found++
    else if (JSON.stringify(Object(outcome).whole) !== JSON.stringify(first)) t.fail(`byte ${at}`)
  }
  t.ok(found > 10, `${found} were found`)
  await rm(file)

  const place = await openPlace(file)
  const snapshot = await takeSnapshot({ directory }, noErrors)
  await t.rejects(backUp(snapshot, place, { signal: AbortSignal.abort(new Error('enough')) }), { message: 'enough' })
  await snapshot.close()
  t.same(await readdir(base), ['store'])
  // Somebody else was first.
  const late = await openPlace(file)
  await writeFile(file, 'mine')
  await t.rejects(backup(directory, late), { reason: 'format', message: /is there already$/ })
  t.same((await readdir(base)).sort(), ['store', 'x.cdmibak'])
  t.equal(await readFile(file, 'utf8'), 'mine')
})

t.test('names and sizes survive the heads of a tar archive; what does not fit is refused', async t => {
  for (const [name, size] of [['a', 0], ['blobs/x', 1], [`${'d'.repeat(60)}/${'e'.repeat(90)}`, 8 * 1024 ** 3 - 1]] as const) t.same(readTarHead(tarHead({ name, size }, 1)), { name, size })
  t.throws(() => tarHead({ name: 'a', size: 8 * 1024 ** 3 }, 1), RangeError)
  t.throws(() => tarHead({ name: 'x'.repeat(300), size: 1 }, 1), RangeError)
  t.equal(readTarHead(Buffer.alloc(blockSize)), undefined)
  t.equal(readTarHead(Buffer.alloc(10)), undefined)
  await t.rejects(ArchiveReader.open('/nonexistent'), { name: 'StorageError' })
})

t.test('a part that has the right bytes, but no lines of JSON, is a damaged one', async t => {
  const bytes = Buffer.from('{"id":\n')
  const hash = createHash('sha256').update(bytes).digest('hex')
  const place: Pick<ReadablePlace, 'name' | 'get'> = { name: 'here', async * get () { yield gzipSync(bytes) } }
  await t.rejects(readPart(place as ReadablePlace, { hash, count: 1, last: '' }), { message: `parts/${hash.slice(0, 2)}/${hash}.gz in here has other bytes than were written` })
})
