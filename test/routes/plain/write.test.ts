import t from 'tap'
import { openMemoryStore } from '../../../storage/memory/memory-store.js'
import { build } from './build.js'
import { attributesAt } from './object-at.js'

const octets = 'application/octet-stream'

t.test('HDO-01, HDO-05, GEN-23, GEN-30: the body becomes the value, readable by path and by ID', async t => {
  const app = await build(t)
  const body = Buffer.from([0, 1, 2, 250, 251, 252, 10, 13])
  const created = await app.inject({ method: 'PUT', url: '/object', body })
  t.equal(created.statusCode, 201)
  t.equal(created.body, '')
  const { id } = await attributesAt(app, '/object')
  for (const url of ['/object', `/cdmi_objectid/${id}`, `/cdmi_objectid/${id.toLowerCase()}`]) {
    const read = await app.inject({ url })
    t.equal(read.statusCode, 200)
    t.same(read.rawPayload, body)
    t.equal(read.headers.etag, created.headers.etag)
  }
})

t.test('HDO-02, GEN-13: the containers on the way must exist', async t => {
  const app = await build(t)
  t.equal((await app.inject({ method: 'PUT', url: '/no/object', body: 'x' })).statusCode, 404)
  t.equal((await app.inject({ method: 'PUT', url: '/no/container/' })).statusCode, 404)
  await app.inject({ method: 'PUT', url: '/object', body: 'x' })
  t.equal((await app.inject({ method: 'PUT', url: '/object/below', body: 'x' })).statusCode, 404)
})

t.test('HDO-03, HDO-04, AMB-09: Content-Type becomes mimetype and transfer encoding', async t => {
  const app = await build(t)
  const cases: [string | undefined, string, string, string][] = [
    [undefined, octets, 'base64', octets],
    ['Text/PLAIN', 'text/plain', 'base64', 'text/plain'],
    ['text/plain; charset="UTF-8"', 'text/plain', 'utf-8', 'text/plain; charset=utf-8'],
    ['text/plain;charset=iso-8859-1', 'text/plain; charset=iso-8859-1', 'base64', 'text/plain; charset=iso-8859-1'],
    ['application/json', 'application/json', 'base64', 'application/json'],
    ['multipart/related; boundary=b', 'multipart/related; boundary=b', 'base64', 'multipart/related; boundary=b']
  ]
  for (const [index, [sent, mimetype, encoding, returned]] of cases.entries()) {
    const url = `/object${index}`
    t.equal((await app.inject({ method: 'PUT', url, body: '{"a":1}', headers: sent === undefined ? {} : { 'content-type': sent } })).statusCode, 201)
    const { attributes } = await attributesAt(app, url)
    t.equal(attributes.mimetype, mimetype)
    t.equal(attributes.valuetransferencoding, encoding)
    t.equal((await app.inject({ url })).headers['content-type'], returned)
  }
})

t.test('HDO-04, AMB-11: charset=utf-8 with bytes that are not UTF-8 is refused, nothing is stored', async t => {
  const app = await build(t)
  const response = await app.inject({ method: 'PUT', url: '/object', body: Buffer.from([0xff, 0xfe]), headers: { 'content-type': 'text/plain; charset=utf-8' } })
  t.equal(response.statusCode, 400)
  t.match(response.json(), { code: 'CDMI_NOT_UTF8' })
  t.equal((await app.inject({ url: '/object' })).statusCode, 404)
})

t.test('HDO-06, HDO-43, AMB-16: a value in parts is withheld until the last', async t => {
  const app = await build(t)
  const partial = (url: string, method: 'PUT' | 'PATCH', body: string, range: string, more: boolean) =>
    app.inject({ method, url, body, headers: { 'content-range': range, ...(more ? { 'x-cdmi-partial': 'true' } : {}) } })
  t.equal((await partial('/object', 'PUT', 'world', 'bytes 6-10/*', true)).statusCode, 202)
  for (const method of ['GET', 'HEAD'] as const) {
    const read = await app.inject({ method, url: '/object', headers: { range: 'bytes=0-1' } })
    t.equal(read.statusCode, 202)
    t.equal(read.headers['content-length'], '0')
    t.equal(read.body, '')
  }
  t.equal((await attributesAt(app, '/object')).attributes.completionStatus, 'Processing')
  t.equal((await partial('/object', 'PATCH', 'Hello,', 'bytes 0-5/11', false)).statusCode, 204)
  t.equal((await app.inject({ url: '/object' })).body, 'Hello,world')
  t.equal((await app.inject({ method: 'PATCH', url: '/object', body: 'again', headers: { 'x-cdmi-partial': 'TRUE' } })).statusCode, 202)
  t.equal((await app.inject({ url: '/object' })).body, 'Hello,world', 'an object that was complete stays as it was')
  t.equal((await app.inject({ method: 'PATCH', url: '/object', body: 'again', headers: { 'x-cdmi-partial': 'false' } })).statusCode, 204)
  t.equal((await app.inject({ url: '/object' })).body, 'againagain')
  const wrong = await app.inject({ method: 'PUT', url: '/object', body: 'x', headers: { 'x-cdmi-partial': 'yes' } })
  t.equal(wrong.statusCode, 400)
  t.equal((await app.inject({ url: '/object' })).body, 'againagain')
})

t.test('HDO-07, HDO-22, CLI-23: Content-Range places the body, what lies before it reads as zeros', async t => {
  for (const inlineLimit of [1024, 4]) {
    const app = await build(t, { store: openMemoryStore({ inlineLimit }) })
    t.equal((await app.inject({ method: 'PUT', url: '/object', body: 'tail', headers: { 'content-range': 'bytes 10-13/*' } })).statusCode, 201)
    t.same((await app.inject({ url: '/object' })).rawPayload, Buffer.concat([Buffer.alloc(10), Buffer.from('tail')]))
    t.equal((await app.inject({ method: 'PUT', url: '/object', body: 'more', headers: { 'content-range': 'bytes 14-17/18' } })).statusCode, 204, 'curl -C 14 -T')
    t.same((await app.inject({ url: '/object', headers: { range: 'bytes=10-' } })).body, 'tailmore')
  }
})

t.test('HDO-40, CLI-21, AMB-02: a write replaces the whole value and keeps the ID; a PUT without type is bytes', async t => {
  const app = await build(t)
  await app.inject({ method: 'PUT', url: '/object', body: 'a long first value', headers: { 'content-type': 'text/plain;charset=utf-8' } })
  const before = await attributesAt(app, '/object')
  const replaced = await app.inject({ method: 'PUT', url: '/object', body: 'second' })
  t.equal(replaced.statusCode, 204)
  t.equal(replaced.headers.etag, (await app.inject({ url: '/object' })).headers.etag)
  const after = await attributesAt(app, '/object')
  t.equal(after.id, before.id)
  t.equal(after.attributes.mimetype, octets)
  t.same(after.attributes.metadata, before.attributes.metadata)
  t.equal((await app.inject({ url: '/object' })).body, 'second')
  t.equal((await app.inject({ method: 'PATCH', url: '/object', body: 'third' })).statusCode, 204)
  t.equal((await app.inject({ url: '/object' })).body, 'third')
})

t.test('HDO-41: a range overwrites its bytes only, also beyond the end', async t => {
  const app = await build(t)
  const value = 'This is the Value of this Data Object'
  await app.inject({ method: 'PUT', url: '/object', body: value })
  const patch = (range: string, body: string) => app.inject({ method: 'PATCH', url: '/object', body, headers: { 'content-range': range } })
  t.equal((await patch('bytes 21-24/37', 'that')).statusCode, 204)
  t.equal((await app.inject({ url: '/object' })).body, 'This is the Value of that Data Object')
  t.equal((await patch('40-41', 'ab')).statusCode, 204)
  t.equal((await app.inject({ url: '/object' })).body, 'This is the Value of that Data Object\0\0\0ab')
})

t.test('HDO-41, HDO-08, CLI-23: a Content-Range that is malformed or not as long as the body changes nothing', async t => {
  const app = await build(t)
  await app.inject({ method: 'PUT', url: '/object', body: 'value' })
  for (const range of ['bytes 3-1/5', 'bytes 0-5/5', 'bytes 0-1', 'bytes 0-1/x', 'bytes */5', 'nonsense', 'bytes 0-99/100', 'bytes 0-0/1']) {
    for (const method of ['PUT', 'PATCH'] as const) {
      const response = await app.inject({ method, url: '/object', body: 'xyz', headers: { 'content-range': range } })
      t.equal(response.statusCode, 400, range)
    }
  }
  t.equal((await app.inject({ url: '/object' })).body, 'value')
  t.equal((await app.inject({ method: 'PUT', url: '/new', body: 'xyz', headers: { 'content-range': 'bytes 0-9/10' } })).statusCode, 400)
  t.equal((await app.inject({ url: '/new' })).statusCode, 404)
})

t.test('HDO-42, AMB-10: PATCH without Content-Type keeps type and encoding while the bytes allow it', async t => {
  const app = await build(t)
  await app.inject({ method: 'PUT', url: '/object', body: 'text', headers: { 'content-type': 'text/plain;charset=utf-8' } })
  await app.inject({ method: 'PATCH', url: '/object', body: 'other' })
  t.match((await attributesAt(app, '/object')).attributes, { mimetype: 'text/plain', valuetransferencoding: 'utf-8' })
  await app.inject({ method: 'PATCH', url: '/object', body: Buffer.from([0xff]), headers: { 'content-range': '1-1' } })
  t.match((await attributesAt(app, '/object')).attributes, { mimetype: 'text/plain', valuetransferencoding: 'base64' })
  await app.inject({ method: 'PATCH', url: '/object', body: 'x', headers: { 'content-type': 'Text/HTML; charset=utf-8' } })
  t.match((await attributesAt(app, '/object')).attributes, { mimetype: 'text/html', valuetransferencoding: 'utf-8' })
})

t.test('HDO-44, HDO-45: PATCH never creates', async t => {
  const app = await build(t)
  t.equal((await app.inject({ method: 'PATCH', url: '/object', body: 'x' })).statusCode, 404)
  t.equal((await app.inject({ url: '/object' })).statusCode, 404)
  t.equal((await app.inject({ method: 'PATCH', url: '/cdmi_objectid/00007ED90010D891022876A8DE0BC0FD', body: 'x' })).statusCode, 404)
})

t.test('HDO-09: an encrypted body is stored as it is', async t => {
  const app = await build(t)
  for (const type of ['application/cms', 'application/jose+json']) {
    await app.inject({ method: 'PUT', url: '/object', body: 'cipher', headers: { 'content-type': type } })
    const read = await app.inject({ url: '/object', headers: { accept: type } })
    t.equal(read.headers['content-type'], type)
    t.equal(read.body, 'cipher')
  }
})

t.test('HDO-45, CLI-22: If-Match and If-None-Match on writes', async t => {
  const app = await build(t)
  const put = async (body: string, headers: Record<string, string>) => (await app.inject({ method: 'PUT', url: '/object', body, headers }))
  t.equal((await put('x', { 'if-match': '*' })).statusCode, 412)
  const created = await put('one', { 'if-none-match': '*' })
  t.equal(created.statusCode, 201)
  t.equal((await put('two', { 'if-none-match': '*' })).statusCode, 412)
  const etag = String(created.headers.etag)
  t.equal((await put('two', { 'if-match': `"other", ${etag}` })).statusCode, 204)
  t.equal((await put('three', { 'if-match': etag })).statusCode, 412)
  t.equal((await put('three', { 'if-match': `W/${etag}` })).statusCode, 412)
  t.equal((await put('three', { 'if-unmodified-since': 'Sun, 06 Nov 1994 08:49:37 GMT' })).statusCode, 412)
  t.equal((await put('three', { 'if-match': 'unquoted' })).statusCode, 400)
  t.equal((await app.inject({ url: '/object' })).body, 'two')
  t.equal((await app.inject({ method: 'PATCH', url: '/object', body: 'x', headers: { 'if-match': etag } })).statusCode, 412)
})

t.test('GEN-06, GEN-11, AMB-15: what is meant as CDMI is never stored as a plain value', async t => {
  const app = await build(t)
  const put = (headers: Record<string, string>, url = '/object') => app.inject({ method: 'PUT', url, body: 'no JSON', headers })
  for (const type of ['application/cdmi-object', 'Application/CDMI-Object; charset=utf-8', 'application/cdmi-object+json', 'application/cdmi-queue', 'application/cdmi-container', 'application/cdmi-unknown', 'multipart/mixed; boundary=b']) {
    t.equal((await put({ 'content-type': type })).statusCode, 400, type)
  }
  t.equal((await put({ accept: 'application/cdmi-object' })).statusCode, 400)
  t.equal((await put({}, '/object?value=0-3')).statusCode, 400)
  t.equal((await put({}, '/object?metadata:colour;metadata:shape')).statusCode, 400)
  t.equal((await app.inject({ url: '/object' })).statusCode, 404)
  t.equal((await put({}, '/object?version=3')).statusCode, 201, 'other arguments mean nothing')
  t.equal((await put({ 'x-cdmi-specification-version': '1.1' })).statusCode, 204, 'CLI-02: the version header alone means nothing')
})

t.test('HDO-08, GEN-12: a broken Content-Type, a content coding', async t => {
  const app = await build(t)
  for (const type of ['nonsense', 'text/', 'text/plain; charset', '/']) {
    const response = await app.inject({ method: 'PUT', url: '/object', body: 'x', headers: { 'content-type': type } })
    t.equal(response.statusCode, 400, type)
    t.ok(response.headers['content-type'])
  }
  t.equal((await app.inject({ method: 'PUT', url: '/object', body: 'x', headers: { 'content-encoding': 'gzip' } })).statusCode, 415)
  t.equal((await app.inject({ url: '/object' })).statusCode, 404)
  t.equal((await app.inject({ method: 'PUT', url: '/object', body: 'x', headers: { 'content-encoding': 'identity' } })).statusCode, 201)
})

t.test('a value longer than the limit is refused before it is read, or as soon as it shows', async t => {
  const app = await build(t, { limits: { value: 10 } })
  t.equal((await app.inject({ method: 'PUT', url: '/object', body: '01234567890' })).statusCode, 413)
  t.equal((await app.inject({ method: 'PUT', url: '/object', body: '0', headers: { 'content-range': 'bytes 10-10/11' } })).statusCode, 413)
  t.equal((await app.inject({ method: 'PUT', url: '/object', body: '0', headers: { 'content-range': 'bytes 10-10/*', 'content-type': 'application/cdmi-object' } })).statusCode, 400)
  t.equal((await app.inject({ url: '/object' })).statusCode, 404)
  t.equal((await app.inject({ method: 'PUT', url: '/object', body: '0123456789' })).statusCode, 201)
  for (const range of ['10-10', '9007199254740990-9007199254740990']) {
    t.equal((await app.inject({ method: 'PATCH', url: `/object?value=${range}`, body: '{"value":"QQ=="}', headers: { 'content-type': 'application/cdmi-object' } })).statusCode, 413, range)
  }
  t.equal((await app.inject({ method: 'PATCH', url: '/object?value=9-9', body: '{"value":"QQ=="}', headers: { 'content-type': 'application/cdmi-object' } })).statusCode, 204)
})
