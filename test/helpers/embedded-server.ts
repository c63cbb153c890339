/** The plugin over an embedded store in a process of its own, for tests that measure memory: `node embedded-server.js <directory>`. */
import fastify from 'fastify'
import cdmi, { openStore } from '../../index.js'

const store = await openStore({ directory: process.argv[2] ?? '' })
const app = fastify()
app.addHook('onClose', async () => { await store.close() })
await app.register(cdmi, { store, anonymous: 'write' })
process.send?.(await app.listen({ port: 0, host: '127.0.0.1' }))
process.once('disconnect', () => { app.close().catch(() => { process.exitCode = 1 }) })
