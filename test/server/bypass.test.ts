/** Ways around limits, and how to use one up for others: what a client sends that counts twice, for ever, or not at all. */
import t from 'tap'
import { once } from 'node:events'
import { ask, authorization, runningServer } from '../helpers/built-server.js'
import { eventually } from '../helpers/eventually.js'
import { RawClient } from '../helpers/raw-http.js'

const put = (path: string, length = 1): string[] => [`PUT ${path} HTTP/1.1`, 'Host: x', `Authorization: ${authorization}`, `Content-Length: ${length}`]
const numbers = async (url: string, name: string): Promise<number | undefined> => {
  const { text } = await ask(`${url}/-/metrics`)
  const [, value] = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text) ?? []
  return value === undefined ? undefined : Number(value)
}

t.test('load.uploads: uploads that wait behind another one on a connection that breaks are counted no more', async t => {
  const { url, port } = await runningServer(t, { load: { uploads: 3 }, metrics: 'on' })
  for (let n = 0; n < 2; n++) {
    const client = await RawClient.open(t, port)
    // The first is not whole before the second one comes: only then are both under way.
    client.sendHeader('POST /c/ HTTP/1.1', 'Host: x', `Authorization: ${authorization}`, 'Content-Length: 1', 'Content-Type: multipart/form-data; boundary=b')
    client.socket.write('-' + [...put('/a'), '', 'x'].join('\r\n') + [...put('/b'), '', 'x'].join('\r\n'))
    client.socket.destroy()
  }
  await eventually('all of them have ended', async () => await numbers(url, 'cdmi_uploads_in_flight') === 0)
  await eventually('there is room again', async () => (await ask(`${url}/c`, { method: 'PUT', headers: { authorization }, body: 'x' })).status === 201)
})

t.test('load.uploads: a request for a socket is no upload, whatever length it announces', async t => {
  const { url, port } = await runningServer(t, { load: { uploads: 2 }, metrics: 'on' })
  for (const path of ['/ws', '/ws', '/socket.io/?EIO=4&transport=websocket', '/socket.io/?EIO=4&transport=websocket']) {
    const client = await RawClient.open(t, port)
    client.sendHeader(`GET ${path} HTTP/1.1`, 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Content-Length: 5')
    await client.receive(/ 101 /)
  }
  t.equal(await numbers(url, 'cdmi_uploads_in_flight'), 0)
  t.equal((await ask(`${url}/c`, { method: 'PUT', headers: { authorization }, body: 'x' })).status, 201)
})

t.test('limits.sockets: a session that begins counts, however its request is written', async t => {
  const { url, port } = await runningServer(t, { limits: { sockets: 1 } })
  const first = await RawClient.open(t, port)
  const upgrade = ['Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
  first.sendHeader('GET /ws HTTP/1.1', ...upgrade)
  await first.receive(/ 101 /)
  for (const way of ['', '&sid=', '&sid=x&sid=', '&a=?sid=1', '#&sid=1']) {
    t.equal((await ask(`${url}/socket.io/?EIO=4&transport=polling`, { path: `/socket.io/?EIO=4&transport=polling${way}` })).status, 503, way)
    const second = await RawClient.open(t, port)
    second.sendHeader(`GET /socket.io/?EIO=4&transport=websocket${way} HTTP/1.1`, ...upgrade)
    await second.end()
    t.match(second.received, /^HTTP\/1\.1 503 /, way)
  }
})

t.test('a connection that asks for protocols that nobody wants is one connection, and its bytes count once', async t => {
  const { url, port } = await runningServer(t, { metrics: 'on' })
  const client = await RawClient.open(t, port)
  for (let n = 1; n <= 20; n++) {
    client.sendHeader('GET /-/health HTTP/1.1', 'Host: x', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__')
    while (client.received.split(' 200 OK').length <= n) await once(client.socket, 'data')
  }
  const { bytesWritten } = client.socket
  client.socket.end()
  await eventually('it has ended', async () => await numbers(url, 'cdmi_connections_open') === 1)
  const accepted = await numbers(url, 'cdmi_connections_accepted_total') ?? 0
  t.ok(accepted < 20, `${accepted} connections`)
  const received = await numbers(url, 'cdmi_received_bytes_total') ?? 0
  t.ok(received < bytesWritten + 20 * 200, `${received} bytes, of which ${bytesWritten} by that connection`)
})

t.test('a header field counts wherever it stands: conditions behind a thousand others are no less conditions', async t => {
  const { url, port } = await runningServer(t, { headerSize: 32 * 1024 })
  t.equal((await ask(`${url}/kept`, { method: 'PUT', headers: { authorization }, body: 'kept' })).status, 201)
  const many = Array.from({ length: 1500 }, (_, n) => `x${n}: 1`)
  const client = await RawClient.open(t, port)
  client.sendHeader(...put('/kept'), 'Connection: close', ...many, 'If-None-Match: *')
  client.socket.write('x')
  await client.end()
  t.match(client.received, /^HTTP\/1\.1 412 /)
  t.equal((await ask(`${url}/kept`, { headers: { authorization } })).text, 'kept')
  const other = await RawClient.open(t, port)
  other.sendHeader('GET /kept HTTP/1.1', 'Host: x', `Authorization: ${authorization}`, ...many, 'Host: y')
  await other.receive(/^HTTP\/1\.1 400 /)
})
