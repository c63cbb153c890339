/** Run as a process of its own: two workers on one port, that find each other in the directory of the first argument. */
import cluster from 'node:cluster'
import Fastify from 'fastify'
import { Cdmi } from '../../../cdmi/model.js'
import { sockets } from '../../../plugins/sockets.js'
import { openMemoryStore } from '../../../storage/memory/memory-store.js'

if (cluster.isPrimary) {
  const directory = process.argv[2] ?? ''
  const workers = [cluster.fork({ AFFINITY: directory }), cluster.fork({ AFFINITY: directory })]
  let ready = 0
  for (const worker of workers) {
    worker.on('message', url => { if (++ready === workers.length) process.stdout.write(`${String(url)}\n`) })
  }
  process.stdin.resume().on('end', () => { for (const worker of workers) worker.disconnect() })
} else {
  const app = Fastify()
  app.decorate('cdmi', new Cdmi(openMemoryStore()))
  await app.register(sockets, {
    verifier: { verify: async name => ({ name, authentication: 'basic', access: 'write' }) },
    affinity: { worker: `w${cluster.worker?.id ?? 0}`, directory: process.env['AFFINITY'] ?? '' }
  })
  app.get('/who', async () => cluster.worker?.id)
  process.send?.(await app.listen({ port: 0, host: '127.0.0.1' }))
  process.on('disconnect', async () => { await app.close() })
}
