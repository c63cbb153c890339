/** For those who watch the server: what it counts, in the text format of Prometheus. Who may ask is decided around it. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { contentType, textOf } from '../metrics/text.js'
import type { Family } from '../metrics/family.js'
import { Type } from '../schemas/typebox.js'
import { nameDoor } from './door.js'

export interface MetricsOptions {
  /** Of all processes of the server. Never rejects. */
  readonly collect: () => Promise<readonly Family[]>
  /** Anybody may ask. */
  readonly open: boolean
}

const metricsRoutes: FastifyPluginAsyncTypebox<MetricsOptions> = async (app, { collect, open }) => {
  nameDoor(app, 'metrics')
  app.get('/-/metrics', {
    logLevel: 'warn',
    schema: {
      summary: 'What the server counts, for Prometheus',
      tags: ['server'],
      ...open && { security: [] },
      response: { 200: { description: 'Text format 0.0.4.', content: { 'text/plain': { schema: Type.String() } } } }
    },
    serializerCompiler: () => String
  }, async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    return reply.type(contentType).send(textOf(await collect()))
  })
}

export default metricsRoutes
