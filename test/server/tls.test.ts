import t, { type Test } from 'tap'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type PeerCertificate, type SecureVersion, type TLSSocket } from 'node:tls'
import { generate } from 'selfsigned'
import { WebSocket } from 'ws'
import { tlsOptions } from '../../server/tls.js'
import { ask, authorization, password, runningServer } from '../helpers/built-server.js'
import { RawClient } from '../helpers/raw-http.js'

const day = 86_400_000

async function certificate (days = 90): Promise<{ key: string, cert: string }> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'test' }], { keyType: 'ec', curve: 'P-256', algorithm: 'sha256', notAfterDate: new Date(Date.now() + days * day) })
  return { key, cert }
}

async function handshake (t: Test, port: number, options: { minVersion?: SecureVersion, maxVersion?: SecureVersion, ciphers?: string } = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  t.teardown(() => { socket.destroy() })
  await once(socket, 'secureConnect')
  return socket
}

/** Sha-256 of the certificate that a port shows. */
async function shown (t: Test, port: number): Promise<string> {
  const socket = await handshake(t, port)
  return (socket.getPeerCertificate() as PeerCertificate).fingerprint256
}

t.test('GEN-37, GEN-42: TLS 1.2, TLS 1.3 and clear HTTP are served, TLS 1.1 is refused', async t => {
  const { port, url } = await runningServer(t, { tls: 'self-signed' })
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await handshake(t, port, { minVersion: version, maxVersion: version })
    t.equal(socket.getProtocol(), version)
    socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`)
    const [answer] = await once(socket, 'data') as [Buffer]
    t.match(answer.toString(), /^HTTP\/1\.1 200 /, version)
  }
  // Clients of today would not even try without the lower security level.
  await t.rejects(handshake(t, port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }), { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' })
  t.match(url, /^https:/)
  const clear = await runningServer(t)
  t.match(clear.url, /^http:/)
  t.equal((await ask(clear.url, { headers: { authorization } })).status, 200)
})

t.test('GEN-37: with TLS on nothing is served in clear', async t => {
  const { port } = await runningServer(t, { tls: 'self-signed' })
  const client = await RawClient.open(t, port)
  client.sendHeader('GET /-/health HTTP/1.1', 'Host: localhost')
  await client.end()
  t.notMatch(client.received, 'HTTP/1.1 200')
})

t.test('HTTPS: URIs in answers say so, and sockets work', async t => {
  const { port, url } = await runningServer(t, { tls: 'self-signed' })
  const answer = await ask(url + '/', { method: 'POST', headers: { authorization, 'content-type': 'multipart/form-data; boundary=b', accept: 'application/json' }, body: '--b\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nx\r\n--b--\r\n' })
  t.equal(answer.headers.location, `https://127.0.0.1:${port}/a.txt`)
  const socket = new WebSocket(`wss://127.0.0.1:${port}/ws`, { rejectUnauthorized: false })
  t.teardown(() => { socket.terminate() })
  await once(socket, 'open')
  socket.send(JSON.stringify({ auth: { username: 'admin', password }, method: 'GET', url: '/data', id: 1 }))
  t.match(JSON.parse(String((await once(socket, 'message') as [Buffer])[0])), { id: 1, status: 200 })
})

t.test('a self-signed certificate is made once per store, for its owner alone to read', async t => {
  const directory = join(t.testdir(), 'store')
  const first = await runningServer(t, { tls: 'self-signed', data: directory })
  const fingerprint = await shown(t, first.port)
  t.equal(statSync(join(directory, 'self-signed.pem')).mode & 0o777, 0o600)
  t.same(readdirSync(directory).filter(name => name.startsWith('self-signed')), ['self-signed.pem'], 'nothing is left beside it')
  await first.close()
  const second = await runningServer(t, { tls: 'self-signed', data: directory })
  t.equal(await shown(t, second.port), fingerprint)
  const other = await runningServer(t, { tls: 'self-signed', data: join(directory, '..', 'other') })
  t.not(await shown(t, other.port), fingerprint)
})

t.test('a self-signed certificate names localhost and the loopback addresses and is valid for at most 398 days', async t => {
  const options = await tlsOptions({ tls: 'self-signed' }, t.testdir())
  const { subjectAltName, validFrom, validTo } = new X509Certificate(String(options?.cert))
  for (const name of ['DNS:localhost', 'IP Address:127.0.0.1', 'IP Address:0:0:0:0:0:0:0:1']) t.match(subjectAltName, name)
  t.ok(new Date(validTo).getTime() - new Date(validFrom).getTime() <= 398 * day)
  t.ok(new Date(validFrom).getTime() < Date.now() - day / 2, 'clocks of clients that are slow do not matter')
})

t.test('a self-signed certificate is renewed in the 30 days before its end, or when its file is broken', async t => {
  const directory = t.testdir()
  const file = join(directory, 'self-signed.pem')
  const keep = async (pem: string): Promise<string> => {
    writeFileSync(file, pem)
    chmodSync(file, 0o644)
    await tlsOptions({ tls: 'self-signed' }, directory)
    return readFileSync(file, 'utf8')
  }
  const pemOf = async (days: number): Promise<string> => Object.values(await certificate(days)).join('\n')
  const fresh = await pemOf(31)
  t.equal(await keep(fresh), fresh)
  for (const pem of [await pemOf(29), await pemOf(-1), 'broken', '', (await certificate()).cert]) {
    const now = await keep(pem)
    t.not(now, pem)
    t.ok(new Date(new X509Certificate(now).validTo).getTime() > Date.now() + 300 * day)
    t.equal(statSync(file).mode & 0o777, 0o600)
  }
})

t.test('a certificate of one\'s own, by file and as PEM text, with its passphrase', async t => {
  const { key, cert } = await certificate()
  const passphrase = 'open sesame'
  const locked = createPrivateKey(key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString()
  const directory = t.testdir({ 'cert.pem': cert, 'key.pem': key, 'locked.pem': locked })
  const { fingerprint256 } = new X509Certificate(cert)
  const file = (name: string): string => join(directory, name)
  const data = file('store')
  for (const config of [
    { tlsCert: file('cert.pem'), tlsKey: file('key.pem') },
    { tlsCert: cert, tlsKey: key },
    { tlsCert: cert, tlsKey: file('locked.pem'), tlsPassphrase: passphrase }
  ]) {
    const { port } = await runningServer(t, { data, ...config })
    t.equal(await shown(t, port), fingerprint256)
  }
  t.notOk(readdirSync(data).includes('self-signed.pem'), 'none of our own is made')
})

t.test('what is wrong with TLS is said with the name of the option and without the key or the passphrase', async t => {
  const { key, cert } = await certificate()
  const passphrase = 'open sesame'
  const locked = createPrivateKey(key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString()
  const directory = t.testdir({ 'garbage.pem': 'garbage' })
  const bareKey = key.split('\n').slice(1, -2).join('')
  const cases: [Parameters<typeof tlsOptions>[0], RegExp][] = [
    [{ tlsCert: cert }, /certificate is given .*tlsCert.*no key.*tlsKey/],
    [{ tlsKey: key }, /key is given .*tlsKey.*no certificate.*tlsCert/],
    [{ tls: 'self-signed', tlsCert: cert, tlsKey: key }, /self-signed.*tlsCert/],
    [{ tls: 'off', tlsCert: cert, tlsKey: key }, /off.*tlsCert/],
    [{ tlsPassphrase: passphrase }, /tlsPassphrase.*tlsKey/],
    [{ tlsCert: join(directory, 'none.pem'), tlsKey: key }, /tlsCert.*ENOENT/],
    [{ tlsCert: cert, tlsKey: bareKey }, /tlsKey.*(ENOENT|ENAMETOOLONG)/],
    [{ tlsCert: join(directory, 'garbage.pem'), tlsKey: key }, /tlsCert/],
    [{ tlsCert: cert, tlsKey: (await certificate()).key }, /tlsCert.*tlsKey.*mismatch/],
    [{ tlsCert: cert, tlsKey: locked }, /tlsPassphrase/],
    [{ tlsCert: cert, tlsKey: locked, tlsPassphrase: 'wrong' }, /tlsPassphrase/]
  ]
  for (const [config, pattern] of cases) {
    const error = await tlsOptions(config, directory).then(() => undefined, (error: Error) => error)
    t.equal(error?.name, 'ConfigError')
    t.match(error?.message, pattern)
    for (const secret of [passphrase, bareKey, bareKey.slice(0, 30)]) t.notOk(error?.message.includes(secret), 'no secret')
  }
})

t.test('a certificate that cannot be kept is an error that says where and why', async t => {
  const directory = join(t.testdir({ file: 'in the way' }), 'file', 'store')
  await t.rejects(tlsOptions({ tls: 'self-signed' }, directory), { name: 'ConfigError', message: /self-signed certificate cannot be kept in .*store \(ENOTDIR\)/ })
})

t.test('a client that does not finish its handshake does not hold up the end', async t => {
  const server = await runningServer(t, { tls: 'self-signed', drainTimeout: 30 })
  const silent = await RawClient.open(t, server.port)
  const secure = await handshake(t, server.port)
  const start = performance.now()
  await server.close()
  t.ok(performance.now() - start < 5000)
  await silent.end()
  secure.resume()
  if (!secure.destroyed) await once(secure, 'close')
})

t.test('a client that does not finish its handshake is cut off in time', async t => {
  const server = await runningServer(t, { tls: 'self-signed', headersTimeout: 0.2 })
  const silent = await RawClient.open(t, server.port)
  await silent.end()
  t.equal(silent.received, '')
})
