/** Methods that a resource does not have: 405 with the list of those it has (GEN-05), and OPTIONS. */
import type { FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { withHeaders } from '../../cdmi/describe-error.js'
import { MethodNotAllowed } from '../../cdmi/errors.js'
import { checkRemovable } from '../../cdmi/names.js'
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

/**
 * Answers 405, but 400 where the name of all object IDs would be made or deleted (COC-08). Also for the not-found handler of a server, which gets
 * the methods that the framework does not know.
 */
export function refuseMethod (request: FastifyRequest): never {
  const methods = methodsOf(splitTarget(request.raw.url ?? '/', request.server.prefix).path)
  if (methods === ofObjectIDs && (request.method === 'PUT' || request.method === 'DELETE')) checkRemovable('cdmi_objectid')
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
    // Before the framework looks at a body: what is wrong with that does not matter.
    const onRequest = async (request: FastifyRequest): Promise<void> => { refuseMethod(request) }
    app.route({ method: app.supportedMethods.filter(method => !offered.has(method)), url, schema: { hide: true }, validatorCompiler: noValidation, onRequest, handler: refuseMethod })
  }
}

const offered = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS'])

export default methodRoutes
