import t, { type Test } from 'tap'
import type { IncomingHttpHeaders } from 'node:http'
import type { InjectOptions, Response } from 'light-my-request'
import { request } from 'undici'
import { adminHeader, keyedApp, readerHeader, type KeyedAppOptions } from '../../helpers/keyed-app.js'

type Call = (method: NonNullable<InjectOptions['method']>, url: string, body?: string | Buffer, headers?: Record<string, string>) => Promise<Response>

async function door (t: Test, options?: KeyedAppOptions): Promise<Call> {
  const { app } = await keyedApp(t, options)
  return async (method, url, body, headers) => await app.inject({
    method,
    url,
    ...body !== undefined && { payload: body },
    headers: { authorization: adminHeader, ...body !== undefined && { 'content-type': 'application/json' }, ...headers }
  })
}

const json = 'application/json; charset=utf-8'

t.test('KEY-01: GET /data lists the keys in order, and [] while there are none', async t => {
  const call = await door(t)
  const empty = await call('GET', '/data')
  t.equal(empty.statusCode, 200)
  t.equal(empty.body, '[]')
  t.equal(empty.headers['content-type'], json)
  for (const key of ['b', 'a', '%C3%A9', 'B']) await call('POST', `/data/${key}`, '{}')
  t.same((await call('GET', '/data')).json(), ['B', 'a', 'b', 'é'])
})

t.test('KEY-02: GET /data/{key} answers the stored bytes as they are; a missing key is 404 with its decoded name', async t => {
  const call = await door(t)
  const text = '{ "b": 1e2,\n "a": 12345678901234567890 }'
  await call('POST', '/data/k', text)
  const found = await call('GET', '/data/k')
  t.equal(found.statusCode, 200)
  t.equal(found.body, text)
  t.equal(found.headers['content-type'], json)
  t.match(found.headers.etag, /^"[0-9A-F]+\.1"$/)
  const missing = await call('GET', '/data/f%C3%BCr%20dich')
  t.equal(missing.statusCode, 404)
  t.equal(missing.headers['content-type'], json)
  t.same(missing.json(), { error: 'für dich not found.' })
})

t.test('KEY-03: POST creates: 201, the stored JSON echoed; {} is legal', async t => {
  const call = await door(t)
  const created = await call('POST', '/data/k', '{"a":1}')
  t.equal(created.statusCode, 201)
  t.equal(created.body, '{"a":1}')
  t.equal(created.headers.location, '/data/k')
  t.ok(created.headers.etag)
  t.equal((await call('POST', '/data/e', '{}')).body, '{}')
  t.equal((await call('GET', '/data/e')).body, '{}')
})

t.test('KEY-04: invalid JSON is 400 and stores nothing', async t => {
  const call = await door(t)
  for (const text of ['{', '{"a":}', 'nonsense', '{"a":1}x', '{"__proto__":{"x":1}}', '{"constructor":{"prototype":{}}}', '[1,]']) {
    const refused = await call('POST', '/data/k', text)
    t.equal(refused.statusCode, 400, text)
    t.type(refused.json().error, 'string')
  }
  t.equal((await call('POST', '/data/k', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).statusCode, 400, 'invalid UTF-8')
  t.equal((await call('POST', '/data/k', '['.repeat(100_000) + ']'.repeat(100_000))).statusCode, 400, '100,000 levels')
  t.equal((await call('GET', '/data')).body, '[]')
})

t.test('KEY-05: POST to a key that exists is 406 and changes nothing', async t => {
  const call = await door(t)
  await call('POST', '/data/k', '{"a":1}')
  for (const headers of [{}, { 'if-none-match': '*' }]) {
    const refused = await call('POST', '/data/k', '{"a":2}', headers)
    t.equal(refused.statusCode, 406)
    t.same(refused.json(), { error: 'k already exists.' })
  }
  t.equal((await call('GET', '/data/k')).body, '{"a":1}')
})

t.test('KEY-06: PUT replaces: 200 and the new JSON; missing is 404; {} empties the record but keeps the key', async t => {
  const call = await door(t)
  const missing = await call('PUT', '/data/k', '{}')
  t.equal(missing.statusCode, 404)
  t.same(missing.json(), { error: 'k not found.' })
  await call('POST', '/data/k', '{"a":1}')
  const replaced = await call('PUT', '/data/k', '{"b":2}')
  t.equal(replaced.statusCode, 200)
  t.equal(replaced.body, '{"b":2}')
  t.equal((await call('PUT', '/data/k', '{}')).body, '{}')
  t.equal((await call('GET', '/data/k')).body, '{}')
  t.same((await call('GET', '/data')).json(), ['k'])
})

t.test('KEY-07: PATCH merges shallowly: 200 and the whole merged JSON; missing is 404; not an object on either side is 400', async t => {
  const call = await door(t)
  t.equal((await call('PATCH', '/data/k', '{}')).statusCode, 404)
  await call('POST', '/data/k', '{"a":{"x":1},"b":2}')
  const merged = await call('PATCH', '/data/k', '{"a":{"y":1},"c":null}')
  t.equal(merged.statusCode, 200)
  t.same(merged.json(), { a: { y: 1 }, b: 2, c: null })
  t.same((await call('GET', '/data/k')).json(), { a: { y: 1 }, b: 2, c: null })
  t.equal((await call('PATCH', '/data/k', '[1]')).statusCode, 400)
  await call('POST', '/data/list', '[1]')
  t.equal((await call('PATCH', '/data/list', '{}')).statusCode, 400)
})

t.test('KEY-07: a number that would not survive a merge is refused, and nothing is changed', async t => {
  const call = await door(t)
  await call('POST', '/data/k', '{"a":1e400,"b":2}')
  t.match((await call('PATCH', '/data/k', '{"b":3}')), { statusCode: 400 })
  t.equal((await call('GET', '/data/k')).body, '{"a":1e400,"b":2}')
  await call('PUT', '/data/k', '{"a":1}')
  t.equal((await call('PATCH', '/data/k', '{"c":[{"d":-1e999}]}')).statusCode, 400)
  t.equal((await call('GET', '/data/k')).body, '{"a":1}')
})

t.test('KEY-07, ours: PATCH with application/merge-patch+json is RFC 7396', async t => {
  const call = await door(t)
  await call('POST', '/data/k', '{"a":{"x":1,"y":2},"b":2}')
  const merged = await call('PATCH', '/data/k', '{"a":{"x":null,"z":3},"b":null}', { 'content-type': 'application/merge-patch+json' })
  t.equal(merged.statusCode, 200)
  t.same(merged.json(), { a: { y: 2, z: 3 } })
  t.equal((await call('PATCH', '/data/k', '[]', { 'content-type': 'application/json-patch+json' })).statusCode, 415)
})

t.test('KEY-08: DELETE is 204 and empty; missing is 404', async t => {
  const call = await door(t)
  t.equal((await call('DELETE', '/data/k')).statusCode, 404)
  await call('POST', '/data/k', '{}')
  const gone = await call('DELETE', '/data/k')
  t.equal(gone.statusCode, 204)
  t.equal(gone.body, '')
  t.equal((await call('GET', '/data/k')).statusCode, 404)
})

t.test('KEY-09: a body is an object or an array: a scalar or an empty body is 400, another content type 415', async t => {
  const call = await door(t)
  t.equal((await call('POST', '/data/list', '[1,{"a":[]}]')).statusCode, 201)
  for (const scalar of ['1', '"text"', 'null', 'true']) t.equal((await call('POST', '/data/k', scalar)).statusCode, 400, scalar)
  t.equal((await call('POST', '/data/k', '')).statusCode, 400, 'empty')
  t.equal((await call('POST', '/data/k')).statusCode, 400, 'no body, no type')
  t.equal((await call('PATCH', '/data/list')).statusCode, 400)
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream', 'application/jsonx', 'application/json; charset=iso-8859-1', 'application/merge-patch+json', 'multipart/form-data; boundary=x']) {
    const refused = await call('POST', '/data/k', '{}', { 'content-type': type })
    t.equal(refused.statusCode, 415, type)
    t.type(refused.json().error, 'string')
  }
  t.equal((await call('POST', '/data/k', '{}', { 'content-encoding': 'gzip' })).statusCode, 415)
  for (const [method, key] of [['POST', 'k'], ['PUT', 'list'], ['PATCH', 'list']] as const) {
    t.match((await call(method, `/data/${key}`, '{}', { 'content-range': 'bytes 0-1/9' })).json(), { error: /Content-Range/ }, `${method}: a piece is no record`)
  }
  t.same((await call('GET', '/data/list')).json(), [1, { a: [] }])
  t.equal((await call('POST', '/data/k', '{}', { 'content-type': '' })).statusCode, 415)
  for (const [index, type] of ['application/json; charset=UTF-8', 'Application/JSON;charset="utf-8"', 'application/vnd.api+json', 'application/json; profile=x'].entries()) {
    t.equal((await call('POST', `/data/ok${index}`, '{}', { 'content-type': type })).statusCode, 201, type)
  }
  t.equal((await call('GET', '/data/k')).statusCode, 404)
})

t.test('KEY-10: a key is one segment of UTF-8; every other one is 400 with a reason', async t => {
  const call = await door(t)
  for (const segment of ['a%2Fb', '%00', 'a%0Ab', 'a%7F', '%3F', '..%2F', 'cdmi_x', 'a/b', 'a/', '', 'x'.repeat(1025), '%C2%85']) {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const) {
      const refused = await call(method, `/data/${segment}`, method === 'GET' || method === 'DELETE' ? undefined : '{}')
      t.equal(refused.statusCode, 400, `${method} ${segment.slice(0, 20)}`)
      t.match(refused.json().error, / /, 'a sentence')
    }
  }
  const keys = ['x'.repeat(1024), 'für dich', '100%', '日本語', '-', 'a+b', '__proto__', 'a\\b', 'a.b', '😀']
  for (const key of keys) {
    const created = await call('POST', `/data/${encodeURIComponent(key)}`, '{}')
    t.equal(created.statusCode, 201, key.slice(0, 20))
    t.equal((await call('GET', `/data/${encodeURIComponent(key)}`)).statusCode, 200)
  }
  t.same((await call('GET', '/data')).json().toSorted?.() ?? [], keys.sort())
})

t.test('KEY-10: below a prefix the key is found in the URL as it was sent', async t => {
  const call = await door(t, { prefix: '/a/b' })
  t.equal((await call('POST', '/a/b/data/x%20y?z=/1', '{}')).statusCode, 201)
  t.same((await call('GET', '/a/b/data')).json(), ['x y'])
  t.equal((await call('GET', '/a/b/data/x%2Fy')).statusCode, 400)
})

t.test('KEY-01 to KEY-10: without or with wrong credentials 401 with a challenge; who may only read gets 403 for a write', async t => {
  const call = await door(t)
  for (const url of ['/data', '/data/k', '/data/a%2Fb']) {
    for (const authorization of ['', 'Basic ' + Buffer.from('admin:wrong').toString('base64'), 'Bearer x']) {
      const refused = await call('GET', url, undefined, { authorization })
      t.equal(refused.statusCode, 401)
      t.match(refused.headers['www-authenticate'], /^Basic realm=/)
      t.same(Object.keys(refused.json()), ['error'])
    }
  }
  t.equal((await call('POST', '/data/k', '{}', { authorization: readerHeader })).statusCode, 403)
  t.equal((await call('GET', '/data', undefined, { authorization: readerHeader })).statusCode, 200)
})

t.test('another method is 405 with Allow; OPTIONS tells the methods', async t => {
  const { app } = await keyedApp(t)
  const call = await door(t)
  const list = await call('POST', '/data', '{}')
  t.equal(list.statusCode, 405)
  t.equal(list.headers.allow, 'GET, HEAD, OPTIONS')
  t.type(list.json().error, 'string')
  const options = await call('OPTIONS', '/data/k')
  t.equal(options.statusCode, 204)
  t.equal(options.headers.allow, 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS')
  t.match(options.headers['accept-patch'], 'merge-patch')
  for (const headers of [{}, { 'content-type': 'garbage' }, { 'content-type': 'application/json' }]) t.equal((await app.inject({ method: 'QUERY' as 'GET', url: '/data/k', headers: { authorization: adminHeader, ...headers }, payload: 'x' })).statusCode, 405)
})

t.test('HEAD answers as GET does, without a body', async t => {
  const { app } = await keyedApp(t)
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  // Node leaves out the body, and requests without a network have none of that.
  const call = async (method: 'GET' | 'HEAD' | 'POST', url: string, payload?: string): Promise<{ statusCode: number, headers: IncomingHttpHeaders, body: string }> => {
    const { statusCode, headers, body } = await request(origin + url, { method, headers: { authorization: adminHeader, ...payload !== undefined && { 'content-type': 'application/json' } }, ...payload !== undefined && { body: payload } })
    return { statusCode, headers, body: await body.text() }
  }
  await call('POST', '/data/k', '{"a":1}')
  for (const url of ['/data', '/data/k', '/data/missing', '/data?limit=1']) {
    const [get, head] = [await call('GET', url), await call('HEAD', url)]
    t.equal(head.statusCode, get.statusCode)
    t.equal(head.body, '')
    t.equal(head.headers.etag, get.headers.etag)
    t.equal(head.headers['content-type'], get.headers['content-type'])
  }
  t.equal((await call('HEAD', '/data/k')).headers['content-length'], '7')
})

t.test('ours: every answer with a record has an ETag; If-Match and If-None-Match on writes (412), If-None-Match on reads (304)', async t => {
  const call = await door(t)
  const tag = String((await call('POST', '/data/k', '{"a":1}')).headers.etag)
  const same = await call('GET', '/data/k', undefined, { 'if-none-match': tag })
  t.equal(same.statusCode, 304)
  t.equal(same.headers.etag, tag)
  t.equal(same.body, '')
  const next = String((await call('PUT', '/data/k', '{"a":2}', { 'if-match': tag })).headers.etag)
  t.not(next, tag)
  for (const method of ['PUT', 'PATCH', 'DELETE'] as const) {
    t.equal((await call(method, '/data/k', method === 'DELETE' ? undefined : '{"a":3}', { 'if-match': tag })).statusCode, 412, method)
    t.equal((await call(method, '/data/k', method === 'DELETE' ? undefined : '{"a":3}', { 'if-none-match': '*' })).statusCode, 412, method)
  }
  t.equal((await call('GET', '/data/k')).body, '{"a":2}')
  t.equal((await call('GET', '/data/k', undefined, { 'if-none-match': tag })).statusCode, 200)
  t.equal((await call('GET', '/data/k', undefined, { 'if-match': tag })).statusCode, 412)
  t.equal((await call('POST', '/data/new', '{}', { 'if-match': '*' })).statusCode, 412)
  t.equal((await call('POST', '/data/new', '{}', { 'if-none-match': '*' })).statusCode, 201)
  t.equal((await call('PUT', '/data/none', '{}', { 'if-match': '*' })).statusCode, 404)
  t.equal((await call('PUT', '/data/k', '{}', { 'if-match': 'broken' })).statusCode, 400)
  await call('POST', '/data/list', '[]')
  t.equal((await call('PATCH', '/data/list', '{}', { 'if-match': tag })).statusCode, 412, 'before what the content says')
  t.equal((await call('DELETE', '/data/k', undefined, { 'if-match': next })).statusCode, 204)
})

t.test('ours: the list has an ETag that changes with it', async t => {
  const call = await door(t)
  const tag = String((await call('GET', '/data')).headers.etag)
  t.equal((await call('GET', '/data', undefined, { 'if-none-match': tag })).statusCode, 304)
  await call('POST', '/data/k', '{}')
  const after = await call('GET', '/data', undefined, { 'if-none-match': tag })
  t.equal(after.statusCode, 200)
  t.not(after.headers.etag, tag)
})

t.test('a body of exactly limits.json is taken, one byte more is 413 and stores nothing', async t => {
  const call = await door(t, { limits: { json: 100 } })
  const text = (size: number): string => JSON.stringify({ a: 'x'.repeat(size - 8) })
  t.equal((await call('POST', '/data/k', text(100))).statusCode, 201)
  for (const method of ['POST', 'PUT', 'PATCH'] as const) {
    const refused = await call(method, '/data/k', text(101))
    t.equal(refused.statusCode, 413, method)
    t.match(refused.json().error, '100 bytes')
  }
  t.equal((await call('PATCH', '/data/k', '{"b":1}')).statusCode, 413, 'what a merge would make')
  t.equal((await call('GET', '/data/k')).body, text(100))
})
