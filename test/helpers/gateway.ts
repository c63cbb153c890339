/** A gateway: the plugin over a store that others have open, too. Two registrations, as in the stand-alone server, so that every door is there. */
import fastify, { type FastifyInstance } from 'fastify'
import cdmi, { openStore, type Store, StorageError } from '../../index.js'
import type { DistributedStoreOptions } from '../../schemas/store-options.js'

export interface Gateway {
  readonly origin: string
  readonly app: FastifyInstance
  readonly store: Store
  close (): Promise<void>
}

/** Longer than any test: what takes long is not answered for before it is done. */
const never = 3_600_000

/** `fault` is told of what must never happen: answers with 500, and failures in the background that no outage explains. */
export async function openGateway (options: DistributedStoreOptions, fault: (what: string) => void): Promise<Gateway> {
  const store = await openStore(options, (error, doing) => {
    if (!(error instanceof StorageError && error.reason === 'unavailable')) fault(`${doing}: ${String(error)}`)
  })
  const write = (line: string): void => {
    const { code, err } = JSON.parse(line) as { code?: string, err?: { stack?: string } }
    if (code === 'CDMI_INTERNAL') fault(err?.stack ?? line)
  }
  const app = fastify({ logger: { level: 'error', stream: { write } }, forceCloseConnections: true })
  app.addHook('onClose', async () => { await store.close() })
  const common = { store, anonymous: 'write', delayedAfter: never } as const
  await app.register(cdmi, { ...common, prefix: '/cdmi/2.0.0' })
  await app.register(cdmi, { ...common, prefix: '/', keyed: true })
  return { origin: await app.listen({ port: 0, host: '127.0.0.1' }), app, store, close: async () => { await app.close() } }
}
