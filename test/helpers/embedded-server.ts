/** The plugin over an embedded store in a process of its own, for tests that measure memory: `node embedded-server.js <directory>`. */
import fastify from 'fastify'
import cdmi, { openStore } from '../../index.js'

const store = await openStore({ directory: process.argv[2] ?? '' })
const app = fastify()
app.addHook('onClose', async () => { await store.close() })
// What takes long is not answered for before it is done, however busy the machine: the next request is made of it.
await app.register(cdmi, { store, anonymous: 'write', delayedAfter: 3_600_000 })
process.send?.(await app.listen({ port: 0, host: '127.0.0.1' }))
process.once('disconnect', () => { app.close().catch(() => { process.exitCode = 1 }) })
