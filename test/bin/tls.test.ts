import t from 'tap'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { generate } from 'selfsigned'
import { io as io4 } from 'socket.io-client'
// @ts-expect-error its package has no types that its exports lead to
import { io as io3 } from 'socket.io-client-3'
import { ask } from '../helpers/built-server.js'
import { eventually } from '../helpers/eventually.js'
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

t.test('with several processes each gives new connections the renewed certificate, and each sends requests in clear on to HTTPS', async t => {
  const certificate = async (): Promise<{ key: string, cert: string }> => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'test' }], { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' })
    return { key, cert }
  }
  const first = await certificate()
  const directory = t.testdir({ 'cert.pem': first.cert, 'key.pem': first.key })
  const file = (name: string): string => join(directory, name)
  const server = await startServer(t, file('store'), ['--workers', '2', '--tls-cert', file('cert.pem'), '--tls-key', file('key.pem'), '--redirect-port', '0'])
  const port = Number(new URL(server.origin).port)
  /** Of several connections, which go to the processes in turn. */
  const shown = async (): Promise<string[]> => await Promise.all(Array.from({ length: 6 }, async () => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const { fingerprint256 } = socket.getPeerCertificate()
    socket.destroy()
    return fingerprint256
  }))
  const all = async (cert: string): Promise<boolean> => (await shown()).every(print => print === new X509Certificate(cert).fingerprint256)
  t.ok(await all(first.cert))
  const second = await certificate()
  writeFileSync(file('cert.pem'), second.cert)
  writeFileSync(file('key.pem'), second.key)
  let clear: string | undefined
  await eventually('the second port is in the log', () => { [, clear] = /"port":(\d+),"msg":"requests in clear/.exec(server.output()) ?? []; return clear !== undefined })
  for (let n = 0; n < 4; n++) t.match((await ask(`http://127.0.0.1:${clear}/x?y`)).headers, { location: `${server.origin}/x?y` })
  await eventually('all processes have the new certificate', async () => await all(second.cert))
  t.equal(await server.stop(), 0)
})
