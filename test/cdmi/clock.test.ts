/** The system's clock is set back and forth while objects are changed, parts come, and transfers go on. */
import t, { type Test } from 'tap'
import { join } from 'node:path'
import { changedAttributes, newAttributes } from '../../cdmi/changed-attributes.js'
import { now } from '../../cdmi/instant.js'
import { isObjectID, mintObjectID } from '../../cdmi/object-id.js'
import type { Written } from '../../cdmi/data-object-change.js'
import { createAuthenticator } from '../../plugins/authenticator.js'
import { FailureLimit } from '../../plugins/failure-limit.js'
import { hashPassword } from '../../plugins/password.js'
import { ChangeWriter } from '../../storage/embedded/change-writer.js'
import { SweepWriter } from '../../storage/embedded/sweep-writer.js'
import { openTables } from '../../storage/embedded/tables.js'
import { openStore } from '../../storage/open-store.js'
import { cheap } from '../helpers/built-server.js'
import { at, Cdmi, smallStore, source, writer } from '../helpers/model.js'

const day = 86_400_000
const second = 1_000_000

/** Sets the clock of this process, and lets time pass, until the test ends. */
function clock (t: Test): { set (by: number): void, pass (milliseconds: number): void } {
  const real = { now: Date.now, steady: performance.now.bind(performance) }
  let ahead = 0
  let passed = 0
  Date.now = () => real.now() + ahead + passed
  performance.now = () => real.steady() + passed
  t.teardown(() => {
    Date.now = real.now
    performance.now = real.steady
  })
  return { set (by) { ahead = by }, pass (milliseconds) { passed += milliseconds } }
}

t.test('times of objects follow the clock forward, and never go back for one object', async t => {
  const { set } = clock(t)
  let attributes = newAttributes({})
  for (const by of [day, -day, 30 * day, 0, -365 * day, 1000, 0]) {
    set(by)
    const before = attributes
    attributes = changedAttributes(before, {})
    t.ok(attributes.modified > before.modified, `set by ${by} ms`)
    t.equal(attributes.created, before.created)
  }
})

t.test('a change while the clock stands back has another HTTP date than the one before, so that nobody is told that nothing has changed', async t => {
  const { set } = clock(t)
  const before = newAttributes({})
  set(-3_600_000)
  const once = changedAttributes(before, {})
  const twice = changedAttributes(once, {})
  const dates = [before, once, twice].map(({ modified }) => Math.floor(modified / second))
  t.equal(new Set(dates).size, 3, dates.join())
  set(0)
  t.ok(changedAttributes(twice, {}).modified <= now() + 3 * second, 'it is never far ahead')
})

t.test('GEN-27: object IDs are valid, unique and in order, whatever the clock does', async t => {
  const { set } = clock(t)
  const ids: string[] = []
  for (const by of [0, -day, day, -20_000 * day, 0, 20_000 * day, 0]) {
    set(by)
    for (let n = 0; n < 200; n++) ids.push(mintObjectID())
  }
  t.ok(ids.every(isObjectID))
  t.equal(new Set(ids).size, ids.length)
  const opaque = ids.map(id => id.slice(16))
  t.same(opaque.findIndex((one, index) => index > 0 && one <= (opaque[index - 1] ?? '')), -1, 'each is after the one before')
})

t.test('whoever has failed to log in waits no longer, and no shorter, when the clock is set', async t => {
  const { set } = clock(t)
  const limit = new FailureLimit({ attempts: 1, window: 60_000 })
  limit.begin('somebody')
  limit.end('somebody', true)
  for (const by of [-day, day, 0]) {
    set(by)
    const wait = limit.wait('somebody')
    t.ok(wait > 50 && wait <= 60, `${wait} s`)
  }
})

t.test('a user who is removed is out, though the clock was set back meanwhile', async t => {
  const { set, pass } = clock(t)
  let looks = 0
  const hash = await hashPassword('password', cheap)
  const source = { generation: 0, async refresh () { looks++ }, find: (name: string) => ({ name, hash, access: 'write' as const }) }
  const authenticator = createAuthenticator({ source })
  await authenticator.verify('user', 'password', '127.0.0.1')
  t.ok(authenticator.recall('user', 'password'))
  const before = looks
  set(-day)
  pass(1100)
  await authenticator.current?.()
  t.ok(authenticator.recall('user', 'password'))
  t.ok(looks > before, 'the users are looked at again')
  source.generation++
  t.notOk(authenticator.recall('user', 'password'))
})

const send = async (model: Cdmi, more: boolean): Promise<Written> =>
  await model.dataObjects.write(writer, at('/o'), 'put', { source: source('a part that is longer than a record'), partial: { uploadID: 'a', more } })

t.test('parts of a value are not given up because the clock was set forward, but once their time is really over', async t => {
  const { set, pass } = clock(t)
  const model = new Cdmi(smallStore(), { partialTimeout: 60 })
  await send(model, true)
  set(30 * day)
  t.equal(await model.partialUploads.expire(), 0)
  t.equal((await send(model, true)).pending, true, 'more of them are taken')
  set(0)
  t.equal(await model.partialUploads.expire(), 0)
  set(day)
  t.equal(await model.partialUploads.expire(), 0)
  pass(61_000)
  set(32 * day)
  t.equal(await model.partialUploads.expire(), 0)
  pass(61_000)
  t.equal(await model.partialUploads.expire(), 1)
})

t.test('a transfer that nobody works on is ended, though the clock was set back meanwhile; one that goes on is not, though it was set forward', async t => {
  const { set, pass } = clock(t)
  const store = smallStore()
  const model = new Cdmi(store)
  const object = await model.dataObjects.write(writer, at('/o'), 'put', { source: source('x') })
  const token = model.transfers.newToken()
  const { put } = model.transfers.born(token, object.object.record.id)
  if (put === undefined) throw new Error('a transfer has a record')
  await store.meta.commit({ expect: [], put: [put], events: [] })
  const there = async (): Promise<boolean> => await store.meta.get(put.id) !== undefined
  set(day)
  await model.transfers.recover()
  t.ok(await there(), 'it may go on')
  set(-day)
  for (let n = 0; n < 2; n++) {
    t.ok(await there())
    await model.transfers.recover()
    pass(31_000)
  }
  await model.transfers.recover()
  t.notOk(await there(), 'it has stood still for half a minute')
})

t.test('what was deleted while the clock was ahead goes when its time is over, not when the clock is there again', async t => {
  const directory = join(t.testdir(), 'store')
  const store = await openStore({ directory, sweepInterval: 0, scrubRate: 0 })
  const lease = store.lease()
  const birth = await store.blobs.put(lease.id, [Buffer.from('nobody needs it')])
  // Born and named by nobody: garbage at once.
  await store.meta.commit({ lease: lease.id, births: [birth], expect: [], events: [] })
  lease.release()
  await store.close()
  const { set } = clock(t)
  const tables = openTables(directory)
  const sweep = new SweepWriter(tables, new ChangeWriter(tables))
  const condemned = (grace: number): number => tables.env.transactionSync(() => sweep.condemn(grace, 10))
  const doomed = (): number => tables.doomed.getCount()
  set(-day)
  t.equal(condemned(60_000), 1, 'its time begins now')
  t.equal(condemned(60_000), 0)
  t.equal(doomed(), 0)
  t.equal(condemned(0), 1)
  t.equal(doomed(), 1)
  await tables.env.close()
})
