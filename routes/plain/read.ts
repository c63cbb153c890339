/** GET and HEAD: the value of a data object (HDO-20 to HDO-28), the listing of a container (HCO-03). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Address, objectIDRoot, parseAddress } from '../../cdmi/address.js'
import type { ReadObject, Select } from '../../cdmi/data-objects.js'
import { withHeaders } from '../../cdmi/describe-error.js'
import { NotFound, RangeNotSatisfiable } from '../../cdmi/errors.js'
import { checkPreconditions } from '../../cdmi/preconditions.js'
import { andThen } from '../../cdmi/ready.js'
import { attributesOf, type CdmiObject } from '../../cdmi/record.js'
import type { Content } from '../../cdmi/values.js'
import type { CdmiOptions } from '../../schemas/options.js'
import { type CdmiQuery, parseCdmiQuery } from '../cdmi/query.js'
import { sendCapabilityObject } from '../cdmi/read-capability.js'
import { sendContainer } from '../cdmi/read-container.js'
import { preconditionsOf } from '../http/conditional.js'
import { formatContentRange } from '../http/content-range.js'
import { contentTypeOf } from '../http/content-type.js'
import { multipartByteranges } from '../http/multipart-byteranges.js'
import { mountURLs, requestTarget } from '../http/request-path.js'
import { sendContent, sendPieces } from '../http/send-content.js'
import { sendContainerListing } from './listing.js'
import { refuseMethod } from './method-not-allowed.js'
import { planRead, type ReadPlan } from './read-plan.js'
import { setContentSafety, setValidators } from './representation.js'
import { noValidation, readSchema } from './schemas.js'
import { hasCdmiArguments } from './write-request.js'

const readRoutes: FastifyPluginAsyncTypebox = async (app) => {
  for (const url of mountURLs(app.prefix)) {
    app.route({ method: 'GET', url, exposeHeadRoute: false, schema: readSchema(url), validatorCompiler: noValidation, handler: readPlain })
    app.route({ method: 'HEAD', url, schema: { ...readSchema(url), hide: true }, validatorCompiler: noValidation, handler: readPlain })
  }
}

/** The handler. Also for requests that name CDMI's forms, but like the plain one better. A value that is there already goes out at once: the promises on the way would cost a tenth of a small read. */
export function readPlain (request: FastifyRequest, reply: FastifyReply): FastifyReply | Promise<FastifyReply> {
  const { raw, server: app } = request
  const address = parseAddress(requestTarget(raw.url ?? '/', app.prefix).path)
  if (address === objectIDRoot) return refuseMethod(request)
  // They have no other form than CDMI's.
  const { isCapability, object: capability } = app.cdmi.capabilityObjects.find(address)
  if (isCapability) {
    if (capability === undefined) throw new NotFound(requestTarget(raw.url ?? '/', app.prefix).path)
    return sendCapabilityObject(request, reply, capability, address, parseCdmiQuery(requestTarget(raw.url ?? '/', app.prefix).query))
  }
  if (address.slash) return list(app, request, reply, address)
  const { headers, method = 'GET' } = raw
  let plan: ReadPlan | undefined
  const ranged = app.cdmi.capabilities.has('dataobject', 'cdmi_read_value_range')
  const select: Select = ({ record }) => {
    plan = planRead(record, method, headers, ranged)
    return plan.ranges
  }
  const show = ({ object, contents }: ReadObject): FastifyReply | Promise<FastifyReply> => {
    reply.header('accept-ranges', ranged ? 'bytes' : 'none')
    return answer(reply, object, contents, plan?.status ?? 200, method, app.cdmiOptions.activeContent)
  }
  return andThen(app.cdmi.dataObjects.readSoon(request.principal, address, select), show)
}

/** Renders what the plan was, and what came of it. */
function answer (reply: FastifyReply, { record }: CdmiObject, contents: readonly Content[], status: ReadPlan['status'], method: string, activeContent: CdmiOptions['activeContent']): FastifyReply | Promise<FastifyReply> {
  setValidators(reply, record)
  if (status === 304) return reply.code(304).send()
  // While its value is being written in parts the object is there, but has nothing to show (AMB-16).
  if (status === 202) return reply.code(202).header('content-length', '0').send()
  if (status === 416) {
    const error = new RangeNotSatisfiable(`None of the ranges is within the value, which has ${record.size} bytes`)
    throw withHeaders(error, { 'content-range': `bytes */${record.size}` })
  }
  const { mimetype, valuetransferencoding } = attributesOf(record)
  const contentType = contentTypeOf(mimetype, valuetransferencoding)
  setContentSafety(reply, contentType, activeContent)
  if (method === 'HEAD') return reply.header('content-type', contentType).header('content-length', String(record.size)).send()
  reply.code(status)
  const [content] = contents
  if (content === undefined || contents.length > 1) {
    const multipart = multipartByteranges(contents, contentType, record.size)
    reply.header('content-type', multipart.contentType)
    return sendPieces(reply, multipart.pieces, multipart.length)
  }
  reply.header('content-type', contentType)
  if (status === 206) reply.header('content-range', formatContentRange(content, record.size))
  return sendContent(reply, content)
}

async function list (app: FastifyInstance, request: FastifyRequest, reply: FastifyReply, address: Address): Promise<FastifyReply> {
  const listing = await app.cdmi.containers.list(request.principal, address)
  const query = containerQuery(request)
  if (query !== undefined) return await sendContainer(request, reply, listing.object, query)
  // The validators of a container do not change with its children: they cannot tell whether a listing is still right, but they
  // can tell whether the container is the one that the client means.
  const ifMatch = preconditionsOf(request.headers)?.ifMatch
  if (ifMatch !== undefined) checkPreconditions({ ifMatch }, listing.object.record, true)
  await sendContainerListing(request, reply, listing)
  return reply
}

/** Fields of CDMI in the query of a client that would take anything: it means their form (COC-52). */
function containerQuery (request: FastifyRequest): CdmiQuery | undefined {
  const { accept } = request.headers
  if (accept !== undefined && accept.trim() !== '*/*') return undefined
  const { query } = requestTarget(request.raw.url ?? '/', request.server.prefix)
  return hasCdmiArguments(query) ? parseCdmiQuery(query) : undefined
}

export default readRoutes
