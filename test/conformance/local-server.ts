/** The plugin of this project over a store in memory, listening: what the suite is run against when no other server is named. */
import Fastify from 'fastify'
import { cdmi, openMemoryStore } from '../../index.js'
import type { ServerOptions } from './suite/server.js'

const [user, password] = ['conformance', 'of no use elsewhere'] as const

/** `withoutCapabilities`: what is switched off. */
export async function startLocalServer (withoutCapabilities: readonly string[] = []): Promise<ServerOptions & { readonly close: () => Promise<void> }> {
  const app = Fastify()
  await app.register(cdmi, {
    store: openMemoryStore(),
    prefix: '/cdmi/2.0.0',
    // A function: hashes of passwords are slow on purpose.
    users: (name, given) => name === user && given === password,
    // What only an operator can offer.
    templates: { dataobject: { gold: { cdmi_latency: '10' } }, container: { gold: { cdmi_latency: '10' } } },
    locations: ['here', 'there'],
    withoutCapabilities: [...withoutCapabilities]
  })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    root: `${origin}/cdmi/2.0.0/`,
    user,
    password,
    async close () {
      app.server.closeAllConnections()
      await app.close()
    }
  }
}
