import t from 'tap'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { io as io4 } from 'socket.io-client'
// @ts-expect-error its package has no types that its exports lead to
import { io as io3 } from 'socket.io-client-3'
import { ask } from '../helpers/built-server.js'
import { startServer } from '../helpers/server-process.js'

t.test('KEY-25: --tls self-signed serves the original\'s clients as they are written, and those that trust the certificate of the store', async t => {
  const directory = join(t.testdir(), 'store')
  const server = await startServer(t, directory, ['--tls', 'self-signed', '--host', 'localhost', '--log-level', 'error'])
  t.match(server.origin, /^https:\/\/localhost:\d+$/)
  const { port } = new URL(server.origin)
  const auth = { username: 'admin', password: 'test password' }
  for (const [version, io] of Object.entries({ 4: io4, 3: io3 as unknown as typeof io4 })) {
    const socket = io(`wss://localhost:${port}`, { rejectUnauthorized: false })
    t.teardown(() => { socket.close() })
    const call = async (message: object): Promise<unknown> => {
      const answer = new Promise(resolve => { socket.once('http message', resolve) })
      socket.emit('http message', message)
      return await answer
    }
    t.match(await call({ auth, url: `/data/client-${version}`, method: 'POST', data: { version } }), { status: 201, data: { version } })
    t.match(await call({ auth, url: `/data/client-${version}`, method: 'GET' }), { method: 'GET', url: `/data/client-${version}`, status: 200, statusText: 'OK', data: { version } })
    t.match(await call({ url: '/data', method: 'GET' }), { status: 401 })
  }
  const pem = join(directory, 'self-signed.pem')
  t.equal(statSync(pem).mode & 0o777, 0o600)
  const trusting = { ca: readFileSync(pem), rejectUnauthorized: true }
  t.same(JSON.parse((await ask(server.origin + '/data', { headers: { authorization: server.authorization }, ...trusting })).text), ['client-3', 'client-4'])
  await t.rejects(ask(`http://localhost:${port}/-/health`), 'nothing is served in clear')
  t.equal(await server.stop(), 0)
})
