/** What every CDMI request is: its target, its query, the version of the standard that its client speaks. */
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { type Address, objectIDRoot, parseAddress } from '../../cdmi/address.js'
import type { RootPlace } from '../../cdmi/representation.js'
import { requestTarget } from '../http/request-path.js'
import { type CdmiQuery, parseCdmiQuery } from './query.js'
import { specificationVersion, type SpecificationVersion } from './version-header.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Of clients of CDMI 1.x (and of 2.x clients that say so); undefined when the request does not name one. */
    cdmiVersion: SpecificationVersion | undefined
  }
}

export interface CdmiTarget {
  readonly address: Address | typeof objectIDRoot
  readonly query: CdmiQuery
}

/** Throws InvalidName, InvalidObjectID, InvalidRequest, InvalidRange, MissingSlash. */
export function cdmiTarget (request: FastifyRequest): CdmiTarget {
  const { path, query } = requestTarget(request.raw.url ?? '/', request.server.prefix)
  return { address: parseAddress(path), query: parseCdmiQuery(query) }
}

/** `parentURI` of the root container is what lies above the root URI (GEN-21). */
export function rootPlace (request: FastifyRequest): RootPlace {
  const { base } = requestTarget(request.raw.url ?? '/', request.server.prefix)
  return { parentURI: base === '' ? '' : base.slice(0, base.lastIndexOf('/') + 1), capabilities: request.server.cdmi.capabilities }
}

/** Of the versions before 2, which clients do not name. */
const highestVersion1 = '1.1.1'
const versionHeader = 'x-cdmi-specification-version'

/**
 * The version that a client asks for is named in every answer to it, refusals too (CLI-01), and in no other answer (GEN-43). The first hook of
 * the doors.
 */
export function answerVersion (app: FastifyInstance): void {
  if (!app.hasRequestDecorator('cdmiVersion')) app.decorateRequest('cdmiVersion', undefined)
  app.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => {
    const header = request.headers[versionHeader]
    if (header !== undefined) {
      // In a refusal, too, the client learns what it could have asked for (V1-01).
      reply.header('X-CDMI-Specification-Version', highestVersion1)
      const version = specificationVersion(header)
      request.cdmiVersion = version
      if (version !== undefined) reply.header('X-CDMI-Specification-Version', version.text)
    }
    done()
  })
}
