import t from 'tap'
import { at, Cdmi, reader, smallStore, source, valueOf, writer } from '../helpers/model.js'
import { anonymous } from '../../cdmi/principal.js'
import { refuses } from '../helpers/refuses.js'

t.test('KEY-05: of N simultaneous creates of one key exactly one succeeds', async t => {
  const model = new Cdmi(smallStore())
  const results = await Promise.allSettled(Array.from({ length: 40 }, (_, n) => model.keyed.create(writer, 'k', Buffer.from(JSON.stringify({ n })))))
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const result of results) if (result.status === 'rejected') t.equal(result.reason.statusCode, 406)
})

t.test('two writers never lose an update: 64 merges of different properties all last', async t => {
  const model = new Cdmi(smallStore())
  await model.keyed.create(writer, 'k', Buffer.from('{}'))
  await Promise.all(Array.from({ length: 64 }, (_, n) => model.keyed.merge(writer, 'k', Buffer.from(JSON.stringify({ ['p' + n]: n })), 'shallow')))
  const stored = JSON.parse(String(await valueOf(model, '/data/k')))
  t.equal(Object.keys(stored).length, 64)
})

t.test('concurrent ranged writes of one object all last', async t => {
  const model = new Cdmi(smallStore())
  await model.dataObjects.write(writer, at('/o'), 'put', { source: source('.'.repeat(200)) })
  await Promise.all(Array.from({ length: 20 }, (_, n) => model.dataObjects.write(writer, at('/o'), 'patch', { source: source(String.fromCharCode(65 + n).repeat(10)), range: { offset: n * 10, length: 10 } })))
  t.equal(String(await valueOf(model, '/o')), Array.from({ length: 20 }, (_, n) => String.fromCharCode(65 + n).repeat(10)).join(''))
})

t.test('nothing can be made in a container that is being deleted: it is there before, or refused', async t => {
  for (let round = 0; round < 20; round++) {
    const model = new Cdmi(smallStore())
    await model.containers.create(writer, at('/c/'))
    await model.containers.create(writer, at('/c/d/'))
    const results = await Promise.allSettled([
      ...Array.from({ length: 5 }, (_, n) => model.dataObjects.write(writer, at(`/c/d/${n}`), 'put', { source: source('x') })),
      model.remove(writer, at('/c/')),
      ...Array.from({ length: 5 }, (_, n) => model.dataObjects.write(writer, at(`/c/d/x${n}`), 'put', { source: source('x') }))
    ])
    for (const result of results) if (result.status === 'rejected') t.equal(result.reason.statusCode, 404)
    await refuses(t, 404, model.containers.list(writer, at('/c/d/')))
  }
})

t.test('HCO-04, GEN-23: a deleted container takes all below it from both namespaces at once', async t => {
  const store = smallStore()
  const model = new Cdmi(store)
  await model.containers.create(writer, at('/c/'))
  await model.containers.create(writer, at('/c/d/'))
  const { object } = await model.dataObjects.write(writer, at('/c/d/o'), 'put', { source: source('x'.repeat(50)) })
  await model.remove(writer, at('/c/'))
  for (const path of ['/c/d/o', `/cdmi_objectid/${object.record.id}`]) await refuses(t, 404, valueOf(model, path))
  await refuses(t, 404, model.dataObjects.write(writer, at(`/cdmi_objectid/${object.record.id}`), 'patch', { source: source('y') }))
  const report = await store.sweep()
  t.equal(report.records, 2)
  t.equal((await store.sweep()).blobs + report.blobs, 4, 'its four segments are removed')
})

t.test('GEN-13, GEN-39: the gate lets nobody change or read what he may not', async t => {
  const model = new Cdmi(smallStore())
  await model.dataObjects.write(writer, at('/o'), 'put', { source: source('x') })
  await refuses(t, 403, model.dataObjects.write(reader, at('/o'), 'put', { source: source('y') }))
  await refuses(t, 403, model.remove(reader, at('/o')))
  await refuses(t, 403, model.containers.create(reader, at('/c/')))
  await refuses(t, 403, model.keyed.create(reader, 'k', Buffer.from('{}')))
  await refuses(t, 401, model.dataObjects.read(anonymous(), at('/o'), () => []))
  await refuses(t, 401, model.remove(anonymous(), at('/missing')), 'the same whether it exists or not')
  t.equal(String(await valueOf(model, '/o')), 'x')
})

t.test('every change is in the change log, in order, with who and what', async t => {
  const store = smallStore()
  const model = new Cdmi(store)
  await model.containers.create(writer, at('/c/'))
  await model.dataObjects.write(writer, at('/c/o'), 'put', { source: source('x') })
  await model.dataObjects.write(writer, at('/c/o'), 'put', { source: source('y') })
  await model.remove(writer, at('/c/o'))
  const events = (await store.meta.events(0, 100)).map(({ event }) => event)
  t.same(events.map(event => [event['operation'], event['parentURI'], event['objectName'], event['principal']]), [
    ['create', '/', 'c', 'writer'], ['create', '/c/', 'o', 'writer'], ['modify', '/c/', 'o', 'writer'], ['delete', '/c/', 'o', 'writer']
  ])
})
