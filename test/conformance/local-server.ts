/** The plugin of this project, listening: what the suite is run against when no other server is named. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { cdmi, openMemoryStore, type Store } from '../../index.js'
import type { ServerOptions } from './suite/server.js'

const [user, password] = ['conformance', 'of no use elsewhere'] as const

export interface LocalServer extends ServerOptions {
  readonly close: () => Promise<void>
}

/** Over a store in memory. `withoutCapabilities`: what is switched off. */
export async function startLocalServer (withoutCapabilities: readonly string[] = []): Promise<LocalServer> {
  const app = await gateway(openMemoryStore(), withoutCapabilities)
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    ...accessTo(origin),
    async close () {
      app.server.closeAllConnections()
      await app.close()
    }
  }
}

/**
 * One server for each of the stores, which are the same one opened several times, behind one port: whatever the connection, each request goes to the
 * next of them. So hardly anything that a case does is done by the server that did what it builds upon.
 */
export async function startGateways (stores: readonly Store[]): Promise<LocalServer> {
  const apps = await Promise.all(stores.map(async store => await gateway(store)))
  await Promise.all(apps.map(async app => { await app.ready() }))
  const door = createServer()
  let turn = 0
  // The suite upgrades nothing.
  for (const event of ['request', 'checkContinue']) {
    door.on(event, (request: IncomingMessage, response: ServerResponse) => { apps[turn++ % apps.length]?.server.emit(event, request, response) })
  }
  door.on('clientError', (error, socket) => { apps[0]?.server.emit('clientError', error, socket) })
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  return {
    ...accessTo(`http://127.0.0.1:${(door.address() as AddressInfo).port}`),
    async close () {
      door.closeAllConnections()
      door.close()
      await Promise.all(apps.map(async app => { await app.close() }))
    }
  }
}

function accessTo (origin: string): ServerOptions {
  return { root: `${origin}/cdmi/2.0.0/`, user, password }
}

async function gateway (store: Store, withoutCapabilities: readonly string[] = []): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(cdmi, {
    store,
    prefix: '/cdmi/2.0.0',
    // A function: hashes of passwords are slow on purpose.
    users: (name, given) => name === user && given === password,
    // What only an operator can offer.
    templates: { dataobject: { gold: { cdmi_latency: '10' } }, container: { gold: { cdmi_latency: '10' } } },
    locations: ['here', 'there'],
    withoutCapabilities: [...withoutCapabilities]
  })
  return app
}
