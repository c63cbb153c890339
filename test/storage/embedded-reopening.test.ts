/** The last write of a commit fails, the one that makes it count: LMDB does nothing any more until its file is opened anew, and the store does that by itself. */
import t from 'tap'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { StoredRecord } from '../../storage/contract.js'
import { readHeads, takeBack } from '../../storage/embedded/lmdb-heads.js'
import { openTables } from '../../storage/embedded/tables.js'
import { verifyEmbedded } from '../../storage/embedded/verify/verify-embedded.js'
import { readEmbeddedLog } from '../../storage/embedded/read-log.js'
import { spoilsMemory } from '../../storage/embedded/writer.js'
import { openStore } from '../../storage/open-store.js'
import { eventually } from '../helpers/eventually.js'
import { aValue, commit, store as commitAll, storeBlob, text } from './driver.js'
import { quickDirectory } from './embedded-driver.js'

/** As Linux numbers it. */
const synchronous = 0o10000
const skip = process.platform === 'linux' ? false : 'THE NUMBERS OF OPEN FILES ARE NOT KNOWN HERE'

/** The file that LMDB writes the heads to, and nothing else, becomes one that nobody can write to. */
function spoil (directory: string): void {
  const path = realpathSync(join(directory, 'meta.lmdb'))
  const [fd, ...more] = readdirSync('/proc/self/fd').filter(fd => linkOf(fd) === path && (flagsOf(fd) & synchronous) !== 0).map(Number)
  if (fd === undefined || more.length > 0) throw new Error('It is not one file that the heads are written to')
  closeSync(fd)
  if (openSync('/dev/null', 'r') !== fd) throw new Error('Somebody else opens files')
}

/** Undefined: it is closed meanwhile. */
function linkOf (fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return undefined
  }
}

function flagsOf (fd: string): number {
  return parseInt(/flags:\s+([0-7]+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0', 8)
}

const refused = { name: 'StorageError', reason: 'unavailable' }

t.test('the last write of a commit fails: it is refused, so is all else until the file is open again, and then everything acknowledged is there and nothing else', { skip }, async t => {
  const directory = join(await quickDirectory(t), 'store')
  const complaints: string[] = []
  const store = await openStore({ directory, sweepInterval: 0, scrubRate: 0 }, (error, doing) => { complaints.push(`${doing}: ${String(error)}`) })
  const stop = new AbortController()
  const seen: number[] = []
  const following = (async () => { for await (const { sequence } of store.meta.watch(0, stop.signal)) seen.push(sequence) })()
  const get = async (id: string): Promise<StoredRecord | undefined> => await store.meta.get(id)
  const [kept, changed] = [aValue('kept'), aValue('before')]
  await commitAll(store, { put: [kept, changed], events: [{ event: 'made' }] })
  const { put: long } = await storeBlob(store, Buffer.alloc(200_000, 'long'))
  for (let time = 1; time <= 3; time++) {
    spoil(directory)
    const lost = aValue('lost')
    // Several at once, of which none is acknowledged.
    const refusals = await Promise.allSettled([commit(store, { put: [lost] }), commit(store, { put: [aValue('after', { ...changed, version: time + 1 })] }), commit(store, { put: [aValue('x')] })])
    for (const refusal of refusals) t.match(refusal, { status: 'rejected', reason: refused })
    // At once: it has not come to anything else yet.
    await t.rejects(get(kept.id), refused)
    await t.rejects(commit(store, { put: [aValue('x')] }), { ...refused, message: /is opened anew after a write that failed/ })
    await eventually('it is open again', async () => await get(kept.id).then(() => true, () => false))
    t.equal(text((await get(kept.id))?.inline), 'kept')
    t.equal(text((await get(changed.id))?.inline), 'before', 'nothing of what was refused')
    t.equal(await get(lost.id), undefined)
    t.equal((await get(long.id))?.size, 200_000)
    await commitAll(store, { put: [aValue('more')], events: [{ event: `more ${time}` }] })
    await store.ready()
    await store.sweep()
  }
  await eventually('who follows the log has it all', () => seen.length === 4)
  t.same(seen, [1, 2, 3, 4])
  stop.abort()
  await following
  t.equal(complaints.length, 3, complaints.join('\n'))
  t.match(complaints[0], /^committing: StorageError: The last write of a commit failed, so that meta.lmdb has to be opened anew: writing to meta.lmdb in /)
  await store.close()
  const findings: unknown[] = []
  await verifyEmbedded(directory, {}, finding => { findings.push(finding) })
  t.same(findings, [])
})

t.test('it is tried again for as long as the disk takes nothing, and as long as somebody else in the process has the file open', { skip }, async t => {
  const directory = join(await quickDirectory(t), 'store')
  const store = await openStore({ directory, sweepInterval: 0, scrubRate: 0 }, () => {})
  const kept = aValue('kept')
  await commitAll(store, { put: [kept], events: [{ event: 'made' }] })
  const other = readEmbeddedLog(directory)
  // Where the disk is tried.
  mkdirSync(join(directory, 'probe'))
  spoil(directory)
  await t.rejects(commit(store, { put: [aValue('x')] }), refused)
  await eventually('it was tried', async () => await store.meta.get(kept.id).then(() => true, (error: unknown) => String(error).includes('EISDIR')))
  rmdirSync(join(directory, 'probe'))
  await eventually('it was tried again, and LMDB refused', async () => await store.meta.get(kept.id).then(() => true, (error: unknown) => String(error).includes('the engine refuses to work')))
  await t.rejects(store.meta.get(kept.id), refused)
  await other.close()
  await eventually('it is open again', async () => await store.meta.get(kept.id).then(() => true, () => false))
  t.equal(text((await store.meta.get(kept.id))?.inline), 'kept')
  await commitAll(store, { put: [aValue('more')] })
  await store.close()
})

t.test('a store that is closed before its file was open again is given up all the same, and has all that was acknowledged', { skip }, async t => {
  const directory = join(await quickDirectory(t), 'store')
  const first = await openStore({ directory, sweepInterval: 0, scrubRate: 0 }, () => {})
  const kept = aValue('kept')
  await commitAll(first, { put: [kept] })
  mkdirSync(join(directory, 'probe'))
  spoil(directory)
  await t.rejects(commit(first, { put: [aValue('x')] }), refused)
  await eventually('it was tried', async () => await first.meta.get(kept.id).then(() => true, (error: unknown) => String(error).includes('EISDIR')))
  rmdirSync(join(directory, 'probe'))
  await first.close()
  const second = await openStore({ directory, sweepInterval: 0, scrubRate: 0 })
  t.equal(text((await second.meta.get(kept.id))?.inline), 'kept')
  await second.close()
})

t.test('a commit whose head got into the file although its write failed is taken back, and only that one', async t => {
  const directory = await quickDirectory(t)
  const path = join(directory, 'meta.lmdb')
  const key = Buffer.from('key')
  /** Writes so many transactions, one value each. */
  const write = async (...values: string[]): Promise<void> => {
    const { env, state } = openTables(directory)
    for (const value of values) env.transactionSync(() => state.putSync(key, Buffer.from(value)))
    await env.close()
  }
  const value = async (): Promise<string> => {
    const { env, state } = openTables(directory)
    const found = text(state.getBinary(key))
    await env.close()
    return found
  }
  const last = (): number => {
    const file = openSync(path, 'r')
    const heads = readHeads(file)
    closeSync(file)
    if (typeof heads === 'string') throw new Error(heads)
    return heads.transaction
  }
  await write('one', 'two', 'three')
  const end = last()
  takeBack(path, end)
  takeBack(path, end - 2)
  t.equal(await value(), 'three', 'there was nothing to be taken back')
  for (const [before, after] of [['three', 'four'], ['five', 'six']] as const) {
    await write(before, after)
    takeBack(path, last() - 1)
    t.equal(await value(), before)
    // On pages of what was taken back.
    await write('again', 'and again')
    t.equal(await value(), 'and again')
  }
})

t.test('what LMDB says of a page that it could not write: beyond 99 bytes it has spoilt memory', async t => {
  const said = (length: number): Error => new Error('Input/output error: ' + 'Attempting to write page at position 16384, size 4096, blocks 1, buffer sizes 4096 '.padEnd(length, '7'))
  t.equal(spoilsMemory(said(99)), false)
  t.equal(spoilsMemory(said(100)), true)
  t.equal(spoilsMemory(new Error('Input/output error: '.padEnd(200, '7'))), false)
  t.equal(spoilsMemory(undefined), false)
})

t.test('memory that LMDB has spoilt: who opened the store is told once, to end the process; the store refuses everything, and is closed without a write', async t => {
  const directory = join(await quickDirectory(t), 'store')
  const told: string[] = []
  const store = await openStore({ directory, sweepInterval: 0, scrubRate: 0 }, () => {}, error => { told.push(error.message) })
  const kept = aValue('kept')
  await commitAll(store, { put: [kept] })
  const { emit } = Worker.prototype
  t.teardown(() => { Worker.prototype.emit = emit })
  // What the writer's thread answers.
  Worker.prototype.emit = function (event: string | symbol, ...given: unknown[]) {
    const [answer] = given
    return Reflect.apply(emit, this, [event, ...(event === 'message' && answer instanceof Object && 'results' in answer ? [{ ...answer, results: [[['failed', 'unavailable', 'EIO']]], spoilt: 'a long message' }] : given)])
  }
  await t.rejects(commit(store, { put: [aValue('lost')] }), refused)
  Worker.prototype.emit = emit
  t.match(told, [/^LMDB has spoilt memory .* a long message$/])
  await t.rejects(store.meta.get(kept.id), { ...refused, message: /the process has to end/ })
  await t.rejects(commit(store, { put: [aValue('later')] }), refused)
  t.equal(told.length, 1)
  await store.close()
})
