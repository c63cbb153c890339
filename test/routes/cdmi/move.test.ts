import t, { type Test } from 'tap'
import { build, type BuildOptions } from '../plain/build.js'
import { type Client, client } from './client.js'

async function begin (t: Test, options: BuildOptions = {}): Promise<Client> {
  return client(await build(t, options))
}

const example = { value: 'AAH/', valuetransferencoding: 'base64', mimetype: 'image/x', metadata: { colour: 'blue' }, own: ['x'] }

t.test('CMV-32, CMV-33, DOC-34, GEN-23: a moved object keeps ID, value and fields, and is gone from where it was', async t => {
  const { put, fields, get, children } = await begin(t)
  const { objectID } = (await put('/s', example)).json()
  const { objectID: parentID } = (await put('/c/', { metadata: { cdmi_assignedsize: '1', cdmi_value_hash: 'SHA256' } })).json()
  const answer = await put('/c/d', { move: '/s' })
  t.equal(answer.statusCode, 201)
  t.match(answer.json(), { objectID, objectName: 'd', parentURI: '/c/', parentID })
  t.equal(answer.headers.location, 'http://localhost:80/c/d')
  const moved = await fields('/c/d')
  t.match(moved, { ...example, metadata: { colour: 'blue', cdmi_value_hash: 'SHA256', cdmi_hash: /^[0-9A-F]{64}$/ } })
  t.notOk('move' in moved)
  t.equal((await get('/s')).statusCode, 404)
  t.equal((await fields(`/cdmi_objectid/${objectID}`))['parentURI'], '/c/')
  t.same(await children('/'), ['c/'])
  t.match((await put('/c/e', { move: '/c/d' })).json(), { objectID, objectName: 'e' }, 'a rename')
  t.same(await children('/c/'), ['e'])
})

t.test('CMV-03, CMV-04: type and metadata beside move replace those of the object', async t => {
  const { put, fields } = await begin(t)
  const { objectID } = (await put('/s', example)).json()
  await put('/d', { move: '/s', mimetype: 'text/Y', metadata: { size: '3' }, more: 1 })
  const { metadata, ...moved } = await fields('/d')
  t.match(moved, { objectID, value: 'AAH/', mimetype: 'text/y', own: ['x'], more: 1 })
  t.match(metadata, { size: '3' })
  t.notOk('colour' in (metadata as object))
})

t.test('CMV-34, CMV-35, CMV-36, COC-85, GEN-25: a place is given, taken away, and named by the ID', async t => {
  const { put, post, fields, get, children } = await begin(t)
  await put('/c/')
  const { objectID } = (await post('/cdmi_objectid/', { value: 'flat' })).json()
  const byID = `/cdmi_objectid/${objectID}`
  t.equal((await put('/d', { move: byID })).json().objectID, objectID)
  t.match(await fields(byID), { objectName: 'd', parentURI: '/', value: 'flat' })
  const dropped = await post('/cdmi_objectid/', { move: '/d' })
  t.equal(dropped.statusCode, 201)
  t.equal(dropped.headers.location, `http://localhost:80${byID}`)
  for (const name of ['objectName', 'parentURI', 'parentID']) t.notOk(name in dropped.json(), name)
  t.equal((await get('/d')).statusCode, 404)
  t.match(await fields(byID), { value: 'flat', objectName: undefined })
  t.equal((await post('/cdmi_objectid/', { move: byID })).statusCode, 201, 'it has none to lose')
  const posted = await post('/c/', { move: byID })
  t.equal(posted.headers.location, `http://localhost:80/c/${objectID}`)
  t.same(await children('/c/'), [objectID])
  t.equal((await post('/c/', { move: '/c/' })).statusCode, 400, 'containers are named by their clients')
  t.equal((await post('/no/', { move: byID })).statusCode, 404)
})

t.test('COC-30, CMV-32, COC-31, CMV-38: a container moves with all below it, under the same IDs, and not into itself', async t => {
  const { put, fields, get, children, post } = await begin(t)
  const { objectID } = (await put('/s/', { metadata: { colour: 'blue' } })).json()
  await put('/s/d/')
  const { objectID: deep } = (await put('/s/d/o', example)).json()
  for (const [path, move] of [['/s/t/', '/s/'], ['/s/d/t/', '/s/'], ['/t/', '/missing/'], ['/t/', '/s/d/o'], ['/t/', '/s'], ['/t/', '/cdmi_capabilities/'], ['/t/', '/cdmi_capabilities/container/'], ['/t/', '/'], [`/cdmi_objectid/${objectID}/t/`, '/s/'], ['/t/', 'https://elsewhere.example/s/'], ['/t/', '/s/?metadata'], ['/t/?metadata', '/s/']]) {
    const answer = await put(path ?? '', { move })
    t.equal(answer.statusCode, 400, `${move} to ${path}: ${answer.body}`)
  }
  t.equal((await put('/no/t/', { move: '/s/' })).statusCode, 404)
  t.same(await children('/'), ['s/'])
  const answer = await put('/t/', { move: '/s/', metadata: { shape: 'round' } })
  t.equal(answer.statusCode, 201)
  t.match(answer.json(), { objectID, objectName: 't/', metadata: { shape: 'round' } })
  for (const name of ['children', 'childrenrange']) t.notOk(name in answer.json())
  t.match(await fields('/t/d/o'), { objectID: deep, parentURI: '/t/d/', value: 'AAH/' })
  t.match(await fields(`/cdmi_objectid/${deep}`), { parentURI: '/t/d/' })
  for (const path of ['/s/', '/s/d/', '/s/d/o']) t.equal((await get(path)).statusCode, 404, path)
  t.equal((await put('/u/', { move: '/t/d/' })).statusCode, 201, 'to the root')
  t.same(await children('/'), ['t/', 'u/'])
  t.equal((await put('/t/u/', { move: `/cdmi_objectid/${(await fields('/u/'))['objectID'] as string}/` })).statusCode, 201)
  t.same(await children('/t/'), ['u/'])
  t.equal((await post('/t/u/', { move: '/t/u/o' })).json().objectName, deep)
})

t.test('CMV-32, CMV-07, CMV-01: a move that fails leaves both sides as they were', async t => {
  const { put, patch, get, children } = await begin(t)
  const { objectID } = (await put('/s', example)).json()
  await put('/c/')
  await put('/other', { value: 'x' })
  await put('/r', { reference: '/s' })
  for (const [path, body, status] of [
    ['/no/d', { move: '/s' }, 404], ['/d', { move: '/s', copy: '/s' }, 400], ['/d', { move: '/s', value: 'x' }, 400], ['/d', { move: '/missing' }, 400], ['/d', { move: '/r' }, 400], ['/d', { move: '/c/' }, 400],
    ['/other', { move: '/s' }, 409], ['/r', { move: '/s' }, 409], ['/cdmi_x', { move: '/s' }, 400], ['/-', { move: '/s' }, 400], ['/d', { move: 'https://elsewhere.example/s' }, 400], ['/s/d', { move: '/s' }, 404],
    ['/d?value', { move: '/s' }, 400], ['/d', { move: '/s?value' }, 400], ['/c/', { move: '/other' }, 400], ['/d', { move: '/cdmi_objectid/' }, 400], [`/cdmi_objectid/${objectID}`, { move: '/other' }, 409]
  ] as const) {
    const answer = await put(path, body)
    t.equal(answer.statusCode, status, `${JSON.stringify(body)} to ${path}: ${answer.body}`)
  }
  t.equal((await patch('/s', { move: '/other' })).statusCode, 400)
  t.equal((await patch('/c/', { move: '/c/' })).statusCode, 400)
  t.same(await children('/'), ['c/', 'other', 'r?', 's'])
  t.equal((await get('/s')).json().objectID, objectID)
})

t.test('what is moved to where it is stays there; a half-written object stays half-written', async t => {
  const { put, fields, get } = await begin(t)
  const created = (await put('/s', example)).json()
  const { etag } = (await get('/s')).headers
  t.match((await put('/s', { move: '/s' })).json(), { objectID: created.objectID, objectName: 's' })
  t.equal((await get('/s')).headers.etag, etag)
  t.match((await put('/s', { move: `/cdmi_objectid/${created.objectID}`, metadata: { colour: 'red' } })).json(), { metadata: { colour: 'red' } })
  await put('/half', { value: 'x' }, { 'x-cdmi-partial': 'true' })
  await put('/still', { move: '/half' })
  t.equal((await fields('/still'))['completionStatus'], 'Processing')
})
