import t, { type Test } from 'tap'
import type { OutgoingHttpHeaders } from 'node:http'
import { authorization, builtServer } from '../helpers/built-server.js'

const ours = 'https://app.example.org'
const other = 'https://evil.example.org'

async function asker (t: Test, origins: string[]): Promise<(url: string, headers: Record<string, string>, method?: 'GET' | 'OPTIONS' | 'PUT') => Promise<{ status: number, headers: OutgoingHttpHeaders }>> {
  const { app } = await builtServer(t, { cors: origins })
  return async (url, headers, method = 'GET') => {
    const answer = await app.inject({ method, url, headers })
    return { status: answer.statusCode, headers: answer.headers }
  }
}

const preflight = (origin: string): Record<string, string> => ({ origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'authorization,content-type' })

t.test('CLI-25: a CORS preflight is answered without credentials, at every door', async t => {
  const ask = await asker(t, [ours, 'https://second.example.org'])
  for (const url of ['/x', '/container/', '/data', '/data/key', '/cdmi/2.0.0/x', '/none/none', '/socket.io/', '/-/health']) {
    const { status, headers } = await ask(url, preflight(ours), 'OPTIONS')
    t.equal(status, 204, url)
    t.equal(headers['access-control-allow-origin'], ours)
    t.equal(headers['access-control-allow-credentials'], 'true')
    t.equal(headers['access-control-allow-headers'], 'authorization,content-type')
    t.same(String(headers['access-control-allow-methods']).split(', ').sort(), ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT'])
    t.equal(headers['access-control-max-age'], '600')
    t.equal(headers['www-authenticate'], undefined)
    t.match(headers.vary, /origin/i)
  }
})

t.test('CLI-25: pages of other origins get no permission', async t => {
  const ask = await asker(t, [ours])
  for (const origin of [other, 'http://app.example.org', `${ours}.evil.org`, 'null', ours.toUpperCase()]) {
    t.equal((await ask('/x', preflight(origin), 'OPTIONS')).headers['access-control-allow-origin'], undefined, origin)
    const { headers } = await ask('/', { origin, authorization })
    t.equal(headers['access-control-allow-origin'], undefined, origin)
    t.match(headers.vary, /origin/i, 'caches must not give it to others')
  }
})

t.test('CLI-25: scripts may read the headers of answers, also of refusals', async t => {
  const ask = await asker(t, [ours])
  for (const [url, expected, credentials] of [['/', 200, { authorization }], ['/', 401, {}], ['/none', 404, { authorization }], ['/data/none', 404, { authorization }], ['/data', 401, {}]] as const) {
    const { status, headers } = await ask(url, { origin: ours, ...credentials })
    t.equal(status, expected)
    t.equal(headers['access-control-allow-origin'], ours)
    const exposed = String(headers['access-control-expose-headers']).toLowerCase().split(', ')
    for (const name of ['etag', 'location', 'content-range', 'accept-ranges', 'last-modified', 'x-request-id', 'www-authenticate']) t.ok(exposed.includes(name), name)
    t.match(headers.vary, /origin/i)
  }
})

t.test('CLI-25: everybody is never everybody with the credentials of the browser', async t => {
  for (const origins of [['*'], ['*', ours]]) {
    const ask = await asker(t, origins)
    for (const answer of [await ask('/x', preflight(other), 'OPTIONS'), await ask('/', { origin: other, authorization })]) {
      t.equal(answer.headers['access-control-allow-origin'], '*')
      t.equal(answer.headers['access-control-allow-credentials'], undefined)
    }
  }
})

t.test('OPTIONS that is no preflight is for the door, and needs credentials like everything', async t => {
  const ask = await asker(t, [ours])
  t.equal((await ask('/', { origin: ours }, 'OPTIONS')).status, 401)
  const { status, headers } = await ask('/', { authorization }, 'OPTIONS')
  t.equal(status, 204)
  t.match(headers.allow, /GET/)
})

t.test('without configured origins nothing is said of other origins', async t => {
  const ask = await asker(t, [])
  const { headers } = await ask('/', { origin: ours, authorization })
  t.same(Object.keys(headers).filter(name => name.startsWith('access-control')), [])
  const answer = await ask('/x', preflight(ours), 'OPTIONS')
  t.equal(answer.status, 200, 'a preflight brings no credentials')
  t.same(Object.keys(answer.headers).filter(name => name.startsWith('access-control')), [])
})

t.test('the operator goes before the metadata of objects; whom neither names gets nothing', async t => {
  const theirs = 'https://theirs.example.org'
  const { app } = await builtServer(t, { cors: [ours] })
  const metadata = { cdmi_cors_origins: [theirs, ours], cdmi_cors_methods: ['GET'] }
  t.equal((await app.inject({ method: 'PUT', url: '/c/', headers: { authorization, 'content-type': 'application/cdmi-container' }, payload: { metadata } })).statusCode, 201)
  for (const prefix of ['', '/cdmi/2.0.0']) {
    const get = async (origin: string): Promise<OutgoingHttpHeaders> => (await app.inject({ method: 'GET', url: `${prefix}/c/`, headers: { origin, authorization } })).headers
    t.match(await get(ours), { 'access-control-allow-origin': ours, 'access-control-allow-credentials': 'true' })
    const permitted = await get(theirs)
    t.match(permitted, { 'access-control-allow-origin': theirs, vary: /origin/i })
    t.notHas(permitted, 'access-control-allow-credentials', 'metadata never gives the credentials of the browser away')
    t.same(Object.keys(await get(other)).filter(name => name.startsWith('access-control')), [])
    t.match((await app.inject({ method: 'OPTIONS', url: `${prefix}/c/`, headers: preflight(ours) })).headers, { 'access-control-allow-methods': /PUT/ })
    t.same(Object.keys((await app.inject({ method: 'OPTIONS', url: `${prefix}/c/`, headers: preflight(theirs) })).headers).filter(name => name.startsWith('access-control')), [])
  }
  const everybody = await builtServer(t, { cors: ['*'] })
  t.match((await everybody.app.inject({ method: 'OPTIONS', url: '/x', headers: preflight(other) })).headers, { 'access-control-allow-origin': '*', 'access-control-allow-methods': /PUT/ })
})
