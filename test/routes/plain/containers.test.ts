import t from 'tap'
import { attributesAt } from './object-at.js'
import { build } from './build.js'

t.test('HCO-01, CLI-20, AMB-22, GEN-04: a bare PUT with a slash makes a container; again it is a no-op that keeps its children', async t => {
  const app = await build(t)
  const first = await app.inject({ method: 'PUT', url: '/a/' })
  t.equal(first.statusCode, 201)
  t.ok(first.headers.etag)
  t.equal((await app.inject({ method: 'PUT', url: '/a/b/' })).statusCode, 201, 'containers nest')
  t.equal((await app.inject({ method: 'PUT', url: '/a/b/object', body: 'x' })).statusCode, 201)
  const again = await app.inject({ method: 'PUT', url: '/a/' })
  t.equal(again.statusCode, 204)
  t.equal(again.headers.etag, first.headers.etag)
  t.equal((await app.inject({ url: '/a/b/object' })).body, 'x')
  t.equal((await app.inject({ method: 'PUT', url: '/' })).statusCode, 204, 'the root is there')
})

t.test('HCO-01, AMB-22: a body, a data object in the way, a condition', async t => {
  const app = await build(t)
  t.equal((await app.inject({ method: 'PUT', url: '/a/', body: 'x' })).statusCode, 400)
  t.equal((await app.inject({ url: '/a/' })).statusCode, 404)
  await app.inject({ method: 'PUT', url: '/object', body: 'x' })
  t.equal((await app.inject({ method: 'PUT', url: '/object/' })).statusCode, 409)
  t.equal((await app.inject({ method: 'PUT', url: '/a/', headers: { 'if-match': '*' } })).statusCode, 412)
  t.equal((await app.inject({ method: 'PUT', url: '/a/', headers: { 'if-none-match': '*' } })).statusCode, 201)
  t.equal((await app.inject({ method: 'PUT', url: '/a/', headers: { 'if-none-match': '*' } })).statusCode, 412)
  t.equal((await app.inject({ method: 'PUT', url: '/text/', headers: { 'content-type': 'text/plain' } })).statusCode, 201, 'a type without a body is harmless')
})

t.test('HCO-01, GEN-24: containers and what is below them by ID', async t => {
  const app = await build(t)
  await app.inject({ method: 'PUT', url: '/a/' })
  const { id } = await attributesAt(app, '/a/')
  t.equal((await app.inject({ method: 'PUT', url: `/cdmi_objectid/${id}/` })).statusCode, 204)
  t.equal((await app.inject({ method: 'PUT', url: `/cdmi_objectid/${id}/b/` })).statusCode, 201)
  t.equal((await app.inject({ method: 'PUT', url: `/cdmi_objectid/${id.toLowerCase()}/b/object`, body: 'x' })).statusCode, 201)
  t.equal((await app.inject({ url: '/a/b/object' })).body, 'x')
  t.equal((await app.inject({ url: `/cdmi_objectid/${id}/b/object` })).body, 'x')
  t.equal((await app.inject({ url: `/cdmi_objectid/${id}/` })).statusCode, 200)
  t.equal((await app.inject({ method: 'PUT', url: '/cdmi_objectid/00007ED90010D891022876A8DE0BC0FD/' })).statusCode, 404)
})

t.test('HCO-03, GEN-09: GET lists a container; HEAD mirrors it', async t => {
  const app = await build(t)
  await app.inject({ method: 'PUT', url: '/a/' })
  await app.inject({ method: 'PUT', url: '/a/b/' })
  const list = await app.inject({ url: '/a/', headers: { accept: 'application/json' } })
  t.equal(list.statusCode, 200)
  t.match(list.body, 'b/')
  t.match(list.headers.vary, /accept/i)
  const head = await app.inject({ method: 'HEAD', url: '/a/', headers: { accept: 'application/json' } })
  t.equal(head.statusCode, 200)
  t.equal(head.headers['content-type'], list.headers['content-type'])
  t.equal(head.body, '')
  t.equal((await app.inject({ url: '/a/', headers: { accept: 'application/cdmi-container, */*' } })).statusCode, 200)
  t.equal((await app.inject({ url: '/a/', headers: { 'if-match': '"other"' } })).statusCode, 412)
  t.equal((await app.inject({ url: '/a/', headers: { 'if-match': '*', 'if-none-match': '"other"' } })).statusCode, 200)
})

t.test('HCO-03, COC-59: a plain PATCH of a container is refused in clear words', async t => {
  const app = await build(t)
  await app.inject({ method: 'PUT', url: '/a/' })
  const patched = await app.inject({ method: 'PATCH', url: '/a/', body: 'x' })
  t.equal(patched.statusCode, 400)
  t.match(patched.json().detail, 'application/cdmi-container')
  t.equal((await app.inject({ method: 'PATCH', url: '/missing/', body: 'x' })).statusCode, 404)
  t.equal((await app.inject({ method: 'PATCH', url: '/a/', body: '{}', headers: { 'content-type': 'application/cdmi-container' } })).statusCode, 204, 'the CDMI form has what can be changed')
})

t.test('HCO-02, HDO-10, CLI-06: a container without its slash is a redirect, and nothing is changed', async t => {
  for (const prefix of ['', '/cdmi/2.0.0']) {
    const app = await build(t, { prefix })
    const name = encodeURIComponent('ä b%+&')
    await app.inject({ method: 'PUT', url: `${prefix}/${name}/` })
    await app.inject({ method: 'PUT', url: `${prefix}/${name}/object`, body: 'x' })
    const { id } = await attributesAt(app, `/${name}/`)
    for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'POST'] as const) {
      const moved = await app.inject({ method, url: `${prefix}/${name}?a=b%20c&d`, ...(method === 'PUT' || method === 'PATCH' || method === 'POST' ? { body: 'x' } : {}), headers: { 'content-type': 'text/plain' } })
      t.equal(moved.statusCode, 301, method)
      t.equal(moved.headers.location, `${prefix}/${name}/?a=b%20c&d`, method)
      if (method === 'DELETE') continue
      const byID = await app.inject({ method, url: `${prefix}/cdmi_objectid/${id}`, ...(method === 'PUT' || method === 'PATCH' || method === 'POST' ? { body: 'x' } : {}) })
      t.equal(byID.statusCode, 301, `AMB-14 ${method}`)
      t.equal(byID.headers.location, `${prefix}/cdmi_objectid/${id}/`)
    }
    t.equal((await app.inject({ url: `${prefix}/${name}/object` })).body, 'x')
  }
})

t.test('CLI-06, GEN-19: the root without its slash is a redirect', async t => {
  const app = await build(t, { prefix: '/cdmi/2.0.0' })
  for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'POST', 'OPTIONS'] as const) {
    const moved = await app.inject({ method, url: '/cdmi/2.0.0?children' })
    t.equal(moved.statusCode, 301, method)
    t.equal(moved.headers.location, '/cdmi/2.0.0/?children')
  }
  t.equal((await app.inject({ url: '/cdmi/2.0.0/' })).statusCode, 200)
})

t.test('HDO-60, HDO-61, HCO-04, AMB-14: DELETE', async t => {
  const app = await build(t)
  const status = async (method: 'GET' | 'DELETE', url: string, headers = {}) => (await app.inject({ method, url, headers })).statusCode
  await app.inject({ method: 'PUT', url: '/a/' })
  await app.inject({ method: 'PUT', url: '/a/b/' })
  const put = await app.inject({ method: 'PUT', url: '/a/b/object', body: 'x' })
  const { id } = await attributesAt(app, '/a/b/object')
  t.equal(await status('DELETE', '/a/b/object', { 'if-match': '"other"' }), 412)
  t.equal(await status('DELETE', '/a/b/object', { 'if-match': String(put.headers.etag) }), 204)
  t.equal(await status('GET', '/a/b/object'), 404)
  t.equal(await status('GET', `/cdmi_objectid/${id}`), 404)
  t.notMatch((await app.inject({ url: '/a/b/', headers: { accept: 'application/json' } })).body, 'object"')
  t.equal(await status('DELETE', '/a/b/object'), 404)

  await app.inject({ method: 'PUT', url: '/a/b/object', body: 'x' })
  const again = await attributesAt(app, '/a/b/object')
  t.equal(await status('DELETE', `/cdmi_objectid/${again.id}`), 204)
  t.equal(await status('GET', '/a/b/object'), 404)

  const b = await attributesAt(app, '/a/b/')
  await app.inject({ method: 'PUT', url: '/a/b/object', body: 'x' })
  const below = await attributesAt(app, '/a/b/object')
  t.equal(await status('DELETE', `/cdmi_objectid/${b.id}`), 204, 'by ID without a slash')
  t.equal(await status('GET', '/a/b/'), 404)
  t.equal(await status('GET', `/cdmi_objectid/${below.id}`), 404, 'all below it is gone, too')
  t.equal(await status('DELETE', '/a/'), 204)
  t.equal(await status('DELETE', '/a/'), 404)
  t.equal(await status('DELETE', '/'), 409, 'the root stays')
})

t.test('HDO-60, CLI-03: a body and its type are ignored by DELETE', async t => {
  const app = await build(t)
  for (const type of ['text/plain', 'nonsense', 'application/cdmi-object']) {
    await app.inject({ method: 'PUT', url: '/object', body: 'x' })
    t.equal((await app.inject({ method: 'DELETE', url: '/object', body: 'ignored', headers: { 'content-type': type } })).statusCode, 204, type)
  }
})
