/**
 * The keyed JSON door: `<prefix>/data` and `<prefix>/data/{key}` (KEY-01 to KEY-10). Its scope parses no bodies, and every error
 * in it, from wherever, is `{"error":"…"}`.
 *
 * To be registered in a scope that has `app.cdmi`, and an `onRequest` hook that sets `request.principal`.
 */
import type {} from '@fastify/swagger'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { withHeaders } from '../cdmi/describe-error.js'
import { MethodNotAllowed } from '../cdmi/errors.js'
import { KeyedDocument, KeyedError, KeyList, KeyParams, ListQuerystring } from '../schemas/keyed.js'
import { nameDoor } from './door.js'
import { keyedErrors } from './keyed/errors.js'
import { list } from './keyed/list.js'
import { recordHandlers } from './keyed/records.js'

export interface KeyedOptions {
  /** `WWW-Authenticate` of a 401. */
  readonly challenge?: string | undefined
  /** Constraints of all routes: see plugins/media-type-constraint. */
  readonly constraints?: RouteOptions['constraints']
}

const tags = ['keyed']
const errors = Object.fromEntries([400, 401, 403, 404, 406, 412, 413, 415, 429].map(status => [status, KeyedError]))
/** Schemas are for the manual: the handlers check the raw URL, and send bytes that need no serialising. */
const accept = () => () => true
const asItIs = () => (payload: unknown): string => typeof payload === 'string' ? payload : JSON.stringify(payload)

const patchTypes = 'application/json, application/merge-patch+json'

export async function keyedRoutes (app: FastifyInstance, options: KeyedOptions): Promise<void> {
  app.setErrorHandler(keyedErrors(options.challenge ?? 'Basic realm="fastify-cdmi", charset="UTF-8"'))
  nameDoor(app, 'keyed')
  app.removeAllContentTypeParsers()
  // The first by its name, which nearly every body has: what only the second takes is parsed anew each time.
  app.addContentTypeParser(['application/json', '*'], (_request, payload, done) => { done(null, payload) })
  app.setValidatorCompiler(accept)
  app.setSerializerCompiler(asItIs)

  const common = { exposeHeadRoute: false, ...options.constraints !== undefined && { constraints: options.constraints } }
  const prefix = app.prefix.replace(/\/$/, '')
  const records = recordHandlers(prefix.split('/').length + 1)

  app.route({
    ...common,
    method: ['GET', 'HEAD'],
    url: '/data',
    schema: { tags, summary: 'The keys', querystring: ListQuerystring, response: { 200: KeyList, ...errors } },
    handler: list
  })

  const record = (method: RouteOptions['method'], handler: RouteOptions['handler'], status: number, summary: string, body?: true): void => {
    app.route({
      ...common,
      method,
      url: '/data/*',
      schema: {
        tags,
        summary,
        params: KeyParams,
        ...body === true && { body: KeyedDocument, consumes: ['application/json'] },
        response: { ...status === 204 ? { 204: { type: 'null' } } : { [status]: KeyedDocument }, ...errors }
      },
      handler
    })
  }
  record(['GET', 'HEAD'], records.get, 200, 'Reads a record')
  record('POST', records.create, 201, 'Creates a record', true)
  record('PUT', records.replace, 200, 'Replaces a record', true)
  record('PATCH', records.merge, 200, 'Merges properties into a record', true)
  record('DELETE', records.remove, 204, 'Deletes a record')

  const refuse = (url: string, allowed: readonly string[]): void => {
    const allow = [...allowed, 'OPTIONS'].join(', ')
    const method = app.supportedMethods.filter(name => !allowed.includes(name))
    app.route({
      ...common,
      method: method as RouteOptions['method'],
      url,
      schema: { hide: true },
      // Before the framework looks at a body: what is wrong with that does not matter.
      async onRequest (request) {
        if (request.method !== 'OPTIONS') throw withHeaders(new MethodNotAllowed(request.method, allow), { allow })
      },
      async handler (_request, reply) {
        reply.header('allow', allow)
        if (allowed.includes('PATCH')) reply.header('accept-patch', patchTypes)
        return reply.code(204).send()
      }
    })
  }
  refuse('/data', ['GET', 'HEAD'])
  refuse('/data/*', ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])
}
