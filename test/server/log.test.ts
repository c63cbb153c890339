import { pino } from 'pino'
import t from 'tap'
import { WebSocket } from 'ws'
import { once } from 'node:events'
import { StorageError, type Store } from '../../storage/contract.js'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import { loggerOptions, requestID } from '../../server/logging.js'
import { eventually } from '../helpers/eventually.js'
import { ask, authorization, basic, builtServer, password, runningServer } from '../helpers/built-server.js'
import { RawClient } from '../helpers/raw-http.js'

/** A store that cannot be read, and says why to the log only. */
function brokenStore (): { store: Store, breakIt: () => void } {
  const store = openMemoryStore()
  let broken = false
  const meta = new Proxy(store.meta, {
    get (meta, name) {
      // The one that answers without a wait.
      if (broken && name === 'known') return undefined
      if (broken) return async () => { throw new StorageError('corrupt', 'the inside of the store') }
      const value: unknown = Reflect.get(meta, name)
      return typeof value === 'function' ? value.bind(meta) : value
    }
  })
  return { store: { ...store, meta }, breakIt: () => { broken = true } }
}

t.test('one JSON line a request: method, URL, client, user, status, time', async t => {
  const server = await runningServer(t)
  await ask(server.url + '/x?y=1', { headers: { authorization } })
  await server.close()
  const lines = server.lines().filter(({ req }) => req !== undefined)
  t.equal(lines.length, 1)
  t.match(lines[0], { level: 30, msg: 'request completed', req: { method: 'GET', url: '/x?y=1', remoteAddress: '127.0.0.1', user: 'admin' }, res: { statusCode: 404 }, responseTime: Number })
})

t.test('no line has a password or an Authorization header: log-ins good and bad, URLs with user information, errors, sockets', async t => {
  const { store, breakIt } = brokenStore()
  const server = await runningServer(t, { logLevel: 'trace', adminPassword: password }, { store })
  const wrong = 'Wrong-S3cret'
  await ask(server.url + '/', { headers: { authorization } })
  await ask(server.url + '/', { headers: { authorization: basic('admin', wrong) } })
  await ask(server.url + '/data', { headers: { authorization: basic('admin', wrong) } })
  await ask(server.url + '/', { headers: { authorization: `Bearer ${wrong}`, cookie: `session=${wrong}` } })
  for (const userinfo of [`admin:${wrong}`, `admin:a@${wrong}`, `${wrong}@b@c`]) {
    const client = await RawClient.open(t, server.port)
    client.sendHeader(`GET http://${userinfo}@localhost/x HTTP/1.1`, 'Host: localhost', 'Connection: close')
    await client.end()
    t.match(client.received, /^HTTP\/1\.1 4\d\d /)
  }
  const garbage = await RawClient.open(t, server.port)
  garbage.sendHeader(`Authorization: ${authorization}`)
  await garbage.end()
  for (const text of [JSON.stringify({ auth: { username: 'admin', password }, method: 'GET', url: '/data' }), JSON.stringify({ auth: { username: 'admin', password: wrong }, method: 'GET', url: '/data' }), `{"auth":"${wrong}"`]) {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws`)
    t.teardown(() => { socket.terminate() })
    await once(socket, 'open')
    socket.send(text)
    await once(socket, 'message')
  }
  breakIt()
  t.equal((await ask(server.url + '/x', { headers: { authorization } })).status, 500)
  await server.close()
  const text = server.log.join('')
  t.match(text, /the inside of the store/)
  t.ok(server.log.length > 10)
  for (const secret of [password, wrong, authorization.slice(6), basic('admin', wrong).slice(6)]) t.notOk(text.includes(secret), secret)
})

t.test('what is logged by mistake has no secrets either: options, headers, properties of errors', t => {
  const lines: string[] = []
  const log = pino(loggerOptions('info', { write: line => lines.push(line) }) as object, { write: line => lines.push(line) })
  const password = 'S3cret!'
  const config = { host: 'here', adminPassword: password, remote: { Authorization: password, password } }
  log.info(config, 'started')
  log.info({ config })
  log.error(Object.assign(new Error('failed'), { options: { path: '/x', headers: { authorization: password, accept: 'a/b' } }, password }))
  log.error({ err: Object.assign(new Error('failed'), { hash: password }) })
  t.notMatch(lines.join(''), password)
  t.match(JSON.parse(lines[0] ?? ''), { host: 'here', adminPassword: '[Redacted]', remote: { password: '[Redacted]' } })
  t.match(JSON.parse(lines[2] ?? ''), { err: { message: 'failed', options: { path: '/x', headers: { accept: 'a/b' } } } })
  t.equal(config.adminPassword, password, 'the object itself stays as it is')
  t.end()
})

t.test('the number of a request is the same in its log line, in the error document and in X-Request-Id', async t => {
  const { store, breakIt } = brokenStore()
  const server = await runningServer(t, {}, { store })
  const given = await ask(server.url + '/none', { headers: { authorization, 'x-request-id': 'client-1.2:3_4' } })
  t.equal(given.headers['x-request-id'], 'client-1.2:3_4')
  t.equal(JSON.parse(given.text).requestId, 'client-1.2:3_4')
  t.equal((await ask(server.url + '/data/none', { headers: { authorization, 'x-request-id': 'keyed' } })).headers['x-request-id'], 'keyed')
  breakIt()
  const { text, headers } = await ask(server.url + '/x', { headers: { authorization } })
  const { requestId } = JSON.parse(text) as { requestId: string }
  t.match(requestId, /^[0-9a-f]{24}-[0-9a-z]+$/)
  t.equal(headers['x-request-id'], requestId)
  t.notMatch(text, 'the inside of the store', 'the answer says no more than the number')
  await server.close()
  t.equal(server.lines().filter(({ reqId }) => reqId === 'client-1.2:3_4').length, 1)
  t.same(server.lines().filter(({ reqId }) => reqId === requestId).map(({ level }) => level), [50, 30], 'the error and the request')
})

t.test('a number from the client that could do harm is replaced', async t => {
  const server = await builtServer(t)
  for (const hostile of ['', 'x'.repeat(65), 'a b', '"}{"level":60', '<script>', 'ü', '${jndi:x}', 'a,b', '../x']) { // eslint-disable-line no-template-curly-in-string
    const { headers, body } = await server.app.inject({ url: '/none', headers: { authorization, 'x-request-id': hostile } })
    t.match(headers['x-request-id'], /^[0-9a-f]{24}-[0-9a-z]+$/, hostile)
    t.equal(JSON.parse(body).requestId, headers['x-request-id'])
  }
  t.match(requestID({ headers: { 'x-request-id': ['a', 'b'] } } as never), /^[0-9a-f]{24}-[0-9a-z]+$/, 'sent twice')
})

t.test('the level says what is logged; silent is nothing', async t => {
  for (const [logLevel, expected] of [['warn', 0], ['silent', 0], ['info', 1]] as const) {
    const server = await runningServer(t, { logLevel })
    await ask(server.url + '/', { headers: { authorization } })
    await server.close()
    t.equal(server.lines().filter(({ req }) => req !== undefined).length, expected, logLevel)
  }
})

t.test('an upload that breaks off is one line, with its request and how far it came', async t => {
  const server = await runningServer(t)
  const breakOff = async (id: string, ...header: string[]): Promise<object | undefined> => {
    const client = await RawClient.open(t, server.port)
    client.sendHeader(...header, 'Host: x', `Authorization: ${authorization}`, `X-Request-Id: ${id}`, 'Expect: 100-continue')
    await client.receive(/^HTTP\/1\.1 100 /)
    client.socket.write(id === 'chunked' ? '5\r\n12345\r\n' : '12345')
    client.socket.destroy()
    const lines = (): object[] => server.lines().filter(({ reqId, level }) => reqId === id && level >= 30)
    await eventually('the line is there', () => lines().length > 0)
    t.equal(lines().length, 1)
    return lines()[0]
  }
  const msg = 'the connection ended before the request'
  t.match(await breakOff('plain', 'PUT /a HTTP/1.1', 'Content-Length: 1000'), { level: 30, msg, received: 5, announced: 1000, req: { method: 'PUT', url: '/a', user: 'admin' } })
  t.match(await breakOff('chunked', 'PUT /a HTTP/1.1', 'Transfer-Encoding: chunked'), { msg, received: 5, announced: undefined })
  t.match(await breakOff('keyed', 'POST /data/a HTTP/1.1', 'Content-Length: 1000', 'Content-Type: application/json'), { msg, received: 5, req: { url: '/data/a' } })
  t.match(await breakOff('form', 'POST / HTTP/1.1', 'Content-Length: 1000', 'Content-Type: multipart/form-data; boundary=b'), { msg, received: 5, announced: 1000 })
  t.equal((await ask(server.url + '/a', { headers: { authorization } })).status, 404)
})

t.test('what a client does wrong on a WebSocket is no error of the server', async t => {
  const server = await runningServer(t, { logLevel: 'debug', limits: { frame: 1000 } })
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws`)
  t.teardown(() => { socket.terminate() })
  await once(socket, 'open')
  socket.send('x'.repeat(3000))
  const [code] = await once(socket, 'close') as [number]
  t.equal(code, 1009)
  await server.close()
  t.same(server.lines().filter(({ level }) => level > 30), [])
  t.match(server.lines().filter(({ msg }) => msg === 'a WebSocket was ended'), [{ level: 20, err: { code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' } }])
})

t.test('a download that the client gives up is logged as that, with its request', async t => {
  const server = await runningServer(t)
  await ask(server.url + '/large', { method: 'PUT', headers: { authorization }, body: Buffer.alloc(32 * 1024 * 1024) })
  const client = await RawClient.open(t, server.port)
  client.sendHeader('GET /large HTTP/1.1', 'Host: x', `Authorization: ${authorization}`)
  await client.receive(/^HTTP\/1\.1 200 /)
  client.socket.destroy()
  await server.close()
  t.match(server.lines().filter(({ req }) => (req as { method?: string } | undefined)?.method === 'GET'), [{ msg: 'the connection ended before the answer', req: { url: '/large', user: 'admin' } }])
})
