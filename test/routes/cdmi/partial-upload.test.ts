import t from 'tap'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { build } from '../plain/build.js'
import { attributesAt } from '../plain/object-at.js'

type Method = 'PUT' | 'PATCH' | 'POST'

const cdmi = async (app: FastifyInstance, method: Method, url: string, body: object, partial?: string): Promise<LightMyRequestResponse> => await app.inject({
  method, url, payload: JSON.stringify(body), headers: { 'content-type': 'application/cdmi-object', ...partial === undefined ? {} : { 'x-cdmi-partial': partial } }
})

const plain = async (app: FastifyInstance, method: Method, url: string, body: string, partial?: string, more: Record<string, string> = {}): Promise<LightMyRequestResponse> => await app.inject({
  method, url, body, headers: { ...partial === undefined ? {} : { 'x-cdmi-partial': partial }, ...more }
})

const object = async (app: FastifyInstance, url = '/o'): Promise<Record<string, unknown>> => (await app.inject({ url, headers: { accept: 'application/cdmi-object' } })).json()

t.test('PUP-02, PUP-13, DOC-23, COC-77: a part in CDMI makes the object: 202, Location, its fields, Processing and no value', async t => {
  const app = await build(t)
  for (const [method, url] of [['PUT', '/o'], ['POST', '/'], ['POST', '/cdmi_objectid/']] as const) {
    for (const partial of ['true', 'upload-id=a;count=2']) {
      const path = url === '/o' ? `/o-${partial.length}` : url
      const made = await cdmi(app, method, path, { metadata: { a: '1' }, mimetype: 'text/x', value: 'one, ' }, partial)
      t.equal(made.statusCode, 202)
      t.equal(made.headers['content-type'], 'application/cdmi-object')
      t.match(made.json(), { completionStatus: 'Processing', mimetype: 'text/x', metadata: { a: '1' } })
      t.notOk('value' in made.json())
      t.notOk('percentComplete' in made.json())
      const at = new URL(made.headers.location ?? '').pathname
      const read = await object(app, at)
      t.match(read, { completionStatus: 'Processing', valuerange: '', objectID: made.json().objectID })
      t.notOk('value' in read)
      const last = await cdmi(app, 'PUT', at, { value: 'two' }, partial === 'true' ? undefined : partial)
      t.equal(last.statusCode, 201, 'with the last part it is created')
      t.match(last.json(), { completionStatus: 'Complete', percentComplete: '100', mimetype: 'text/x', metadata: { a: '1' } })
      t.match(await object(app, at), { completionStatus: 'Complete', value: 'one, two', valuetransferencoding: 'utf-8' })
    }
  }
})

t.test('PUP-15: begun by CDMI and ended by plain HTTP, and the reverse', async t => {
  const app = await build(t)
  for (const [more, last] of [['true', undefined], ['true', 'false'], ['upload-id=a', 'upload-id=a;count=3']] as const) {
    t.equal((await cdmi(app, 'PUT', '/a', { value: 'one, ' }, more)).statusCode, 202)
    t.equal((await plain(app, 'PUT', '/a', 'two, ', more)).statusCode, 202)
    t.equal((await plain(app, 'PUT', '/a', 'three', last)).statusCode, 201)
    t.match(await object(app, '/a'), { completionStatus: 'Complete', value: 'one, two, three', valuetransferencoding: 'utf-8' })

    const type = { 'content-type': 'text/plain; charset=utf-8' }
    t.equal((await plain(app, 'PUT', '/b', 'one, ', more, type)).statusCode, 202)
    t.equal((await cdmi(app, 'PATCH', '/b', { value: 'two, ' }, more)).statusCode, 202)
    t.equal((await cdmi(app, 'PATCH', '/b', { value: 'three' }, last)).statusCode, 204)
    t.equal((await app.inject({ url: '/b' })).body, 'one, two, three')
    t.match(await object(app, '/b'), { value: 'one, two, three', mimetype: 'text/plain' })
    for (const url of ['/a', '/b']) await app.inject({ method: 'DELETE', url })
  }
})

t.test('PUP-15, HDO-43, DOC-82: an update of CDMI that says nothing of parts ends the series of the other door', async t => {
  const app = await build(t)
  t.equal((await plain(app, 'PUT', '/o', 'value', 'true')).statusCode, 202)
  t.equal((await cdmi(app, 'PATCH', '/o', {})).statusCode, 204)
  t.equal((await app.inject({ url: '/o' })).body, 'value')
  t.equal((await plain(app, 'PATCH', '/o', 'other', 'true')).statusCode, 202)
  t.equal((await cdmi(app, 'PATCH', '/o', { metadata: { a: '1' } })).statusCode, 204)
  t.match(await object(app), { completionStatus: 'Complete', metadata: { a: '1' } })
  t.equal((await app.inject({ url: '/o' })).body, 'other')
})

t.test('DOC-82, PUP-14, AMB-16: while an existing object is updated under the null ID it is Processing; plain HTTP reads the old value', async t => {
  const app = await build(t)
  await cdmi(app, 'PUT', '/o', { value: 'old', metadata: { a: '1' } })
  t.equal((await cdmi(app, 'PATCH', '/o', { value: 'new ', metadata: { b: '2' } }, 'true')).statusCode, 202)
  const read = await object(app)
  t.match(read, { completionStatus: 'Processing', valuerange: '', metadata: { a: '1' } }, 'its metadata waits, too')
  t.notOk('value' in read || 'percentComplete' in read)
  const mixed = await app.inject({ url: '/o', headers: { accept: 'multipart/mixed' } })
  t.notMatch(mixed.body, 'old')
  t.equal((await app.inject({ url: '/o' })).body, 'old')
  t.equal((await cdmi(app, 'PATCH', '/o', { value: 'value' })).statusCode, 204)
  const after = await object(app)
  t.match(after, { completionStatus: 'Complete', value: 'new value', metadata: { b: '2' } })
  t.notOk('a' in Object(after['metadata']))
})

t.test('PUP-14: under an upload ID nothing of an existing object shows that parts are coming', async t => {
  const app = await build(t)
  await cdmi(app, 'PUT', '/o', { value: 'old', metadata: { a: '1' }, mimetype: 'text/old' })
  const before = await object(app)
  t.equal((await cdmi(app, 'PATCH', '/o?metadata=b', { metadata: { b: '2' } }, 'upload-id=a')).statusCode, 202)
  t.equal((await cdmi(app, 'PATCH', '/o', { value: 'new', mimetype: 'text/new' }, 'upload-id=a')).statusCode, 202)
  const { cdmi_atime: _first, cdmi_acount: _count, ...metadata } = Object(before['metadata'])
  t.match(await object(app), { ...before, metadata })
  t.equal((await cdmi(app, 'PATCH', '/o?metadata=c', { metadata: { c: '3' } })).statusCode, 204, 'meanwhile somebody changes it')
  t.equal((await cdmi(app, 'PATCH', '/o', {}, 'upload-id=a')).statusCode, 204)
  t.match(await object(app), { completionStatus: 'Complete', value: 'new', mimetype: 'text/new', metadata: { a: '1', b: '2', c: '3' } })
})

t.test('PUP-05: in CDMI the body that completes says nothing; one with metadata is a message of the set', async t => {
  const app = await build(t)
  t.equal((await cdmi(app, 'PUT', '/o', { metadata: { a: '1' } }, 'upload-id=a')).statusCode, 202)
  t.equal((await plain(app, 'PUT', '/o', 'value', 'upload-id=a')).statusCode, 202)
  t.equal((await cdmi(app, 'PATCH', '/o', { metadata: { a: '2' } }, 'upload-id=a')).statusCode, 202)
  t.equal((await cdmi(app, 'PUT', '/o', {}, 'upload-id=a')).statusCode, 201)
  t.match(await object(app), { completionStatus: 'Complete', metadata: { a: '2' } })
  t.equal((await app.inject({ url: '/o' })).body, 'value')
})

t.test('PUP-03, DOC-77, DOC-38: ranges in the query of CDMI, and parts of multipart bodies, are parts with a place', async t => {
  const app = await build(t)
  t.equal((await cdmi(app, 'PUT', '/o', { metadata: {} }, 'upload-id=a;range=0-10')).statusCode, 202)
  t.equal((await cdmi(app, 'PATCH', '/o?value=6-10', { value: Buffer.from('world').toString('base64') }, 'upload-id=a')).statusCode, 202)
  t.equal((await cdmi(app, 'PATCH', '/o?value=4-6', { value: Buffer.from('xyz').toString('base64') }, 'upload-id=a')).statusCode, 400)
  const part = (range: string, value: string): string => `--b\r\nContent-Type: text/plain\r\nContent-Range: bytes ${range}/11\r\n\r\n${value}\r\n`
  const parts = await app.inject({
    method: 'PATCH',
    url: '/o',
    headers: { 'content-type': 'multipart/mixed; boundary=b', 'x-cdmi-partial': 'upload-id=a' },
    payload: `--b\r\nContent-Type: application/cdmi-object\r\n\r\n{}\r\n${part('0-1', 'He')}${part('2-5', 'llo ')}--b--\r\n`
  })
  t.equal(parts.statusCode, 204)
  t.equal((await app.inject({ url: '/o' })).body, 'Hello world')
})

t.test('a change of metadata alone does not end what other parts are awaited for', async t => {
  const app = await build(t)
  t.equal((await plain(app, 'PUT', '/o', 'one ', 'upload-id=a')).statusCode, 202)
  t.equal((await cdmi(app, 'PATCH', '/o', { metadata: { a: '1' } })).statusCode, 204)
  t.match(await object(app), { completionStatus: 'Processing', metadata: { a: '1' } })
  t.equal((await plain(app, 'PUT', '/o', 'two', 'upload-id=a;count=2')).statusCode, 201)
  t.match(await object(app), { completionStatus: 'Complete', metadata: { a: '1' } })
})

t.test('keyed JSON reads the old record while parts of a new one come', async t => {
  const app = await build(t, { options: { keyed: true } })
  const json = { 'content-type': 'application/json' }
  await app.inject({ method: 'POST', url: '/data/key', headers: json, payload: '{"a":1}' })
  const { id } = await attributesAt(app, '/data/key')
  for (const partial of ['upload-id=a', 'true']) t.equal((await plain(app, 'PUT', `/cdmi_objectid/${id}`, '{"a":', partial, json)).statusCode, 202)
  t.same((await app.inject({ url: '/data/key' })).json(), { a: 1 })
  t.equal((await plain(app, 'PUT', `/cdmi_objectid/${id}`, '2}', 'upload-id=a;count=2')).statusCode, 204)
  t.same((await app.inject({ url: '/data/key' })).json(), { a: 2 })
})

t.test('DOC-82: another value in one piece, by whatever operation, ends the parts of the one before', async t => {
  const app = await build(t)
  const whole: Record<string, (url: string) => Promise<unknown>> = {
    copy: async url => await cdmi(app, 'PATCH', url, { copy: '/source' }),
    deserializevalue: async url => {
      const { objectID } = await object(app, url)
      return await cdmi(app, 'PATCH', url, { deserializevalue: Buffer.from(JSON.stringify({ objectType: 'application/cdmi-object', objectID, value: 'whole' })).toString('base64') })
    }
  }
  await plain(app, 'PUT', '/source', 'whole')
  for (const [name, replace] of Object.entries(whole)) {
    for (const fresh of [true, false]) {
      const url = `/${name}-${String(fresh)}`
      if (!fresh) await plain(app, 'PUT', url, 'old')
      t.equal((await plain(app, 'PUT', url, 'one', 'true')).statusCode, 202, url)
      await replace(url)
      t.match(await object(app, url), { completionStatus: 'Complete', valuerange: '0-4' }, url)
      t.equal((await plain(app, 'PUT', url, 'new')).statusCode, 204)
      t.equal((await app.inject({ url })).body, 'new', `${url}: nothing of the parts is left`)
      await plain(app, 'PUT', url, 'one', 'true')
      await cdmi(app, 'PATCH', url, { copy: '/source?metadata' })
      t.match(await object(app, url), { completionStatus: 'Processing' }, 'what leaves the value alone does not')
    }
  }
})

t.test('DOC-82: a keyed record that is replaced is complete, whatever parts of it came before', async t => {
  const app = await build(t, { options: { keyed: true } })
  const json = { 'content-type': 'application/json' }
  await app.inject({ method: 'POST', url: '/data/key', headers: json, payload: '{"a":1}' })
  const { id } = await attributesAt(app, '/data/key')
  await plain(app, 'PUT', `/cdmi_objectid/${id}`, '{"a":', 'true', json)
  t.equal((await app.inject({ method: 'PUT', url: '/data/key', headers: json, payload: '{"b":2}' })).statusCode, 200)
  t.match(await object(app, `/cdmi_objectid/${id}`), { completionStatus: 'Complete', value: { b: 2 } })
  t.equal((await plain(app, 'PUT', `/cdmi_objectid/${id}`, '{"c":3}', undefined, json)).statusCode, 204)
  t.same((await app.inject({ url: '/data/key' })).json(), { c: 3 })
})
