import t from 'tap'
import Fastify from 'fastify'
import cdmi, { openMemoryStore, OptionError, type CdmiPluginOptions } from '../index.js'

const users = [{ name: 'admin', password: 'secret' }]
const authorization = 'Basic ' + Buffer.from('admin:secret').toString('base64')

t.test('an unknown or wrong option is refused at registration, with a sentence that names it', async t => {
  const refused = async (options: object): Promise<string> => {
    const app = Fastify()
    t.teardown(() => app.close())
    try {
      await app.register(cdmi, { store: openMemoryStore(), users, ...options } as CdmiPluginOptions)
      return 'accepted'
    } catch (error) {
      t.ok(error instanceof OptionError)
      return (error as Error).message
    }
  }
  t.match(await refused({ kyed: true }), '"kyed"')
  t.match(await refused({ keyed: 'yes' }), '"keyed"')
  t.match(await refused({ anonymous: 'all' }), '"anonymous"')
  t.match(await refused({ limits: { json: 0 } }), '"limits.json"')
  t.match(await refused({ limits: { jsn: 5 } }), '"limits.jsn"')
  t.match(await refused({ store: {} }), '"store"')
  t.match(await refused({ users: [{ name: 'x' }] }), /users|password/)
  t.equal(await refused({ keyed: true, anonymous: 'read' }), 'accepted')
})

t.test('two instances in one process do not see each other', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const header = (name: string): string => 'Basic ' + Buffer.from(`${name}:secret`).toString('base64')
  for (const name of ['a', 'b']) await app.register(cdmi, { store: openMemoryStore(), users: [{ name, password: 'secret' }], prefix: `/${name}`, keyed: true })
  t.equal((await app.inject({ method: 'PUT', url: '/a/o', headers: { authorization: header('a') }, payload: 'x' })).statusCode, 201)
  t.equal((await app.inject({ url: '/a/o', headers: { authorization: header('a') } })).body, 'x')
  t.equal((await app.inject({ url: '/b/o', headers: { authorization: header('b') } })).statusCode, 404)
  t.equal((await app.inject({ url: '/b/o', headers: { authorization: header('a') } })).statusCode, 401)
})

t.test('routes, parsers and errors of the application are left alone', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.post('/own', async request => ({ got: request.body }))
  app.get('/fails', async () => { throw new Error('own error') })
  await app.register(cdmi, { store: openMemoryStore(), users, prefix: '/cdmi/2.0.0' })
  t.same((await app.inject({ method: 'POST', url: '/own', payload: { a: 1 } })).json(), { got: { a: 1 } })
  t.same((await app.inject('/fails')).json(), { statusCode: 500, error: 'Internal Server Error', message: 'own error' })
  t.match((await app.inject('/nowhere')).json(), { statusCode: 404 })
})

t.test('GEN-19, GEN-20, GEN-23: one store under two roots: the same objects, each root with its own URIs', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const store = openMemoryStore()
  await app.register(cdmi, { store, users, prefix: '/', keyed: true })
  await app.register(cdmi, { store, users, prefix: '/cdmi/2.0.0' })
  const send = async (method: 'GET' | 'PUT' | 'POST', url: string, payload = '', type?: string) =>
    await app.inject({ method, url, headers: { authorization, host: 'example.test', ...type !== undefined && { 'content-type': type } }, ...method !== 'GET' && { payload } })
  t.equal((await send('PUT', '/cdmi/2.0.0/c/')).statusCode, 201)
  for (const root of ['/', '/cdmi/2.0.0/']) {
    const created = await send('POST', `${root}c/`, 'value', 'text/plain')
    t.match(created.headers.location, new RegExp(`^http://example\\.test${root}c/[0-9A-F]{48}$`))
    const [id = ''] = /[0-9A-F]{48}$/.exec(String(created.headers.location)) ?? []
    for (const url of [`/c/${id}`, `/cdmi/2.0.0/c/${id}`, `/cdmi_objectid/${id}`, `/cdmi/2.0.0/cdmi_objectid/${id}`]) t.equal((await send('GET', url)).body, 'value', url)
  }
})

t.test('GEN-06, GEN-18: what one door writes the others read at once', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const store = openMemoryStore()
  await app.register(cdmi, { store, users, prefix: '/', keyed: true })
  await app.register(cdmi, { store, users, prefix: '/cdmi/2.0.0' })
  const headers = { authorization }
  const json = { ...headers, 'content-type': 'application/json' }
  t.equal((await app.inject({ method: 'POST', url: '/data/k%20%C3%BC', headers: json, payload: '{"a":1}' })).statusCode, 201)
  const plain = await app.inject({ url: '/cdmi/2.0.0/data/k%20%C3%BC', headers })
  t.equal(plain.body, '{"a":1}')
  t.match(plain.headers['content-type'], /^application\/json/)
  t.equal((await app.inject({ method: 'PATCH', url: '/cdmi/2.0.0/data/k%20%C3%BC', headers: { ...headers, 'content-range': 'bytes 5-5/7' }, payload: '2' })).statusCode, 204)
  t.equal((await app.inject({ url: '/data/k%20%C3%BC', headers })).body, '{"a":2}')
  t.equal((await app.inject({ method: 'PUT', url: '/cdmi/2.0.0/data/other', headers: json, payload: '[1, 2]' })).statusCode, 201)
  t.equal((await app.inject({ url: '/data/other', headers })).body, '[1, 2]')
  t.same((await app.inject({ url: '/data', headers })).json(), ['k ü', 'other'])
  t.equal((await app.inject({ method: 'DELETE', url: '/cdmi/2.0.0/data/other', headers })).statusCode, 204)
  t.equal((await app.inject({ url: '/data/other', headers })).statusCode, 404)
  t.equal((await app.inject({ method: 'PUT', url: '/cdmi/2.0.0/data/text', headers, payload: 'no json' })).statusCode, 201)
  t.equal((await app.inject({ url: '/data/text', headers })).statusCode, 409, 'not a record')
  t.equal((await app.inject({ method: 'POST', url: '/data/text', headers: json, payload: '{}' })).statusCode, 406, 'but the key is taken')
})

t.test('GEN-43, GEN-44: the version header of CDMI 1.x is never in answers to others, and never makes a 5xx', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(cdmi, { store: openMemoryStore(), users, prefix: '/', keyed: true })
  for (const version of [undefined, '1.0.2', '2.0.0', 'nonsense', ',', '1'.repeat(5000)]) {
    for (const url of ['/', '/missing', '/data', '/data/missing']) {
      const answer = await app.inject({ url, headers: { authorization, ...version !== undefined && { 'x-cdmi-specification-version': version } } })
      t.ok(answer.statusCode < 500, `${url} ${answer.statusCode}`)
      if (version === undefined) t.notOk('x-cdmi-specification-version' in answer.headers)
    }
  }
})
