/**
 * Sees to it that the container of the keyed records is there when the application starts, so that no data object can take its name.
 */
import type { FastifyInstance } from 'fastify'
import { IsReference } from '../cdmi/errors.js'
import { keyedContainer as name } from '../cdmi/keyed-records.js'
import type { Principal } from '../cdmi/principal.js'

const server: Principal = { name: 'SYSTEM@', authentication: 'anonymous', access: 'write' }

export async function keyedContainer (app: FastifyInstance): Promise<void> {
  app.addHook('onReady', async () => {
    await app.cdmi.containers.create(server, { from: undefined, names: [name], slash: true }).catch((error: unknown) => {
      // A reference that somebody put there is no reason not to start: there are just no records.
      if (!(error instanceof IsReference)) throw error
      app.log.warn(`/${name}/ is a reference to ${error.target}; no keyed records can be kept there`)
    })
  })
}
