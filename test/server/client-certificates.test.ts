import t, { type Test } from 'tap'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { generate } from 'selfsigned'
import { WebSocket } from 'ws'
import { certifiedName } from '../../plugins/client-certificate.js'
import type { ServerConfig } from '../../schemas/config.js'
import { tlsOptions } from '../../server/tls.js'
import { ask, authorization, runningServer, writeUsers, type RunningServer } from '../helpers/built-server.js'
import { eventually } from '../helpers/eventually.js'

interface Pair { readonly key: string, readonly cert: string }

const ec = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const

async function authority (): Promise<Pair> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'Authority' }], { ...ec, extensions: [{ name: 'basicConstraints', cA: true, critical: true }, { name: 'keyUsage', keyCertSign: true, critical: true }] })
  return { key, cert }
}

async function clientOf (ca: Pair, ...names: string[]): Promise<Pair> {
  const { private: key, cert } = await generate(names.map(value => ({ name: 'commonName', value })), { ...ec, ca, extensions: [{ name: 'extKeyUsage', clientAuth: true }] })
  return { key, cert }
}

/** With the users admin and ann. */
async function serverFor (t: Test, config: ServerConfig): Promise<RunningServer> {
  return await runningServer(t, { tls: 'self-signed', ...config, users: config.users ?? await writeUsers(join(t.testdir(), 'users.json'), ['admin', 'ann']) })
}

const me = async (server: RunningServer, options: object): Promise<number> => (await ask(server.url + '/', options)).status

t.test('a connection that has ended while its request waited has no certificate any more, and that is no fault', async t => {
  const socket = Object.assign(new TLSSocket(new Socket()), { authorized: true })
  socket.destroy()
  if (!socket.closed) await once(socket, 'close')
  t.equal(certifiedName(socket), undefined)
})

t.test('clientCertificates require: without a certificate of the authority nobody gets as far as HTTP; with one, passwords count', async t => {
  const ca = await authority()
  const server = await serverFor(t, { clientCertificates: 'require', clientCa: ca.cert })
  const headers = { authorization }
  await t.rejects(me(server, { headers }))
  await t.rejects(me(server, { headers, ...await clientOf(await authority(), 'ann') }), 'another authority of the same name')
  const ann = await clientOf(ca, 'ann')
  t.equal(await me(server, { headers, ...ann }), 200)
  t.equal(await me(server, ann), 401, 'the certificate alone is nobody')
})

t.test('clientUser common-name: who has a valid certificate is the user of that name, with the rights of that user, without a password', async t => {
  const ca = await authority()
  const directory = t.testdir()
  const users = await writeUsers(join(directory, 'users.json'), ['admin', 'ann'])
  const file = join(directory, 'ca.pem')
  writeFileSync(file, ca.cert)
  const server = await serverFor(t, { users, clientCertificates: 'request', clientCa: file, clientUser: 'common-name' })
  const ann = await clientOf(ca, 'ann')
  t.equal((await ask(server.url + '/mine', { method: 'PUT', body: 'x', ...ann })).status, 201)
  const completed = (): unknown => server.lines().find(({ msg }) => msg === 'request completed')
  await eventually('the log has the request', () => completed() !== undefined)
  t.match(completed(), { req: { user: 'ann' } })
  t.equal(await me(server, {}), 401, 'without one a password is asked for')
  t.equal(await me(server, { headers: { authorization } }), 200)
  t.equal(await me(server, { headers: { authorization: 'Basic wrong' }, ...ann }), 401, 'who sends a password is who that says')
  t.equal(await me(server, await clientOf(ca, 'nobody')), 401, 'a user that there is not')
  t.equal(await me(server, await clientOf(ca, 'admin', 'ann')), 401, 'two names say nothing')
  t.equal(await me(server, await clientOf(await authority(), 'ann')), 401, 'of another authority')
  writeFileSync(users, JSON.stringify({ users: [] }))
  await eventually('a user who was removed is out', async () => await me(server, ann) === 401)
})

t.test('clientUser common-name: sockets are the user, too, but not for pages of other origins', async t => {
  const ca = await authority()
  const server = await serverFor(t, { clientCertificates: 'request', clientCa: ca.cert, clientUser: 'common-name' })
  const ann = await clientOf(ca, 'ann')
  const status = async (options: object): Promise<number> => {
    const socket = new WebSocket(server.url.replace('https', 'wss') + '/ws', { rejectUnauthorized: false, ...options })
    t.teardown(() => { socket.terminate() })
    await once(socket, 'open')
    socket.send(JSON.stringify({ method: 'GET', url: '/data' }))
    const [message] = await once(socket, 'message') as [Buffer]
    return (JSON.parse(message.toString()) as { status: number }).status
  }
  t.equal(await status(ann), 200)
  t.equal(await status({}), 401)
  t.equal(await status({ ...ann, origin: 'https://evil.example' }), 401)
})

t.test('what does not go together is refused at start with a sentence that names the options', async t => {
  const { cert } = await authority()
  const directory = t.testdir({ 'garbage.pem': 'garbage' })
  const cases: [ServerConfig, RegExp][] = [
    [{ clientCertificates: 'require', clientCa: cert }, /clientCa is for a server with TLS/],
    [{ tlsMinVersion: 'TLSv1.3' }, /tlsMinVersion is for a server with TLS/],
    [{ redirectPort: 80 }, /redirectPort is for a server with TLS/],
    [{ tls: 'self-signed', clientCertificates: 'request' }, /clientCertificates.*clientCa/],
    [{ tls: 'self-signed', clientCa: cert }, /clientCa.*clientCertificates/],
    [{ tls: 'self-signed', clientUser: 'common-name' }, /clientUser.*clientCertificates/],
    [{ tls: 'self-signed', clientCertificates: 'request', clientCa: join(directory, 'none.pem') }, /clientCa.*ENOENT/],
    [{ tls: 'self-signed', clientCertificates: 'request', clientCa: join(directory, 'garbage.pem') }, /clientCa.*no certificate/]
  ]
  for (const [config, message] of cases) await t.rejects(tlsOptions(config, directory), { name: 'ConfigError', message })
})
