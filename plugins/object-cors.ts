/**
 * Cross-origin requests as the metadata of objects permits them (COR-01 to COR-08), for origins that the operator has not named (plugins/cors).
 * A hook before authentication: preflights bring no credentials, and scripts of a permitted origin may read refusals, too.
 *
 * All that is looked at is data system metadata along the path. So what is missing answers like what has no such items of its own, and an answer
 * tells of an object only that it, or a container above it, has named the origin of who asks.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { type Address, objectIDRoot, parseAddress } from '../cdmi/address.js'
import { type Permission, permissionFor } from '../cdmi/cross-origin.js'
import { InvalidName, InvalidObjectID } from '../cdmi/errors.js'
import { splitTarget } from '../routes/http/request-path.js'
import { addVary } from '../routes/plain/representation.js'
import { exposedHeaders } from './cors.js'

/** Seconds that a browser need not ask again. */
const maxAge = 3600

/** For the scope of the doors on the CDMI namespace, before their `authenticate`. */
export function objectCors (app: FastifyInstance): void {
  if (!app.cdmi.capabilities.has('system', 'cdmi_cors')) return
  app.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => {
    if (!/origin/i.test(String(reply.getHeader('vary') ?? ''))) addVary(reply, 'Origin')
    const { origin } = request.headers
    // The operator has permitted it already.
    if (origin === undefined || reply.hasHeader('access-control-allow-origin')) return done()
    const method = request.method === 'OPTIONS' ? request.headers['access-control-request-method'] : undefined
    permission(request, origin, method ?? request.method).then(permitted => {
      if (permitted !== undefined) reply.headers({ 'access-control-allow-origin': permitted.origin, 'access-control-expose-headers': exposedHeaders.join(', ') })
      // Any other OPTIONS request is for the door.
      if (method === undefined) return done()
      if (permitted !== undefined) reply.headers(preflightHeaders(permitted, request.headers['access-control-request-headers']))
      reply.code(200).header('content-length', '0').send()
    }).catch(done)
  })
}

async function permission (request: FastifyRequest, origin: string, method: string): Promise<Permission | undefined> {
  const { cdmi } = request.server
  const address = addressOf(request)
  if (address === undefined) return undefined
  return permissionFor(await cdmi.policyAt(address), cdmi.capabilities, origin, method)
}

/** Undefined for what can be no object: the door says what is wrong with it. */
function addressOf (request: FastifyRequest): Address | typeof objectIDRoot | undefined {
  try {
    return parseAddress(splitTarget(request.raw.url ?? '/', request.server.prefix).path)
  } catch (error) {
    if (error instanceof InvalidName || error instanceof InvalidObjectID) return undefined
    throw error
  }
}

function preflightHeaders ({ methods, headers }: Permission, asked: string | undefined): Record<string, string> {
  const names = (asked ?? '').split(',').map(name => name.trim()).filter(name => name !== '' && headers?.includes(name.toLowerCase()))
  return {
    'access-control-allow-methods': methods.join(', '),
    ...(headers === undefined ? {} : { 'access-control-allow-headers': names.join(', ') }),
    'access-control-max-age': String(maxAge)
  }
}
