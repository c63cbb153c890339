/**
 * Cross-origin requests, for the origins that the operator names. Preflights are answered without credentials (CLI-25), for
 * browsers send none with them; any other OPTIONS request goes on to the door it is for, and so do requests from all other origins, which
 * the metadata of objects may permit (plugins/object-cors).
 */
import cors, { type FastifyCorsOptions } from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

export interface CorsOptions {
  /** Such as `https://app.example.org`, or `*`. */
  readonly origins: readonly string[]
}

/** What scripts may read of an answer. */
export const exposedHeaders = ['Accept-Ranges', 'Allow', 'Content-Range', 'ETag', 'Last-Modified', 'Link', 'Location', 'Retry-After', 'WWW-Authenticate', 'X-Request-Id']
/** Seconds that a browser need not ask again. */
const maxAge = 600

async function crossOrigin (app: FastifyInstance, { origins }: CorsOptions): Promise<void> {
  const everybody = origins.includes('*')
  const options: FastifyCorsOptions = {
    origin: everybody ? '*' : [...origins],
    // Credentials that the browser keeps: not for pages of just anybody. They may still send an Authorization header of their own.
    credentials: !everybody,
    methods: ['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE'],
    exposedHeaders,
    maxAge,
    strictPreflight: false
  }
  // The plugin adds a route for OPTIONS of everything; the doors have one, and there can be no two.
  const withoutRoute: FastifyInstance = Object.create(app, { options: { value: () => withoutRoute } })
  const delegator = (request: FastifyRequest, decide: (error: Error | null, options: FastifyCorsOptions) => void): void => {
    const { origin } = request.headers
    // Nothing of it for others: who permits them, permits no credentials.
    const named = everybody || (origin !== undefined && origins.includes(origin))
    decide(null, { ...options, ...(named ? {} : { origin: false }), preflight: isPreflight(request) })
  }
  await new Promise<void>((resolve, reject) => {
    cors(withoutRoute, { delegator }, error => { error === undefined ? resolve() : reject(error) })
  })
}

function isPreflight ({ headers }: FastifyRequest): boolean {
  return headers.origin !== undefined && headers['access-control-request-method'] !== undefined
}

export default fp(crossOrigin, { name: 'fastify-cdmi-cors', fastify: '5.x' })
