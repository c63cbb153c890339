/** One server of many on one store: its port, `META_URL` and `BLOBS_URL` in the environment. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../index.js'
import { buildServer } from '../server.js'

const { META_URL: meta = '', BLOBS_URL: blobs = '' } = process.env
const data = await mkdtemp(join(tmpdir(), 'fastify-cdmi-gateway-'))
const store = await openStore({ meta, blobs })
const server = await buildServer({ data, host: '127.0.0.1', port: Number(process.argv[2]), logLevel: 'fatal', adminUser: 'admin', adminPassword: 'benchmark' }, { store })
await server.listen()
process.once('SIGTERM', () => {
  server.close().then(async () => { await rm(data, { recursive: true, force: true }) }).then(() => process.exit(0), error => {
    console.error(error)
    process.exit(1)
  })
})
