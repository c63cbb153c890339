/** socket.io: clients of every version, all transports, over self-signed TLS. */
import { once } from 'node:events'
import type { Socket as Connection } from 'node:net'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { io as io4, type Socket } from 'socket.io-client'
// @ts-expect-error its package has no types that its exports lead to
import { io as io3 } from 'socket.io-client-3'
import { admin, adminHeader } from '../../helpers/keyed-app.js'
import { RawClient } from '../../helpers/raw-http.js'
import { socketsApp, webSocket, type Reply } from '../../helpers/sockets-app.js'

const eventName = 'http message'
type Connect = (url: string, options: Record<string, unknown>) => Socket
const versions: Array<[string, Connect]> = [['3', io3 as unknown as Connect], ['4', io4 as unknown as Connect]]

async function connected (t: Test, connect: Connect, url: string, options: Record<string, unknown> = {}): Promise<Socket> {
  const socket = connect(url, { rejectUnauthorized: false, forceNew: true, reconnection: false, ...options })
  t.teardown(() => { socket.disconnect() })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  return socket
}

/** By the event, as the original's clients do it. */
async function ask (socket: Socket, message: unknown): Promise<Reply> {
  return await new Promise<Reply>(resolve => {
    socket.once(eventName, resolve)
    socket.emit(eventName, message)
  })
}

for (const [version, connect] of versions) {
  t.test(`KEY-25: the example of the original, with socket.io-client ${version}`, async t => {
    const { port } = await socketsApp(t, { tls: true })
    const socket = connect(`wss://127.0.0.1:${port}`, { rejectUnauthorized: false })
    t.teardown(() => { socket.disconnect() })
    socket.emit(eventName, { auth: { username: 'admin', password: 'secret' }, url: '/data/example', method: 'POST', data: { hello: 'world' } })
    const [answer] = await once(socket as unknown as NodeJS.EventEmitter, eventName)
    t.strictSame(answer, { method: 'POST', url: '/data/example', status: 201, statusText: 'Created', data: { hello: 'world' } })
  })

  for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
    for (const tls of [true, false]) {
      t.test(`CLI-40, KEY-20: socket.io-client ${version} by ${transports.join(', then ')} over ${tls ? 'self-signed TLS' : 'plain TCP'}`, async t => {
        const { url } = await socketsApp(t, { tls })
        const socket = await connected(t, connect, url, { transports })
        if (transports.length === 2) {
          const { engine } = socket.io as unknown as { engine: { transport: { name: string } } & NodeJS.EventEmitter }
          if (engine.transport.name !== 'websocket') await once(engine, 'upgrade')
          t.equal(engine.transport.name, 'websocket')
        }
        t.strictSame(await ask(socket, { auth: admin, method: 'GET', url: '/data' }), { method: 'GET', url: '/data', status: 200, statusText: 'OK', data: [] })
        t.equal((await ask(socket, { auth: admin, method: 'POST', url: '/data/k', data: { a: 'ü' } })).status, 201)
        t.strictSame(await ask(socket, { auth: admin, method: 'DELETE', url: '/data/k', id: 7 }), { method: 'DELETE', url: '/data/k', id: 7, status: 204, statusText: 'No Content' })
        const wrong = await ask(socket, { method: 'GET', url: '/data' })
        t.equal(wrong.status, 401)
        t.notOk('data' in wrong)
        t.ok(socket.connected)
      })
    }
  }

  t.test(`KEY-22: an acknowledgement callback of socket.io-client ${version} gets the same answer as the event`, async t => {
    const { url } = await socketsApp(t)
    const socket = await connected(t, connect, url)
    const event = new Promise<Reply>(resolve => { socket.once(eventName, resolve) })
    const acknowledged = await new Promise<Reply>(resolve => { socket.emit(eventName, { auth: admin, method: 'GET', url: '/data', id: 'a' }, resolve) })
    t.strictSame(acknowledged, { method: 'GET', url: '/data', id: 'a', status: 200, statusText: 'OK', data: [] })
    t.strictSame(await event, acknowledged)
  })

  t.test(`KEY-23: credentials in the handshake of socket.io-client ${version} are for all messages`, async t => {
    const { url } = await socketsApp(t)
    const message = { method: 'GET', url: '/data' }
    for (const transports of [['polling'], ['websocket']]) {
      t.equal((await ask(await connected(t, connect, url, { transports, auth: admin }), message)).status, 200, 'auth')
      t.equal((await ask(await connected(t, connect, url, { transports, extraHeaders: { authorization: adminHeader } }), message)).status, 200, 'header')
      t.equal((await ask(await connected(t, connect, url, { transports, auth: { username: 'admin', password: 'wrong' } }), message)).status, 401)
    }
  })

  t.test(`KEY-24: bad messages of socket.io-client ${version} get an answer, and nothing breaks`, async t => {
    const { url } = await socketsApp(t)
    const socket = await connected(t, connect, url)
    for (const message of [undefined, null, 1, 'text', [], {}, { url: '/data' }, { method: 'GET' }, { url: {}, method: {} }, Buffer.from('x')]) {
      t.equal((await ask(socket, message)).status, 400, JSON.stringify(message))
    }
    t.equal((await ask(socket, { url: '/data', method: 'BREW' })).status, 405)
    t.match(await ask(socket, { auth: admin, url: '/data/k', method: 'POST', data: { a: [Buffer.from('x')] } }), { status: 400, error: 'binary' })
    t.equal((await ask(socket, { auth: admin, url: '/data/k', method: 'POST', data: JSON.parse('{"__proto__":{"x":1}}') })).status, 400)
    const other = new Promise<Reply>(resolve => { socket.once(eventName, resolve) })
    socket.emit('another event', { auth: admin, url: '/data', method: 'GET' })
    t.match(await other, { status: 400, error: 'http message' })
    t.same((await ask(socket, { auth: admin, url: '/data', method: 'GET' })).data, [])
  })
}

t.test('CLI-40: protocol 3 of socket.io v2 by polling and by websocket', async t => {
  const { url, wsURL } = await socketsApp(t)
  const polling = `${url}/socket.io/?EIO=3&transport=polling`
  const text = async (options: Parameters<typeof request>[1] & { sid?: string }): Promise<string> => {
    const { statusCode, body } = await request(polling + (options.sid === undefined ? '' : `&sid=${options.sid}`), options)
    t.equal(statusCode, 200)
    return await body.text()
  }
  // Version 3 counts the characters of each packet, and the server joins the default namespace by itself.
  const opened = await text({})
  const sid = String(JSON.parse(/^\d+:0(\{.*?\})/.exec(opened)?.[1] ?? '{}').sid)
  if (!opened.includes(':40')) t.match(await text({ sid }), ':40')
  const packet = '42' + JSON.stringify([eventName, { auth: admin, method: 'POST', url: '/data/v2', data: { a: 1 } }])
  t.equal(await text({ sid, method: 'POST', body: `${packet.length}:${packet}`, headers: { 'content-type': 'text/plain;charset=UTF-8' } }), 'ok')
  t.match(await text({ sid }), '"status":201,"statusText":"Created","data":{"a":1}')

  const socket = await webSocket(t, wsURL.replace('/ws', '/socket.io/?EIO=3&transport=websocket'))
  const seen: string[] = []
  const answered = new Promise<void>(resolve => {
    socket.on('message', data => {
      seen.push(String(data))
      if (String(data).startsWith('42')) resolve()
    })
  })
  socket.send('42' + JSON.stringify([eventName, { auth: admin, method: 'GET', url: '/data' }]))
  await answered
  t.match(seen.at(-1), '"data":["v2"]')
})

/** As version 3 writes packets: `bytes` in binary, else in text. */
function payloadOf3 (packets: readonly string[], bytes: boolean): string | Buffer {
  if (!bytes) return packets.map(packet => `${packet.length}:${packet}`).join('')
  return Buffer.concat(packets.flatMap(packet => [Buffer.from([0, ...String(Buffer.byteLength(packet))].map(Number)), Buffer.from([255]), Buffer.from(packet)]))
}

const payloads: Array<[string, number, string, (packets: readonly string[]) => string | Buffer]> = [
  ['4', 4, 'text/plain;charset=UTF-8', packets => packets.join('\x1e')],
  ['3, as text', 3, 'text/plain;charset=UTF-8', packets => payloadOf3(packets, false)],
  ['3, as bytes', 3, 'application/octet-stream', packets => payloadOf3(packets, true)]
]
for (const [name, protocol, type, payloadOf] of payloads) {
  t.test(`many packets in one POST of protocol ${name} are taken in turns, in their order, and the POST is answered when all were; what is none ends the session`, async t => {
    const { url } = await socketsApp(t)
    const polling = `${url}/socket.io/?EIO=${protocol}&transport=polling`
    const open = async (): Promise<string> => {
      const session = `${polling}&sid=${String(JSON.parse(/\{.*?\}/.exec(await (await request(polling)).body.text())?.[0] ?? '{}').sid)}`
      if (protocol === 4) t.equal(await (await request(session, { method: 'POST', body: '40' })).body.text(), 'ok')
      return session
    }
    const post = async (session: string, body: string | Buffer): Promise<[number, string]> => {
      const answer = await request(session, { method: 'POST', body, headers: { 'content-type': type } })
      return [answer.statusCode, await answer.body.text()]
    }
    const session = await open()
    const asked = 500
    const messages = Array.from({ length: asked }, (_, id) => '42' + JSON.stringify([eventName, { auth: admin, method: 'PUT', url: '/data/one', data: { id }, id }]))
    let answers = ''
    const seen = (): number[] => [...answers.matchAll(/"id":(\d+),"status"/g)].map(([, id]) => Number(id))
    const reading = (async () => { while (seen().length < asked) answers += await (await request(session)).body.text() })()
    t.strictSame(await post(session, payloadOf(messages)), [200, 'ok'])
    t.ok(seen().length + 100 > asked, 'most are answered by then: no more wait than are worked on at once')
    await reading
    t.strictSame(seen(), messages.map((_, id) => id))

    // Nothing but packets that mean nothing: it is all the work of whoever takes them apart.
    let turns = 0
    let counting = true
    const turn = (): void => {
      turns++
      if (counting) setImmediate(turn)
    }
    const many = payloadOf(Array.from({ length: 100_000 }, () => '6'))
    turn()
    t.strictSame(await post(session, many), [200, 'ok'])
    counting = false
    t.ok(turns > 400, `${turns} turns of the event loop`)

    t.strictSame(await post(session, protocol === 4 ? '6\x1e' : type.startsWith('text') ? '1:61:67:6' : Buffer.from([0, 1, 255, 54, 0, 77])), [200, 'ok'])
    t.equal((await post(session, payloadOf(['6'])))[0], 400)
  })
}

t.test('a client of polling that sends a POST before the one before it has its answer is let go, as the protocol demands: nothing is done out of order', async t => {
  const { port, url } = await socketsApp(t)
  const target = '/socket.io/?EIO=4&transport=polling'
  const session = `${target}&sid=${String(JSON.parse(/\{.*?\}/.exec(await (await request(url + target)).body.text())?.[0] ?? '{}').sid)}`
  await (await request(url + session, { method: 'POST', body: '40' })).body.dump()
  const client = await RawClient.open(t, port)
  const post = (packets: readonly string[], ...more: string[]): string => {
    const body = packets.join('\x1e')
    return [`POST ${session} HTTP/1.1`, 'Host: x', `Content-Length: ${body.length}`, ...more, '', body].join('\r\n')
  }
  const put = (id: number): string => '42' + JSON.stringify([eventName, { auth: admin, method: 'PUT', url: '/data/one', data: { id } }])
  client.socket.write(post(Array<string>(1000).fill('6')) + post([...Array<string>(1000).fill('6'), put(1)]) + post([put(2)], 'Connection: close'))
  await client.end()
  t.notMatch(client.received, 'HTTP/1.1 200')
  t.equal((await request(url + session, { method: 'POST', body: '6' })).statusCode, 400, 'the session is gone')
  t.same((await request(url + '/data', { headers: { authorization: adminHeader } }).then(async ({ body }) => await body.json())), [])
})

t.test('a client that joins again and again on one connection is let go; one that has left may join anew', async t => {
  const { url } = await socketsApp(t)
  const polling = `${url}/socket.io/?EIO=4&transport=polling`
  const open = async (): Promise<string> => `${polling}&sid=${String(JSON.parse(/\{.*?\}/.exec(await (await request(polling)).body.text())?.[0] ?? '{}').sid)}`
  const post = async (session: string, body: string): Promise<number> => {
    const answer = await request(session, { method: 'POST', body })
    await answer.body.dump()
    return answer.statusCode
  }
  const good = await open()
  for (const packet of ['40', '41', '40']) t.equal(await post(good, packet), 200)
  t.equal(await post(good, '6'), 200)
  const bad = await open()
  t.equal(await post(bad, Array(500).fill('40').join('\x1e')), 200)
  t.equal(await post(bad, '6'), 400)
})

t.test('a client that has very much answered, and fetches none of it, is let go', async t => {
  const { url } = await socketsApp(t)
  const open = async (polling: string): Promise<string> => `${polling}&sid=${String(JSON.parse(/\{.*?\}/.exec(await (await request(polling)).body.text())?.[0] ?? '{}').sid)}`
  const post = async (session: string, body: string): Promise<number> => {
    const answer = await request(session, { method: 'POST', body, headers: { 'content-type': 'text/plain;charset=UTF-8' } })
    await answer.body.dump()
    return answer.statusCode
  }
  // Pings of version 3, and joins of what is no namespace.
  for (const [protocol, few, many] of [[3, '1:2', '1:2'.repeat(3000)], [4, '40/x,', Array(3000).fill('40/x,').join('\x1e')]] as const) {
    const session = await open(`${url}/socket.io/?EIO=${protocol}&transport=polling`)
    t.equal(await post(session, few), 200)
    t.match(await (await request(session)).body.text(), protocol === 3 ? /3$/ : /Invalid namespace/)
    await post(session, many)
    t.equal(await post(session, few), 400, 'the session is gone')
  }
})

t.test('a client that pings by WebSocket itself, and takes no answer, is let go; one that takes them is not', async t => {
  const { url, port } = await socketsApp(t)
  const handshake = ['Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==']
  const ping = Buffer.concat([Buffer.from([0x89, 0x80 + 125, 0, 0, 0, 0]), Buffer.alloc(125, 'p')])
  const pings = Buffer.concat(Array<Buffer>(1000).fill(ping))
  const written = async (socket: Connection): Promise<void> => { await new Promise<void>(resolve => { socket.write(pings, () => { resolve() }) }) }
  const { sid } = JSON.parse(/\{.*?\}/.exec(await (await request(`${url}/socket.io/?EIO=4&transport=polling`)).body.text())?.[0] ?? '{}') as { sid: string }
  // As the first of a session, and as one that may yet take the place of polling.
  for (const session of ['', `&sid=${sid}`]) {
    const [greedy, good] = [await RawClient.open(t, port), await RawClient.open(t, port)]
    for (const client of [greedy, good]) {
      client.sendHeader(`GET /socket.io/?EIO=4&transport=websocket${client === greedy ? session : ''} HTTP/1.1`, ...handshake)
      await client.receive(/^HTTP\/1\.1 101 /)
    }
    greedy.socket.pause()
    // As much as lies in the buffers of the system is taken without the client's doing.
    for (let n = 0; n < 1000 && !greedy.socket.destroyed; n++) await written(greedy.socket)
    t.ok(greedy.socket.destroyed)
    for (let n = 0; n < 5; n++) {
      const enough = good.received.length + 127 * 1000
      await written(good.socket)
      while (good.received.length < enough) await once(good.socket, 'data')
    }
    t.notOk(good.socket.destroyed)
  }
})

t.test('KEY-24: what engine.io cannot understand is refused, and the server lives', async t => {
  const { url, app } = await socketsApp(t)
  for (const path of ['/socket.io/', '/socket.io/?transport=x', '/socket.io/?EIO=4&transport=polling&sid=none', '/socket.io/?EIO=4&transport=__proto__', '/socket.io/?EIO=4&transport=websocket', '/socket.io?EIO=4&transport=polling&sid=none']) {
    for (const method of ['GET', 'POST'] as const) {
      const { statusCode, body } = await request(url + path, { method })
      await body.dump()
      t.equal(statusCode, 400, `${method} ${path}`)
    }
  }
  const { statusCode, body } = await request(`${url}/socket.io/?EIO=4&transport=polling`)
  const { sid } = JSON.parse((await body.text()).slice(1))
  t.equal(statusCode, 200)
  for (const nonsense of ['', '9', '4', '42', '42[]', '42["http message"', '451-[]', '40/elsewhere,', '\u001e\u001e', '42["http message",{"a":1}]'.repeat(100)]) {
    await request(`${url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, { method: 'POST', body: nonsense }).then(async ({ body }) => { await body.dump() })
  }
  t.equal((await app.inject({ url: '/data', headers: { authorization: adminHeader } })).statusCode, 200)
})

t.test('KEY-20, CLI-40: both doors at once on one port, on 127.0.0.1 and on localhost', async t => {
  const { app, url, port, wsURL } = await socketsApp(t)
  const plain = await webSocket(t, wsURL)
  const socket = await connected(t, io4 as unknown as Connect, url)
  t.equal((await ask(socket, { auth: admin, method: 'POST', url: '/data/a', data: {} })).status, 201)
  t.same((await plain.ask({ auth: admin, method: 'GET', url: '/data' })).data, ['a'])
  t.equal((await request(`${url}/data/a`, { headers: { authorization: adminHeader } })).statusCode, 200)
  t.equal((await request(`${url}/ws`, { dispatcher: new Agent() })).statusCode, 426)
  t.ok(port)
  await app.close()
})

t.test('KEY-05: of simultaneous creates over HTTP and all kinds of sockets exactly one gets 201, the others 406', async t => {
  const { url, wsURL } = await socketsApp(t)
  const message = { auth: admin, method: 'POST', url: '/data/k', data: {} }
  const plain = await Promise.all(Array.from({ length: 8 }, () => webSocket(t, wsURL)))
  const sockets = await Promise.all(Array.from({ length: 8 }, (_, n) => connected(t, versions[n % 2]?.[1] ?? io4 as unknown as Connect, url, { transports: [n % 4 < 2 ? 'polling' : 'websocket'] })))
  const statuses = await Promise.all([
    ...plain.map(async socket => (await socket.ask(message)).status),
    ...sockets.map(async socket => (await ask(socket, message)).status),
    ...Array.from({ length: 8 }, async () => (await request(`${url}/data/k`, { method: 'POST', headers: { authorization: adminHeader, 'content-type': 'application/json' }, body: '{}' })).statusCode)
  ])
  t.equal(statuses.filter(status => status === 201).length, 1)
  t.equal(statuses.filter(status => status === 406).length, 23)
})

t.test('KEY-07: 64 simultaneous PATCHes of different properties over sockets lose none', async t => {
  const { url, wsURL, app } = await socketsApp(t)
  const plain = await Promise.all(Array.from({ length: 32 }, () => webSocket(t, wsURL)))
  const sockets = await Promise.all(Array.from({ length: 32 }, () => connected(t, io4 as unknown as Connect, url, { transports: ['websocket'] })))
  const headers = { authorization: adminHeader }
  await app.inject({ method: 'POST', url: '/data/k', headers: { ...headers, 'content-type': 'application/json' }, payload: '{}' })
  const patch = (n: number): object => ({ auth: admin, method: 'PATCH', url: '/data/k', data: { [`p${n}`]: n } })
  const answers = await Promise.all([...plain.map((socket, n) => socket.ask(patch(n))), ...sockets.map((socket, n) => ask(socket, patch(32 + n)))])
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(Object.keys((await app.inject({ url: '/data/k', headers })).json()).length, 64)
})
