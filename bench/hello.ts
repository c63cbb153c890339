/** What a request costs when nothing is done. */
import fastify, { type FastifyInstance } from 'fastify'

/** 100 bytes of JSON. */
export const helloAnswer = { name: 'benchmark', text: 'x'.repeat(70) }

/** A Fastify that answers every request so, and stores nothing. */
export function helloApp (): FastifyInstance {
  const app = fastify()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => { done(null, body) })
  app.route({ method: ['GET', 'POST', 'PUT'], url: '/*', handler: () => helloAnswer })
  return app
}
