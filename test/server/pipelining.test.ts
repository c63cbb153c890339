import t from 'tap'
import { once } from 'node:events'
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
