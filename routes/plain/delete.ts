/** DELETE: data objects, and containers with all below them, by path or by ID (HDO-60, HDO-61, HCO-04). */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { objectIDRoot, parseAddress } from '../../cdmi/address.js'
import { CapabilityMissing } from '../../cdmi/errors.js'
import { preconditionsOf } from '../http/conditional.js'
import { mountURLs, requestTarget } from '../http/request-path.js'
import { refuseMethod } from './method-not-allowed.js'
import { deleteSchema, noValidation } from './schemas.js'

/** `?value`, `?values=2`, and the same as CDMI 1.x writes it. */
const queueValues = /(?:^|[?&;])values?(?:[=:&;]|$)/

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
        const { path, query } = requestTarget(request.raw.url ?? '/', app.prefix)
        // Deletes values of a queue, and leaves the queue: nobody who means that wants to lose a whole object.
        if (queueValues.test(query)) throw new CapabilityMissing('cdmi_queues', 'this server')
        const address = parseAddress(path)
        if (address === objectIDRoot) return refuseMethod(request)
        await app.cdmi.remove(request.principal, address, preconditionsOf(request.raw.headers))
        return reply.code(204).send()
      }
    })
  }
}

export default deleteRoutes
