/**
 * Requests that a page of somebody else makes a browser send. Browsers add what the user once typed for this server, and the client certificate, whoever's
 * page it is; and a form, or a script with a POST, needs to ask nobody before. So such a page could write in the name of whoever looks at it.
 */
import { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Forbidden } from '../cdmi/errors.js'

/** For scopes of doors, after what permits origins. Other methods than POST that change something browsers ask for before, and are not permitted. */
export function refuseForeignPages (app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    done(request.method === 'POST' && isOfForeignPage(request) && !isPermitted(request, reply) ? new Forbidden('A page of another origin has sent this; the operator of the server can permit that (cors)') : undefined)
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

/** By the operator, or by the object. Where credentials of the browser are not permitted no forms are, either: they are sent with them. */
function isPermitted ({ headers: { 'sec-fetch-mode': mode } }: FastifyRequest, reply: FastifyReply): boolean {
  if (!reply.hasHeader('access-control-allow-origin')) return false
  return reply.hasHeader('access-control-allow-credentials') || (mode !== 'navigate' && mode !== 'no-cors')
}
