/** Where the server listens. `localhost` is both loopback addresses, and all their connections belong to one server. */
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

export interface ListenOptions {
  readonly host: string
  readonly port: number
}

/** Answers the URL that a user may type. Rejects with the system's error (`EADDRINUSE`, `EACCES` …). */
export async function listenOn (app: FastifyInstance, { host, port }: ListenOptions): Promise<string> {
  await app.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port, listenTextResolver: address => `listening at ${address}` })
  const { port: actual } = app.server.address() as AddressInfo
  if (host === 'localhost') await listenOnSixth(app, actual)
  const scheme = app.initialConfig.https === undefined ? 'http' : 'https'
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return `${scheme}://${name}:${actual}`
}

/**
 * Fastify would make a second server for ::1, without the listeners (upgrades, 100-continue, drain) that the first one has.
 * Here it is a mere socket that hands its connections over. A machine without IPv6 has none.
 */
async function listenOnSixth (app: FastifyInstance, port: number): Promise<void> {
  const second: NetServer = createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) => { app.server.emit('connection', socket) })
  const listening = await new Promise<boolean>(resolve => {
    second.once('error', () => { resolve(false) })
    second.listen({ host: '::1', port }, () => { resolve(true) })
  })
  if (listening) app.server.once('close', () => { second.close() })
}
