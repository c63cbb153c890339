/** The keyed door over real sockets: what `inject` cannot send. */
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { Pool, request } from 'undici'
import { adminHeader, listeningApp } from '../../helpers/keyed-app.js'

const headers = { authorization: adminHeader, 'content-type': 'application/json' }

/** Sends bytes as they are and gives all that comes back until the server closes. */
async function exchange (port: number, text: string, end = true): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(text)
  if (end) socket.end()
  let answer = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => { answer += chunk })
  await once(socket, 'close')
  return answer
}

t.test('KEY-10: URLs that clients tidy up before they send them are refused too', async t => {
  const { port } = await listeningApp(t)
  for (const path of ['/data/.', '/data/..', '/data/%2e', '/data/%2E%2e', '/data/../data/x', '/data//x', '/data/%zz', '/data/%ff', '/data/%c0%af', '/data/a%00b']) {
    const answer = await exchange(port, `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${adminHeader}\r\nConnection: close\r\n\r\n`)
    t.match(answer, /^HTTP\/1\.1 400 /, path)
    t.match(answer, /"error":"/)
  }
  const absolute = await exchange(port, `GET http://x/data/y?z HTTP/1.1\r\nHost: x\r\nAuthorization: ${adminHeader}\r\nConnection: close\r\n\r\n`)
  t.match(absolute, /^HTTP\/1\.1 404 [^]*"y not found\."/, 'the absolute form of a target')
})

t.test('KEY-03: a chunked body is taken', async t => {
  const { url } = await listeningApp(t)
  async function * chunks () { yield '{"a":'; yield '1'; yield '}' }
  const created = await request(`${url}/data/k`, { method: 'POST', headers, body: chunks() as unknown as Buffer })
  t.equal(created.statusCode, 201)
  t.equal(await created.body.text(), '{"a":1}')
})

t.test('KEY-09: a chunked body without a content type is 415, an empty one 400', async t => {
  const { url } = await listeningApp(t)
  async function * nothing () {}
  async function * text () { yield '{}' }
  const { authorization } = headers
  t.equal((await request(`${url}/data/k`, { method: 'POST', headers: { authorization }, body: text() as unknown as Buffer })).statusCode, 415)
  t.equal((await request(`${url}/data/k`, { method: 'POST', headers, body: nothing() as unknown as Buffer })).statusCode, 400)
})

t.test('a body that is too long is 413: announced, before it is read; chunked, while it is', async t => {
  const { port, url, cdmi } = await listeningApp(t, { limits: { json: 1000 } })
  const announced = await exchange(port, `POST /data/k HTTP/1.1\r\nHost: x\r\nAuthorization: ${adminHeader}\r\nContent-Type: application/json\r\nContent-Length: 1001\r\nConnection: close\r\n\r\n`, false)
  t.match(announced, /^HTTP\/1\.1 413 /, 'not a byte of it was sent')
  async function * endless () { for (let n = 0; n < 200; n++) yield 'x'.repeat(100) }
  const chunked = await request(`${url}/data/k`, { method: 'POST', headers, body: endless() as unknown as Buffer })
  t.equal(chunked.statusCode, 413)
  t.match(await chunked.body.text(), '1000 bytes')
  t.equal((await request(`${url}/data`, { headers })).statusCode, 200)
  for await (const keys of await cdmi.keyed.list({ name: 'x', authentication: 'basic', access: 'read' })) t.same(keys, [], 'nothing stored')
})

t.test('a lying Content-Length is 400 and stores nothing', async t => {
  const { port, url } = await listeningApp(t)
  const post = (length: number, body: string): string => `POST /data/k${length} HTTP/1.1\r\nHost: x\r\nAuthorization: ${adminHeader}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`
  t.match(await exchange(port, post(10, '{}')), /^HTTP\/1\.1 400 /, 'longer than the body')
  t.match(await exchange(port, post(1, '{}')), /^HTTP\/1\.1 400 /, 'shorter than the body')
  t.match(await exchange(port, post(-1, '{}')), /^HTTP\/1\.1 400 /)
  t.equal(await (await request(`${url}/data`, { headers })).body.text(), '[]')
})

t.test('KEY-05: of N simultaneous creates exactly one gets 201, the others 406', async t => {
  const { url } = await listeningApp(t)
  const pool = new Pool(url, { connections: 16 })
  t.teardown(() => pool.destroy())
  const statuses = await Promise.all(Array.from({ length: 64 }, async (_, n) => {
    const { statusCode, body } = await pool.request({ path: '/data/k', method: 'POST', headers, body: JSON.stringify({ n }) })
    await body.dump()
    return statusCode
  }))
  t.equal(statuses.filter(status => status === 201).length, 1)
  t.equal(statuses.filter(status => status === 406).length, 63)
})

t.test('KEY-07: 64 simultaneous PATCHes of different properties lose none', async t => {
  const { url } = await listeningApp(t)
  const pool = new Pool(url, { connections: 16 })
  t.teardown(() => pool.destroy())
  await pool.request({ path: '/data/k', method: 'POST', headers, body: '{}' }).then(({ body }) => body.dump())
  await Promise.all(Array.from({ length: 64 }, async (_, n) => {
    const { statusCode, body } = await pool.request({ path: '/data/k', method: 'PATCH', headers, body: JSON.stringify({ [`p${n}`]: n }) })
    t.equal(statusCode, 200)
    await body.dump()
  }))
  const stored = await (await pool.request({ path: '/data/k', method: 'GET', headers })).body.json() as object
  t.equal(Object.keys(stored).length, 64)
})

t.test('a record longer than what the store keeps inline comes back byte for byte', async t => {
  const { url } = await listeningApp(t)
  const text = JSON.stringify({ a: 'ü'.repeat(500_000) })
  const created = await request(`${url}/data/k`, { method: 'POST', headers, body: text })
  t.equal(created.statusCode, 201)
  t.equal(await created.body.text(), text)
  const read = await request(`${url}/data/k`, { headers })
  t.equal(read.headers['content-length'], String(Buffer.byteLength(text)))
  t.equal(await read.body.text(), text)
  const patched = await request(`${url}/data/k`, { method: 'PATCH', headers, body: '{"b":1}' })
  t.same(await patched.body.json(), { ...JSON.parse(text), b: 1 })
})
