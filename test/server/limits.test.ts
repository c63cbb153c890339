import t from 'tap'
import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { io } from 'socket.io-client'
import { WebSocket } from 'ws'
import { LoadGuard } from '../../server/load-guard.js'
import { ask, authorization, runningServer } from '../helpers/built-server.js'
import { eventually } from '../helpers/eventually.js'
import { RawClient } from '../helpers/raw-http.js'
import { scrape } from '../helpers/scrape.js'
import { type Reply, webSocket } from '../helpers/sockets-app.js'

const put = async (url: string, headers: Record<string, string> = {}): ReturnType<typeof ask> => await ask(url, { method: 'PUT', headers: { authorization, ...headers }, body: 'x' })

t.test('limits.nameLength: a name of so many bytes passes every door, one of one more is refused with a sentence', async t => {
  const { url } = await runningServer(t, { limits: { nameLength: 130 } })
  // Two bytes each.
  const right = encodeURIComponent('ä'.repeat(65))
  const wrong = right + 'x'
  const json = { 'content-type': 'application/json' }
  t.equal((await put(`${url}/${right}`)).status, 201)
  const refused = await put(`${url}/${wrong}`)
  t.equal(refused.status, 400)
  t.match(JSON.parse(refused.text), { code: 'CDMI_INVALID_NAME', detail: /longer than 130 bytes .*limits\.nameLength/ })
  t.equal((await ask(`${url}/data/${right}`, { method: 'POST', headers: { authorization, ...json }, body: '{}' })).status, 201)
  t.equal((await ask(`${url}/data/${wrong}`, { method: 'POST', headers: { authorization, ...json }, body: '{}' })).status, 400)
  const cdmi = { authorization, 'content-type': 'application/cdmi-container', accept: 'application/cdmi-container' }
  t.equal((await ask(`${url}/c${right.slice(0, -6)}/`, { method: 'PUT', headers: cdmi, body: '{}' })).status, 201)
  t.equal((await ask(`${url}/c${wrong}/`, { method: 'PUT', headers: cdmi, body: '{}' })).status, 400)
  t.equal((await ask(`${url}/c${wrong}/`, { method: 'PUT', headers: cdmi, body: JSON.stringify({ move: `/c${right.slice(0, -6)}/` }) })).status, 400)
  t.equal((await ask(`${url}/${wrong}`, { headers: { authorization } })).status, 404, 'to ask for it is no fault')
})

t.test('limits.nameLength: files of a form whose names are longer are shortened', async t => {
  const { url } = await runningServer(t, { limits: { nameLength: 128 } })
  const part = `--b\r\nContent-Disposition: form-data; name="f"; filename="${'n'.repeat(500)}"\r\n\r\nx\r\n`
  const { status } = await ask(url + '/', { method: 'POST', headers: { authorization, accept: 'application/json', 'content-type': 'multipart/form-data; boundary=b' }, body: `${part}${part}--b--\r\n` })
  t.equal(status, 201)
  const { children } = JSON.parse((await ask(url + '/', { headers: { authorization, accept: 'application/json' } })).text) as { children: string[] }
  t.same(children.filter(name => name.startsWith('n')).map(name => name.length > 128), [false, false])
})

t.test('limits.pathDepth: an object with so many names in its path can be made, one deeper cannot, by whatever door', async t => {
  const { url } = await runningServer(t, { limits: { pathDepth: 3 } })
  const container = { authorization, 'content-type': 'application/cdmi-container', accept: 'application/cdmi-container' }
  const make = async (path: string, body: object = {}): Promise<number> => (await ask(url + path, { method: 'PUT', headers: container, body: JSON.stringify(body) })).status
  t.same([await make('/a/'), await make('/a/b/'), await make('/a/b/c/')], [201, 201, 201])
  t.equal((await put(url + '/a/b/d')).status, 201)
  const refused = await put(url + '/a/b/c/d')
  t.equal(refused.status, 400)
  t.match(JSON.parse(refused.text), { code: 'CDMI_INVALID_NAME', detail: /has 4 names; this server takes at most 3 \(limits\.pathDepth\)/ })
  const { objectID } = JSON.parse((await ask(url + '/a/b/c/', { headers: { authorization, accept: 'application/cdmi-container' } })).text) as { objectID: string }
  t.equal((await put(`${url}/cdmi_objectid/${objectID}/d`)).status, 400, 'by the ID of its container')
  t.equal((await ask(url + '/a/b/c/', { method: 'POST', headers: { authorization, 'content-type': 'text/plain' }, body: 'x' })).status, 400, 'by POST')
  t.equal(await make('/x/'), 201)
  t.equal(await make('/x/y/', { copy: '/a/' }), 400, 'with a copy of what has levels of its own')
  t.equal((await ask(url + '/x/y/', { headers: { authorization } })).status, 404)
})

t.test('headerSize: a header may be so long, and no longer: 431', async t => {
  const { port } = await runningServer(t, { headerSize: 4096 })
  const status = async (length: number): Promise<string | undefined> => {
    const client = await RawClient.open(t, port)
    client.sendHeader('GET /-/health HTTP/1.1', 'Host: x', 'Connection: close', `X-Long: ${'x'.repeat(length)}`)
    await client.end()
    return /^HTTP\/1\.1 (\d+)/.exec(client.received)?.[1]
  }
  t.equal(await status(3500), '200')
  t.equal(await status(4200), '431')
})

t.test('requestTimeout: a request that has not come whole by then is answered with 408, however much it moves', async t => {
  const server = await runningServer(t, { requestTimeout: 0.3 })
  const client = await RawClient.open(t, server.port)
  client.sendHeader('PUT /slow HTTP/1.1', 'Host: x', `Authorization: ${authorization}`, 'Content-Length: 100000')
  const drip = setInterval(() => { client.socket.write('x') }, 20)
  t.teardown(() => { clearInterval(drip) })
  await client.end()
  t.match(client.received, /^HTTP\/1\.1 408 [^]*did not arrive in time/)
  t.equal((await ask(server.url + '/slow', { headers: { authorization } })).status, 404)
})

t.test('load.uploads: so many uploads are worked on at once; one more gets 503 with Retry-After, and reads go on', async t => {
  const { url, port, lines } = await runningServer(t, { load: { uploads: 1 } })
  const client = await RawClient.open(t, port)
  client.sendHeader('PUT /first HTTP/1.1', 'Host: x', `Authorization: ${authorization}`, 'Content-Length: 5', 'Expect: 100-continue')
  await client.receive(/100 Continue/)
  for (const path of ['/second', '/data/second']) {
    const refused = await put(url + path, { 'content-type': 'application/json' })
    t.equal(refused.status, 503)
    t.equal(refused.headers['retry-after'], '1')
    t.match(refused.text, /works on 1 uploads, as many as it takes at once \(load\.uploads\)/)
  }
  t.equal((await ask(url + '/', { headers: { authorization } })).status, 200)
  client.socket.write('12345')
  await client.receive(/ 201 Created/)
  await eventually('the place is free again', async () => (await put(url + '/second')).status === 201)
  t.equal((await ask(url + '/first', { headers: { authorization } })).text, '12345')
  t.equal(lines().filter(({ level, msg }) => level >= 40 && msg.includes('are refused')).length, 1, 'one line for all of them')
  t.same(lines().filter(({ level }) => level >= 50), [])
})

t.test('load.uploadBytes: when bodies under way have so many bytes no other one begins, and none is cut', async t => {
  const { url, port } = await runningServer(t, { load: { uploadBytes: 10 } })
  const client = await RawClient.open(t, port)
  client.sendHeader('PUT /first HTTP/1.1', 'Host: x', `Authorization: ${authorization}`, 'Content-Length: 20')
  client.socket.write('1234567890')
  await eventually('the next one is refused', async () => (await put(url + '/second')).status === 503)
  client.socket.write('1234567890')
  await client.receive(/ 201 Created/)
  await eventually('the next one is taken', async () => (await put(url + '/second')).status === 201)
})

t.test('load.uploadBytes: what comes of a body after its answer is dropped, and does not count', async t => {
  const { url, port } = await runningServer(t, { load: { uploadBytes: 10 } })
  const client = await RawClient.open(t, port)
  client.sendHeader('PUT /first HTTP/1.1', 'Host: x', 'Content-Length: 20')
  await client.receive(/ 401 Unauthorized/)
  client.socket.write('12345678901234567890')
  client.sendHeader('GET /-/health HTTP/1.1', 'Host: x')
  await client.receive(/ 200 OK/)
  t.equal((await put(url + '/second')).status, 201)
})

t.test('load.uploads: an upload that waits behind another request, and one that asks to become a socket, count until their connection ends, and no longer', async t => {
  const { url, port } = await runningServer(t, { load: { uploads: 1 } })
  const inFlight = async (): Promise<number | undefined> => (await scrape(url, authorization)).get('cdmi_uploads_in_flight')
  const { text } = await ask(url + '/socket.io/?EIO=4&transport=polling')
  const [, sid = ''] = /"sid":"([^"]+)"/.exec(text) ?? []
  const client = await RawClient.open(t, port)
  // A poll that has no answer for a while, and before that nobody can have one.
  client.sendHeader(`GET /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1`, 'Host: x')
  client.sendHeader('PUT /waiting HTTP/1.1', 'Host: x', `Authorization: ${authorization}`, 'Content-Length: 1')
  client.socket.write('x')
  await eventually('the upload waits', async () => (await put(url + '/second')).status === 503)
  client.socket.destroy()
  await eventually('its place is free again', async () => (await put(url + '/second')).status === 201)
  t.equal((await ask(url + '/waiting', { headers: { authorization } })).status, 404)
  const upgrading = await RawClient.open(t, port)
  upgrading.sendHeader('GET /ws HTTP/1.1', 'Host: x', 'Connection: upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Content-Length: 1')
  await upgrading.receive(/ 101 /)
  upgrading.socket.destroy()
  await eventually('its place is free again', async () => (await put(url + '/second')).status === 204)
  await eventually('the metrics know', async () => await inFlight() === 0)
})

t.test('load.loopDelay: while the event loop is late again and again all is refused but the server\'s own pages; after that nothing', async t => {
  const guard = new LoadGuard({ loopDelay: 100 }, () => {})
  t.teardown(() => { guard.stop() })
  const admit = (url: string): Error | undefined => {
    const request = Object.assign(new IncomingMessage(new Socket()), { url })
    return guard.admit(request, new ServerResponse(request))
  }
  guard.looked(101)
  t.equal(admit('/x'), undefined, 'once says little')
  guard.looked(101)
  t.match(admit('/x'), { code: 'CDMI_OVERLOADED', statusCode: 503, message: /busy and late/ })
  t.match(guard.admitMessage(false), { code: 'CDMI_OVERLOADED', statusCode: 503, headers: { 'retry-after': '1' } }, 'a message of a socket, too')
  t.equal(admit('/-/health'), undefined)
  t.equal(guard.refused, 2)
  guard.looked(100)
  t.equal(admit('/x'), undefined)
  t.equal(guard.admitMessage(true), undefined)
})

t.test('load.uploads: a message that brings something is refused like an upload, with retryAfter, over WebSocket and socket.io; one that asks is answered', async t => {
  const { url, port, lines } = await runningServer(t, { load: { uploads: 1 } })
  const client = await RawClient.open(t, port)
  client.sendHeader('PUT /first HTTP/1.1', 'Host: x', `Authorization: ${authorization}`, 'Content-Length: 5', 'Expect: 100-continue')
  await client.receive(/100 Continue/)
  const plain = await webSocket(t, `${url.replace('http', 'ws')}/ws`, { authorization })
  const socketIo = io(url, { transports: ['websocket'], extraHeaders: { authorization }, forceNew: true })
  t.teardown(() => { socketIo.disconnect() })
  const asks = [async (message: object) => await plain.ask(message), async (message: object) => await socketIo.emitWithAck('http message', message) as Reply]
  for (const [n, ask] of asks.entries()) {
    const refused = await ask({ method: 'POST', url: `/data/k${n}`, data: { n }, id: n })
    t.match(refused, { method: 'POST', url: `/data/k${n}`, id: n, status: 503, statusText: 'Service Unavailable', retryAfter: 1, error: /works on 1 uploads, as many as it takes at once \(load\.uploads\); nothing was done/ })
    t.notOk('data' in refused)
    t.equal((await ask({ method: 'GET', url: `/data/k${n}` })).status, 404, 'nothing was done')
  }
  client.socket.write('12345')
  await client.receive(/ 201 Created/)
  for (const [n, ask] of asks.entries()) await eventually('there is room', async () => (await ask({ method: 'POST', url: `/data/k${n}`, data: { n } })).status === 201)
  t.equal(lines().filter(({ level, msg }) => level >= 40 && msg.includes('are refused')).length, 1, 'one line for all of them')
  t.same(lines().filter(({ level }) => level >= 50), [])
})

t.test('load.connections: one more than the limit gets 503 with Retry-After and its end; when another has gone there is room', async t => {
  const { url, port } = await runningServer(t, { load: { connections: 1 } })
  const first = await RawClient.open(t, port)
  first.sendHeader('GET /-/health HTTP/1.1', 'Host: x')
  await first.receive(/ 200 OK/)
  const second = await RawClient.open(t, port)
  second.sendHeader('GET / HTTP/1.1', 'Host: x')
  await second.end()
  t.match(second.received, /^HTTP\/1\.1 503 Service Unavailable\r\nRetry-After: 1\r\n[^]*"code":"CDMI_OVERLOADED"/)
  first.sendHeader('GET /-/health HTTP/1.1', 'Host: x')
  await first.receive(/ 200 OK[^]* 200 OK/)
  first.socket.end()
  await first.end()
  await eventually('there is room', async () => (await ask(url + '/-/health')).status === 200)
})

t.test('load.connections: with TLS one more is cut, and an upgrade that nobody takes counts once', async t => {
  const secure = await runningServer(t, { tls: 'self-signed', load: { connections: 1 } })
  const first = await RawClient.open(t, secure.port)
  await t.rejects(ask(secure.url + '/-/health'))
  first.socket.destroy()
  await eventually('there is room', async () => await ask(secure.url + '/-/health').then(({ status }) => status === 200, () => false))
  const { port } = await runningServer(t, { load: { connections: 1 } })
  const upgrading = await RawClient.open(t, port)
  upgrading.sendHeader('GET /-/health HTTP/1.1', 'Host: x', 'Connection: upgrade', 'Upgrade: h2c')
  await upgrading.receive(/ 200 OK/)
})

t.test('limits.sockets: so many sockets of both kinds; one more is refused with 503, and taken when another has gone', async t => {
  const { url, lines } = await runningServer(t, { limits: { sockets: 1 } })
  const open = async (): Promise<WebSocket | number> => {
    const socket = new WebSocket(url.replace('http', 'ws') + '/ws', { headers: { authorization } })
    t.teardown(() => { socket.terminate() })
    socket.on('error', () => {})
    return await Promise.race([
      once(socket, 'open').then(() => socket),
      new Promise<number>(resolve => {
        socket.once('unexpected-response', (_request, { statusCode = 0, headers }) => { resolve(headers['retry-after'] === '5' ? statusCode : 0) })
      })
    ])
  }
  const polling = async (): Promise<number> => (await ask(url + '/socket.io/?EIO=4&transport=polling')).status
  const first = await open()
  t.type(first, WebSocket)
  t.equal(await open(), 503)
  t.equal(await polling(), 503)
  t.equal((await scrape(url, authorization)).get('cdmi_refused_total'), 2)
  t.equal(lines().filter(({ level, msg }) => level === 40 && msg.includes('limits.sockets')).length, 1, 'one line for all of them')
  if (typeof first !== 'number') first.close()
  await eventually('there is room', async () => await polling() === 200)
  t.equal(await open(), 503, 'a session of socket.io is a socket')
})
