import t, { type Test } from 'tap'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import type { ServerConfig } from '../../schemas/config.js'
import { ask, authorization, builtServer, runningServer } from '../helpers/built-server.js'
import { RawClient } from '../helpers/raw-http.js'

interface Both { readonly secure: number, readonly clear: number, close (): Promise<number> }

async function both (t: Test, config: ServerConfig = {}): Promise<Both> {
  const { port, lines, close } = await runningServer(t, { tls: 'self-signed', redirectPort: 0, ...config })
  const line = lines().find(({ msg }) => msg === 'requests in clear are sent on to HTTPS')
  return { secure: port, clear: Number(line?.['port']), close }
}

t.test('GEN-38: each request to the port for HTTP is sent on to the same path over HTTPS, with its method, and nothing is done', async t => {
  const { secure, clear } = await both(t)
  const url = `http://127.0.0.1:${clear}`
  for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS']) {
    const answer = await ask(`${url}/a%20b/c?d=e`, { method, headers: { authorization }, ...method === 'PUT' && { body: 'x' } })
    t.equal(answer.status, 308, method)
    t.equal(answer.headers.location, `https://127.0.0.1:${secure}/a%20b/c?d=e`)
    t.equal(answer.text, '')
  }
  t.equal((await ask(`https://127.0.0.1:${secure}/a%20b/c`, { headers: { authorization } })).status, 404)
  t.equal((await ask(url, { headers: { host: 'files.example.org:80' } })).headers.location, `https://files.example.org:${secure}/`)
  t.equal((await ask(url, { headers: { host: '[::1]:80' } })).headers.location, `https://[::1]:${secure}/`)
})

t.test('redirectTo: they are sent to that origin, whatever host they ask for', async t => {
  const { clear } = await both(t, { redirectTo: 'https://files.example.org' })
  t.equal((await ask(`http://127.0.0.1:${clear}/x`, { headers: { host: 'evil.example' } })).headers.location, 'https://files.example.org/x')
  for (const redirectTo of ['files.example.org', 'http://files.example.org', 'https://files.example.org/path', 'https://user@files.example.org', 'javascript:alert(1)']) {
    await t.rejects(builtServer(t, { tls: 'self-signed', redirectPort: 0, redirectTo }), { name: 'ConfigError', message: /redirectTo/ }, redirectTo)
  }
  await t.rejects(builtServer(t, { tls: 'self-signed', redirectTo: 'https://files.example.org' }), { name: 'ConfigError', message: /redirectTo.*redirectPort/ })
})

t.test('a redirect has nothing in it that was not said as a path or a host', async t => {
  const { secure, clear } = await both(t)
  const exchange = async (...lines: string[]): Promise<string> => {
    const client = await RawClient.open(t, clear)
    client.socket.write(lines.join('\r\n') + '\r\n\r\n', 'latin1')
    await client.end()
    return client.received
  }
  t.match(await exchange('GET / HTTP/1.1', 'Host: a b<script>'), /^HTTP\/1\.1 400 /)
  t.match(await exchange('GET / HTTP/1.0'), /^HTTP\/1\.1 400 /, 'without a host')
  t.match(await exchange('OPTIONS * HTTP/1.1', 'Host: x'), /^HTTP\/1\.1 400 /)
  t.match(await exchange('GET http://evil.example/x HTTP/1.1', 'Host: x'), `\r\nlocation: https://x:${secure}/x\r\n`)
  t.match(await exchange('GET //evil.example/x HTTP/1.1', 'Host: x'), `\r\nlocation: https://x:${secure}//evil.example/x\r\n`)
  t.match(await exchange('GET /\xe4 HTTP/1.1', 'Host: x'), /^HTTP\/1\.1 (?:400 |308 [^]*\/%e4\r\n)/)
  t.match(await exchange('GET /x%0d%0aSet-Cookie:a=b HTTP/1.1', 'Host: x'), /\/x%0d%0aSet-Cookie:a=b\r\n/)
})

t.test('a port for HTTP that is taken is an error at the start, and the end waits for nobody there', async t => {
  const taken = createServer()
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => { taken.close() })
  const server = await builtServer(t, { tls: 'self-signed', redirectPort: (taken.address() as AddressInfo).port })
  await t.rejects(server.listen(), { code: 'EADDRINUSE' })
  const { clear, close } = await both(t)
  const silent = await RawClient.open(t, clear)
  await close()
  await silent.end()
  t.equal(silent.received, '')
})
