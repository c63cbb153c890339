/** PUT and PATCH: data objects (HDO-01 to HDO-10, HDO-40 to HDO-45), and containers made by PUT (HCO-01). */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Address, objectIDRoot, parseAddress } from '../../cdmi/address.js'
import type { Written } from '../../cdmi/data-object-change.js'
import { InvalidRequest } from '../../cdmi/errors.js'
import { entityTag } from '../../cdmi/preconditions.js'
import { preconditionsOf } from '../http/conditional.js'
import { parseContentRange } from '../http/content-range.js'
import { parsePartial } from '../http/partial-header.js'
import { mountURLs, requestTarget } from '../http/request-path.js'
import { announcedLength, bodyOf, isEmpty } from '../http/source.js'
import { refuseMethod } from './method-not-allowed.js'
import { noValidation, patchSchema, putSchema } from './schemas.js'
import { writtenType } from './write-request.js'

const writeRoutes: FastifyPluginAsyncTypebox = async (app) => {
  async function put (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { path, query } = requestTarget(request.raw.url ?? '/', app.prefix)
    const address = parseAddress(path)
    if (address === objectIDRoot) return refuseMethod(request)
    return await (address.slash ? putContainer(request, reply, address, query) : writeValue(request, reply, address, query, 'put'))
  }

  async function patch (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { path, query } = requestTarget(request.raw.url ?? '/', app.prefix)
    const address = parseAddress(path)
    if (address === objectIDRoot) return refuseMethod(request)
    if (!address.slash) return await writeValue(request, reply, address, query, 'patch')
    // Containers have nothing that a plain value could change (HCO-03, COC-59). One that is not there is still a 404.
    writtenType(request.raw, query)
    await app.cdmi.dataObjects.read(request.principal, address, () => [])
    throw new InvalidRequest('A container has no value; what it has is changed with the Content-Type application/cdmi-container')
  }

  async function writeValue (request: FastifyRequest, reply: FastifyReply, address: Address, query: string, mode: 'put' | 'patch'): Promise<FastifyReply> {
    const { raw } = request
    const { headers } = raw
    const type = writtenType(raw, query)
    return written(reply, await app.cdmi.dataObjects.write(request.principal, address, mode, {
      source: bodyOf(raw),
      length: announcedLength(raw),
      mimetype: type?.mimetype,
      valuetransferencoding: type?.valuetransferencoding,
      range: parseContentRange(headers['content-range']),
      partial: parsePartial(headers['x-cdmi-partial']),
      preconditions: preconditionsOf(headers)
    }))
  }

  async function putContainer (request: FastifyRequest, reply: FastifyReply, address: Address, query: string): Promise<FastifyReply> {
    const { raw } = request
    writtenType(raw, query)
    const preconditions = preconditionsOf(raw.headers)
    if ((announcedLength(raw) ?? 0) > 0 || !await isEmpty(bodyOf(raw))) throw new InvalidRequest('A URI that ends in "/" is a container, which has no value: leave the body out, or the slash to make a data object')
    return written(reply, await app.cdmi.containers.create(request.principal, address, preconditions))
  }

  for (const url of mountURLs(app.prefix)) {
    app.route({ method: 'PUT', url, schema: putSchema(url), validatorCompiler: noValidation, handler: put })
    app.route({ method: 'PATCH', url, schema: patchSchema(url), validatorCompiler: noValidation, handler: patch })
  }
}

function written (reply: FastifyReply, { object, created, pending }: Written): FastifyReply {
  return reply.code(pending === true ? 202 : created ? 201 : 204).header('etag', entityTag(object.record)).send()
}

export default writeRoutes
