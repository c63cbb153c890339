/**
 * Requests that a page of somebody else makes a browser send. Browsers add what the user once typed for this server, and the client certificate, whoever's
 * page it is; and a form, or a script with a POST, needs to ask nobody before. So such a page could write in the name of whoever looks at it.
 */
import { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Forbidden } from '../cdmi/errors.js'
import { certifiedName } from './client-certificate.js'

/** For scopes of doors, after what permits origins. Other methods than POST that change something browsers ask for before, and are not permitted. */
export function refuseForeignPages (app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    done(request.method === 'POST' && isOfForeignPage(request) ? refusal(request, reply) : undefined)
  })
}

/** What a browser says of the page; programs say nothing. */
export function isOfForeignPage ({ headers, host, raw: { socket } }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site']
  // A proxy may have changed Host; this it leaves alone, and no page can set it.
  if (site !== undefined) return site === 'cross-site' || site === 'same-site'
  const { origin } = headers
  if (origin === undefined) return false
  const [scheme, own] = origin.toLowerCase().split('://', 2)
  // Who stands between us and the user can make pages of our name in clear.
  return own !== host.toLowerCase() || (socket instanceof TLSSocket && scheme !== 'https')
}

/**
 * Why it is refused; undefined: it is permitted, by the operator or by the object, with credentials of the browser, or without any. Where those are not
 * permitted no forms are, either: they are sent with them. A script that is to send its own has to show that they are: the browser sends along what it
 * keeps with what it asks nobody for, and says so only to servers with TLS, and not of scripts.
 */
function refusal (request: FastifyRequest, reply: FastifyReply): Error | undefined {
  const mode = request.headers['sec-fetch-mode']
  const permitted = reply.hasHeader('access-control-allow-origin')
  if (permitted && reply.hasHeader('access-control-allow-credentials')) return undefined
  if (!permitted || mode === 'navigate' || mode === 'no-cors') return new Forbidden('A page of another origin has sent this; the operator of the server can permit that (cors)')
  if (isOfNobody(request) || wasAskedFor(request)) return undefined
  return new Forbidden('A page of another origin has sent this, and it may be the browser whose credentials these are: send the header X-Requested-With, too, or have the operator of the server name the origin (cors)')
}

function isOfNobody ({ headers, raw: { socket } }: FastifyRequest): boolean {
  return headers.authorization === undefined && certifiedName(socket) === undefined
}

/** Types of bodies that a page may send without asking (Fetch, "CORS-safelisted request-header"). */
const simple = /^\s*(?:(?:text\/plain|multipart\/form-data|application\/x-www-form-urlencoded)\s*(?:;|$)|$)/i

/**
 * Whether the browser has asked before, which it does for these; the answer permitted no credentials of its own. Not by other headers: browsers and proxies
 * add some themselves.
 */
function wasAskedFor ({ headers }: FastifyRequest): boolean {
  return !simple.test(headers['content-type'] ?? '') || headers['x-requested-with'] !== undefined || Object.keys(headers).some(name => name.startsWith('x-cdmi-'))
}
