/** How often a read looks for its object: each look costs, and what is looked for twice counts as asked for again. */
import { join } from 'node:path'
import t from 'tap'
import { NotFound } from '../../cdmi/errors.js'
import { Cdmi } from '../../cdmi/model.js'
import { itself } from '../../cdmi/principal.js'
import { openStore } from '../../storage/open-store.js'

t.test('a read looks for its object once, whether its value is there at once, has to be read, or is not there', async t => {
  const store = await openStore({ directory: join(t.testdir(), 'store'), sweepInterval: 0, scrubRate: 0 })
  t.teardown(async () => { await store.close() })
  const { meta } = store
  const known = meta.known?.bind(meta)
  let looks = 0
  meta.known = (from, names, toChange) => {
    // Not for what is asked for by its own ID: parts of a value that are coming.
    if (names.length > 0) looks++
    return known?.(from, names, toChange)
  }
  const model = new Cdmi(store)
  const at = (name: string): { from: undefined, names: string[], slash: false } => ({ from: undefined, names: [name], slash: false })
  async function * bytes (length: number): AsyncGenerator<Uint8Array> { yield Buffer.alloc(length) }
  for (const [name, length] of [['small', 10], ['large', 300_000]] as const) await model.dataObjects.write(itself, at(name), 'put', { source: bytes(length), length })
  await model.keyed.create(itself, 'record', Buffer.from('{"small":true}'))
  await model.keyed.create(itself, 'large', Buffer.from(JSON.stringify({ large: 'x'.repeat(100_000) })))
  const all = ({ record }: { record: { size: number } }): Array<{ offset: number, length: number }> => [{ offset: 0, length: record.size }]
  const one = async (name: string, read: () => unknown): Promise<void> => {
    looks = 0
    await read()
    t.equal(looks, 1, name)
  }
  for (const name of ['small', 'large']) {
    await one(`read ${name}`, async () => await model.dataObjects.read(itself, at(name), all))
    await one(`soon ${name}`, async () => await model.dataObjects.readSoon(itself, at(name), all))
  }
  await one('described', async () => await model.dataObjects.read(itself, at('small'), all, { described: true }))
  await one('nothing', async () => { await t.rejects(async () => await model.dataObjects.readSoon(itself, at('nothing'), all), NotFound) })
  for (const name of ['record', 'large']) await one(`keyed ${name}`, async () => await model.keyed.read(itself, name))
  t.notOk(model.dataObjects.readSoon(itself, at('small'), all) instanceof Promise, 'what is there is answered at once')
  t.match(model.dataObjects.readSoon(itself, at('small'), all, { described: true }), { updating: false, extent: 10, accesses: { count: 4 } }, 'and so is what is known beside it')
  await model.dataObjects.write(itself, at('small'), 'put', { source: bytes(3), length: 3, range: { offset: 0, length: 3 }, partial: { more: true } })
  t.match(model.dataObjects.readSoon(itself, at('small'), all, { described: true }), { updating: true, accesses: { count: 6 } }, 'also that parts of a new value are coming')
})

t.test('where two looks beside a value fail, one at once and one later, the reader is told, and nobody else', async t => {
  const unhandled: unknown[] = []
  const note = (error: unknown): void => { unhandled.push(error) }
  process.on('unhandledRejection', note)
  t.teardown(() => { process.off('unhandledRejection', note) })
  const failing = <T>(error: string, later: boolean) => (): T | Promise<T> => {
    if (later) return Promise.reject<T>(new Error(error))
    throw new Error(error)
  }
  for (const [accessesLater, setLater] of [[true, false], [false, true], [true, true], [false, false]] as const) {
    const store = await openStore({ directory: join(t.testdir(), 'store'), sweepInterval: 0, scrubRate: 0 })
    const model = new Cdmi(store)
    const address = { from: undefined, names: ['small'], slash: false }
    await model.dataObjects.write(itself, address, 'put', { source: (async function * () { yield Buffer.alloc(3) })(), length: 3 })
    store.meta.accesses = failing('accesses', accessesLater)
    model.partialUploads.isUpdating = failing('set', setLater)
    await t.rejects(async () => await model.dataObjects.readSoon(itself, address, () => [], { described: true }), /accesses|set/)
    await new Promise(setImmediate)
    await store.close()
  }
  t.same(unhandled, [])
})
