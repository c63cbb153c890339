import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import auth from '../../plugins/auth.js'
import errors from '../../plugins/errors.js'
import expectContinue from '../../plugins/expect-continue.js'
import { bodyOf } from '../../routes/http/source.js'
import { RawClient } from '../helpers/raw-http.js'

interface Built { port: number, readNow: () => void }

async function build (t: Test, before: (app: FastifyInstance) => void = () => {}): Promise<Built> {
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  before(app)
  app.addContentTypeParser('*', (_request, _payload, done) => { done(null) })
  let readNow = (): void => {}
  const asked = new Promise<void>(resolve => { readNow = resolve })
  const store = async (request: { raw: NodeJS.ReadableStream }): Promise<string> => {
    await asked
    let text = ''
    for await (const chunk of bodyOf(request.raw as never)) text += Buffer.from(chunk).toString()
    return `stored ${text}`
  }
  for (const prefix of ['/cdmi', '/second']) {
    await app.register(async scope => {
      await scope.register(errors)
      await scope.register(expectContinue)
      await scope.register(auth, { users: () => true })
      scope.put('/open', store)
      scope.put('/locked', { onRequest: scope.authenticate }, store)
      scope.put('/unread', async () => 'not interested')
    }, { prefix })
  }
  app.put('/elsewhere', store)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: (app.server.address() as AddressInfo).port, readNow: () => { readNow() } }
}

async function put (t: Test, port: number, path: string, ...headers: string[]): Promise<RawClient> {
  const client = await RawClient.open(t, port)
  client.sendHeader(`PUT ${path} HTTP/1.1`, 'Host: x', 'Content-Length: 4', 'Expect: 100-continue', ...headers)
  return client
}

/** Resolves after the server has had every opportunity to answer: it has answered another request on another connection. */
async function meanwhile (t: Test, port: number): Promise<void> {
  const other = await RawClient.open(t, port)
  other.sendHeader('GET /nothing HTTP/1.1', 'Host: x')
  await other.receive(/404/)
}

t.test('100 Continue is sent when the handler begins to read the body, not before', async t => {
  for (const path of ['/cdmi/open', '/second/open?a=b', '/cdmi/locked']) {
    const { port, readNow } = await build(t)
    const client = await put(t, port, path, 'Authorization: Basic YTpi')
    await meanwhile(t, port)
    t.equal(client.received, '')
    readNow()
    await client.receive(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
    client.socket.write('body')
    await client.receive(/HTTP\/1\.1 200 OK[^]*stored body/)
    t.equal(client.received.match(/100 Continue/g)?.length, 1)
  }
})

t.test('a refused request gets its answer without 100, and the connection is closed, for nobody knows whether the body comes', async t => {
  const { port } = await build(t)
  const client = await put(t, port, '/cdmi/locked')
  await client.receive(/^HTTP\/1\.1 401 [^]*connection: close/i)
  await client.end()
  t.notMatch(client.received, '100 Continue')
  client.socket.end()
})

t.test('a handler that never reads invites nothing', async t => {
  const { port } = await build(t)
  const client = await put(t, port, '/cdmi/unread')
  await client.receive(/^HTTP\/1\.1 200 [^]*not interested/)
  t.notMatch(client.received, '100 Continue')
})

t.test('a body that comes without waiting is read as well', async t => {
  const { port, readNow } = await build(t)
  const client = await put(t, port, '/cdmi/open')
  client.socket.write('body')
  readNow()
  await client.receive(/stored body/)
})

t.test('URLs outside of the plugin are invited at once, as by Node', async t => {
  const { port, readNow } = await build(t)
  for (const path of ['/elsewhere', '/cdmiX']) await (await put(t, port, path)).receive(/^HTTP\/1\.1 100 Continue/)
  const client = await put(t, port, '/elsewhere')
  readNow()
  await client.receive(/^HTTP\/1\.1 100 Continue/)
  client.socket.write('body')
  await client.receive(/stored body/)
})

t.test('a server whose checkContinue somebody else handles is left alone', async t => {
  let calls = 0
  const { port, readNow } = await build(t, app => {
    app.server.on('checkContinue', (request, response) => {
      calls++
      response.writeContinue()
      app.server.emit('request', request, response)
    })
  })
  const client = await put(t, port, '/cdmi/open')
  await client.receive(/^HTTP\/1\.1 100 Continue/)
  readNow()
  client.socket.write('body')
  await client.receive(/stored body/)
  t.equal(calls, 1)
})
