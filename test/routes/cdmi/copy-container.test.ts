import t, { type Test } from 'tap'
import { mintObjectID } from '../../../storage/object-id.js'
import { build, type BuildOptions } from '../plain/build.js'
import { type Client, client } from './client.js'

async function begin (t: Test, options: BuildOptions = {}): Promise<Client> {
  return client(await build(t, options))
}

/** `/s/` with two levels below it. */
async function tree ({ put }: Client): Promise<void> {
  await put('/s/', { metadata: { colour: 'blue', cdmi_hold_id: { h: '1' } }, own: 1 })
  await put('/s/d/', { metadata: { shape: 'round' } })
  await put('/s/d/o', { value: { deep: true }, valuetransferencoding: 'json', metadata: { size: '3' }, own: 2 })
  await put('/s/e/')
  await put('/s/r', { reference: 'https://elsewhere.example/x' })
  await put('/s/rc/', { reference: '/s/d/' })
  await put('/s/v', { value: 'v'.repeat(100_000) })
}

t.test('CMV-28, COC-26, COC-50, CMV-10: a copy of a container has all below it, under new IDs; the answer lists none of it', async t => {
  const door = await begin(t)
  const { put, fields, children, get, plain, remove } = door
  await tree(door)
  const answer = await put('/t/', { copy: '/s/' })
  t.equal(answer.statusCode, 201)
  const created = answer.json()
  for (const name of ['children', 'childrenrange', 'exports', 'copy']) t.notOk(name in created, name)
  t.match(created, { objectName: 't/', metadata: { colour: 'blue' }, own: 1 })
  t.notOk('cdmi_hold_id' in created.metadata)
  t.same(await children('/t/'), ['d/', 'e/', 'r?', 'rc/?', 'v'])
  t.same(await children('/t/d/'), ['o'])
  t.match(await fields('/t/d/o'), { value: { deep: true }, mimetype: 'text/plain', metadata: { size: '3' }, parentURI: '/t/d/', own: 2 })
  t.equal((await get('/t/r')).headers.location, 'https://elsewhere.example/x')
  const paths = ['/', '/d/', '/d/o', '/e/', '/v']
  const ids = await Promise.all(['/s', '/t'].flatMap(top => paths.map(async path => (await fields(top + path))['objectID'])))
  t.equal(new Set(ids).size, 10)
  t.equal((await fields('/t/d/o'))['parentID'], (await fields('/t/d/'))['objectID'])
  t.equal((await remove('/s/')).statusCode, 204)
  t.equal((await plain('GET', '/t/v')).body, 'v'.repeat(100_000))
})

t.test('COC-27, COC-23, CMV-23: named fields alone; metadata in the body replaces', async t => {
  const door = await begin(t)
  const { put, fields } = door
  await tree(door)
  for (const [path, copy] of [['/a/', '/s/?metadata'], ['/b/?metadata', '/s/']]) {
    t.equal((await put(path ?? '', { copy })).statusCode, 201)
    t.match(await fields(path?.split('?')[0] ?? ''), { children: [], metadata: { colour: 'blue' }, own: undefined })
  }
  await put('/c/?children', { copy: '/s/' })
  const { children, metadata } = await fields('/c/')
  t.equal((children as string[]).length, 5)
  t.notOk('colour' in (metadata as object))
  t.match((await put('/e/', { copy: '/s/', metadata: { shape: 'round' }, more: 2 })).json(), { metadata: { shape: 'round', colour: undefined }, own: 1, more: 2 })
  for (const [path, copy] of [['/f/?metadata', '/s/?metadata'], ['/f/', '/s/?children=0-1'], ['/f/', '/s/?values=2']]) t.equal((await put(path ?? '', { copy })).statusCode, 400)
})

t.test('CMV-31, COC-29, CMV-07: not from what is missing or of another kind, not into itself; nothing is made', async t => {
  const door = await begin(t)
  const { put, get, children } = door
  await tree(door)
  for (const [path, copy] of [['/t/', '/missing/'], ['/t/', '/s/v'], ['/t/', '/s/rc/'], ['/t/', '/s'], ['/t', '/s/'], ['/s/t/', '/s/'], ['/s/d/t/', '/s/'], ['/t/', '/'], ['/t/', '/cdmi_capabilities/'], ['/t/', 'https://elsewhere.example/']]) {
    const answer = await put(path ?? '', { copy })
    t.equal(answer.statusCode, 400, `${copy} to ${path}: ${answer.body}`)
    t.equal((await get(path ?? '')).statusCode, 404)
  }
  t.equal((await put('/no/t/', { copy: '/s/' })).statusCode, 404)
  for (const path of ['/s/', '/s/d/', '/s/v/', '/s/r/', '/s/rc/']) t.equal((await put(path, { copy: '/s/e/' })).statusCode, 409, path)
  t.same(await children('/s/'), ['d/', 'e/', 'r?', 'rc/?', 'v'])
  await put('/s/half', { value: 'x' }, { 'x-cdmi-partial': 'true' })
  const answer = await put('/t/', { copy: '/s/' })
  t.match([answer.statusCode, answer.json().detail], [400, /"half"/])
})

t.test('CMV-30, COC-66, COC-69: an update by copy makes a container like its source and keeps its ID; what was in it is gone', async t => {
  const door = await begin(t)
  const { put, patch, fields, children, get } = door
  await tree(door)
  const { objectID } = (await put('/t/', { metadata: { old: '1' } })).json()
  await put('/t/d', { value: 'a data object, where a container comes' })
  await put('/t/x/')
  const { objectID: lost } = (await put('/t/x/y', { value: 'y' })).json()
  t.equal((await patch('/t/', { copy: '/s/?metadata' })).statusCode, 204)
  t.same(await children('/t/'), ['d', 'x/'])
  t.match(await fields('/t/'), { metadata: { colour: 'blue' } })
  t.equal((await patch('/t/?metadata', { copy: '/s/?metadata' })).statusCode, 400)
  t.equal((await patch('/t/', { copy: '/missing/' })).statusCode, 400)
  t.equal((await patch('/t/', { copy: '/t/' })).statusCode, 400)
  t.same(await children('/t/'), ['d', 'x/'])
  t.equal((await patch('/t/', { copy: '/s/' })).statusCode, 204)
  t.match(await fields('/t/'), { objectID, objectName: 't/', metadata: { colour: 'blue', old: undefined }, own: 1, children: ['d/', 'e/', 'r?', 'rc/?', 'v'] })
  t.equal((await get(`/cdmi_objectid/${lost}`)).statusCode, 404)
  t.equal((await patch('/missing/', { copy: '/s/' })).statusCode, 404)
  t.equal((await patch('/s/rc/', { copy: '/s/' })).statusCode, 302)
})

t.test('COC-66: a container becomes what one below it is', async t => {
  const door = await begin(t)
  const { patch, fields, children, app } = door
  await tree(door)
  t.equal((await patch('/s/', { copy: '/s/d/' })).statusCode, 204)
  await app.cdmi.store.sweep()
  t.same(await children('/s/'), ['o'])
  t.match(await fields('/s/o'), { value: { deep: true }, parentURI: '/s/' })
})

t.test('limits.treeObjects: exactly so many objects are copied at once, one more is refused whole', async t => {
  const door = await begin(t, { limits: { treeObjects: 8 } })
  const { put, patch, get, children } = door
  await tree(door)
  await put('/t/')
  t.equal((await put('/a/', { copy: '/s/' })).statusCode, 201)
  await put('/s/one', {})
  t.equal((await put('/b/', { copy: '/s/' })).statusCode, 201)
  await put('/t/old', {})
  const full = await patch('/t/', { copy: '/s/' })
  t.match([full.statusCode, full.json().detail], [413, /limits\.treeObjects/], 'what is removed counts, too')
  t.same(await children('/t/'), ['old'])
  await put('/s/two', {})
  t.equal((await put('/c/', { copy: '/s/' })).statusCode, 413)
  t.equal((await get('/c/')).statusCode, 404)
  t.equal((await put('/c/', { copy: '/s/?metadata' })).statusCode, 201)
})

t.test('containers that are in each other too deeply are refused', async t => {
  const { put, app } = await begin(t)
  const { store } = app.cdmi
  let parent = store.rootID
  const records = Array.from({ length: 203 }, (_, level) => {
    const id = mintObjectID()
    const put = { id, version: 1, type: 'c', parentID: parent, name: level === 0 ? 'deep' : 'x', size: 0, attributes: { metadata: {}, completionStatus: 'Complete', created: 1, modified: 1 }, segments: { kind: 'keep' as const } }
    parent = id
    return put
  })
  await store.meta.commit({ expect: [], put: records, events: [] })
  t.equal((await put('/t/', { copy: '/deep/' })).statusCode, 413)
  t.equal((await put('/t/', { copy: '/deep/x/x/' })).statusCode, 201)
})
