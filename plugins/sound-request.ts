/**
 * What HTTP demands of a request before anybody looks at what it is about, and Node does not see to. A hook for the doors, before
 * authentication: proxies that read such requests differently must not be led to pass on something else than we see.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { InvalidRequest, TransferCodingUnknown } from '../cdmi/errors.js'

/** A name, an IPv4 or an IPv6 address, and a port (RFC 9110 §7.2); nothing at all of HTTP/1.0. It becomes part of URIs in answers. */
export const validHost = /^(?:(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*|\[[\da-f:.]+(?:%25[\w.~-]+)?\])(?::\d*)?$/i

/** Names and values of header fields that Node keeps when nobody has said how many. */
const usual = 2000

function mostOf ({ maxHeadersCount: most }: { readonly maxHeadersCount?: number | null }): number {
  return typeof most !== 'number' ? usual : most > 0 ? most * 2 : Infinity
}

/** For the scope of the doors. */
export function soundRequests (app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    const wrong = complaint(request)
    // Where it ends is as doubtful as what it means.
    if (wrong !== undefined) reply.header('connection', 'close')
    done(wrong)
  })
}

/** The one that was looked at last: mostly it is the same again. */
let soundHost = ''

function complaint ({ raw, host, server: { server } }: FastifyRequest): Error | undefined {
  const { rawHeaders, headers } = raw
  // What Node leaves out, without a word, may be a condition, or another Host.
  if (rawHeaders.length >= mostOf(server)) return new InvalidRequest('The request has more header fields than this server reads')
  if (host !== soundHost) {
    if (!validHost.test(host)) return new InvalidRequest('The Host of the request is not a name or an address, with or without a port')
    soundHost = host
  }
  let hosts = 0
  for (let n = 0; n < rawHeaders.length; n += 2) {
    const name = rawHeaders[n]
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  if (hosts > 1) return new InvalidRequest('The request has more than one Host')
  const coding = headers['transfer-encoding']
  // The value would be kept with the coding, and nobody would know of it (RFC 9112 §6.1).
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') return new TransferCodingUnknown()
  return undefined
}
