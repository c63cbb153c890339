/** Methods that a resource does not have: 405 with the list of those it has (GEN-05), and OPTIONS. */
import type { FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { MethodNotAllowed } from '../../cdmi/errors.js'
import { withHeaders } from '../http/error-headers.js'
import { mountURLs, requestTarget, splitTarget } from '../http/request-path.js'
import { noValidation, optionsSchema } from './schemas.js'

const ofDataObjects = 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS'
/** PATCH in CDMI's form only. */
const ofContainers = 'GET, HEAD, PUT, PATCH, POST, DELETE, OPTIONS'
const ofObjectIDs = 'POST, OPTIONS'

/** The methods of the resource at a CDMI path: its slash says what it is, whether it exists or not (HDO-10). */
export function methodsOf (path: string): string {
  if (path === '/cdmi_objectid' || path === '/cdmi_objectid/') return ofObjectIDs
  return path.endsWith('/') ? ofContainers : ofDataObjects
}

/** Answers 405. Also for the not-found handler of a server, which gets the methods that the framework does not know. */
export function refuseMethod (request: FastifyRequest): never {
  const methods = methodsOf(splitTarget(request.raw.url ?? '/', request.server.prefix).path)
  throw withHeaders(new MethodNotAllowed(request.method, methods), { allow: methods })
}

const methodRoutes: FastifyPluginAsyncTypebox = async (app) => {
  for (const url of mountURLs(app.prefix)) {
    app.route({
      method: 'OPTIONS',
      url,
      schema: optionsSchema(url),
      validatorCompiler: noValidation,
      handler: async (request, reply) => {
        const { path } = requestTarget(request.raw.url ?? '/', app.prefix)
        return reply.code(204).header('allow', methodsOf(path)).send()
      }
    })
    app.route({ method: app.supportedMethods.filter(method => !offered.has(method)), url, schema: { hide: true }, validatorCompiler: noValidation, handler: refuseMethod })
  }
}

const offered = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS'])

export default methodRoutes
