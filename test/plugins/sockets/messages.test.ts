/** The message protocol, over plain WebSocket. */
import { once } from 'node:events'
import { STATUS_CODES } from 'node:http'
import t from 'tap'
import { WebSocket as UndiciWebSocket, request } from 'undici'
import { admin, adminHeader } from '../../helpers/keyed-app.js'
import { socketsApp, webSocket, type Reply } from '../../helpers/sockets-app.js'
import { writer } from '../../helpers/model.js'

t.test('KEY-20, KEY-21: every method over WebSocket, with the statuses of the HTTP door', async t => {
  const { wsURL } = await socketsApp(t)
  const socket = await webSocket(t, wsURL)
  const ask = async (method: string, url: string, data?: unknown): Promise<Reply> => await socket.ask({ auth: admin, method, url, ...data !== undefined && { data } })
  t.strictSame(await ask('GET', '/data'), { method: 'GET', url: '/data', status: 200, statusText: 'OK', data: [] })
  t.strictSame(await ask('POST', '/data/k', { a: 1 }), { method: 'POST', url: '/data/k', status: 201, statusText: 'Created', data: { a: 1 } })
  t.strictSame(await ask('POST', '/data/k', {}), { method: 'POST', url: '/data/k', status: 406, statusText: 'Not Acceptable', error: 'k already exists.' })
  t.strictSame(await ask('PUT', '/data/k', { b: [1] }), { method: 'PUT', url: '/data/k', status: 200, statusText: 'OK', data: { b: [1] } })
  t.strictSame(await ask('PATCH', '/data/k', { c: 'é' }), { method: 'PATCH', url: '/data/k', status: 200, statusText: 'OK', data: { b: [1], c: 'é' } })
  t.strictSame(await ask('GET', '/data/k'), { method: 'GET', url: '/data/k', status: 200, statusText: 'OK', data: { b: [1], c: 'é' } })
  t.strictSame(await ask('DELETE', '/data/k'), { method: 'DELETE', url: '/data/k', status: 204, statusText: 'No Content' })
  t.strictSame(await ask('GET', '/data/k'), { method: 'GET', url: '/data/k', status: 404, statusText: 'Not Found', error: 'k not found.' })
  t.strictSame(await ask('GET', '/data/f%C3%BCr'), { method: 'GET', url: '/data/f%C3%BCr', status: 404, statusText: 'Not Found', error: 'für not found.' })
})

t.test('CLI-41: statusText is exactly the reason phrase of HTTP; an error has no data; every frame gets an answer', async t => {
  const { wsURL } = await socketsApp(t, { limits: { json: 100 } })
  const socket = await webSocket(t, wsURL)
  const cases: Array<[number, unknown]> = [
    [200, { auth: admin, method: 'GET', url: '/data' }],
    [400, { auth: admin, method: 'GET', url: '/data/a%2Fb' }],
    [400, { auth: admin, method: 'GET', url: '/data/a/b' }],
    [400, { auth: admin, method: 'GET', url: '/data/' }],
    [400, { auth: admin, method: 'GET', url: '/data?limit=x' }],
    [400, { auth: admin, method: 'POST', url: '/data/k' }],
    [400, { auth: admin, method: 'POST', url: '/data/k', data: 'text' }],
    [400, { auth: admin, method: 'POST', url: '/data/k', data: null }],
    [400, { auth: admin, method: 'PATCH', url: '/data/k', data: [] }],
    [401, { method: 'GET', url: '/data' }],
    [404, { auth: admin, method: 'GET', url: '/elsewhere' }],
    [404, { auth: admin, method: 'GET', url: '' }],
    [404, { auth: admin, method: 'PUT', url: '/data/k', data: {} }],
    [405, { auth: admin, method: 'BREW', url: '/data/k' }],
    [405, { auth: admin, method: 'POST', url: '/data', data: {} }],
    [413, { auth: admin, method: 'POST', url: '/data/k', data: { a: 'x'.repeat(100) } }]
  ]
  for (const [status, message] of cases) {
    const answer = await socket.ask(message)
    t.equal(answer.status, status, JSON.stringify(message).slice(0, 80))
    t.equal(answer.statusText, STATUS_CODES[status])
    t.equal('data' in answer, status < 400)
    if (status >= 400) t.match(answer.error, / /)
  }
})

t.test('KEY-22: the id is echoed, so that concurrent calls can be told apart', async t => {
  const { wsURL } = await socketsApp(t)
  const socket = await webSocket(t, wsURL)
  for (const id of [1, 'x', true, null, 0, '']) {
    const answer = await socket.ask({ auth: admin, id, method: 'GET', url: '/data/none' })
    t.equal(answer.id, id)
    t.equal(answer.status, 404)
  }
  const bad = await socket.ask({ auth: admin, id: {}, method: 'GET', url: '/data' })
  t.equal(bad.status, 400)
  t.notOk('id' in bad)
  const answers = new Promise<Reply[]>(resolve => {
    const seen: Reply[] = []
    socket.on('message', data => { if (seen.push(JSON.parse(String(data))) === 100) resolve(seen) })
  })
  for (let id = 0; id < 100; id++) socket.send(JSON.stringify({ auth: admin, id, method: 'POST', url: `/data/k${id}`, data: { id } }))
  for (const { id, data } of await answers) t.same(data, { id })
})

t.test('KEY-22: messages about one key are carried out in the order they were sent in, and a list sees what came before', async t => {
  const { wsURL } = await socketsApp(t)
  const socket = await webSocket(t, wsURL)
  const answers = new Promise<Map<unknown, Reply>>(resolve => {
    const seen = new Map<unknown, Reply>()
    socket.on('message', data => {
      const answer: Reply = JSON.parse(String(data))
      if (seen.set(answer.id, answer).size === 12) resolve(seen)
    })
  })
  const send = (id: number, method: string, url: string, data?: unknown): void => { socket.send(JSON.stringify({ auth: admin, id, method, url, data })) }
  send(0, 'POST', '/data/k', { n: 0 })
  for (let n = 1; n <= 9; n++) send(n, 'PUT', '/data/k', { n })
  send(10, 'GET', '/data/k')
  send(11, 'GET', '/data')
  const seen = await answers
  t.same(seen.get(10)?.data, { n: 9 })
  t.same(seen.get(11)?.data, ['k'])
})

t.test('KEY-23: without or with wrong auth the answer is 401 and the socket stays open', async t => {
  const { wsURL } = await socketsApp(t)
  const socket = await webSocket(t, wsURL)
  for (const auth of [undefined, null, {}, 'admin', { username: 'admin' }, { username: 'admin', password: 'wrong' }, { username: 1, password: 2 }]) {
    const answer = await socket.ask({ auth, method: 'GET', url: '/data' })
    t.equal(answer.status, 401)
    t.equal(answer.statusText, 'Unauthorized')
    t.notOk('data' in answer)
  }
  t.equal((await socket.ask({ auth: { username: 'reader', password: 'secret' }, method: 'POST', url: '/data/k', data: {} })).status, 403)
  t.equal((await socket.ask({ auth: admin, method: 'GET', url: '/data' })).status, 200)
})

t.test('KEY-23: a handshake with Basic credentials authenticates every message; a wrong one is as none, and counts once', async t => {
  const { wsURL, door, port } = await socketsApp(t)
  const socket = await webSocket(t, wsURL, { authorization: adminHeader })
  t.equal((await socket.ask({ method: 'GET', url: '/data' })).status, 200)
  t.equal((await socket.ask({ auth: { username: 'admin', password: 'wrong' }, method: 'GET', url: '/data' })).status, 401, 'a message may speak for somebody else')
  const wrong = await webSocket(t, wsURL, { authorization: 'Basic ' + Buffer.from('admin:wrong').toString('base64') })
  for (let n = 0; n < 5; n++) t.equal((await wrong.ask({ method: 'GET', url: '/data' })).status, 401)
  t.same([...door.failures.values()], [2])
  t.equal((await wrong.ask({ auth: admin, method: 'GET', url: '/data' })).status, 200)
  const foreign = await webSocket(t, wsURL, { authorization: adminHeader, origin: 'https://elsewhere.example' })
  t.equal((await foreign.ask({ method: 'GET', url: '/data' })).status, 401, 'a page of another origin cannot use what the browser knows')
  const own = await webSocket(t, wsURL, { authorization: adminHeader, origin: `http://127.0.0.1:${port}` })
  t.equal((await own.ask({ method: 'GET', url: '/data' })).status, 200)
})

t.test('KEY-23: failed attempts are limited, by the address of the caller', async t => {
  const { wsURL } = await socketsApp(t)
  const socket = await webSocket(t, wsURL)
  const wrong = { auth: { username: 'admin', password: 'wrong' }, method: 'GET', url: '/data' }
  for (let n = 0; n < 10; n++) t.equal((await socket.ask(wrong)).status, 401)
  const limited = await socket.ask(wrong)
  t.equal(limited.status, 429)
  t.equal(limited.retryAfter, 30, 'as the header says over HTTP')
  t.equal(limited.statusText, 'Too Many Requests')
})

t.test('KEY-23: callers without credentials are nobody, who may do what an option says', async t => {
  const { wsURL } = await socketsApp(t, { sockets: { anonymous: 'read' } })
  const socket = await webSocket(t, wsURL)
  t.equal((await socket.ask({ method: 'GET', url: '/data' })).status, 200)
  t.equal((await socket.ask({ method: 'POST', url: '/data/k', data: {} })).status, 401)
})

t.test('KEY-24: a frame that is no message gets 400 or 405 and an error, and the socket stays open', async t => {
  const { wsURL } = await socketsApp(t, { sockets: { limits: { frame: 100_000 } } })
  const socket = await webSocket(t, wsURL)
  const frames: Array<[number, unknown]> = [
    [400, 'not JSON'],
    [400, ''],
    [400, '{'],
    [400, 'null'],
    [400, '1'],
    [400, '"text"'],
    [400, '[]'],
    [400, '{}'],
    [400, '{"method":"GET"}'],
    [400, '{"url":"/data"}'],
    [400, '{"url":1,"method":"GET"}'],
    [400, '{"url":"/data","method":["GET"]}'],
    [400, '{"__proto__":{"url":"/data","method":"GET"}}'],
    [400, '{"constructor":{"prototype":{"url":"/data"}},"method":"GET"}'],
    [405, '{"url":"/data","method":"__proto__"}'],
    [405, '{"url":"/data","method":"constructor"}'],
    [405, '{"url":"/data","method":"OPTIONS"}'],
    [405, '{"url":"/data","method":""}'],
    [400, Buffer.from('{"url":"/data","method":"GET"}')],
    [400, Buffer.from([0xff, 0x00])],
    [400, '['.repeat(50_000)],
    [400, JSON.stringify({ auth: admin, method: 'POST', url: '/data/k' }).slice(0, -1) + ',"data":{"__proto__":{"x":1}}}'],
    [400, JSON.stringify({ auth: admin, method: 'POST', url: '/data/k' }).slice(0, -1) + ',"data":' + '['.repeat(40_000) + ']'.repeat(40_000) + '}'],
    [400, { auth: admin, method: 'GET', url: '/data/%00' }],
    [400, { auth: admin, method: 'GET', url: '/data/%zz' }],
    [400, { auth: admin, method: 'GET', url: '/data/a#b' }],
    [400, { auth: admin, method: 'GET', url: '/data/k', ifMatch: 1 }],
    [413, JSON.stringify({ auth: admin, method: 'POST', url: '/data/k', data: { a: 'x'.repeat(100_000) } })]
  ]
  for (const [status, frame] of frames) {
    const answer = await socket.ask(frame)
    t.equal(answer.status, status, String(typeof frame === 'string' ? frame : JSON.stringify(frame)).slice(0, 70))
    t.equal(answer.statusText, STATUS_CODES[status])
    t.type(answer.error, 'string')
    t.notOk('data' in answer)
  }
  t.same((await socket.ask({ auth: admin, method: 'GET', url: '/data' })).data, [])
})

t.test('KEY-24: a fault inside the server is 500 with nothing of the inside', async t => {
  const { wsURL, store } = await socketsApp(t)
  store.meta.resolve = async () => { throw new Error('/var/lib/secret is gone') }
  const socket = await webSocket(t, wsURL)
  const answer = await socket.ask({ auth: admin, method: 'GET', url: '/data/k' })
  t.equal(answer.status, 500)
  t.notMatch(answer.error, 'secret')
})

t.test('the list over a socket is bounded, and comes in pages', async t => {
  const { wsURL, cdmi } = await socketsApp(t, { sockets: { limits: { frame: 2000 } } })
  for (let n = 0; n < 100; n++) await cdmi.keyed.create(writer, `key-${String(n).padStart(4, '0')}-${'x'.repeat(20)}`, Buffer.from('{}'))
  const socket = await webSocket(t, wsURL)
  const whole = await socket.ask({ auth: admin, method: 'GET', url: '/data' })
  t.equal(whole.status, 413)
  t.match(whole.error, 'limit=')
  const page = await socket.ask({ auth: admin, method: 'GET', url: '/data?prefix=key-00&limit=2&after=key-0001-xxxxxxxxxxxxxxxxxxxx' })
  t.same(page.data, ['key-0002-xxxxxxxxxxxxxxxxxxxx', 'key-0003-xxxxxxxxxxxxxxxxxxxx'])
})

t.test('a record that is longer than a frame is 413 and readable over HTTP', async t => {
  const { wsURL, cdmi, url } = await socketsApp(t, { sockets: { limits: { frame: 2000 } } })
  await cdmi.keyed.create(writer, 'k', Buffer.from(JSON.stringify({ a: 'x'.repeat(3000) })))
  const socket = await webSocket(t, wsURL)
  t.equal((await socket.ask({ auth: admin, method: 'GET', url: '/data/k' })).status, 413)
  t.equal((await request(`${url}/data/k`, { headers: { authorization: adminHeader } })).statusCode, 200)
})

t.test('ours: preconditions over sockets', async t => {
  const { wsURL } = await socketsApp(t)
  const socket = await webSocket(t, wsURL)
  const { etag } = await socket.ask({ auth: admin, method: 'POST', url: '/data/k', data: {}, etag: true })
  t.type(etag, 'string')
  t.equal((await socket.ask({ auth: admin, method: 'PUT', url: '/data/k', data: { a: 1 }, ifMatch: etag })).status, 200)
  t.equal((await socket.ask({ auth: admin, method: 'PUT', url: '/data/k', data: { a: 2 }, ifMatch: etag })).status, 412)
  t.notOk('etag' in await socket.ask({ auth: admin, method: 'GET', url: '/data/k' }))
})

t.test('KEY-20: stored JSON goes out as it is, and a byte order mark of another door does no harm', async t => {
  const { wsURL, cdmi } = await socketsApp(t)
  await cdmi.keyed.create(writer, 'k', Buffer.from('{"n":12345678901234567890}'))
  const socket = await webSocket(t, wsURL)
  const text = once(socket, 'message')
  socket.send(JSON.stringify({ auth: admin, method: 'GET', url: '/data/k' }))
  t.match(String((await text)[0]), '"data":{"n":12345678901234567890}}')
})

t.test('KEY-20: the WebSocket of undici, which is that of browsers, works too', async t => {
  const { wsURL } = await socketsApp(t)
  const socket = new UndiciWebSocket(wsURL)
  await once(socket as unknown as EventTarget, 'open')
  const answer = new Promise<Reply>(resolve => { socket.onmessage = event => { resolve(JSON.parse(String(event.data))) } })
  socket.send(JSON.stringify({ auth: admin, method: 'POST', url: '/data/k', data: [1] }))
  t.same((await answer).data, [1])
  const closed = once(socket as unknown as EventTarget, 'close')
  socket.close()
  await closed
})
