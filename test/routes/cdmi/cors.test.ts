import t, { type Test } from 'tap'
import type { OutgoingHttpHeaders } from 'node:http'
import Fastify, { type FastifyInstance } from 'fastify'
import { cdmi, openMemoryStore } from '../../../index.js'
import { mintObjectID } from '../../../storage/object-id.js'
import { build } from '../plain/build.js'
import { authorization, password } from '../../helpers/built-server.js'

const ours = 'https://app.example.org'
const policy = { cdmi_cors_origins: [ours, 'https://second.example.org'], cdmi_cors_methods: ['GET', 'PUT', 'POST', 'DELETE'], cdmi_cors_headers: ['Content-Type', 'authorization'] }
const container = { 'content-type': 'application/cdmi-container' }
const object = { 'content-type': 'application/cdmi-object' }

type Answer = Awaited<ReturnType<FastifyInstance['inject']>>

/** Needs credentials. */
async function closedApp (t: Test): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(cdmi, { store: openMemoryStore(), users: [{ name: 'admin', password }], prefix: '/root' })
  t.after(async () => { await app.close() })
  await app.ready()
  return app
}

const make = async (app: FastifyInstance, url: string, metadata: object = {}, credentials: object = { authorization }): Promise<string> => {
  const { statusCode, body } = await app.inject({ method: 'PUT', url, headers: { ...credentials, ...(url.endsWith('/') ? container : object), accept: '*/*' }, payload: { metadata } })
  if (statusCode !== 201) throw new Error(body)
  return (JSON.parse(body) as { objectID: string }).objectID
}

const preflight = async (app: FastifyInstance, url: string, origin = ours, method = 'PUT', headers = 'content-type,x-other'): Promise<Answer> =>
  await app.inject({ method: 'OPTIONS', url, headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': headers } })

const saidOf = (headers: OutgoingHttpHeaders): Record<string, unknown> => Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control')).map(([name, value]) => [name.slice('access-control-'.length), value]))

t.test('COR-01: the capabilities say what may be used', async t => {
  const app = await build(t)
  const capabilities = async (path: string): Promise<object> => (await app.inject({ url: `/cdmi_capabilities/${path}?capabilities` })).json().capabilities
  t.match(await capabilities(''), { cdmi_cors: 'true' })
  for (const kind of ['dataobject/', 'container/']) t.match(await capabilities(kind), { cdmi_cors_methods: ['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE', 'OPTIONS'], cdmi_cors_origins: 'true', cdmi_cors_headers: 'true' })
})

t.test('COR-01, COR-03: what a container permits holds for all that is in it, at both forms; an object may say otherwise', async t => {
  const app = await closedApp(t)
  await make(app, '/root/c/', policy)
  await make(app, '/root/c/d/')
  const id = await make(app, '/root/c/d/x')
  await make(app, '/root/c/own', { cdmi_cors_origins: ['https://third.example.org'] })
  for (const url of ['/root/c/', '/root/c/d/x', '/root/c/d/', `/root/cdmi_objectid/${id}`, '/root/c/d/x?value=0-0', '/root/c/%64/x']) {
    for (const accept of ['*/*', 'application/cdmi-object, application/cdmi-container']) {
      const { headers } = await app.inject({ url, headers: { origin: ours, authorization, accept } })
      t.match(headers, { 'access-control-allow-origin': ours, vary: /origin/i }, url)
      t.match(headers['access-control-expose-headers'], /ETag/)
    }
  }
  const own = async (origin: string): Promise<unknown> => (await app.inject({ url: '/root/c/own', headers: { origin, authorization } })).headers['access-control-allow-origin']
  t.equal(await own(ours), undefined)
  t.equal(await own('https://third.example.org'), 'https://third.example.org')
})

t.test('COR-03: with "*" any origin is permitted, and never with the credentials of the browser', async t => {
  const app = await closedApp(t)
  await make(app, '/root/any/', { ...policy, cdmi_cors_origins: ['*', ours] })
  for (const origin of ['https://other.example.org', 'null', 'no origin at all']) {
    t.strictSame((await app.inject({ url: '/root/any/', headers: { origin, authorization } })).headers['access-control-allow-origin'], '*')
    t.strictSame(saidOf((await preflight(app, '/root/any/x', origin)).headers)['allow-origin'], '*')
  }
  t.equal((await app.inject({ url: '/root/any/', headers: { origin: ours, authorization } })).headers['access-control-allow-origin'], ours)
  for (const answer of [await preflight(app, '/root/any/x'), await preflight(app, '/root/any/x', 'null')]) t.notHas(answer.headers, 'access-control-allow-credentials')
})

t.test('COR-04: a preflight is answered with what is permitted of what was asked for', async t => {
  const app = await closedApp(t)
  await make(app, '/root/c/', policy)
  await make(app, '/root/c/x')
  const { statusCode, headers, body } = await preflight(app, '/root/c/x')
  t.equal(statusCode, 200)
  t.equal(body, '')
  const { 'allow-methods': methods, 'expose-headers': _, ...rest } = saidOf(headers)
  t.strictSame(rest, { 'allow-origin': ours, 'allow-headers': 'content-type', 'max-age': '3600' })
  t.strictSame(String(methods).split(', ').sort(), ['DELETE', 'GET', 'POST', 'PUT'])
  t.strictSame(saidOf((await preflight(app, '/root/c/x', ours, 'GET', ' Authorization , CONTENT-TYPE,,')).headers)['allow-headers'], 'Authorization, CONTENT-TYPE')
})

t.test('COR-05: without its item a header is absent', async t => {
  const app = await closedApp(t)
  const { cdmi_cors_headers: _, ...withoutHeaders } = policy
  await make(app, '/root/c/', withoutHeaders)
  const answer = await preflight(app, '/root/c/x')
  t.notHas(answer.headers, 'access-control-allow-headers')
  t.equal(answer.headers['access-control-allow-origin'], ours)
  const { cdmi_cors_origins: __, ...withoutOrigins } = policy
  await make(app, '/root/o/', withoutOrigins)
  t.strictSame(saidOf((await preflight(app, '/root/o/x')).headers), {})
  const { cdmi_cors_methods: ___, ...withoutMethods } = policy
  await make(app, '/root/m/', withoutMethods)
  t.strictSame(saidOf((await preflight(app, '/root/m/x')).headers), {})
})

t.test('COR-06: what does not match gets no header, and is done as ever', async t => {
  const app = await closedApp(t)
  await make(app, '/root/c/', policy)
  for (const origin of ['https://evil.example.org', 'http://app.example.org', `${ours}.evil.org`, `${ours}:444`, 'null', '', ours.toUpperCase()]) {
    t.strictSame(saidOf((await preflight(app, '/root/c/x', origin)).headers), {}, origin)
    const { statusCode, headers } = await app.inject({ method: 'PUT', url: '/root/c/x', headers: { origin, authorization }, payload: 'x' })
    t.ok([201, 204].includes(statusCode))
    t.strictSame(saidOf(headers), {}, origin)
  }
  for (const method of ['PATCH', 'put', 'TRACE', 'OPTIONS', '']) t.strictSame(saidOf((await preflight(app, '/root/c/x', ours, method)).headers), {}, method)
  const patched = await app.inject({ method: 'PATCH', url: '/root/c/x', headers: { origin: ours, authorization }, payload: 'y' })
  t.match(patched, { statusCode: 204 })
  t.strictSame(saidOf(patched.headers), {}, 'the method is not among them')
})

t.test('COR-01: what is no list of strings is refused; strings that mean nothing are kept, and permit nothing', async t => {
  const app = await closedApp(t)
  for (const name of Object.keys(policy)) {
    for (const wrong of [ours, { 0: ours }, [[ours]], [1], null]) {
      const { statusCode, body } = await app.inject({ method: 'PUT', url: '/root/wrong/', headers: { authorization, ...container }, payload: { metadata: { ...policy, [name]: wrong } } })
      t.equal(statusCode, 400)
      t.match(body, new RegExp(name))
    }
  }
  const useless: object[] = [
    { ...policy, cdmi_cors_origins: [] }, { ...policy, cdmi_cors_origins: ['null'] }, { ...policy, cdmi_cors_origins: [`${ours}/`] }, { ...policy, cdmi_cors_methods: [] },
    { ...policy, cdmi_cors_methods: ['*'] }, { ...policy, cdmi_cors_methods: ['put', 'PUT, GET', 'PUT\r\nx: y'] }
  ]
  for (const [index, metadata] of useless.entries()) {
    await make(app, `/root/w${index}/`, metadata)
    const { metadata: kept } = (await app.inject({ url: `/root/w${index}/?metadata`, headers: { authorization } })).json()
    t.match(kept, metadata)
    for (const origin of [ours, 'null', '*']) t.strictSame(saidOf((await preflight(app, `/root/w${index}/x`, origin)).headers), {}, JSON.stringify(metadata))
  }
  await make(app, '/root/inject/', { cdmi_cors_origins: [ours], cdmi_cors_methods: ['PUT', 'x\r\nset-cookie: a=b'], cdmi_cors_headers: ['a\r\nset-cookie: c=d', 'x'] })
  const answer = await preflight(app, '/root/inject/y', ours, 'PUT', 'x,a')
  t.match(saidOf(answer.headers), { 'allow-methods': 'PUT', 'allow-headers': 'x' })
  t.notHas(answer.headers, 'set-cookie')
})

t.test('COR-07: what does not exist yet is as it would be; creating it says so, too', async t => {
  const app = await closedApp(t)
  await make(app, '/root/c/', policy)
  for (const url of ['/root/c/new', '/root/c/new/', '/root/c/none/none/none']) t.equal(saidOf((await preflight(app, url)).headers)['allow-origin'], ours, url)
  for (const headers of [{ 'content-type': 'text/plain' }, object]) {
    const created = await app.inject({ method: 'PUT', url: `/root/c/${headers['content-type'].length}`, headers: { origin: ours, authorization, ...headers }, payload: headers === object ? {} : 'x' })
    t.match(created, { statusCode: 201, headers: { 'access-control-allow-origin': ours } })
  }
  const posted = await app.inject({ method: 'POST', url: '/root/c/', headers: { origin: ours, authorization, 'content-type': 'text/plain', 'x-requested-with': 'fetch' }, payload: 'x' })
  t.match(posted, { statusCode: 201, headers: { 'access-control-allow-origin': ours, location: /./ } })
  const removed = await app.inject({ method: 'DELETE', url: '/root/c/10', headers: { origin: ours, authorization } })
  t.match(removed, { statusCode: 204, headers: { 'access-control-allow-origin': ours } })
})

t.test('COR-08: preflights need no credentials; refusals can be read by who may read answers', async t => {
  const app = await closedApp(t)
  await make(app, '/root/c/', policy)
  t.match(await preflight(app, '/root/c/x'), { statusCode: 200 })
  t.match(await preflight(app, '/root/x'), { statusCode: 200 }, 'also where nothing is permitted')
  for (const [url, credentials, status] of [['/root/c/', {}, 401], ['/root/c/none', { authorization }, 404], ['/root/c', { authorization }, 301]] as const) {
    t.match(await app.inject({ url, headers: { origin: ours, ...credentials } }), { statusCode: status, headers: { 'access-control-allow-origin': ours, vary: /origin/i } })
  }
  t.match(await app.inject({ method: 'OPTIONS', url: '/root/c/', headers: { origin: ours } }), { statusCode: 401 }, 'what is no preflight is for the door')
})

t.test('COR-08: nobody learns from a preflight whether there is an object', async t => {
  const app = await closedApp(t)
  await make(app, '/root/c/', policy)
  const id = await make(app, '/root/c/secret')
  const hidden = await make(app, '/root/hidden')
  const nowhere = mintObjectID()
  const told = async (url: string, origin?: string): Promise<object> => {
    const { statusCode, headers: { date: _, ...headers } } = await preflight(app, url, origin)
    return { statusCode, headers }
  }
  t.strictSame(await told('/root/c/secret'), await told('/root/c/none'))
  t.strictSame(await told('/root/c/secret/'), await told('/root/c/none/'))
  t.strictSame(await told('/root/hidden'), await told('/root/none'))
  t.strictSame(await told(`/root/cdmi_objectid/${hidden}`), await told(`/root/cdmi_objectid/${nowhere}`))
  t.strictSame(await told(`/root/cdmi_objectid/${id}`, 'https://evil.example.org'), await told(`/root/cdmi_objectid/${nowhere}`))
})

t.test('COR-07: the root container speaks for all that has no other container', async t => {
  const app = await closedApp(t)
  await app.inject({ method: 'PATCH', url: '/root/', headers: { authorization, ...container }, payload: { metadata: policy } })
  const { headers: { location = '' } } = await app.inject({ method: 'POST', url: '/root/cdmi_objectid/', headers: { authorization, 'content-type': 'text/plain' }, payload: 'x' })
  for (const url of ['/root/', '/root/x', '/root/cdmi_objectid/', '/root/cdmi_capabilities/', '/root/cdmi_capabilities/none/', new URL(String(location)).pathname]) {
    t.equal(saidOf((await preflight(app, url, ours, 'GET')).headers)['allow-origin'], ours, url)
  }
})

t.test('COR-06: what can be no object is refused as ever', async t => {
  const app = await closedApp(t)
  await app.inject({ method: 'PATCH', url: '/root/', headers: { authorization, ...container }, payload: { metadata: policy } })
  for (const url of ['/root//', '/root/%00', '/root/a%2Fb', '/root/cdmi_objectid/xyz', '/root/%zz']) {
    t.strictSame(saidOf((await preflight(app, url)).headers), {}, url)
    t.equal((await app.inject({ url, headers: { origin: ours, authorization } })).statusCode, 400, url)
  }
})

t.test('COR-01: switched off, nothing is said', async t => {
  for (const name of ['cdmi_cors', 'cdmi_cors_origins', 'cdmi_cors_methods', 'cdmi_cors_headers']) {
    const app = await build(t, { options: { withoutCapabilities: [name] } })
    await make(app, '/c/', policy, {})
    const said = saidOf((await preflight(app, '/c/x')).headers)
    if (name === 'cdmi_cors_headers') t.match(said, { 'allow-origin': ours, 'allow-headers': undefined })
    else t.strictSame(said, {}, name)
  }
})

t.test('the keyed door is not part of it', async t => {
  const app = await build(t, { options: { keyed: true } })
  await app.inject({ method: 'PATCH', url: '/', headers: container, payload: { metadata: policy } })
  t.strictSame(saidOf((await preflight(app, '/data/x')).headers), {})
  t.strictSame(saidOf((await app.inject({ url: '/data', headers: { origin: ours } })).headers), {})
  t.equal((await app.inject({ url: '/', headers: { origin: ours } })).headers['access-control-allow-origin'], ours)
})

t.test('requests without an origin read nothing more', async t => {
  const store = openMemoryStore()
  const app = await build(t, { store })
  await make(app, '/x', {}, {})
  let reads = 0
  const { resolve } = store.meta
  store.meta.resolve = async (...given) => {
    reads++
    return await resolve.apply(store.meta, given)
  }
  await app.inject({ url: '/x' })
  t.equal(reads, 1)
  await app.inject({ url: '/x', headers: { origin: ours } })
  t.equal(reads, 3)
})
