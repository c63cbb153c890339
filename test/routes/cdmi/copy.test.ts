import t, { type Test } from 'tap'
import { openMemoryStore, type Store } from '../../../index.js'
import { build, type BuildOptions } from '../plain/build.js'
import { type Client, client } from './client.js'

const root = '/cdmi/2.0.0'

async function begin (t: Test, options: BuildOptions = {}): Promise<Client> {
  return client(await build(t, { prefix: root, ...options }), root)
}

const example = { value: 'AAH/', valuetransferencoding: 'base64', mimetype: 'image/x', metadata: { colour: 'blue', cdmi_hold_id: { h: '1' }, cdmi_retention_id: 'r', cdmi_value_hash: 'SHA256' }, own: ['x'] }

t.test('CMV-21, CMV-02, CMV-10, CMV-11, DOC-31: a copy has all of its source but ID, place, times and what holds it', async t => {
  const { put, patch, fields, get } = await begin(t)
  const source = (await put('/s', example)).json()
  const answer = await put('/d', { copy: '/s' })
  t.equal(answer.statusCode, 201)
  t.equal(answer.headers.location, 'http://localhost:80/cdmi/2.0.0/d')
  const created = answer.json()
  t.not(created.objectID, source.objectID)
  t.match(created, { objectName: 'd', parentURI: '/', own: ['x'], completionStatus: 'Complete', mimetype: 'image/x' })
  for (const name of ['copy', 'value']) t.notOk(name in created)
  const copied = await fields('/d')
  t.match(copied, { value: 'AAH/', valuetransferencoding: 'base64', own: ['x'], metadata: { colour: 'blue', cdmi_mcount: '0', cdmi_hash: (await get('/s?metadata=cdmi_hash')).json().metadata.cdmi_hash } })
  for (const name of ['cdmi_hold_id', 'cdmi_retention_id']) t.notOk(name in (copied['metadata'] as object), name)
  await patch('/s', { value: 'other', valuetransferencoding: 'utf-8', metadata: {} })
  t.match(await fields('/d'), { value: 'AAH/', metadata: { colour: 'blue' } })
})

t.test('CMV-03, CMV-04, DOC-25: what the body says of type and metadata replaces, further fields are added', async t => {
  const { put, fields } = await begin(t)
  await put('/s', example)
  await put('/d', { copy: '/s', mimetype: 'Text/Y', metadata: { size: '3' }, more: 1 })
  const { mimetype, metadata, own, more } = await fields('/d')
  t.match([mimetype, own, more], ['text/y', ['x'], 1])
  t.match(metadata, { size: '3' })
  t.notOk('colour' in (metadata as object))
})

t.test('CMV-22, CMV-23: fields named in one of the URIs are taken alone', async t => {
  const { put, fields, get } = await begin(t)
  await put('/s', example)
  for (const [name, query, uri] of [['a', '', '/s?metadata'], ['b', '?metadata', '/s']]) {
    t.equal((await put(`/${name}${query}`, { copy: uri })).statusCode, 201)
    const { value, mimetype, valuetransferencoding, metadata, own } = await fields(`/${name}`)
    t.same([value, mimetype, valuetransferencoding, own], ['', 'text/plain', 'utf-8', undefined])
    t.match(metadata, { colour: 'blue' })
  }
  await put('/c', { copy: '/s?value&own;mimetype' })
  t.match(await fields('/c'), { value: 'AAH/', valuetransferencoding: 'base64', mimetype: 'image/x', own: ['x'] })
  await put('/e', { copy: '/s?metadata=col' })
  t.same(Object.keys(await (await fields('/e'))['metadata'] as object).filter(name => !name.startsWith('cdmi_')), ['colour'])
  t.equal((await put('/both?value', { copy: '/s?value' })).statusCode, 400)
  t.equal((await get('/both')).statusCode, 404)
})

t.test('CMV-24: a range of the source, as text where no character is cut', async t => {
  const store = openMemoryStore({ inlineLimit: 4, segmentSize: 8 })
  for (const options of [{}, { store }]) {
    const { put, plain, get } = await begin(t, options)
    await put('/s', { value: '0123456789äöü€uvwxyz' })
    const bytes = Buffer.from('0123456789äöü€uvwxyz')
    for (const [from, to] of [[2, 4], [0, 9], [8, 11], [9, 10], [11, 14], [0, 24], [16, 18], [17, 24], [24, 24], [5, 20]] as const) {
      t.equal((await put('/d', { copy: `/s?value=${from}-${to}` })).statusCode, from === 2 ? 201 : 204)
      const part = bytes.subarray(from, to + 1)
      t.ok(part.equals((await plain('GET', '/d')).rawPayload), `${from}-${to}`)
      const isText = Buffer.from(part.toString()).equals(part)
      t.equal((await get('/d?valuetransferencoding')).json().valuetransferencoding, isText ? 'utf-8' : 'base64', `${from}-${to}`)
    }
    await put('/d', { copy: '/s?value=-3' })
    t.equal((await plain('GET', '/d')).body, 'xyz')
    await put('/d', { copy: '/s?value=20-' })
    t.equal((await plain('GET', '/d')).body, 'vwxyz')
    for (const wrong of ['value=30-40', 'value=0-1&value=3-4', 'value=5-2', 'value=x', 'values=3']) t.equal((await put('/e', { copy: `/s?${wrong}` })).statusCode, 400, wrong)
    t.equal((await put('/e?value=0-3', { copy: '/s' })).statusCode, 400)
    await put('/empty')
    t.equal((await put('/e', { copy: '/empty?value=0-9' })).statusCode, 201)
    await put('/json', { value: { a: 1 }, valuetransferencoding: 'json' })
    await put('/j', { copy: '/json?value=0-6' })
    t.same((await get('/j')).json().value, { a: 1 })
    await put('/j', { copy: '/json?value=0-3' })
    t.equal((await get('/j')).json().valuetransferencoding, 'base64')
  }
})

t.test('CMV-26, DOC-78: an update by copy makes an object like its source, or takes the named fields alone', async t => {
  const { put, patch, fields, get } = await begin(t)
  await put('/s', example)
  const { objectID } = (await put('/d', { value: 'old', metadata: { own: '1', colour: 'red' }, kept: 1 })).json()
  t.equal((await patch('/d', { copy: '/s?mimetype' })).statusCode, 204)
  t.match(await fields('/d'), { value: 'old', mimetype: 'image/x', metadata: { own: '1' }, kept: 1 })
  await patch('/d', { copy: '/s?metadata=col' })
  t.match(await fields('/d'), { value: 'old', metadata: { own: '1', colour: 'blue' } })
  await patch('/d?value', { copy: '/s' })
  t.match(await fields('/d'), { value: 'AAH/', metadata: { own: '1' } })
  t.equal((await patch('/d?value', { copy: '/s?value' })).statusCode, 400)
  await patch('/d', { copy: '/s' })
  const whole = await fields('/d')
  t.match(whole, { objectID, objectName: 'd', value: 'AAH/', metadata: { colour: 'blue' }, own: ['x'] })
  t.notOk('own' in (whole['metadata'] as object))
  t.notOk('kept' in whole)
  t.equal((await patch('/d', { copy: '/missing' })).statusCode, 400)
  t.equal((await patch('/missing', { copy: '/s' })).statusCode, 404)
  t.equal((await get('/d')).json().value, 'AAH/')
  t.equal((await patch('/d', { copy: '/s' }, { 'if-match': '"nothing"' })).statusCode, 412)
})

t.test('CMV-07, CMV-09, CMV-20, CMV-31, DOC-33, AMB-24: all that is wrong with a source is 400, and nothing is made', async t => {
  const { put, get } = await begin(t)
  await put('/c/')
  await put('/s', { value: 'x' })
  await put('/r', { reference: '/s' })
  await put('/half', { value: 'x' }, { 'x-cdmi-partial': 'true' })
  const sources = ['/missing', '/no/such', '/c/', '/c', '/s/', '/r', '/half', '/cdmi_objectid/', '/cdmi_objectid/00007ED90010D891022876A8DE0BC0FD', '/cdmi_objectid/x', '/cdmi_capabilities/', 's', '', '/../s', '/c//s', '//s', '/s#x', '/%00', '/%2e%2e/s']
  for (const source of sources) {
    const answer = await put('/d', { copy: source })
    t.equal(answer.statusCode, 400, `${source}: ${answer.body}`)
  }
  t.equal((await put('/d', { copy: 5 })).statusCode, 400)
  t.equal((await get('/d')).statusCode, 404)
  t.equal((await put('/s', { copy: '/s' })).statusCode, 400, 'the destination itself')
  t.equal((await put('/no/d', { copy: '/s' })).statusCode, 404)
  t.equal((await put('/no/d', { copy: '/missing' })).statusCode, 404)
  for (const far of ['https://elsewhere.example/s', 'http://localhost:81/cdmi/2.0.0/s', 'http://localhost/s', 'ftp://localhost/cdmi/2.0.0/s', 'javascript:alert(1)']) {
    const answer = await put('/d', { copy: far })
    t.match([answer.statusCode, answer.json().detail], [400, /cdmi_object_copy_from_remote/], far)
  }
})

t.test('CMV-01, CMV-06, AMB-07: one source, and no value or encoding beside it', async t => {
  const { put, get, app } = await begin(t)
  await put('/s', { value: 'x' })
  for (const more of [{ value: 'y' }, { move: '/s' }, { reference: '/s' }, { valuetransferencoding: 'utf-8' }, { serialize: '/s' }]) t.equal((await put('/d', { copy: '/s', ...more })).statusCode, 400, JSON.stringify(more))
  const parts = ['--b', 'Content-Type: application/cdmi-object', '', '{"copy":"/s"}', '--b', 'Content-Type: text/plain', '', 'value', '--b--', ''].join('\r\n')
  const answer = await app.inject({ method: 'PUT', url: `${root}/d`, headers: { 'content-type': 'multipart/mixed; boundary=b' }, payload: parts })
  t.equal(answer.statusCode, 400)
  t.equal((await get('/d')).statusCode, 404)
})

t.test('CMV-08, GEN-20, AMB-01: a source by path, by the path of the server, by ID, absolute; names raw or escaped', async t => {
  const { put, plain } = await begin(t)
  await put('/c/')
  const { objectID } = (await put('/c/' + encodeURIComponent('ä 100% #1'), { value: 'x' })).json()
  const { objectID: id } = (await put('/c/o', { value: 'x' })).json()
  const sources = [
    '/c/o', '/cdmi/2.0.0/c/o', `/cdmi_objectid/${objectID}`, `/cdmi_objectid/${id.toLowerCase()}`, `cdmi_objectid/${id}`, `/cdmi/2.0.0/cdmi_objectid/${id}`,
    'http://localhost/cdmi/2.0.0/c/o', 'HTTP://LOCALHOST:80/cdmi/2.0.0/c/o', `http://localhost/cdmi/2.0.0/cdmi_objectid/${id}`,
    '/c/ä 100% #1', '/c/%C3%A4%20100%25%20%231', '/c/ä%20100%25%20#1'
  ]
  for (const [index, copy] of sources.entries()) {
    const answer = await put(`/d${index}`, { copy })
    t.equal(answer.statusCode, 201, `${copy}: ${answer.body}`)
    t.equal((await plain('GET', `/d${index}`)).body, 'x')
  }
})

t.test('COC-84, CMV-21: copies by POST are named by their IDs, or have no path', async t => {
  const { put, post, fields } = await begin(t)
  await put('/c/')
  await put('/s', { value: 'x' })
  const named = (await post('/c/', { copy: '/s' })).json()
  t.equal(named.objectName, named.objectID)
  t.equal((await fields(`/c/${named.objectID}`))['value'], 'x')
  const answer = await post('/cdmi_objectid/', { copy: '/s' })
  t.equal(answer.statusCode, 201)
  t.notOk('objectName' in answer.json())
  t.equal((await fields(`/cdmi_objectid/${answer.json().objectID}`))['value'], 'x')
  t.equal((await post('/c/', { copy: '/missing' })).statusCode, 400)
  t.equal((await post('/no/', { copy: '/s' })).statusCode, 404)
})

/** How often bytes were put into a store. */
function counted (store: Store): { store: Store, puts: () => number } {
  let puts = 0
  return { store: { ...store, blobs: { ...store.blobs, put: async (...rest) => { puts++; return await store.blobs.put(...rest) } } }, puts: () => puts }
}

t.test('a copy of a large value shares its blobs: no byte is written; each lives without the other', async t => {
  const { store, puts } = counted(openMemoryStore({ inlineLimit: 8, segmentSize: 16, trashGrace: 0 }))
  const { put, plain, remove, patch } = await begin(t, { store })
  const value = Buffer.from(Array.from({ length: 1000 }, (_, at) => at % 251))
  await plain('PUT', '/s', value.toString('latin1'), { 'content-type': 'application/octet-stream' })
  const stored = (await plain('GET', '/s')).rawPayload
  const before = puts()
  t.ok(before > 50)
  for (const body of [{ copy: '/s' }, { copy: '/s?value=100-899' }]) t.equal((await put('/d' + (body.copy.length > 2 ? 'r' : ''), body)).statusCode, 201)
  await put('/e', { value: 'short' })
  await patch('/e', { copy: '/s' })
  t.equal(puts(), before)
  await remove('/s')
  await store.sweep()
  for (const [path, expected] of [['/d', stored], ['/e', stored], ['/dr', stored.subarray(100, 900)]] as const) t.ok(expected.equals((await plain('GET', path)).rawPayload), path)
})
