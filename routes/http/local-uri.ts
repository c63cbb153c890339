/** URIs that a client writes into a body, or that references lead to: paths relative to the root URI, or absolute (AMB-01, CMV-08, CMV-41). */
import type { FastifyRequest } from 'fastify'
import { escapeURIPath } from '../../cdmi/uri-path.js'
import { rootURI } from './location.js'
import { requestTarget } from './request-path.js'

/** The text of a CDMI path, or undefined for a URI that is not below the root URI which the request came to. */
export function localPath (request: FastifyRequest, text: string): string | undefined {
  const base = baseOf(request)
  const [, origin, rest = ''] = /^(https?:\/\/[^/?#]*)(.*)$/is.exec(text) ?? []
  if (origin !== undefined) {
    if (!isOwnOrigin(request, origin)) return undefined
    return base === '' && !rest.startsWith('/') ? `/${rest}` : below(rest, base)
  }
  if (isAbsolute(text)) return undefined
  return below(text, base) ?? text
}

/** Where a reference leads, as a header has it. The model let nothing in that could not be one. */
export function referenceLocation (request: FastifyRequest, target: string): string {
  if (isAbsolute(target)) return target
  const { path, query } = escapeURIPath(below(target, baseOf(request)) ?? target)
  return rootURI(request) + path + query
}

function isAbsolute (text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(text)
}

/** The path above the root URI, which a client may write before the paths below it. */
function baseOf (request: FastifyRequest): string {
  return requestTarget(request.raw.url ?? '/', request.server.prefix).base
}

function below (path: string, base: string): string | undefined {
  return path.startsWith(`${base}/`) ? path.slice(base.length) : undefined
}

function isOwnOrigin (request: FastifyRequest, origin: string): boolean {
  const own = rootURI(request)
  return URL.canParse(origin) && URL.canParse(own) && new URL(origin).origin === new URL(own).origin
}
