/** GET and HEAD of the CDMI forms: data objects, containers, capability objects (DOC-50 to DOC-60, COC-52 to COC-58, CAP-02). */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { objectIDRoot } from '../../cdmi/address.js'
import { NotFound } from '../../cdmi/errors.js'
import type { Cdmi } from '../../cdmi/model.js'
import { checkPreconditions } from '../../cdmi/preconditions.js'
import { andThen } from '../../cdmi/ready.js'
import { attributesOf, isContainer } from '../../cdmi/record.js'
import { preconditionsOf } from '../http/conditional.js'
import { mountURLs, requestTarget } from '../http/request-path.js'
import { refuseMethod } from '../plain/method-not-allowed.js'
import { readPlain } from '../plain/read.js'
import { noValidation } from '../plain/schemas.js'
import { listingTypes } from '../plain/listing.js'
import { cdmiConstraint } from './constraint.js'
import { negotiateForm } from './media-types.js'
import { sendCapabilityObject } from './read-capability.js'
import { sendContainer } from './read-container.js'
import { planObjectRead, sendDataObject, type ObjectRead } from './read-data-object.js'
import type { CdmiQuery } from './query.js'
import { cdmiTarget } from './request.js'
import { hidden } from './schemas.js'
import { wants } from './select-fields.js'

const cdmiReadRoutes: FastifyPluginAsyncTypebox = async (app) => {
  // What is there already goes out at once: the promises on the way would cost a tenth of a small read.
  function read (request: FastifyRequest, reply: FastifyReply): FastifyReply | Promise<FastifyReply> {
    const { address, query } = cdmiTarget(request)
    if (address === objectIDRoot) return refuseMethod(request)
    const { cdmi } = app
    const { accept } = request.headers
    const version = request.cdmiVersion !== undefined

    const capability = cdmi.capabilityObjects.find(address)
    if (capability.isCapability) {
      if (capability.object === undefined) throw new NotFound(requestTarget(request.raw.url ?? '/', app.prefix).path)
      negotiateForm(accept, version, { kind: 'capability', mixed: false, plain: [] })
      return sendCapabilityObject(request, reply, capability.object, address, query)
    }

    const plan: { read?: ObjectRead } = {}
    const found = cdmi.dataObjects.readSoon(request.principal, address, ({ record }) => {
      if (isContainer(record)) return []
      const [essence = ''] = (attributesOf(record).mimetype ?? '').split(';', 1)
      const form = negotiateForm(accept, version, { kind: 'object', mixed: cdmi.capabilities.has('system', 'cdmi_multipart_mime'), plain: [essence] })
      checkPreconditions(readingConditions(request), record, true)
      if (form !== 'plain') requireForRead(cdmi, query)
      plan.read = planObjectRead(record, form, query)
      return plan.read.ranges
    }, { described: true })
    return andThen(found, ({ object, contents, extent, accesses, updating }) => {
      if (plan.read === undefined) {
        const form = negotiateForm(accept, version, { kind: 'container', mixed: false, plain: selectsFields(request) ? [] : listingTypes })
        if (form === 'plain') return readPlain(request, reply)
        checkPreconditions(readingConditions(request), object.record, true)
        return sendContainer(request, reply, object, query, accesses)
      }
      if (plan.read.form === 'plain') return readPlain(request, reply)
      return sendDataObject(request, reply, { object, contents, extent, accesses, updating, read: plan.read, query })
    })
  }

  for (const url of mountURLs(app.prefix)) {
    app.route({ method: 'GET', url, exposeHeadRoute: false, constraints: cdmiConstraint, schema: hidden, validatorCompiler: noValidation, handler: read })
    app.route({ method: 'HEAD', url, constraints: cdmiConstraint, schema: hidden, validatorCompiler: noValidation, handler: read })
  }
}

/** Throws CapabilityMissing. What is needed to read the value at all the model knows. */
function requireForRead ({ capabilities }: Cdmi, query: CdmiQuery): void {
  if (wants(query, 'metadata')) capabilities.require('dataobject', 'cdmi_read_metadata')
  if (query.values.length > 0) capabilities.require('dataobject', 'cdmi_read_value_range')
}

/**
 * The CDMI form has more in it than the version of the object covers (metadata of the containers above, the path), so that it is never "not
 * modified". What a client may demand of the object's version holds as for the plain form.
 */
function readingConditions (request: FastifyRequest): ReturnType<typeof preconditionsOf> {
  const conditions = preconditionsOf(request.headers)
  return conditions && { ifMatch: conditions.ifMatch, ifUnmodifiedSince: conditions.ifUnmodifiedSince }
}

/** The query names fields of CDMI: a listing for people has none of them. */
function selectsFields (request: FastifyRequest): boolean {
  return cdmiTarget(request).query.fields.some(field => !['limit', 'after', 'prefix'].includes(field))
}

export default cdmiReadRoutes
