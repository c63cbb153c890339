import t, { type Test } from 'tap'
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasSoundOwner, takeOwnership } from '../../storage/embedded/owner-lock.js'
import { isAlive, showLife } from '../../storage/embedded/sign-of-life.js'
import { openTables, stateKeys } from '../../storage/embedded/tables.js'
import { openStore } from '../../storage/open-store.js'
import { startNode } from './child-process.js'
import { aRecord, next, store as commitAll } from './driver.js'
import { noErrors, quickDirectory } from './embedded-driver.js'

/** A short path has room for a socket; in a long one only numbers of processes can tell. */
const places: Record<string, (t: Test) => string> = {
  'short path (socket)': t => {
    const directory = mkdtempSync(join(tmpdir(), 'cdmi-'))
    t.teardown(() => { rmSync(directory, { recursive: true, force: true }) })
    return join(directory, 's')
  },
  'long path (process number)': t => join(t.testdir(), 'x'.repeat(100))
}

for (const [kind, place] of Object.entries(places)) {
  t.test(`one owner, ${kind}`, async t => {
    const directory = place(t)
    const store = await openStore({ directory }, noErrors)
    const [socket] = (await readdir(directory)).filter(name => name.endsWith('.sock'))
    t.equal(socket !== undefined, kind.startsWith('short'))
    await t.rejects(openStore({ directory }), { name: 'StorageError', reason: 'locked', message: `The store in ${directory} is in use by process ${process.pid} (this one); stop it first, or use another directory` })
    await store.ready()
    await store.close()
    t.same((await readdir(directory)).filter(name => name.endsWith('.sock')), [])

    const holder = startNode(t, 'hold-store', directory)
    await holder.printed(1)
    t.same(holder.lines, ['open'])
    await t.rejects(openStore({ directory }), { reason: 'locked', message: new RegExp(`in use by process ${holder.process.pid};`) })
    holder.process.kill('SIGKILL')
    await holder.ended

    // All at once find the dead owner; one takes his place.
    const starters = Array.from({ length: 4 }, () => startNode(t, 'hold-store', directory))
    await Promise.all(starters.map(async starter => { await starter.printed(1) }))
    t.same(starters.map(({ lines }) => lines[0]?.split(' ')[0]).sort(), ['locked', 'locked', 'locked', 'open'])
    for (const starter of starters) starter.process.stdin?.end()
    await Promise.all(starters.map(async starter => { await starter.ended }))
    const again = await openStore({ directory }, noErrors)
    await again.close()
  })
}

t.test('whoever leaves a store is not heard of any more, and ends to listen also where his socket was removed by hand', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'cdmi-'))
  t.teardown(() => { rmSync(directory, { recursive: true, force: true }) })
  const [one, other] = [await showLife(directory, 'one'), await showLife(directory, 'other')]
  t.equal(await isAlive(directory, one.life), true)
  await one.leave()
  t.equal(await isAlive(directory, one.life), false)
  t.same(await readdir(directory), [one.life.socket, other.life.socket])
  rmSync(join(directory, other.life.socket ?? ''))
  await other.leave()
  t.same(await readdir(directory), [one.life.socket])
})

t.test('of who has died while he left a store nothing stays in its directory after the next start, whether he is noted or not', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'cdmi-'))
  t.teardown(() => { rmSync(directory, { recursive: true, force: true }) })
  const place = join(directory, 's')
  await (await openStore({ directory: place }, noErrors)).close()
  const holder = startNode(t, 'hold-store', place)
  await holder.printed(1)
  holder.process.kill('SIGKILL')
  await holder.ended
  const [socket = ''] = (await readdir(place)).filter(name => name.endsWith('.sock'))
  renameSync(join(place, socket), join(place, `${socket}.left`))
  writeFileSync(join(place, 'owner-0123456789ab.sock.left'), '')
  const store = await openStore({ directory: place }, noErrors)
  t.teardown(async () => { await store.close() })
  t.same((await readdir(place)).filter(name => name.endsWith('.left')), [])
})

t.test('a number that another process has now does not lock the store; nor does the owner of a copy', async t => {
  const directory = join(t.testdir(), 'x'.repeat(100))
  await (await openStore({ directory }, noErrors)).close()
  for (const change of [{ started: 'another boot 1' }, { place: '0:0' }]) {
    const holder = startNode(t, 'hold-store', directory)
    await holder.printed(1)
    const tables = openTables(directory)
    const owner = JSON.parse(tables.state.getBinary(stateKeys.owner)?.toString() ?? '{}') as Record<string, unknown>
    tables.env.transactionSync(() => { tables.state.putSync(stateKeys.owner, Buffer.from(JSON.stringify({ ...owner, pid: process.pid, ...change }))) })
    await tables.env.close()
    holder.process.kill('SIGKILL')
    await holder.ended
    const store = await openStore({ directory }, noErrors)
    await store.close()
  }
})

t.test('a backup that was killed while it read keeps the file of the records from growing for no longer than until the next round of the sweeper', async t => {
  const directory = join(await quickDirectory(t), 'store')
  const opened = await openStore({ directory, sweepInterval: 0 }, noErrors)
  t.teardown(async () => { await opened.close() })
  const holder = startNode(t, 'hold-snapshot', directory)
  await holder.printed(1)
  t.same(holder.lines, ['open'])
  holder.process.kill('SIGKILL')
  await holder.ended
  await opened.sweep()
  let record = aRecord({ parentID: opened.rootID, name: 'changes' })
  await commitAll(opened, { put: [record] })
  const size = (): number => statSync(join(directory, 'meta.lmdb')).size
  const before = size()
  for (let n = 0; n < 400; n++) {
    record = next(record, { attributes: { n } })
    await commitAll(opened, { put: [record], events: [{ n }] })
  }
  t.ok(size() - before < 4 * 1024 * 1024, `it has grown by ${size() - before} bytes`)
})

t.test('a directory that is no store is refused, and so is a store of a newer build', async t => {
  const directory = t.testdir({ other: { 'file.txt': 'x' }, text: { 'format.json': 'no JSON' }, strange: { 'format.json': '{"format":"something else","version":1}' }, newer: { 'format.json': '{"format":"fastify-cdmi store","version":5}' }, file: 'x', cut: { 'format.json.123': '' } })
  const refused = async (name: string, message: RegExp, reason = 'format'): Promise<void> => { await t.rejects(openStore({ directory: join(directory, name) }), { name: 'StorageError', reason, message }) }
  await refused('other', /not empty and not a store/)
  await refused('text', /not JSON/)
  await refused('strange', /does not describe a store/)
  await refused('newer', /format version 5; this build knows versions up to 4/)
  await refused('file', /EEXIST|ENOTDIR/, 'unavailable')
  mkdirSync(join(directory, 'cut', 'lost+found'))
  await (await openStore({ directory: join(directory, 'cut') }, noErrors)).close()
  t.pass('a start that was cut short, and the root of a file system, are begun anew')
  writeFileSync(join(directory, 'cut', 'note.txt'), 'a store may have other files beside it')
  await (await openStore({ directory: join(directory, 'cut') }, noErrors)).close()
})

t.test('options that are unknown or wrong are named', async t => {
  const directory = t.testdir()
  // @ts-expect-error an option that does not exist
  await t.rejects(openStore({ directory, grace: 1 }), { name: 'OptionError', message: 'openStore has no option "grace"' })
  await t.rejects(openStore({ directory, segmentSize: 0 }), { name: 'OptionError', message: /"segmentSize"/ })
  // @ts-expect-error the one option that must be given
  await t.rejects(openStore({}), { name: 'OptionError', message: /"directory"/ })
  t.same(await readdir(directory), [])
})

t.test('the enterprise number of a new store is in its root, and stays', async t => {
  const directory = join(t.testdir(), 'store')
  const store = await openStore({ directory, enterpriseNumber: 28669 }, noErrors)
  t.match(store.rootID, /^00006FFD0018/)
  await store.close()
  const again = await openStore({ directory, enterpriseNumber: 1 }, noErrors)
  t.equal(again.rootID, store.rootID)
  await again.close()
})

t.test('after close everything is refused with a StorageError', async t => {
  const store = await openStore({ directory: join(t.testdir(), 'store') }, noErrors)
  await store.close()
  const calls: Promise<unknown>[] = [store.meta.get(store.rootID), store.meta.commit({ expect: [], events: [] }), store.ready(), store.sweep(), store.meta.children(store.rootID, { limit: 1 })]
  for (const call of calls) {
    call.catch(() => {})
    await t.rejects(call.then(() => {}), { name: 'StorageError', reason: 'unavailable' })
  }
})

t.test('who could not write down that it gives the store up has given it up all the same, in a process that goes on', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'cdmi-'))
  t.teardown(() => { rmSync(directory, { recursive: true, force: true }) })
  const tables = openTables(directory)
  t.teardown(async () => { await tables.env.close() })
  let fails = false
  const env = {
    resetReadTxn () { tables.env.resetReadTxn() },
    transactionSync<T> (work: () => T): T {
      if (fails) throw new Error('the last write of the commit has failed')
      return tables.env.transactionSync(work)
    }
  }
  const doubtful = { ...tables, env } as unknown as typeof tables
  for (const how of ['release', 'leave'] as const) {
    const lock = await takeOwnership(directory, doubtful)
    await t.rejects(takeOwnership(directory, doubtful), { name: 'StorageError', reason: 'locked' })
    fails = how === 'release'
    if (fails) await t.rejects(lock[how](), { message: /has failed/ })
    else await lock[how]()
    fails = false
  }
  await (await takeOwnership(directory, doubtful)).release()
  t.same((await readdir(directory)).filter(name => name.includes('.sock')), [])
})

t.test('a damaged note of the owner that somebody else has mended meanwhile is not put back', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'cdmi-'))
  t.teardown(() => { rmSync(directory, { recursive: true, force: true }) })
  const tables = openTables(directory)
  t.teardown(async () => { await tables.env.close() })
  tables.state.putSync(stateKeys.owner, Buffer.from('nobody can read this'))
  let mends = true
  const env = {
    resetReadTxn () { tables.env.resetReadTxn() },
    readerCheck () { tables.env.readerCheck() },
    readerList: () => tables.env.readerList(),
    transactionSync<T> (work: () => T): T {
      if (mends) tables.state.removeSync(stateKeys.owner)
      mends = false
      return tables.env.transactionSync(work)
    }
  }
  await (await takeOwnership(directory, { ...tables, env } as unknown as typeof tables, 'put back')).release()
  t.ok(hasSoundOwner(tables))
})

t.test('who cannot clear up after others does not own the store, and the next one can', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'cdmi-'))
  t.teardown(() => { rmSync(directory, { recursive: true, force: true }) })
  const tables = openTables(directory)
  t.teardown(async () => { await tables.env.close() })
  const left = join(directory, 'owner-0123456789ab.sock.left')
  mkdirSync(left)
  await t.rejects(takeOwnership(directory, tables), { code: /EISDIR/ })
  rmSync(left, { recursive: true })
  await (await takeOwnership(directory, tables)).release()
})
