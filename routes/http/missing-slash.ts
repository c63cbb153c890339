/** Errors that the doors for HTTP answer in their own way before the error table has its turn. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { InvalidRequest, IsReference, MissingSlash } from '../../cdmi/errors.js'
import { referenceLocation } from './local-uri.js'
import { splitTarget, uriOf } from './request-path.js'

/**
 * The error handler of doors on the CDMI namespace: a container without its slash is a redirect (HCO-02, CLI-06), with the
 * prefix as the client wrote it and its query; a reference is one to what it leads to (GEN-48). All other errors go on to the next error handler.
 */
export function redirectOrFail (error: FastifyError | MissingSlash | IsReference, request: FastifyRequest, reply: FastifyReply): void {
  if (error instanceof IsReference) {
    reply.code(302).header('location', referenceLocation(request, error.target)).send()
    return
  }
  if (error instanceof MissingSlash) {
    const target = splitTarget(request.raw.url ?? '/', request.server.prefix)
    // A path from the root of the host: right behind any proxy, whatever the client called the host.
    reply.code(301).header('location', uriOf(target, error.path)).send()
    return
  }
  // The framework looks at this header before any handler does.
  if ('code' in error && error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') throw new InvalidRequest('The Content-Type is not a media type like "text/plain" or "text/plain; charset=utf-8"')
  throw error
}
