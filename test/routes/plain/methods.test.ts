import t from 'tap'
import { build, listen } from './build.js'
import { converse } from './converse.js'

t.test('GEN-05: a method that a resource lacks is 405 with those it has', async t => {
  const app = await build(t)
  await app.inject({ method: 'PUT', url: '/object', body: 'x' })
  for (const [method, url] of [['TRACE', '/object'], ['QUERY', '/object'], ['POST', '/object'], ['TRACE', '/'], ['GET', '/cdmi_objectid/'], ['PATCH', '/cdmi_objectid/'], ['TRACE', '/cdmi_objectid']] as const) {
    const refused = await app.inject({ method: method as 'GET', url, headers: { 'content-type': 'text/plain' } })
    t.equal(refused.statusCode, 405, `${method} ${url}`)
    t.ok(refused.headers.allow)
    t.notOk(String(refused.headers.allow).split(', ').includes(method), `${method} ${url}`)
  }
})

t.test('GEN-05: methods that the framework does not know, on the wire', async t => {
  const app = await build(t, { prefix: '/cdmi' })
  const { port } = await listen(app)
  for (const method of ['PROPFIND', 'MKCOL', 'LOCK', 'SEARCH', 'TRACE']) {
    const [head = ''] = (await converse(port, `${method} /cdmi/object HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)).split('\r\n\r\n')
    t.match(head, /^HTTP\/1.1 405 /, method)
    t.match(head, /\r\nallow: GET, /i, method)
  }
  for (const method of ['CONNECT', 'NONSENSE', 'get']) {
    const answer = await converse(port, `${method} /cdmi/object HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)
    t.notMatch(answer, /^HTTP\/1.1 (2|3|5)/, method)
  }
})

t.test('GEN-05: a method that a resource lacks is 405 whatever is said of its body', async t => {
  const app = await build(t)
  for (const headers of [{}, { 'content-type': 'garbage' }, { 'content-type': '' }, { 'content-type': 'text/plain' }]) {
    t.equal((await app.inject({ method: 'QUERY' as 'GET', url: '/object', headers, payload: 'x' })).statusCode, 405, JSON.stringify(headers))
  }
})

t.test('OPTIONS lists the methods', async t => {
  const app = await build(t)
  const options = async (url: string) => (await app.inject({ method: 'OPTIONS', url }))
  t.equal((await options('/object')).statusCode, 204)
  t.equal((await options('/object')).headers.allow, 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS')
  t.equal((await options('/a/')).headers.allow, 'GET, HEAD, PUT, PATCH, POST, DELETE, OPTIONS')
  t.equal((await options('/cdmi_objectid/')).headers.allow, 'POST, OPTIONS')
})
