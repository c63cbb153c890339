/** DELETE: data objects, and containers with all below them, by path or by ID (HDO-60, HDO-61, HCO-04). */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { objectIDRoot, parseAddress } from '../../cdmi/address.js'
import { preconditionsOf } from '../http/conditional.js'
import { mountURLs, requestTarget } from '../http/request-path.js'
import { refuseMethod } from './method-not-allowed.js'
import { deleteSchema, noValidation } from './schemas.js'

const deleteRoutes: FastifyPluginAsyncTypebox = async (app) => {
  for (const url of mountURLs(app.prefix)) {
    app.route({
      method: 'DELETE',
      url,
      schema: deleteSchema(url),
      validatorCompiler: noValidation,
      // A body is allowed and ignored, and so is its type, which the framework would look at even where nothing reads the body.
      onRequest: async request => { delete request.raw.headers['content-type'] },
      handler: async (request, reply) => {
        const address = parseAddress(requestTarget(request.raw.url ?? '/', app.prefix).path)
        if (address === objectIDRoot) return refuseMethod(request)
        await app.cdmi.remove(request.principal, address, preconditionsOf(request.raw.headers))
        return reply.code(204).send()
      }
    })
  }
}

export default deleteRoutes
