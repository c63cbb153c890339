import t from 'tap'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { authorization, ask, runningServer } from '../helpers/built-server.js'
import { eventually } from '../helpers/eventually.js'
import { openMemoryStore } from '../../index.js'
import { RawClient } from '../helpers/raw-http.js'

const request = (line: string, body = '', ...more: string[]): string =>
  [`${line} HTTP/1.1`, 'Host: x', `Authorization: ${authorization}`, `Content-Length: ${body.length}`, ...more, '', body].join('\r\n')

t.test('requests that a client sends without waiting are done one after the other', async t => {
  const server = await runningServer(t)
  const client = await RawClient.open(t, server.port)
  const slow = 'v'.repeat(100_000)
  client.socket.write([
    request('PUT /a', slow), request('GET /a'), request('PATCH /a', 'new', 'Content-Range: bytes 0-2/*'), request('GET /a', '', 'Range: bytes=0-3'),
    request('POST /data/k', '{"n":1}', 'Content-Type: application/json'), request('GET /data/k'),
    request('DELETE /a'), request('GET /a', '', 'Connection: close')
  ].join(''))
  await client.end()
  t.same([...client.received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status)), [201, 200, 204, 206, 201, 200, 204, 404])
  t.match(client.received, /\r\n\r\nnewvHTTP/)
})

t.test('of requests that come while the first one is answered only so many are looked at: neither memory nor time grows with what a client sends', async t => {
  let open: () => void = () => {}
  const opened = new Promise<void>(resolve => { open = resolve })
  const server = await runningServer(t, {}, { store: Object.assign(openMemoryStore(), { ready: async () => { await opened } }) })
  let begun = 0
  server.app.server.on('request', () => { begun++ })
  const client = await RawClient.open(t, server.port)
  client.socket.write(request('GET /-/ready') + request('GET /-/health').repeat(20_000))
  await eventually('they have come', async () => begun >= 256)
  await ask(server.url + '/-/health')
  t.ok(begun <= 257, `${begun} requests were begun`)
  open()
  await client.end()
  t.equal(client.received.match(/HTTP\/1\.1 200/g)?.length, 256, 'the others can be sent once more')
  t.equal(client.received.match(/connection: close/gi)?.length, 1)
})

t.test('many requests that come one behind the other, but not all at once, are all answered', async t => {
  const server = await runningServer(t)
  const client = await RawClient.open(t, server.port)
  const [rounds, depth] = [20, 100]
  for (let round = 1; round <= rounds; round++) {
    client.socket.write(request('GET /-/health').repeat(depth))
    while (client.received.split('HTTP/1.1 200').length <= round * depth) await once(client.socket, 'data')
  }
  t.pass()
})

t.test('what comes behind the last request of a connection is not done', async t => {
  const server = await runningServer(t)
  await ask(server.url + '/kept', { method: 'PUT', headers: { authorization }, body: 'x' })
  const client = await RawClient.open(t, server.port)
  client.socket.write(request('PUT /last', 'v', 'Connection: close') + request('DELETE /kept'))
  await client.end()
  t.match(client.received, /^HTTP\/1\.1 201 /)
  t.equal(client.received.match(/HTTP\/1\.1/g)?.length, 1)
  t.equal((await ask(server.url + '/kept', { headers: { authorization } })).status, 200)
})

/** The status of each answer. */
const statuses = ({ received }: RawClient): number[] => [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status))

t.test('RFC 9112 §9.6: all answers up to the last request of a connection are sent whole, only that one says "close", and what is behind it is not done', async t => {
  const server = await runningServer(t)
  const put = async (): Promise<void> => { await ask(server.url + '/kept', { method: 'PUT', headers: { authorization }, body: 'v'.repeat(300_000) }) }
  const last = request('GET /kept', '', 'Connection: close')
  const get = request('GET /kept')
  for (const [sent, answers] of [
    [[get + last + request('DELETE /kept')], [200, 200]],
    [[get + get + last + last + last + request('DELETE /kept')], [200, 200, 200]],
    [[request('PUT /other', 'v'.repeat(100_000)) + get + last, request('DELETE /kept')], [201, 200, 200]],
    [[get + request('GET /none') + request('GET /kept', '', 'If-Match: "x"') + last + get], [200, 404, 412, 200]],
    [[get + get + 'garbage\r\n\r\n'], [200, 200, 400]],
    [[get + get + 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n'], [200, 200, 501]],
    [[get + get + 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'], [200, 200, 501]],
    [[get + get + `PUT /cut HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n`], [200, 200, 400]]
  ] as const) {
    await put()
    const client = await RawClient.open(t, server.port)
    for (const piece of sent) client.socket.write(piece)
    await client.end()
    t.same(statuses(client), answers)
    t.equal(client.received.split(/connection: close/i).length, 2, 'one of them says that it is the last')
    t.equal(client.received.split('v'.repeat(300_000)).length - 1, answers.filter(status => status === 200).length, 'all of them are whole')
    t.equal((await ask(server.url + '/kept', { headers: { authorization } })).status, 200)
  }
})

t.test('what comes behind the body of a request that was refused early is not done: the answer has said that it is the last', async t => {
  const server = await runningServer(t)
  const refused = (framing: string, body: string): string => `PUT /a HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n${body}`
  for (const begun of [
    refused('Content-Length: 200000', 'v'.repeat(200_000)),
    refused('Transfer-Encoding: chunked', '5\r\nabcde\r\n0\r\n\r\n'),
    refused('Content-Length: 3\r\nExpect: 100-continue', 'abc')
  ]) {
    await ask(server.url + '/kept', { method: 'PUT', headers: { authorization }, body: 'x' })
    const client = await RawClient.open(t, server.port)
    client.socket.write(begun + request('DELETE /kept'))
    await client.end()
    t.same(statuses(client), [401])
    t.match(client.received, /connection: close/i)
    t.equal((await ask(server.url + '/kept', { headers: { authorization } })).status, 200, begun.slice(0, 80))
  }
})

t.test('a client that ends its half of the connection with its last request gets all answers', async t => {
  const server = await runningServer(t)
  for (const [sent, answers] of [
    [request('PUT /a', 'v'), [201]],
    [request('PUT /a', 'v'.repeat(300_000)) + request('GET /a') + request('GET /a', '', 'Range: bytes=0-3'), [204, 200, 206]],
    [request('GET /a') + request('GET /a', '', 'Connection: close') + request('DELETE /a'), [200, 200]],
    [request('GET /a') + 'GET /a HT', [200, 400]],
    [request('GET /a') + `PUT /a HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: 5\r\n\r\nab`, [200, 400]],
    [request('DELETE /a'), [204]]
  ] as const) {
    const client = await RawClient.open(t, server.port)
    client.socket.end(sent)
    await client.end()
    t.same(statuses(client), answers)
  }
})

t.test('a client of socket.io that ends its half of the connection while a POST of it waits for room is gone, too', async t => {
  const server = await runningServer(t)
  const target = '/socket.io/?EIO=4&transport=polling'
  const [, sid = ''] = /"sid":"([^"]+)"/.exec((await ask(server.url + target)).text) ?? []
  await ask(`${server.url}${target}&sid=${sid}`, { method: 'POST', body: '40' })
  const client = await RawClient.open(t, server.port)
  // Their answers are not fetched.
  client.socket.end(request(`POST ${target}&sid=${sid}`, Array<string>(500).fill('42["http message",{"method":"GET","url":"/data"}]').join('\x1e')))
  await client.end()
  t.equal(client.received, '')
})

t.test('a client of socket.io that ends its half of the connection while it polls is gone, and its session with it', async t => {
  const server = await runningServer(t)
  const [, sid = ''] = /"sid":"([^"]+)"/.exec((await ask(server.url + '/socket.io/?EIO=4&transport=polling')).text) ?? []
  const client = await RawClient.open(t, server.port)
  client.socket.end(request(`GET /socket.io/?EIO=4&transport=polling&sid=${sid}`))
  await client.end()
  t.equal(client.received, '')
  t.match((await ask(`${server.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`)).text, /Session ID unknown/)
})

t.test('so is one that has ended its half before its poll had its turn', async t => {
  let open: () => void = () => {}
  const opened = new Promise<void>(resolve => { open = resolve })
  const server = await runningServer(t, {}, { store: Object.assign(openMemoryStore(), { ready: async () => { await opened } }) })
  const target = '/socket.io/?EIO=4&transport=polling'
  const [, sid = ''] = /"sid":"([^"]+)"/.exec((await ask(server.url + target)).text) ?? []
  const client = await RawClient.open(t, server.port)
  const begun = once(server.app.server, 'request') as Promise<[IncomingMessage]>
  client.socket.end(request('GET /-/ready') + request(`GET ${target}&sid=${sid}`))
  const [{ socket }] = await begun
  await eventually('its end has come', () => socket.readableEnded)
  open()
  await client.end()
  t.same(statuses(client), [200])
  t.match((await ask(`${server.url}${target}&sid=${sid}`)).text, /Session ID unknown/)
})
