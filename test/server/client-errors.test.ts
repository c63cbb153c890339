import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { ask, authorization, builtServer, runningServer } from '../helpers/built-server.js'
import { RawClient } from '../helpers/raw-http.js'

/** The problem document at the end of what was received. */
const problem = (received: string): unknown => JSON.parse(received.slice(received.lastIndexOf('\r\n\r\n') + 4))

t.test('what is not HTTP is answered with 400 and a problem document, and the connection is closed', async t => {
  const { port } = await runningServer(t)
  for (const garbage of ['garbage\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00', 'GET / HTTP/9.9\r\n\r\n', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n']) {
    const client = await RawClient.open(t, port)
    client.socket.write(garbage)
    await client.end()
    t.match(client.received, /^HTTP\/1\.1 400 Bad Request\r\n/)
    t.match(client.received, /\r\nContent-Type: application\/problem\+json\r\nX-Content-Type-Options: nosniff\r\n/)
    t.match(client.received, /\r\nConnection: close\r\n/)
    t.match(problem(client.received), { type: 'about:blank', title: 'Bad Request', status: 400, detail: /not a valid HTTP request/ })
  }
})

t.test('a header that is too long is answered with 431', async t => {
  const { port } = await runningServer(t)
  const client = await RawClient.open(t, port)
  client.sendHeader('GET / HTTP/1.1', 'Host: x', `X-Long: ${'x'.repeat(20_000)}`)
  await client.end()
  t.match(client.received, /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/)
  t.match(problem(client.received), { status: 431, detail: /header of the request is too long/ })
})

t.test('a header that comes too slowly is answered with 408', async t => {
  const { port } = await runningServer(t, { headersTimeout: 0.2 })
  const client = await RawClient.open(t, port)
  client.socket.write('GET / HTTP/1.1\r\nHost: x\r\n')
  await client.end()
  t.match(client.received, /^HTTP\/1\.1 408 Request Timeout\r\n/)
  t.match(problem(client.received), { status: 408, detail: /did not arrive in time/ })
})

t.test('what is late is seen within a second, however long it may take', async t => {
  const { app } = await builtServer(t, { headersTimeout: 20, requestTimeout: 60 })
  const settings = ['headersTimeout', 'requestTimeout', 'connectionsCheckingInterval'].map(name => Reflect.get(app.server, name) as unknown)
  t.same(settings, [20_000, 60_000, 1000])
})

t.test('a bad request after a good one on the same connection is answered, too', async t => {
  const { port } = await runningServer(t)
  const client = await RawClient.open(t, port)
  client.sendHeader('GET /-/health HTTP/1.1', 'Host: x')
  await client.receive(/^HTTP\/1\.1 200 [^]*"alive"[^]*\}/)
  client.socket.write('garbage\r\n\r\n')
  await client.end()
  t.match(client.received, /\}HTTP\/1\.1 400 Bad Request\r\n/)
})

t.test('a body that breaks after its request was answered gets no second answer, which would be taken for that to the next request', async t => {
  const { port } = await runningServer(t)
  const client = await RawClient.open(t, port)
  client.sendHeader('POST /socket.io/?EIO=4&transport=polling&sid=none HTTP/1.1', 'Host: x', 'Transfer-Encoding: chunked')
  await client.receive(/^HTTP\/1\.1 400 [^]*Session ID unknown"\}/)
  client.socket.write('1\r\nab\r\n0\r\n\r\n')
  await client.end()
  t.equal(client.received.split('HTTP/1.1 ').length, 2)
})

t.test('however much comes behind a bad request, the answer that is under way keeps count of it once', async t => {
  const { app, url, port } = await runningServer(t)
  const [, sid = ''] = /"sid":"([^"]+)"/.exec((await ask(url + '/socket.io/?EIO=4&transport=polling')).text) ?? []
  const client = await RawClient.open(t, port)
  const asked = once(app.server, 'request') as Promise<[IncomingMessage, ServerResponse]>
  client.sendHeader(`GET /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1`, 'Host: x')
  const [, response] = await asked
  const spoil = async (): Promise<number> => {
    const seen = once(app.server, 'clientError')
    client.socket.write('garbage\r\n\r\n')
    await seen
    return response.listenerCount('close')
  }
  const count = await spoil()
  t.same([await spoil(), await spoil()], [count, count])
})

t.test('a bad request behind one that is being answered spoils no answer: its own comes behind that', async t => {
  const { port } = await runningServer(t)
  const client = await RawClient.open(t, port)
  client.socket.write(`PUT /x HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: 2\r\n\r\nhigarbage\r\n\r\n`)
  await client.end()
  t.match(client.received, /^HTTP\/1\.1 201 [^]*HTTP\/1\.1 400 /)
})

t.test('a request that could be read in two ways, or not to its end, is refused at every door, and nothing is stored', async t => {
  const server = await runningServer(t)
  const refused = async (status: number, pattern: RegExp, line: string, ...header: string[]): Promise<void> => {
    const client = await RawClient.open(t, server.port)
    client.sendHeader(line, `Authorization: ${authorization}`, 'Connection: close', 'Content-Type: application/json', ...header)
    client.socket.write('2\r\n{}\r\n0\r\n\r\n')
    await client.end()
    t.match(client.received, new RegExp(`^HTTP/1\\.1 ${status} `), header.join())
    t.match(client.received, pattern)
  }
  for (const line of ['PUT /x HTTP/1.1', 'POST /data/x HTTP/1.1', 'POST /cdmi/2.0.0/ HTTP/1.1']) {
    await refused(400, /The Host of the request is not/, line, 'Host: a b<script>', 'Transfer-Encoding: chunked')
    await refused(400, /more than one Host/, line, 'Host: a', 'host: b', 'Transfer-Encoding: chunked')
    await refused(501, /Transfer-Encoding other than/, line, 'Host: a', 'Transfer-Encoding: gzip, chunked')
  }
  t.same(JSON.parse((await ask(server.url + '/', { headers: { authorization, accept: 'application/json' } })).text).children, ['data/'])
  for (const host of ['localhost', 'localhost:80', '127.0.0.1:1', '[::1]:6375', 'xn--bcher-kva.example', 'a_b']) t.equal((await ask(server.url + '/data', { headers: { authorization, host } })).status, 200, host)
})

t.test('KEY-10: an escape that is no UTF-8 is refused in the form of the door', async t => {
  const server = await runningServer(t)
  const error = 'The URI has a percent-escape that is not valid UTF-8'
  t.same(JSON.parse((await ask(server.url + '/data/%ff', { headers: { authorization } })).text), { error })
  t.match(JSON.parse((await ask(server.url + '/data/%ff', { headers: { authorization, accept: 'application/cdmi-object' } })).text), { status: 400, detail: error })
  t.match(JSON.parse((await ask(server.url + '/%ff', { headers: { authorization } })).text), { status: 400, detail: error })
})

t.test('a method that nobody knows is 501, what is no request at all 400 (RFC 9110 §9.1)', async t => {
  const { port } = await runningServer(t)
  const answered = async (...pieces: string[]): Promise<string> => {
    const client = await RawClient.open(t, port)
    client.socket.write(pieces.join(''))
    await client.end()
    return client.received
  }
  for (const method of ['BREW', 'FOO', 'get', 'GETX', 'PROPFINDER', 'M-X', 'P', `${'X'.repeat(40)}`]) {
    t.match(await answered(`${method} /a HTTP/1.1\r\nHost: x\r\n\r\n`), /^HTTP\/1\.1 501 Not Implemented\r\n[^]*"detail":"The method of the request is none that this server knows"/, method)
  }
  t.match(await answered('GET /-/health HTTP/1.1\r\nHost: x\r\n\r\n', 'BREW /a HTTP/1.1\r\nHost: x\r\n\r\n'), /^HTTP\/1\.1 200 [^]*HTTP\/1\.1 501 /, 'behind another request, and its answer')
  t.match(await answered('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n'), /^HTTP\/1\.1 501 [^]*"detail":"This server is no proxy/)
  for (const garbage of ['garbage\r\n\r\n', 'FOO /\r\n\r\n', 'FOO / FTP/1.1\r\n\r\n', '{"a":1} / HTTP/1.1\r\n\r\n', 'F\u00e9 / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x02\x00\x01']) {
    t.match(await answered(garbage), /^HTTP\/1\.1 400 /, JSON.stringify(garbage))
  }
})

t.test('a client that asks for a tunnel and is gone at once ends nobody but itself', async t => {
  const { app, url, port } = await runningServer(t)
  const [, sid = ''] = /"sid":"([^"]+)"/.exec((await ask(url + '/socket.io/?EIO=4&transport=polling')).text) ?? []
  // Alone, and behind a request that has its answer later.
  for (const before of ['', `GET /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1\r\nHost: x\r\n\r\n`]) {
    const client = await RawClient.open(t, port)
    const given = once(app.server, 'connect') as Promise<[IncomingMessage]>
    client.socket.write(`${before}CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n`)
    client.socket.resetAndDestroy()
    const [{ socket }] = await given
    if (!socket.closed) await new Promise<void>(resolve => { socket.once('close', () => { resolve() }) })
  }
  t.equal((await ask(url + '/-/health')).status, 200)
})

t.test('a method that the framework does not know is 405 with those that there are', async t => {
  const server = await runningServer(t)
  const { status, headers } = await ask(server.url + '/a', { method: 'PROPFIND', headers: { authorization } })
  t.equal(status, 405)
  t.same(String(headers.allow).split(', ').sort(), ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'])
})

t.test('a body that is malformed is a 400', async t => {
  const { port } = await runningServer(t)
  const client = await RawClient.open(t, port)
  client.socket.write(`PUT /x HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`)
  await client.end()
  t.match(client.received, /^HTTP\/1\.1 400 /)
})

t.test('a method that nobody knows is 501, what is no request 400, wherever the packets are cut', async t => {
  const { app, port } = await runningServer(t, { headersTimeout: 5 })
  const answered = async (...pieces: string[]): Promise<string> => {
    const taken = once(app.server, 'connection') as Promise<[Socket]>
    const client = await RawClient.open(t, port)
    const [socket] = await taken
    let sent = 0
    for (const piece of pieces) {
      client.socket.write(piece)
      sent += piece.length
      // The rest is sent when this has been read.
      while (socket.bytesRead < sent && !socket.destroyed) await setImmediate()
    }
    client.socket.end()
    await client.end()
    return client.received
  }
  const line = 'BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n'
  for (let at = 1; at < 20; at++) t.match(await answered(line.slice(0, at), line.slice(at)), /^HTTP\/1\.1 501 /, line.slice(0, at))
  t.match(await answered(...line), /^HTTP\/1\.1 501 /, 'each by itself')
  for (const known of ['GETX / HTTP/1.1\r\n', 'GE / HTTP/1.1\r\n', 'PROP / HTTP/1.0\n']) {
    for (let at = 1; at < 6; at++) t.match(await answered(known.slice(0, at), known.slice(at)), /^HTTP\/1\.1 501 /, `${known.slice(0, at)}, ${known.slice(at)}`)
  }
  for (const garbage of [['gar', 'bage\r\n\r\n'], ['BREW / HTTP/1.1', 'x\r\n'], ['BREW / ', 'FTP/1.1\r\n'], ['BREW', '\0'], ['BREW /', ' '], ['B', 'x'.repeat(20_000)]]) {
    t.match(await answered(...garbage), /^HTTP\/1\.1 400 /, garbage.join('|').slice(0, 40))
  }
})

t.test('a method that never comes to its end is answered when its time is over', async t => {
  const { port } = await runningServer(t, { headersTimeout: 0.2 })
  const client = await RawClient.open(t, port)
  client.socket.write('BREW /p')
  await client.end()
  t.match(client.received, /^HTTP\/1\.1 408 /)
})
