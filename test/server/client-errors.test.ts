import t from 'tap'
import { authorization, runningServer } from '../helpers/built-server.js'
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
    t.match(client.received, /\r\nContent-Type: application\/problem\+json\r\n/)
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

t.test('a bad request after a good one on the same connection is answered, too', async t => {
  const { port } = await runningServer(t)
  const client = await RawClient.open(t, port)
  client.sendHeader('GET /-/health HTTP/1.1', 'Host: x')
  await client.receive(/^HTTP\/1\.1 200 [^]*"alive"[^]*\}/)
  client.socket.write('garbage\r\n\r\n')
  await client.end()
  t.match(client.received, /\}HTTP\/1\.1 400 Bad Request\r\n/)
})

t.test('a bad request behind one that is being answered spoils no answer', async t => {
  const { port } = await runningServer(t)
  const client = await RawClient.open(t, port)
  client.socket.write(`PUT /x HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: 2\r\n\r\nhigarbage\r\n\r\n`)
  await client.end()
  t.notMatch(client.received, 'HTTP/1.1 400', 'that would be taken for the answer to the first')
})

t.test('a body that is malformed is a 400', async t => {
  const { port } = await runningServer(t)
  const client = await RawClient.open(t, port)
  client.socket.write(`PUT /x HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`)
  await client.end()
  t.match(client.received, /^HTTP\/1\.1 400 /)
})
