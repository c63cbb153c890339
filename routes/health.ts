/** For whoever looks after the server: is it alive, and should it get requests? No credentials, no secrets. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Alive, Ready } from '../schemas/health.js'
import type { Store } from '../storage/contract.js'
import { describeError } from '../cdmi/describe-error.js'

export interface HealthOptions {
  readonly store: Pick<Store, 'ready'>
  readonly version: string
  /** True from the moment on that the server is told to end. */
  readonly draining: () => boolean
}

const healthRoutes: FastifyPluginAsyncTypebox<HealthOptions> = async (app, { store, version, draining }) => {
  app.addHook('onSend', async (_request, reply) => { reply.header('cache-control', 'no-store') })

  app.get('/-/health', {
    logLevel: 'warn',
    schema: { summary: 'The process is alive', tags: ['server'], security: [], response: { 200: Alive } }
  }, async () => ({ status: 'alive' as const, version, uptime: process.uptime() }))

  app.get('/-/ready', {
    logLevel: 'warn',
    schema: { summary: 'The server can take requests', tags: ['server'], security: [], response: { 200: Ready, 503: Ready } }
  }, async (request, reply) => {
    if (draining()) return reply.code(503).send({ status: 'draining', reason: 'The server is about to end' })
    try {
      await store.ready()
    } catch (error) {
      request.log.warn({ err: error }, 'not ready')
      return reply.code(503).send({ status: 'unavailable', reason: describeError(error).message })
    }
    return { status: 'ready' as const }
  })
}

export default healthRoutes
