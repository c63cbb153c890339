/** How errors look on the keyed door: `{"error":"…"}`, for every status. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { describeError, isServerFault } from '../../cdmi/describe-error.js'
import { logError } from '../http/log-error.js'

/** What a handler may have said of the answer that it meant to give, and that is not true of the error. */
const valueHeaders = ['content-length', 'link', 'location', 'last-modified']

/** An error handler for the scope of the keyed door. `challenge`: the value of `WWW-Authenticate` in a 401. */
export function keyedErrors (challenge: string) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const description = describeError(error)
    const { status, message, headers } = description
    logError(error, description, request)
    for (const name of valueHeaders) reply.removeHeader(name)
    reply.code(status).headers(headers)
    if (status === 304) return reply.send()
    reply.removeHeader('etag').header('content-type', 'application/json; charset=utf-8').header('x-request-id', request.id)
    if (status === 401 && !reply.hasHeader('www-authenticate')) reply.header('www-authenticate', challenge)
    // A user who reports a fault of ours needs the number that the log has it under.
    return reply.send(JSON.stringify({ error: isServerFault(description) ? `${message} (request ${request.id})` : message }))
  }
}
