import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { Readable } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import { generate } from 'selfsigned'
import t, { type Test } from 'tap'
import { Agent, request as send } from 'undici'
import { describeError, withHeaders } from '../../cdmi/describe-error.js'
import * as table from '../../cdmi/errors.js'
import auth from '../../plugins/auth.js'
import errors from '../../plugins/errors.js'
import { StorageError, type StorageReason } from '../../storage/contract.js'
import { bodyOf } from '../../routes/http/source.js'
import { RawClient } from '../helpers/raw-http.js'

interface Built { app: FastifyInstance, log: string[], port: number, sockets: Socket[] }

async function build (t: Test, routes: (scope: FastifyInstance) => void, tls?: { key: string, cert: string }): Promise<Built> {
  const log: string[] = []
  const logger = { level: 'debug', stream: { write: (line: string) => { log.push(line) } } }
  const app = Fastify({ logger, bodyLimit: 1024, forceCloseConnections: true, ...(tls === undefined ? {} : { https: tls }) }) as unknown as FastifyInstance
  const sockets: Socket[] = []
  app.server.on('connection', (socket: Socket) => { sockets.push(socket) })
  t.teardown(() => app.close())
  await app.register(async scope => {
    await scope.register(errors, { notFound: true })
    await scope.register(auth, { users: (_name, password) => password === 'right' })
    routes(scope)
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, log, sockets, port: (app.server.address() as AddressInfo).port }
}

/** A route that throws. */
function throwing (error: () => unknown): (scope: FastifyInstance) => void {
  return scope => {
    scope.get('/', async () => { throw error() })
  }
}

t.test('an error of the table is a problem document that repeats the request ID', async t => {
  const { app } = await build(t, throwing(() => new table.NotFound('/a/b')))
  const answer = await app.inject('/')
  t.equal(answer.statusCode, 404)
  t.match(answer.headers, { 'content-type': /^application\/problem\+json/, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  t.same(answer.json(), { type: 'about:blank', title: 'Not Found', status: 404, detail: '/a/b does not exist', code: 'CDMI_NOT_FOUND', requestId: answer.headers['x-request-id'] })
})

t.test('storage errors: the reason, but not a word of the disk', async t => {
  const expected: Record<StorageReason, number> = { full: 507, unavailable: 503, permission: 503, locked: 503, missing: 500, corrupt: 500, format: 503 }
  for (const [reason, status] of Object.entries(expected)) {
    const { app, log } = await build(t, throwing(() => new StorageError(reason as StorageReason, 'ENOSPC: write /var/lib/secret-path')))
    const answer = await app.inject('/')
    t.equal(answer.statusCode, status, reason)
    t.equal(answer.headers['retry-after'], status === 503 ? '5' : undefined)
    t.notMatch(answer.body, 'secret-path')
    t.notMatch(answer.body, 'at ')
    t.equal(answer.json().requestId, answer.headers['x-request-id'])
    t.match(log.find(line => line.includes('secret-path')), `"reqId":"${answer.headers['x-request-id']}"`, 'the log has the whole')
  }
})

t.test('whatever else is thrown is a 500 that tells nothing', async t => {
  for (const thrown of [new TypeError('secret'), 'secret', null, undefined, { statusCode: 418, message: 'secret' }, Object.assign(new Error('secret'), { statusCode: 502 }), Object.assign(new Error('secret'), { statusCode: 9 })]) {
    const { status, message } = describeError(thrown)
    t.ok(status === 500 || status === 502)
    t.notMatch(message, 'secret')
  }
  const { app } = await build(t, throwing(() => new TypeError('secret')))
  const answer = await app.inject('/')
  t.equal(answer.statusCode, 500)
  t.notMatch(answer.body, 'secret')
})

t.test('errors carry the headers that belong to their answer', async t => {
  const { app } = await build(t, scope => {
    scope.get('/', async (_request, reply) => {
      reply.header('etag', '"1"').header('content-range', 'bytes 0-1/2').header('content-disposition', 'attachment')
      throw withHeaders(new table.RangeNotSatisfiable('behind the end'), { 'content-range': 'bytes */2' })
    })
    scope.get('/not-modified', async () => { throw withHeaders(new table.NotModified(), { etag: '"1"' }) })
  })
  const answer = await app.inject('/')
  t.equal(answer.statusCode, 416)
  t.equal(answer.headers['content-range'], 'bytes */2')
  t.notOk('etag' in answer.headers || 'content-disposition' in answer.headers, 'what was said of the value is not said of the error')
  const unchanged = await app.inject('/not-modified')
  t.same([unchanged.statusCode, unchanged.body, unchanged.headers.etag], [304, '', '"1"'])
})

t.test('errors of the framework have the same form', async t => {
  const { app } = await build(t, scope => {
    scope.post('/json', { schema: { body: { type: 'object', properties: { a: { type: 'integer' } } } } }, async () => 'ok')
  })
  const post = (payload: string, type = 'application/json') => app.inject({ method: 'POST', url: '/json', payload, headers: { 'content-type': type } })
  const expected = [
    [await post('{'), 400, 'FST_ERR_CTP_INVALID_JSON_BODY'],
    [await post(''), 400, 'FST_ERR_CTP_EMPTY_JSON_BODY'],
    [await post('{"a":"x"}'), 400, 'FST_ERR_VALIDATION'],
    [await post(JSON.stringify('x'.repeat(2000))), 413, 'FST_ERR_CTP_BODY_TOO_LARGE'],
    [await post('<a/>', 'application/xml'), 415, 'FST_ERR_CTP_INVALID_MEDIA_TYPE'],
    [await app.inject('/nothing'), 404, 'CDMI_NOT_FOUND'],
    [await app.inject({ method: 'DELETE', url: '/json' }), 405, 'CDMI_METHOD_NOT_ALLOWED']
  ] as const
  for (const [answer, status, code] of expected) {
    t.equal(answer.statusCode, status, code)
    t.match(answer.json(), { status, code, requestId: /./ })
    t.match(answer.headers['content-type'], 'application/problem+json')
  }
  t.equal(expected[6][0].headers['allow'], 'POST')
})

t.test('a browser gets a page in which everything is escaped and nothing can run', async t => {
  const { app } = await build(t, throwing(() => new table.NotFound('/<script>alert("1")</script>')))
  const page = await app.inject({ url: '/', headers: { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' } })
  t.equal(page.statusCode, 404)
  t.match(page.headers, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': /default-src 'none'.*frame-ancestors 'none'/ })
  t.match(page.body, '/&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; does not exist')
  t.notMatch(page.body, '<script')
  for (const accept of [undefined, '*/*', 'application/json', 'application/json, text/html;q=0.5']) {
    t.match((await app.inject({ url: '/', headers: accept === undefined ? {} : { accept } })).headers['content-type'], 'application/problem+json', String(accept))
  }
})

/** Refuses before the body, while it comes, and after a part of it was read. */
function uploads (scope: FastifyInstance): void {
  scope.addContentTypeParser('*', (_request, _payload, done) => { done(null) })
  scope.put('/locked', { onRequest: scope.authenticate }, async () => 'stored')
  scope.put('/part', async request => {
    let bytes = 0
    for await (const chunk of bodyOf(request.raw)) {
      bytes += chunk.length
      if (bytes > 1_000_000) throw new StorageError('full', 'no space')
    }
    return 'stored'
  })
  scope.put('/first', async () => { throw new table.PreconditionFailed('too late') })
}

const gibibyte = 1024 ** 3

function * mebibytes (count: number): Generator<Buffer> {
  const chunk = Buffer.alloc(1024 ** 2)
  for (let i = 0; i < count; i++) yield chunk
}

const refusals = [['/locked', 401], ['/part', 507], ['/first', 412]] as const

t.test('an upload of 1 GiB that is refused: curl and undici read the answer, and the server does not read the upload', async t => {
  const pems = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec', algorithm: 'sha256' })
  for (const scheme of ['http', 'https'] as const) {
    const built = await build(t, uploads, scheme === 'https' ? { key: pems.private, cert: pems.cert } : undefined)
    const { port, sockets } = built
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false } })
    t.teardown(() => dispatcher.destroy())
    for (const [path, status] of refusals) {
      for (const chunked of [false, true]) {
        const headers = chunked ? {} : { 'content-length': String(gibibyte) }
        const { statusCode, body } = await send(`${scheme}://127.0.0.1:${port}${path}`, { method: 'PUT', headers, body: Readable.from(mebibytes(1024)), dispatcher })
        t.equal(statusCode, status)
        t.match(await body.json(), { status }, `undici, ${scheme}${path}, chunked: ${chunked}`)
      }
      const curl = await runCurl(['-sk', '-T', '-', '-H', 'Expect:', `${scheme}://127.0.0.1:${port}${path}`], mebibytes(1024))
      t.match(JSON.parse(curl), { status }, `curl, ${scheme}${path}`)
    }
    for (const socket of sockets) t.ok(socket.bytesRead < 32 * 1024 ** 2, `${socket.bytesRead} bytes read`)
  }
})

/** What curl prints; undefined input is a file of zeros on its standard input. */
function runCurl (args: string[], input: Iterable<Buffer>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile('curl', args, (error, stdout) => {
      source.destroy()
      // 55, 56: the server closed while curl was still sending. It has the answer all the same.
      if (error !== null && ![55, 56].includes(error.code as number)) reject(error)
      else resolve(stdout)
    })
    const source = Readable.from(input)
    child.stdin?.on('error', () => {})
    if (child.stdin !== null) source.pipe(child.stdin)
  })
}

t.test('after a refused upload: Connection: close, the answer, the end of our half, and at last the end of it all', async t => {
  const { port, sockets } = await build(t, uploads)
  const client = await RawClient.open(t, port)
  client.sendHeader('PUT /locked HTTP/1.1', 'Host: x', `Content-Length: ${gibibyte}`)
  const [socket] = sockets
  if (socket === undefined) return t.fail('no connection')
  const closed = once(socket, 'close')
  await client.receive(/\r\nconnection: close\r\n/i)
  await client.receive(/"status":401/)
  await client.end()
  const chunk = Buffer.alloc(1024 ** 2)
  const write = (): void => { while (!client.socket.destroyed && client.socket.write(chunk)); }
  client.socket.on('drain', write)
  write()
  await closed
  t.ok(socket.bytesRead < 4 * 1024 ** 2, `${socket.bytesRead} bytes read of a client that went on sending`)
})

t.test('a short refused body is read, and the connection is kept for the next request', async t => {
  const { port } = await build(t, uploads)
  const client = await RawClient.open(t, port)
  client.sendHeader('PUT /first HTTP/1.1', 'Host: x', 'Content-Length: 10')
  await client.receive(/"status":412[^]*/)
  t.notMatch(client.received, /connection: close/i)
  client.socket.write('0123456789')
  client.sendHeader('PUT /locked HTTP/1.1', 'Host: x', 'Content-Length: 0')
  await client.receive(/"status":401/)
})

t.test('a client that goes away in the middle of its body is not a fault of the server', async t => {
  for (const error of [Object.assign(new Error('aborted'), { code: 'ECONNRESET' }), Object.assign(new Error('Premature close'), { code: 'ERR_STREAM_PREMATURE_CLOSE' })]) {
    t.match(describeError(error), { status: 400, code: 'CDMI_INCOMPLETE_BODY' })
  }
  t.equal(describeError(Object.assign(new Error('read'), { code: 'ECONNRESET' })).status, 500)
})
