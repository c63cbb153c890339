import t from 'tap'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { WebSocket } from 'ws'
import { ask, authorization, runningServer } from '../helpers/built-server.js'
import { eventually } from '../helpers/eventually.js'
import { RawClient } from '../helpers/raw-http.js'

/** Seconds; and milliseconds in which something moves often enough. */
const [idleTimeout, often] = [1, 200]

async function connections (app: FastifyInstance): Promise<number> {
  return await new Promise((resolve, reject) => { app.server.getConnections((error, count) => { if (error === null) resolve(count); else reject(error) }) })
}

t.test('idleTimeout: an upload of which nothing more comes is cut, and nothing is left of it', async t => {
  const { port, url, app } = await runningServer(t, { idleTimeout })
  const client = await RawClient.open(t, port)
  client.sendHeader('PUT /stalled HTTP/1.1', 'Host: x', `Authorization: ${authorization}`, 'Content-Length: 100000')
  client.socket.write('x'.repeat(1000))
  await client.end()
  await eventually('the connection is gone', async () => await connections(app) === 0)
  t.equal((await ask(`${url}/stalled`, { headers: { authorization } })).status, 404)
})

t.test('idleTimeout: a download that nobody takes is cut, whatever was sent behind its request', async t => {
  const { port, url, app } = await runningServer(t, { idleTimeout })
  t.equal((await ask(`${url}/long`, { method: 'PUT', headers: { authorization }, body: Buffer.alloc(16 * 1024 ** 2) })).status, 201)
  const upgrade = (path: string, to: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${to}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`
  const tails = ['', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', upgrade('/ws', 'websocket'), upgrade('/', 'h2c'), 'garbage\r\n\r\n', 'BREW /']
  for (const tail of tails) {
    const begun = once(app.server, 'connection')
    const socket = connect(port, '127.0.0.1')
    t.teardown(() => { socket.destroy() })
    await once(socket, 'connect')
    socket.pause()
    socket.write(`GET /long HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n${tail}`)
    await begun
  }
  await eventually('the connections are gone', async () => await connections(app) === 0)
  t.pass()
})

t.test('idleTimeout: what moves goes on, however slowly, and so do sockets that say nothing', async t => {
  const { port, url } = await runningServer(t, { idleTimeout })
  const quiet = new WebSocket(`${url.replace('http', 'ws')}/ws`, { headers: { authorization } })
  t.teardown(() => { quiet.terminate() })
  await once(quiet, 'open')
  const client = await RawClient.open(t, port)
  const pieces = Math.ceil(1.5 * idleTimeout * 1000 / often)
  client.sendHeader('PUT /slow HTTP/1.1', 'Host: x', `Authorization: ${authorization}`, `Content-Length: ${pieces}`)
  for (let sent = 0; sent < pieces; sent++) {
    client.socket.write('x')
    await setTimeout(often)
  }
  await client.receive(/^HTTP\/1\.1 201 /)
  quiet.send(JSON.stringify({ method: 'GET', url: '/data' }))
  const [answer] = await once(quiet, 'message') as [Buffer]
  t.match(JSON.parse(answer.toString()), { status: 200 })
})
