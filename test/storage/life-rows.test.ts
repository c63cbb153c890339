/** Notes of who owns a store, and of who reads it, with wrong bits in them. */
import t, { type Test } from 'tap'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from '../../storage/contract.js'
import { readLife, sealLife } from '../../storage/embedded/life-rows.js'
import type { Life } from '../../storage/embedded/sign-of-life.js'
import { openTables, stateKeys, type Tables } from '../../storage/embedded/tables.js'
import { openStore } from '../../storage/open-store.js'
import { startNode } from './child-process.js'
import { storeBlob } from './driver.js'
import { noErrors } from './embedded-driver.js'
import { repaired, verified } from './verify-store.js'

const life: Life = { pid: 4711, started: 'boot 12', socket: undefined, place: '1:2' }

/** A short path has room for a socket; in a long one only numbers of processes can tell. */
const places: Record<string, (t: Test) => string> = {
  'with sockets': t => {
    const directory = mkdtempSync(join(tmpdir(), 'cdmi-'))
    t.teardown(() => { rmSync(directory, { recursive: true, force: true }) })
    return join(directory, 's')
  },
  'without sockets': t => join(t.testdir(), 'x'.repeat(100))
}

async function harm (directory: string, edit: (state: Tables['state']) => void): Promise<void> {
  const tables = openTables(directory)
  try {
    tables.env.transactionSync(() => { edit(tables.state) })
  } finally {
    await tables.env.close()
  }
}

function flip (state: Tables['state'], key: Buffer, bits: readonly number[]): void {
  const copy = Buffer.from(state.getBinary(key) ?? '')
  for (const bit of bits) copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  state.putSync(key, copy)
}

t.test('no single wrong bit of such a note is believed; those of older builds are, and older builds read those of this one', t => {
  const row = sealLife(stateKeys.owner, life)
  t.same(readLife(stateKeys.owner, row), { pid: 4711, started: 'boot 12', place: '1:2' })
  t.same(JSON.parse(row.toString()), { pid: 4711, started: 'boot 12', place: '1:2' })
  t.same(readLife(stateKeys.owner, Buffer.from(JSON.stringify(life))), { pid: 4711, started: 'boot 12', place: '1:2' })
  for (let bit = 0; bit < row.length * 8; bit++) {
    const copy = Buffer.from(row)
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    if (readLife(stateKeys.owner, copy) !== undefined) t.fail(`bit ${bit} is believed`)
  }
  for (const other of ['null', '{}', '{"pid":"1","place":"1:2"}', '{"pid":1,"place":"1:2","socket":7}']) t.equal(readLife(stateKeys.owner, Buffer.from(other)), undefined)
  t.end()
})

for (const [kind, place] of Object.entries(places)) {
  for (const bits of [[12], [12, 77]]) {
    t.test(`${bits.length} wrong bits in the note who owns a store, ${kind}: it is not opened, verify finds it, repair writes it anew`, async t => {
      const directory = place(t)
      await (await openStore({ directory }, noErrors)).close()
      const holder = startNode(t, 'hold-store', directory)
      await holder.printed(1)
      await harm(directory, state => { flip(state, stateKeys.owner, bits) })
      const problem = `The note which process owns the store in ${directory} has other bytes than were written`
      t.match(await verified(directory), { findings: [{ kind: 'state', problem }], result: { online: true } })
      await t.rejects(repaired(directory), { name: 'StorageError', reason: 'locked', message: /is in use by (?:process \d+|a process that is not noted); stop it first/ })
      holder.process.kill('SIGKILL')
      await holder.ended
      await t.rejects(openStore({ directory }, noErrors), { name: 'StorageError', reason: 'corrupt', message: `${problem}; stop all that use it, then run fastify-cdmi repair` })
      const found = await verified(directory)
      t.match(found, { findings: [{ kind: 'state', problem }], result: { online: false } })
      t.equal(found.findings.length, 1)
      t.match(await repaired(directory, { dryRun: true }), [{ problem, done: 'it would be mended, or moved aside' }])
      t.match(await repaired(directory), [{ problem, done: 'nobody has the store open, and it is written anew' }], 'the dry run has left it')
      t.same((await verified(directory)).findings, [])
      await (await openStore({ directory }, noErrors)).close()
    })
  }
}

t.test('an owner without a socket whose note nobody can read keeps a store also from who comes by a path that has room for one', async t => {
  const directory = join(t.testdir(), 'x'.repeat(100))
  const short = mkdtempSync(join(tmpdir(), 'cdmi-'))
  t.teardown(() => { rmSync(short, { recursive: true, force: true }) })
  symlinkSync(directory, join(short, 's'))
  const holder = startNode(t, 'hold-store', directory)
  await holder.printed(1)
  await harm(directory, state => { flip(state, stateKeys.owner, [12, 77]) })
  await t.rejects(repaired(join(short, 's')), { name: 'StorageError', reason: 'locked', message: /is in use by a process that is not noted; stop it first/ })
  holder.process.kill('SIGKILL')
  await holder.ended
  await repaired(join(short, 's'))
  await (await openStore({ directory }, noErrors)).close()
})

for (const [bits, done] of [[[20], 'one bit of it was wrong, and is right again'], [[20, 99], 'it is gone; a backup that is being made must be begun anew']] as const) {
  t.test(`${bits.length} wrong bits in the note of who reads a store: nothing is removed from the disk, the sweeper says why, and repair sees to it`, async t => {
    const directory = join(t.testdir(), 'store')
    const key = Buffer.from('pin one')
    await (await openStore({ directory }, noErrors)).close()
    await harm(directory, state => {
      state.putSync(key, sealLife(key, life))
      flip(state, key, bits)
    })
    const open = async (): Promise<Store> => {
      const store = await openStore({ directory, sweepInterval: 0, trashGrace: 0 }, noErrors)
      t.teardown(async () => { await store.close() })
      return store
    }
    const store = await open()
    const { put, birth } = await storeBlob(store, 'not needed for long', { parentID: store.rootID, name: 'one' })
    await store.meta.commit({ expect: [], events: [], remove: [{ id: put.id, version: 1, subtree: false }] })
    await t.rejects(store.sweep(), { name: 'StorageError', reason: 'corrupt', message: `The note of a process that reads the store in ${directory} has other bytes than were written, and nothing is removed from the disk as long as it is there; fastify-cdmi repair sees to that` })
    t.equal((await store.blobs.read(birth.blob, 0, birth.size)).length, birth.size)
    await store.close()
    t.match((await verified(directory)).findings, [{ kind: 'state', problem: 'The note of a process that reads the store has other bytes than were written' }])
    t.match(await repaired(directory), [{ done }])
    t.same((await verified(directory)).findings, [])
    const after = await open()
    await after.sweep()
    await t.rejects(after.blobs.read(birth.blob, 0, birth.size), { name: 'StorageError' }, 'what nothing needs is gone')
  })
}
