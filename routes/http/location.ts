/** Absolute URIs of objects, as the client that asks can fetch them (HCO-10, HCO-11, CLI-32). */
import type { FastifyRequest } from 'fastify'
import { type CdmiObject, pathOf } from '../../cdmi/record.js'
import { requestTarget } from './request-path.js'

/** The CDMI path of an object: in the tree when it hangs there, else by its ID. */
export function cdmiPathOf (object: CdmiObject): string {
  return pathOf(object) ?? `/cdmi_objectid/${object.record.id}`
}

/** Scheme, host and port that the client used (behind a proxy by Fastify's `trustProxy`), and the prefix of the mount. */
export function rootURI (request: FastifyRequest): string {
  const { base } = requestTarget(request.raw.url ?? '/', request.server.prefix)
  return `${request.protocol}://${hostOf(request)}${base}`
}

export function locationOf (request: FastifyRequest, object: CdmiObject): string {
  return rootURI(request) + cdmiPathOf(object)
}

function hostOf (request: FastifyRequest): string {
  // HTTP/1.0 needs no Host: then it is the address that the connection came to.
  if (request.host !== '') return request.host
  const { localAddress = 'localhost', localPort } = request.raw.socket
  const host = localAddress.includes(':') ? `[${localAddress}]` : localAddress
  return localPort === undefined ? host : `${host}:${localPort}`
}
