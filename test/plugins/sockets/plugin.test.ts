/** The keyed door and the sockets as an application gets them, from the plugin. */
import Fastify from 'fastify'
import t from 'tap'
import cdmi, { openMemoryStore } from '../../../index.js'
import { admin, adminHeader } from '../../helpers/keyed-app.js'
import { webSocket } from '../../helpers/sockets-app.js'

t.test('KEY-01, KEY-20: keyed JSON and sockets at the root, CDMI below a prefix, over one store', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const store = openMemoryStore()
  const users = [{ name: 'admin', password: 'secret' }]
  await app.register(cdmi, { store, users, keyed: true, sockets: true, realm: 'here' })
  await app.register(cdmi, { store, users, prefix: '/cdmi/2.0.0' })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const headers = { authorization: adminHeader }

  const created = await app.inject({ method: 'POST', url: '/data/k', headers: { ...headers, 'content-type': 'application/json' }, payload: '{"a":1}' })
  t.equal(created.statusCode, 201)
  const socket = await webSocket(t, `${url.replace('http', 'ws')}/ws`)
  t.same((await socket.ask({ auth: admin, method: 'GET', url: '/data/k' })).data, { a: 1 })
  t.same((await socket.ask({ method: 'GET', url: '/data/k' })).status, 401)
  t.equal((await socket.ask({ auth: admin, method: 'PATCH', url: '/data/k', data: { b: 2 } })).status, 200)

  const plain = await app.inject({ url: '/cdmi/2.0.0/data/k', headers })
  t.equal(plain.body, '{"a":1,"b":2}')
  t.match(plain.headers['content-type'], 'application/json')
  t.equal((await app.inject({ url: '/data/k', headers })).headers.etag, plain.headers.etag)

  const unknown = await app.inject({ url: '/data/k' })
  t.equal(unknown.statusCode, 401)
  t.equal(unknown.headers['www-authenticate'], 'Basic realm="here", charset="UTF-8"')
  t.same(Object.keys(unknown.json()), ['error'])
  const missing = await app.inject({ url: '/data/none', headers })
  t.same(missing.json(), { error: 'none not found.' })
  t.equal(missing.headers['content-type'], 'application/json; charset=utf-8')

  const typed = await app.inject({ url: '/data/k', headers: { ...headers, accept: 'application/cdmi-object' } })
  t.match(typed.json(), { objectName: 'k', valuetransferencoding: 'json', value: { a: 1, b: 2 } }, 'a request that names a CDMI type goes past the keyed door')
  const refused = await app.inject({ url: '/data/k', headers: { ...headers, accept: 'application/cdmi-container' } })
  t.equal(refused.statusCode, 406)
  t.match(refused.headers['content-type'], 'application/problem+json')
  t.equal((await app.inject({ method: 'PUT', url: '/data/k', headers: { ...headers, 'content-type': 'application/cdmi-object' }, payload: '{"value":{"c":3}}' })).statusCode, 204)
  t.same((await app.inject({ url: '/data/k', headers })).json(), { c: 3 })
})
