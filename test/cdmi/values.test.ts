import t from 'tap'
import fc from 'fast-check'
import { at, Cdmi, smallStore, source, valueOf, writer } from '../helpers/model.js'
import { refuses } from '../helpers/refuses.js'

t.test('DOC-09, HDO-41, HDO-22: any series of whole and ranged writes reads like a plain buffer', async () => {
  const writes = fc.array(fc.record({ offset: fc.option(fc.nat(100)), bytes: fc.uint8Array({ maxLength: 70 }), cut: fc.integer({ min: 1, max: 40 }) }), { maxLength: 12 })
  await fc.assert(fc.asyncProperty(writes, async writes => {
    const store = smallStore()
    const model = new Cdmi(store)
    let expected = Buffer.alloc(0)
    for (const { offset, bytes, cut } of writes) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / cut) }, (_, index) => bytes.subarray(index * cut, (index + 1) * cut))
      const range = offset === null ? {} : { range: { offset, length: bytes.length } }
      await model.dataObjects.write(writer, at('/o'), 'put', { source: source(...chunks), ...range })
      if (offset === null) expected = Buffer.from(bytes)
      else if (bytes.length > 0) {
        const grown = Buffer.alloc(Math.max(expected.length, offset + bytes.length))
        grown.set(expected)
        grown.set(bytes, offset)
        expected = grown
      }
      if (!(await valueOf(model, '/o')).equals(expected)) return false
    }
    // Nothing that is read is ever swept, and nothing else stays.
    await store.sweep()
    return writes.length === 0 || (await valueOf(model, '/o')).equals(expected)
  }), { numRuns: 150 })
})

t.test('ranges of a value are exactly those bytes, across segments and gaps', async () => {
  const model = new Cdmi(smallStore())
  const bytes = Buffer.from(Array.from({ length: 100 }, (_, index) => index))
  await model.dataObjects.write(writer, at('/o'), 'put', { source: source(bytes) })
  await fc.assert(fc.asyncProperty(fc.nat(99), fc.nat(100), async (offset, length) => {
    const range = { offset, length: Math.min(length, 100 - offset) }
    const { contents: [content] } = await model.dataObjects.read(writer, at('/o'), () => [range])
    return content !== undefined && Buffer.from(await content.read()).equals(bytes.subarray(offset, offset + range.length))
  }))
})

t.test('limits are exact: a value of the limit passes, one byte more is 413 and stores nothing', async t => {
  const model = new Cdmi(smallStore(), { value: 50 })
  await model.dataObjects.write(writer, at('/o'), 'put', { source: source('x'.repeat(50)) })
  await refuses(t, 413, model.dataObjects.write(writer, at('/p'), 'put', { source: source('x'.repeat(50), 'y') }))
  await refuses(t, 404, valueOf(model, '/p'))
  await refuses(t, 413, model.dataObjects.write(writer, at('/o'), 'patch', { source: source('y'), range: { offset: 50, length: 1 } }))
  t.equal(String(await valueOf(model, '/o')), 'x'.repeat(50))
})

t.test('a body shorter or longer than announced is 400 and changes nothing', async t => {
  const model = new Cdmi(smallStore())
  for (const length of [3, 30]) await refuses(t, 400, model.dataObjects.write(writer, at('/o'), 'put', { source: source('x'.repeat(20)), length }))
  await refuses(t, 400, model.dataObjects.write(writer, at('/o'), 'put', { source: source('xx'), range: { offset: 0, length: 3 } }))
  await refuses(t, 404, valueOf(model, '/o'))
})

t.test('a source that fails leaves nothing visible, and its blobs are swept', async t => {
  const store = smallStore()
  const model = new Cdmi(store)
  async function * broken (): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(40)
    throw new Error('the client went away')
  }
  await t.rejects(model.dataObjects.write(writer, at('/o'), 'put', { source: broken() }), { message: 'the client went away' })
  await refuses(t, 404, valueOf(model, '/o'))
  await store.sweep()
  const lease = store.lease()
  const left: string[] = []
  for await (const blob of store.blobs.list(lease.id)) left.push(blob)
  lease.release()
  t.same(left.length, 0)
})

t.test('a reader that began before a replacement reads the old value to its end', async t => {
  const model = new Cdmi(smallStore())
  await model.dataObjects.write(writer, at('/o'), 'put', { source: source('a'.repeat(64)) })
  const { contents: [content] } = await model.dataObjects.read(writer, at('/o'), object => [{ offset: 0, length: object.record.size }])
  const parts: Uint8Array[] = []
  for await (const chunk of content?.stream() ?? []) {
    parts.push(chunk)
    if (parts.length === 1) await model.dataObjects.write(writer, at('/o'), 'put', { source: source('b'.repeat(64)) })
  }
  t.equal(String(Buffer.concat(parts)), 'a'.repeat(64))
  t.equal(String(await valueOf(model, '/o')), 'b'.repeat(64))
})
