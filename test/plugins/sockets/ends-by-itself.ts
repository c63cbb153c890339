/** Run as a process of its own: opens sockets of all kinds, closes the application, and must then end without being told to. */
import { once } from 'node:events'
import Fastify from 'fastify'
import { io } from 'socket.io-client'
import { request } from 'undici'
import { WebSocket } from 'ws'
import { Cdmi } from '../../../cdmi/model.js'
import { sockets } from '../../../plugins/sockets.js'
import { openMemoryStore } from '../../../storage/memory/memory-store.js'

const app = Fastify()
app.decorate('cdmi', new Cdmi(openMemoryStore()))
await app.register(sockets, { verifier: { verify: async name => ({ name, authentication: 'basic', access: 'write' }) } })
const url = await app.listen({ port: 0, host: '127.0.0.1' })
await once(new WebSocket(`${url.replace('http', 'ws')}/ws`), 'open')
for (const transports of [['websocket'], ['polling']]) {
  await once(io(url, { transports, forceNew: true, reconnection: false }) as unknown as NodeJS.EventEmitter, 'connect')
}
// A session of polling whose client never comes back.
await request(`${url}/socket.io/?EIO=4&transport=polling`).then(async ({ body }) => { await body.dump() })
await app.close()
process.stdout.write('closed\n')
