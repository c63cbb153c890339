import t from 'tap'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, createServer, type PeerCertificate, type Server } from 'node:tls'
import Fastify from 'fastify'
import { generate } from 'selfsigned'
import type { Test } from 'tap'
import type { ServerConfig } from '../../schemas/config.js'
import { TlsWatch } from '../../server/tls-watch.js'
import { ask, runningServer } from '../helpers/built-server.js'

interface Pair { readonly key: string, readonly cert: string }

/** `ca`: who signs it; by default it does so itself. */
async function certificate (days = 90, ca?: Pair): Promise<Pair> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'test' }], { keyType: 'ec', curve: 'P-256', algorithm: 'sha256', notAfterDate: new Date(Date.now() + days * 86_400_000), ...ca !== undefined && { ca } })
  return { key, cert }
}

async function authority (): Promise<Pair> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'authority' }], { keyType: 'ec', curve: 'P-256', algorithm: 'sha256', extensions: [{ name: 'basicConstraints', cA: true, critical: true }, { name: 'keyUsage', keyCertSign: true, critical: true }] })
  return { key, cert }
}

async function shown (server: Server): Promise<string> {
  const { port } = server.address() as { port: number }
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerCertificate() as PeerCertificate
  socket.destroy()
  return fingerprint256
}

const printOf = (pem: string): string => new X509Certificate(pem).fingerprint256

interface Watched { readonly server: Server, readonly lines: string[], look (): Promise<void> }

async function watched (t: Test, config: ServerConfig, directory?: string): Promise<Watched> {
  const lines: string[] = []
  const { log } = Fastify({ logger: { level: 'info', stream: { write: (line: string) => { lines.push(line) } } } })
  const watch = await TlsWatch.begin(config, directory)
  const server = createServer(watch.options ?? {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  return { server, lines, look: async () => { await watch.look(server, log) } }
}

t.test('a certificate that was replaced is shown to new connections, without a restart; one whose key is not there yet changes nothing', async t => {
  const [first, second] = [await certificate(), await certificate()]
  const directory = t.testdir({ 'cert.pem': first.cert, 'key.pem': first.key })
  const file = (name: string): string => join(directory, name)
  const { server, lines, look } = await watched(t, { tlsCert: file('cert.pem'), tlsKey: file('key.pem') })
  await look()
  t.same(lines, [], 'nothing has changed')
  // As tools that renew certificates do it: one file after the other.
  writeFileSync(file('cert.new'), second.cert)
  renameSync(file('cert.new'), file('cert.pem'))
  await look()
  t.equal(await shown(server), printOf(first.cert))
  t.match(lines.at(-1), /"level":50.*the one before goes on to count/)
  await look()
  t.equal(lines.length, 1, 'said once')
  writeFileSync(file('key.new'), second.key)
  renameSync(file('key.new'), file('key.pem'))
  await look()
  t.equal(await shown(server), printOf(second.cert))
  t.match(lines.at(-1), /the certificate was read anew/)
  for (const line of lines) for (const secret of [first.key, second.key]) t.notOk(line.includes(secret.split('\n')[1] ?? '?'), 'no key in the log')
})

t.test('the self-signed certificate of a store is renewed in the 30 days before its end, also while the server runs', async t => {
  const directory = t.testdir()
  const file = join(directory, 'self-signed.pem')
  const { server, look } = await watched(t, { tls: 'self-signed' }, directory)
  const first = await shown(server)
  await look()
  t.equal(await shown(server), first)
  writeFileSync(file, Object.values(await certificate(29)).join('\n'))
  await look()
  t.not(await shown(server), first)
  t.equal(await shown(server), printOf(readFileSync(file, 'utf8')))
  t.ok(new Date(new X509Certificate(readFileSync(file)).validTo).getTime() > Date.now() + 300 * 86_400_000)
})

t.test('what is spoken has forward secrecy and authenticated encryption; tlsMinVersion TLSv1.3 leaves out what is older', async t => {
  const { port } = await runningServer(t, { tls: 'self-signed' })
  const handshake = async (to: number, options: object): Promise<string | undefined> => {
    const socket = connect({ port: to, host: '127.0.0.1', rejectUnauthorized: false, ...options })
    t.teardown(() => { socket.destroy() })
    await once(socket, 'secureConnect')
    return socket.getCipher().name
  }
  const old = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }
  t.match(await handshake(port, old), /^ECDHE-.*(?:GCM|POLY1305)/)
  for (const ciphers of ['ECDHE-ECDSA-AES128-SHA256', 'ECDHE-ECDSA-AES256-SHA', 'AES128-GCM-SHA256']) await t.rejects(handshake(port, { ...old, ciphers }), ciphers)
  const strict = await runningServer(t, { tls: 'self-signed', tlsMinVersion: 'TLSv1.3' })
  await t.rejects(handshake(strict.port, old))
  t.match(await handshake(strict.port, {}), /^TLS_/)
})

t.test('hsts: browsers are told to stay with HTTPS, in each answer over it, and only there', async t => {
  const secure = await runningServer(t, { tls: 'self-signed', hsts: 3600 })
  for (const path of ['/', '/-/health', '/data', '/none']) t.equal((await ask(secure.url + path)).headers['strict-transport-security'], 'max-age=3600', path)
  const clear = await runningServer(t, { hsts: 3600, trustProxy: 'loopback' })
  t.equal((await ask(clear.url + '/')).headers['strict-transport-security'], undefined)
  t.equal((await ask(clear.url + '/', { headers: { 'x-forwarded-proto': 'https' } })).headers['strict-transport-security'], 'max-age=3600', 'a proxy speaks HTTPS for it')
  t.equal((await ask((await runningServer(t, { tls: 'self-signed' })).url + '/')).headers['strict-transport-security'], undefined, 'only where the operator says so')
})

t.test('an authority for client certificates that was replaced counts no more, not for sessions either that are resumed', async t => {
  const [own, first, second] = [await certificate(), await authority(), await authority()]
  const directory = t.testdir({ 'ca.pem': first.cert })
  const { server, look } = await watched(t, { tlsCert: own.cert, tlsKey: own.key, clientCertificates: 'request', clientCa: join(directory, 'ca.pem') })
  const authorized: boolean[] = []
  server.on('secureConnection', socket => {
    authorized.push(socket.authorized)
    socket.end('x')
    socket.on('error', () => {})
  })
  const client = await certificate(90, first)
  const handshake = async (version: 'TLSv1.2' | 'TLSv1.3', session?: Buffer): Promise<Buffer | undefined> => {
    const { port } = server.address() as { port: number }
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, minVersion: version, maxVersion: version, ...client, ...session !== undefined && { session } })
    let last: Buffer | undefined
    socket.on('session', (given: Buffer) => { last = given })
    socket.resume()
    await once(socket, 'close')
    return last
  }
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    authorized.length = 0
    writeFileSync(join(directory, 'ca.pem'), first.cert)
    await look()
    const session = await handshake(version)
    await handshake(version, session)
    writeFileSync(join(directory, 'ca.pem'), `${second.cert}\n`)
    await look()
    await handshake(version, session)
    t.same(authorized, [true, true, false], version)
  }
})
