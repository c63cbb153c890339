/** PUT, PATCH and POST of the CDMI forms: what the body is decides who takes it. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { objectIDRoot } from '../../cdmi/address.js'
import { CapabilityMissing, InvalidRequest } from '../../cdmi/errors.js'
import { mountURLs } from '../http/request-path.js'
import { refuseMethod } from '../plain/method-not-allowed.js'
import { noValidation } from '../plain/schemas.js'
import { cdmiConstraint } from './constraint.js'
import { cdmiTypeOf } from './media-types.js'
import { cdmiTarget } from './request.js'
import { cdmiPatchSchema, cdmiPostSchema, cdmiPutSchema } from './schemas.js'
import { writeContainer } from './write-container.js'
import { writeDataObject } from './write-data-object.js'

const cdmiWriteRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const change = (mode: 'put' | 'patch') => async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { address, query } = cdmiTarget(request)
    if (address === objectIDRoot) return refuseMethod(request)
    const type = typeOfBody(request)
    if (type === 'container') return await writeContainer(request, reply, address, query, mode)
    if (address.slash) throw new InvalidRequest('The URI ends in "/", so it is one of a container; the Content-Type for it is application/cdmi-container')
    return await writeDataObject(request, reply, { mode, address }, query, type === 'mixed')
  }

  async function post (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { address, query } = cdmiTarget(request)
    const type = typeOfBody(request)
    if (type === 'container') throw new InvalidRequest('POST makes objects that the server names, and containers are not among them; make one with PUT')
    return await writeDataObject(request, reply, { mode: 'post', container: address }, query, type === 'mixed')
  }

  for (const url of mountURLs(app.prefix)) {
    const common = { url, constraints: cdmiConstraint, validatorCompiler: noValidation }
    app.route({ ...common, method: 'PUT', schema: cdmiPutSchema(url), handler: change('put') })
    app.route({ ...common, method: 'PATCH', schema: cdmiPatchSchema(url), handler: change('patch') })
    app.route({ ...common, method: 'POST', schema: cdmiPostSchema(url), handler: post })
  }
}

/** Throws CapabilityMissing for objects that are not offered, InvalidRequest for those that no client can write. */
function typeOfBody (request: FastifyRequest): 'object' | 'container' | 'mixed' {
  const type = cdmiTypeOf(request.headers['content-type'])
  switch (type) {
    case 'queue': throw new CapabilityMissing('cdmi_queues', 'this server')
    case 'domain': throw new CapabilityMissing('cdmi_domains', 'this server')
    case 'capability': throw new InvalidRequest('Capability objects belong to the server; they can be read, but not changed')
    case undefined: throw new InvalidRequest('The Content-Type is none of CDMI: there is no such type, or its parameters are broken; it must be like "application/cdmi-object" or "multipart/mixed; boundary=…"')
    default: return type
  }
}

export default cdmiWriteRoutes
