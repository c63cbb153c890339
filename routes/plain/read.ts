/** GET and HEAD: the value of a data object (HDO-20 to HDO-28), the listing of a container (HCO-03). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Address, objectIDRoot, parseAddress } from '../../cdmi/address.js'
import { NotAcceptable, RangeNotSatisfiable } from '../../cdmi/errors.js'
import { checkPreconditions } from '../../cdmi/preconditions.js'
import { attributesOf, type CdmiObject } from '../../cdmi/record.js'
import type { Content } from '../../cdmi/values.js'
import { wantsOnlyCdmi } from '../http/accept.js'
import { preconditionsOf } from '../http/conditional.js'
import { formatContentRange } from '../http/content-range.js'
import { contentTypeOf } from '../http/content-type.js'
import { withHeaders } from '../http/error-headers.js'
import { multipartByteranges } from '../http/multipart-byteranges.js'
import { mountURLs, requestTarget } from '../http/request-path.js'
import { sendContent, sendPieces } from '../http/send-content.js'
import { sendContainerListing } from './listing.js'
import { refuseMethod } from './method-not-allowed.js'
import { planRead, type ReadPlan } from './read-plan.js'
import { setContentSafety, setValidators } from './representation.js'
import { noValidation, readSchema } from './schemas.js'

const readRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const sandbox = app.cdmiOptions.activeContent !== 'allow'

  async function read (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { raw } = request
    const address = parseAddress(requestTarget(raw.url ?? '/', app.prefix).path)
    if (address === objectIDRoot) return refuseMethod(request)
    if (address.slash) return await list(app, request, reply, address)
    const { headers, method = 'GET' } = raw
    let plan: ReadPlan | undefined
    const { object, contents } = await app.cdmi.dataObjects.read(request.principal, address, ({ record }) => {
      plan = planRead(record, method, headers)
      return plan.ranges
    })
    return await answer(reply, object, contents, plan?.status ?? 200, method, sandbox)
  }

  for (const url of mountURLs(app.prefix)) {
    app.route({ method: 'GET', url, exposeHeadRoute: false, schema: readSchema(url), validatorCompiler: noValidation, handler: read })
    app.route({ method: 'HEAD', url, schema: { ...readSchema(url), hide: true }, validatorCompiler: noValidation, handler: read })
  }
}

/** Renders what the plan was, and what came of it. */
async function answer (reply: FastifyReply, { record }: CdmiObject, contents: readonly Content[], status: ReadPlan['status'], method: string, sandbox: boolean): Promise<FastifyReply> {
  setValidators(reply, record)
  if (status === 304) return reply.code(304).send()
  // While its value is being written in parts the object is there, but has nothing to show (AMB-16).
  if (status === 202) return reply.code(202).header('content-length', '0').send()
  reply.header('accept-ranges', 'bytes')
  if (status === 416) {
    const error = new RangeNotSatisfiable(`None of the ranges is within the value, which has ${record.size} bytes`)
    throw withHeaders(error, { 'content-range': `bytes */${record.size}` })
  }
  const { mimetype, valuetransferencoding } = attributesOf(record)
  const contentType = contentTypeOf(mimetype, valuetransferencoding)
  setContentSafety(reply, sandbox)
  if (method === 'HEAD') return reply.header('content-type', contentType).header('content-length', String(record.size)).send()
  reply.code(status)
  const [content] = contents
  if (content === undefined || contents.length > 1) {
    const multipart = multipartByteranges(contents, contentType, record.size)
    reply.header('content-type', multipart.contentType)
    return await sendPieces(reply, multipart.pieces, multipart.length)
  }
  reply.header('content-type', contentType)
  if (status === 206) reply.header('content-range', formatContentRange(content, record.size))
  return await sendContent(reply, content)
}

/** Forms in which the listing of a container can be had. */
const listingTypes = ['text/html', 'application/json'] as const

async function list (app: FastifyInstance, request: FastifyRequest, reply: FastifyReply, address: Address): Promise<FastifyReply> {
  const listing = await app.cdmi.containers.list(request.principal, address)
  const { accept } = request.headers
  if (wantsOnlyCdmi(accept, listingTypes)) throw new NotAcceptable('This server does not offer the CDMI form of containers yet; ask for a listing with "Accept: application/json" or "Accept: text/html"')
  // The validators of a container do not change with its children: they cannot tell whether a listing is still right, but they
  // can tell whether the container is the one that the client means.
  const ifMatch = preconditionsOf(request.headers)?.ifMatch
  if (ifMatch !== undefined) checkPreconditions({ ifMatch }, listing.object.record, true)
  await sendContainerListing(request, reply, listing)
  return reply
}

export default readRoutes
