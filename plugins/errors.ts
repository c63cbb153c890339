/**
 * How errors look in CDMI and plain HTTP: problem details (RFC 9457) for programs, a small page for browsers. Doors with an error
 * form of their own set their own handler in an inner scope, from the same `describeError`.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { describeError, reasonPhrase, type ErrorDescription } from '../cdmi/describe-error.js'
import { MethodNotAllowed, NotFound } from '../cdmi/errors.js'
import { htmlHeaders } from '../routes/http/html.js'
import { preferredType } from '../routes/http/accept.js'
import { logError } from '../routes/http/log-error.js'
import type { Problem } from '../schemas/problem.js'
import { challenge, defaultRealm } from './challenge.js'
import earlyAnswer from './early-answer.js'
import { errorPage } from './error-page.js'

export interface ErrorsOptions {
  /** Realm of the Basic challenge in a 401. */
  readonly realm?: string | undefined
  /** Answer for paths without a route, too. Default: only below a prefix, for at `/` the application may have its own answer. */
  readonly notFound?: boolean | undefined
}

/** What a handler may have said of the value that it meant to send, and that is not true of the error. */
const valueHeaders = ['etag', 'last-modified', 'content-range', 'content-encoding', 'content-disposition', 'accept-ranges', 'cache-control', 'content-security-policy']

/** Programs that take anything get the first. */
const forms = ['application/problem+json', 'application/json', 'text/html'] as const

async function errors (app: FastifyInstance, options: ErrorsOptions): Promise<void> {
  const realm = options.realm ?? defaultRealm
  await app.register(earlyAnswer)
  app.setErrorHandler((error, request, reply) => renderError(error, request, reply, realm))
  if (options.notFound ?? app.prefix.replace(/\/$/, '') !== '') {
    app.setNotFoundHandler((request, reply) => renderError(unrouted(app, request), request, reply, realm))
  }
}

/**
 * Logs and sends the answer for anything that was thrown. For error handlers; returns the reply.
 * A 401 always carries one Basic challenge (GEN-39, GEN-40).
 */
export function renderError (error: unknown, request: FastifyRequest, reply: FastifyReply, realm = defaultRealm): FastifyReply {
  const description = describeError(error)
  logError(error, description, request)
  for (const name of valueHeaders) reply.removeHeader(name)
  reply.code(description.status).headers(description.headers).header('x-request-id', request.id)
  if (description.status === 401) reply.header('www-authenticate', challenge(realm))
  if (description.status === 304) return reply.send()
  reply.header('cache-control', 'no-store').header('vary', varyOf(reply)).header('x-content-type-options', 'nosniff')
  if (preferredType(request.headers.accept, forms) === 'text/html') return reply.headers(htmlHeaders).send(errorPage(description, request.id))
  return reply.type('application/problem+json').serializer(JSON.stringify).send(problemOf(description, request.id))
}

/** The form depends on Accept; on what else was said already (CORS: Origin). */
function varyOf (reply: FastifyReply): string {
  const before = reply.getHeader('vary')
  return before === undefined ? 'accept' : `${String(before)}, accept`
}

/** The problem document of an error. */
export function problemOf (description: ErrorDescription, requestID: string): Problem {
  return {
    type: 'about:blank',
    title: reasonPhrase(description.status),
    status: description.status,
    detail: description.message,
    code: description.code,
    requestId: requestID
  }
}

/** Methods of the framework that no door has; they have routes all the same, which say so. */
const unusual: ReadonlySet<string> = new Set(['TRACE', 'QUERY'])

/** No route: the method may be the reason (405 with Allow, RFC 9110 §15.5.6), else the path. */
function unrouted (app: FastifyInstance, request: FastifyRequest): Error {
  const path = request.url.split('?', 1)[0] ?? '/'
  const allowed = app.supportedMethods.filter(method => !unusual.has(method) && app.findRoute({ method: method as 'GET', url: path }) !== null)
  if (allowed.every(method => method === 'OPTIONS')) return new NotFound(displayed(path))
  return Object.assign(new MethodNotAllowed(request.method, allowed.join(', ')), { headers: { allow: allowed.join(', ') } })
}

function displayed (path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

export default fp(errors, { name: 'fastify-cdmi-errors', fastify: '5.x' })
