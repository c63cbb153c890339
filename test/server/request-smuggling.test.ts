import t, { type Test } from 'tap'
import { ask, authorization, runningServer, type RunningServer } from '../helpers/built-server.js'
import { RawClient } from '../helpers/raw-http.js'

const canary = 'as it was'
/** What would be done by whoever takes the rest of a request for another one. */
const smuggled = `DELETE /canary HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`

async function guarded (t: Test): Promise<RunningServer> {
  const server = await runningServer(t)
  await ask(server.url + '/canary', { method: 'PUT', headers: { authorization }, body: canary })
  return server
}

/** All that comes back for these bytes until the server ends the connection. */
async function exchange (t: Test, port: number, bytes: string): Promise<string> {
  const client = await RawClient.open(t, port)
  client.socket.write(Buffer.from(bytes, 'latin1'))
  await client.end()
  return client.received
}

const statuses = (received: string): number[] => [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

async function untouched (t: Test, { url }: RunningServer, what: string): Promise<void> {
  t.equal((await ask(url + '/canary', { headers: { authorization } })).text, canary, what)
  t.equal((await ask(url + '/made', { headers: { authorization } })).status, 404, what)
}

const put = (...lines: string[]): string => ['PUT /made HTTP/1.1', 'Host: x', `Authorization: ${authorization}`, ...lines].join('\r\n') + '\r\n\r\n'

t.test('a request whose end could be seen in two places is refused, its connection ends, and what follows is never carried out', async t => {
  const server = await guarded(t)
  const length = String(smuggled.length)
  const cases: Record<string, string> = {
    'Content-Length and Transfer-Encoding': put('Content-Length: 4', 'Transfer-Encoding: chunked') + '0\r\n\r\n' + smuggled,
    'Transfer-Encoding and Content-Length': put('Transfer-Encoding: chunked', `Content-Length: ${length}`) + '0\r\n\r\n' + smuggled,
    'two lengths': put('Content-Length: 0', `Content-Length: ${length}`) + smuggled,
    'a list of lengths': put(`Content-Length: 0, ${length}`) + smuggled,
    'a length with a sign': put('Content-Length: +0') + smuggled,
    'a length below zero': put('Content-Length: -1') + smuggled,
    'a hexadecimal length': put('Content-Length: 0x0') + smuggled,
    'a length of two numbers': put('Content-Length: 0 1') + smuggled,
    'a length beyond all numbers': put('Content-Length: 18446744073709551616') + smuggled,
    'a space before the colon': put('Transfer-Encoding : chunked') + '0\r\n\r\n' + smuggled,
    'a coding that hides another': put('Transfer-Encoding: xchunked') + '0\r\n\r\n' + smuggled,
    'chunked, but not last': put('Transfer-Encoding: chunked, identity') + '0\r\n\r\n' + smuggled,
    'chunked twice': put('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked') + '0\r\n\r\n' + smuggled,
    'a header without a name': put(': chunked') + smuggled,
    'a NUL in a value': put('X-Note: a\0b', 'Content-Length: 0') + smuggled,
    'a NUL in a name': put('X-No\0te: a', 'Content-Length: 0') + smuggled,
    'a bare CR in a value': put('X-Note: a\rTransfer-Encoding: chunked', 'Content-Length: 0') + smuggled,
    'a size with a prefix': put('Transfer-Encoding: chunked') + `0x${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
    'a size with a sign': put('Transfer-Encoding: chunked') + `+0\r\n\r\n${smuggled}`,
    'a size beyond all numbers': put('Transfer-Encoding: chunked') + `10000000000000000\r\n${smuggled}`,
    'a chunk longer than its size': put('Transfer-Encoding: chunked') + `1\r\nab\r\n0\r\n\r\n${smuggled}`,
    'no line end after a chunk': put('Transfer-Encoding: chunked') + `1\r\na0\r\n\r\n${smuggled}`,
    'a chunk extension with a bare line feed': put('Transfer-Encoding: chunked') + `1;a\nb\r\na\r\n0\r\n\r\n${smuggled}`
  }
  for (const [what, bytes] of Object.entries(cases)) {
    const received = await exchange(t, server.port, bytes)
    const [first, ...others] = statuses(received)
    t.ok(first === 400 || first === 501 || first === 413, `${what}: ${first}`)
    t.same(others, [], what)
    await untouched(t, server, what)
  }
})

t.test('bare line feeds end no request', async t => {
  const server = await guarded(t)
  for (const bytes of [
    put('Content-Length: 0').replaceAll('\r\n', '\n') + smuggled,
    put('X-Note: a\nTransfer-Encoding: chunked', 'Content-Length: 0') + '0\r\n\r\n' + smuggled
  ]) {
    t.same(statuses(await exchange(t, server.port, bytes)), [400])
    await untouched(t, server, JSON.stringify(bytes))
  }
})

t.test('a folded line (obs-fold) hides no header', async t => {
  const server = await guarded(t)
  const received = await exchange(t, server.port, put('X-Note: a', ' Transfer-Encoding: chunked', 'Content-Length: 0') + smuggled.replace('DELETE /canary', 'GET /canary'))
  t.ok(statuses(received).every(status => [201, 200, 400].includes(status)), String(statuses(received)))
  t.notOk(statuses(received).includes(501), 'the folded words are no header')
  const coded = await exchange(t, server.port, put('Transfer-Encoding:', ' chunked', 'Content-Length: 4') + '0\r\n\r\n' + smuggled)
  t.same(statuses(coded), [400], 'but a folded value counts')
  t.equal((await ask(server.url + '/canary', { headers: { authorization } })).text, canary)
})

t.test('chunk extensions are read over, up to a bound', async t => {
  const server = await runningServer(t)
  const good = await exchange(t, server.port, put('Connection: close', 'Transfer-Encoding: chunked') + '2;name="value"\r\nhi\r\n0;last\r\n\r\n')
  t.same(statuses(good), [201])
  t.equal((await ask(server.url + '/made', { headers: { authorization } })).text, 'hi')
  const long = await exchange(t, server.port, put('Transfer-Encoding: chunked') + `2;${'x'.repeat(100_000)}\r\nhi\r\n0\r\n\r\n`)
  t.same(statuses(long), [413])
  t.equal((await ask(server.url + '/made', { headers: { authorization } })).text, 'hi', 'nothing of it is stored')
})

t.test('a request with two hosts, or with a coding that nobody knows, ends its connection: what came behind it is not done', async t => {
  const { url, port } = await runningServer(t)
  await ask(`${url}/canary`, { method: 'PUT', headers: { authorization }, body: 'x' })
  for (const lines of [['Host: y', 'Content-Length: 0'], ['Transfer-Encoding: gzip, chunked']]) {
    const client = await RawClient.open(t, port)
    client.socket.write(put(...lines) + (lines.length === 1 ? '0\r\n\r\n' : '') + smuggled)
    await client.end()
    t.match(client.received, /^HTTP\/1\.1 (?:400|501) /)
    t.equal(client.received.match(/HTTP\/1\.1/g)?.length, 1)
    t.equal((await ask(`${url}/canary`, { headers: { authorization } })).status, 200)
  }
})

t.test('the absolute form means the path in it, and the host of the header', async t => {
  const server = await guarded(t)
  const line = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`
  t.match(await exchange(t, server.port, line('http://other.example/canary')), new RegExp(`^HTTP/1\\.1 200 [^]*${canary}$`))
  t.same(statuses(await exchange(t, server.port, line('http://other.example@evil.example/canary'))), [200])
  const { headers } = await ask(server.url + '/cdmi/2.0.0', { headers: { authorization } })
  t.ok(headers.location === undefined || headers.location.startsWith('/') || headers.location.startsWith(server.url))
})

t.test('nothing that a client says gets a line of its own into the header of an answer', async t => {
  const { url } = await runningServer(t)
  const split = 'x\r\nX-Evil: yes\r\n\r\n<script>'
  const cdmi = { authorization, accept: 'application/cdmi-object' }
  const object = async (path: string, body: object): Promise<number> => (await ask(url + path, { method: 'PUT', headers: { ...cdmi, 'content-type': 'application/cdmi-object' }, body: JSON.stringify(body) })).status
  const clean = async (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<void> => {
    const answer = await ask(url + path, { method, headers: { authorization, ...headers } })
    t.ok(answer.status < 500, `${path} ${answer.status}`)
    t.equal(answer.headers['x-evil'], undefined, path)
  }
  // A type becomes Content-Type.
  t.equal(await object('/type', { mimetype: `text/html${split}`, value: '' }), 400)
  // The target of a reference becomes Location.
  t.equal(await object('/reference', { reference: `http://other.example/${split}` }), 400)
  // Names of metadata stay in bodies.
  t.equal(await object('/metadata', { metadata: { [split]: split }, value: '' }), 201)
  await clean('/metadata')
  await clean('/metadata', { accept: 'application/cdmi-object' })
  // Escaped in the path, which redirects repeat.
  for (const path of ['/a%0d%0aX-Evil:%20yes', '/cdmi/2.0.0%0d%0aX-Evil:%20yes', '/data/%0d%0aX-Evil:%20yes', '/?%0d%0aX-Evil:%20yes', '/data?after=%0d%0aX-Evil:%20yes', '/-/docs%0d%0aX-Evil:%20yes']) await clean(path)
  // What answers repeat of headers.
  await clean('/', { 'x-request-id': 'a\tX-Evil: yes', origin: 'http://a\tX-Evil: yes' })
  // The name of a file in a form becomes Location.
  const answer = await ask(url + '/', { method: 'POST', headers: { authorization, accept: 'application/json', 'content-type': 'multipart/form-data; boundary=b' }, body: '--b\r\nContent-Disposition: form-data; name="f"; filename="a%0d%0aX-Evil: yes"\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n' })
  t.ok(answer.status < 500)
  t.equal(answer.headers['x-evil'], undefined)
})
