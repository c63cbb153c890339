/** What the log says of a request that was not answered as it was meant to be: what the caller does not get to know. */
import type { FastifyRequest } from 'fastify'
import { isServerFault, type ErrorDescription } from '../../cdmi/describe-error.js'
import { StoreClosedError } from '../../storage/contract.js'

export function logError (error: unknown, description: ErrorDescription, request: FastifyRequest): void {
  const { code, status, message: detail } = description
  // When the server ends, a request that nobody waits for any more may outlive the store.
  if (error instanceof StoreClosedError && request.raw.socket.destroyed) request.log.debug({ code }, 'the store was closed before the request was done; nobody waits for its answer')
  else if (isServerFault(description)) request.log.error({ err: error, code }, 'the request failed')
  else request.log.debug({ code, status, detail }, 'the request was refused')
}
