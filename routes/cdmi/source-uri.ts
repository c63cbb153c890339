/** URIs in the fields of a request that name the object which another one is to be made of (CMV-08). */
import type { FastifyRequest } from 'fastify'
import { type Address, objectIDRoot, parseAddress } from '../../cdmi/address.js'
import { InvalidRequest } from '../../cdmi/errors.js'
import { rootURI } from '../http/location.js'
import { requestTarget } from '../http/request-path.js'
import { type CdmiQuery, parseCdmiQuery } from './query.js'

const scheme = /^[a-z][a-z0-9+.-]*:/i

export interface SourceAddress {
  readonly address: Address
  readonly query: CdmiQuery
}

/**
 * A CDMI path, a path with the prefix of the mount, or an absolute URI below its root URI. Undefined: an absolute URI of another server. Throws
 * InvalidRequest, InvalidName, InvalidObjectID, InvalidRange.
 */
export function sourceAddress (request: FastifyRequest, uri: string): SourceAddress | undefined {
  const { base } = requestTarget(request.raw.url ?? '/', request.server.prefix)
  const start = scheme.test(uri) ? rootURI(request) : base
  if (scheme.test(uri) && !uri.startsWith(`${start}/`)) return undefined
  const whole = uri.startsWith(`${start}/`) ? uri.slice(start.length) : uri
  if (!whole.startsWith('/')) throw new InvalidRequest('The URI of a source must be a path that begins with "/", below the root URI, or an absolute URI')
  const mark = whole.indexOf('?')
  const address = parseAddress(mark === -1 ? whole : whole.slice(0, mark))
  if (address === objectIDRoot) throw new InvalidRequest('"/cdmi_objectid/" is no object that another one could be made of')
  return { address, query: parseCdmiQuery(mark === -1 ? '' : whole.slice(mark)) }
}
