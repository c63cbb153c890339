import t from 'tap'
import fc from 'fast-check'
import type { PartialMessage } from '../../cdmi/partial-upload.js'
import type { Written } from '../../cdmi/data-object-change.js'
import type { Store } from '../../storage/contract.js'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import { at, Cdmi, smallStore, source, valueOf, writer } from '../helpers/model.js'

interface Part extends PartialMessage { readonly body: string | Uint8Array, readonly to?: number, readonly mode?: 'put' | 'patch', readonly path?: string }

async function send (model: Cdmi, { body, to, mode = 'put', path = '/o', ...partial }: Part): Promise<Written> {
  const length = Buffer.from(body).length
  return await model.dataObjects.write(writer, at(path), mode, { source: source(body), partial, ...to === undefined ? {} : { range: { offset: to, length } } })
}

const text = async (model: Cdmi, path = '/o'): Promise<string> => (await valueOf(model, path)).toString()

async function statusOf (model: Cdmi, path = '/o'): Promise<unknown> {
  const { object } = await model.dataObjects.read(writer, at(path), () => [])
  return object.record.attributes['completionStatus']
}

/** A model for which the time of every set is over. */
const impatient = (store: Store): Cdmi => new Cdmi(store, { partialTimeout: -1 })

t.test('PUP-03, PUP-07, PUP-08, PUP-10, PUP-11: ranges in any order, with retries and overlaps, leave what they leave in a buffer', async t => {
  const cut = fc.record({
    pieces: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 }),
    gaps: fc.array(fc.nat(12), { minLength: 8, maxLength: 8 }),
    order: fc.infiniteStream(fc.nat()),
    old: fc.nat(80),
    replace: fc.constantFrom(true, false, undefined),
    overlap: fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 40 })),
    salt: fc.nat(255)
  })
  await fc.assert(fc.asyncProperty(cut, async ({ pieces, gaps, order, old, replace, overlap, salt }) => {
    const model = new Cdmi(smallStore())
    const bytes = (length: number, seed: number): Buffer => Buffer.from(Array.from({ length }, (_, index) => (index * 7 + seed + salt) & 0xff))
    if (old > 0) await send(model, { body: bytes(old, 99) })
    let end = 0
    const parts = pieces.map((length, index) => {
      const to = end + (gaps[index] ?? 0)
      end = to + length
      return { to, body: bytes(length, index) }
    })
    const first = parts[0]?.to ?? 0
    const expected = Buffer.alloc(replace === true ? end : Math.max(end, old))
    if (replace !== true) expected.set(bytes(old, 99))
    for (const { to, body } of parts) expected.set(body, to)

    const waiting = [...parts]
    const sent: typeof parts = []
    while (waiting.length > 1) {
      const choice = order.next().value ?? 0
      const [next] = waiting.splice(choice % waiting.length, 1)
      if (next === undefined) break
      // A part that was sent before in a broken state, and one that came twice.
      if (choice % 3 === 0) await send(model, { ...next, body: Buffer.alloc(next.body.length, 0xee), uploadID: 'a', replace })
      await send(model, { ...next, uploadID: 'a', replace })
      if (choice % 5 === 0) await send(model, { ...next, uploadID: 'a' })
      sent.push(next)
      const [to, length] = overlap
      const meets = sent.some(part => part.to < to + length && part.to + part.body.length > to && !(part.to === to && part.body.length === length))
      if (meets) await t.rejects(send(model, { to, body: Buffer.alloc(length), uploadID: 'a' }), { code: 'CDMI_INVALID_RANGE' })
      if (old > 0 && !(await valueOf(model, '/o')).equals(bytes(old, 99))) return false
    }
    for (const part of waiting) await send(model, { ...part, uploadID: 'a', replace, condition: { count: parts.length } })
    if (!(await valueOf(model, '/o')).equals(expected)) return false
    // The same by a condition on the whole range, where there are no gaps.
    if (gaps.slice(0, pieces.length).some(gap => gap > 0) || first > 0) return true
    for (const [index, part] of parts.toReversed().entries()) {
      const { pending } = await send(model, { ...part, uploadID: 'b', replace: true, condition: { range: { offset: 0, length: end } } })
      if (pending === (index === parts.length - 1)) return false
    }
    return (await valueOf(model, '/o')).equals(expected.subarray(0, end))
  }), { numRuns: 150 })
  t.pass()
})

t.test('PUP-03, PUP-06: parts that come at once are all in the value, and exactly one of them completes it', async t => {
  for (const where of ['ranges', 'appended'] as const) {
    const model = new Cdmi(smallStore())
    const names = Array.from({ length: 24 }, (_, index) => String.fromCharCode(97 + index).repeat(where === 'ranges' ? 5 : 20))
    const written = await Promise.all(names.map(async (body, index) => await send(model, { body, uploadID: 'a', condition: { count: names.length }, ...where === 'ranges' ? { to: index * 5 } : {} })))
    t.equal(written.filter(({ pending }) => pending !== true).length, 1)
    t.equal(new Set(written.map(({ object }) => object.record.id)).size, 1)
    const value = await text(model)
    if (where === 'ranges') t.equal(value, names.join(''))
    else t.same(value.match(/.{20}/g)?.sort(), names)
  }
})

t.test('PUP-04: sets of many IDs at once do not mix', async t => {
  const model = new Cdmi(smallStore())
  const ids = ['a', 'b', 'c', 'd', '']
  await Promise.all(ids.map(async id => {
    for (let n = 0; n < 5; n++) await send(model, { body: `${id}${n} and more bytes, `, path: '/o', ...id === '' ? { more: true } : { uploadID: id } })
  }))
  for (const id of ids) {
    await send(model, { body: '', ...id === '' ? {} : { uploadID: id } })
    t.equal(await text(model), Array.from({ length: 5 }, (_, n) => `${id}${n} and more bytes, `).join(''))
  }
})

t.test('PUP-12, DOC-22: a set for which nothing comes is discarded; an object that waits for nothing any more says so', async t => {
  const store = smallStore()
  const model = new Cdmi(store)
  for (const uploadID of ['a', 'b', undefined]) await send(model, { body: 'a part that is longer than a record', uploadID, more: uploadID === undefined })
  await send(model, { body: 'old', path: '/p' })
  await send(model, { body: 'part', path: '/p', uploadID: 'a' })
  t.equal(await model.partialUploads.expire(), 0, 'its time has not come')
  t.equal(await impatient(store).partialUploads.expire(), 4)
  t.match(await statusOf(model), /^Error/)
  t.same([await statusOf(model, '/p'), await text(model, '/p')], ['Complete', 'old'])
  t.equal(await impatient(store).partialUploads.expire(), 0)
  t.equal((await store.sweep()).blobs, 9, 'their bytes go: three segments each')
  t.equal((await send(model, { body: 'again ', uploadID: 'a' })).pending, true)
  t.equal(await statusOf(model), 'Processing')
  await send(model, { body: 'whole', uploadID: 'a', condition: { count: 2 } })
  t.same([await statusOf(model), await text(model)], ['Complete', 'again whole'])
})

t.test('PUP-12: what has expired is gone with the next message, before anybody has cleared up', async t => {
  const store = smallStore()
  const model = new Cdmi(store)
  await send(model, { body: 'old value' })
  await send(model, { body: 'lost', uploadID: 'a', condition: { count: 7 }, replace: false })
  await send(model, { body: 'lost', more: true })
  const later = impatient(store)
  await t.rejects(send(later, { body: '', uploadID: 'a' }), { code: 'CDMI_INVALID_REQUEST' })
  await send(later, { body: 'new', uploadID: 'a', condition: { count: 1 } })
  t.equal(await text(model), 'new')
  await send(later, { body: 'one write of its own' })
  t.equal(await text(model), 'one write of its own')
  await send(later, { body: 'first of another series', more: true })
  await send(model, { body: '', more: false })
  t.equal(await text(model), 'first of another series')
})

t.test('PUP-06, PUP-12: a complete ID is remembered as long as an open one', async t => {
  const store = smallStore()
  const model = new Cdmi(store)
  await send(model, { body: 'all', uploadID: 'a', condition: { count: 1 } })
  await t.rejects(send(model, { body: 'late', uploadID: 'a', condition: { count: 1 } }), { code: 'CDMI_INVALID_REQUEST', message: /complete/ })
  t.equal((await send(impatient(store), { body: 'new', uploadID: 'a' })).pending, true, 'and no longer, whether somebody has cleared up or not')
  t.equal(await text(model), 'all')
  await send(model, { body: 'all', uploadID: 'b', condition: { count: 1 } })
  t.equal(await impatient(store).partialUploads.expire(), 2)
  t.equal((await send(model, { body: 'new', uploadID: 'b' })).pending, true)
  t.equal(await text(model), 'all')
})

t.test('sets of parts are hidden: no path, no ID and no listing leads to them, and they make no events', async t => {
  const store = smallStore()
  const model = new Cdmi(store)
  const { object } = await send(model, { body: 'part', uploadID: 'a' })
  await send(model, { body: 'part', uploadID: 'a' })
  await send(model, { body: '', uploadID: 'a' })
  await send(model, { body: 'part', uploadID: 'b' })
  const events = (await store.meta.events(0, 100)).map(({ event }) => [event['operation'], event['objectID']])
  t.same(events, [['create', object.record.id], ['modify', object.record.id]])
  const { pages } = await model.containers.list(writer, at('/'))
  const names: string[] = []
  for await (const page of pages) names.push(...page.map(({ name }) => name))
  t.same(names, ['o'])
  const { record } = await model.partialUploads.find(object.record.id, 'b') ?? {}
  t.type(record?.id, 'string')
  for (const from of [record?.id ?? '', record?.parentID ?? '']) {
    t.throws(() => at(`/cdmi_objectid/${from}`), { code: 'CDMI_INVALID_OBJECT_ID' })
    const address = { from, names: [], slash: false }
    await t.rejects(model.dataObjects.read(writer, address, () => []), { code: 'CDMI_NOT_FOUND' })
    await t.rejects(model.remove(writer, address), { code: 'CDMI_NOT_FOUND' })
  }
})

t.test('a part that comes while its object is deleted is not stored for nothing: it makes the object anew, or is refused', async t => {
  const store = smallStore()
  const model = new Cdmi(store)
  const { object } = await send(model, { body: 'old' })
  await send(model, { body: 'lost', uploadID: 'a' })
  await model.remove(writer, at('/o'))
  await t.rejects(send(model, { body: 'x', uploadID: 'a', mode: 'patch' }), { code: 'CDMI_NOT_FOUND' })
  t.equal((await model.partialUploads.find(object.record.id, 'a'))?.state, 'open')
  t.equal(await model.partialUploads.expire(), 1)
  t.equal(await model.partialUploads.find(object.record.id, 'a'), undefined)
  const again = await send(model, { body: 'new', uploadID: 'a', condition: { count: 1 } })
  t.not(again.object.record.id, object.record.id)
  t.equal(await text(model), 'new')
})

/** The store, but its process dies before the n-th thing that it writes. */
function dying (store: Store, end: number): Store {
  let steps = 0
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    if (++steps >= end) throw new Error('dies here')
    return await work()
  }
  const meta = new Proxy(store.meta, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      const bound = (...given: unknown[]): unknown => Reflect.apply(value, target, given)
      return name === 'commit' ? async (...given: unknown[]) => await step(async () => await bound(...given)) : bound
    }
  })
  const blobs: Store['blobs'] = { ...store.blobs, put: async (...given) => await step(async () => await store.blobs.put(...given)), get: (...given) => store.blobs.get(...given), read: async (...given) => await store.blobs.read(...given) }
  return { ...store, meta, blobs }
}

t.test('PUP-14: whenever the process dies, the object has its old value or the new one, and going on completes it', async t => {
  const parts = [0, 20, 40, 60].map(to => ({ to, body: Buffer.alloc(20, 65 + to / 20) }))
  const message = { uploadID: 'a', condition: { range: { offset: 0, length: 80 } }, replace: true }
  const whole = Buffer.concat(parts.map(({ body }) => body)).toString()
  let deaths = 0
  for (let end = 1; ; end++) {
    const store = openMemoryStore({ inlineLimit: 8, segmentSize: 16, trashGrace: 0 })
    const model = new Cdmi(store)
    await send(model, { body: 'the old value' })
    let done = 0
    const mortal = new Cdmi(dying(store, end))
    for (const part of parts) {
      const died = await send(mortal, { ...part, ...message }).then(() => false, () => true)
      if (died) break
      done++
    }
    await store.sweep()
    t.equal(await text(model), done === parts.length ? whole : 'the old value')
    if (done === parts.length) break
    deaths++
    // From the beginning, as a client does that does not know how far it had come.
    for (const part of parts) await send(model, { ...part, ...message })
    await store.sweep()
    t.equal(await text(model), whole)
  }
  t.ok(deaths >= 8, `${deaths} deaths`)
})

t.test('a complete value has the blobs of its parts, not copies of them', async t => {
  const store = openMemoryStore({ inlineLimit: 8, segmentSize: 64, trashGrace: 0 })
  const model = new Cdmi(store)
  const { object } = await send(model, { body: 'a'.repeat(50), uploadID: 'a', to: 50 })
  const set = await model.partialUploads.find(object.record.id, 'a')
  const before = (await store.meta.segments(set?.record.id ?? '', 0, 100))?.segments.map(({ blob }) => blob) ?? []
  await send(model, { body: 'b'.repeat(50), uploadID: 'a', to: 0, condition: { count: 2 } })
  const after = (await store.meta.segments(object.record.id, 0, 100))?.segments.map(({ blob }) => blob) ?? []
  t.equal(before.length, 1)
  t.equal(after[1], before[0])
  t.equal(after.length, 2)
})

t.test('small values of parts that left gaps on their way move into the record', async t => {
  const store = openMemoryStore({ inlineLimit: 64 })
  const model = new Cdmi(store)
  await send(model, { body: '56789', uploadID: 'a', to: 5 })
  const { object } = await send(model, { body: '01234', uploadID: 'a', to: 0, condition: { count: 2 } })
  t.equal(Buffer.from(object.record.inline ?? []).toString(), '0123456789')
})
