/**
 * CDMI paths as JSON bodies have them (GEN-18, AMB-01): URIs relative to the root URI, whose names may be percent-escaped, or raw as the bodies of
 * answers show them.
 */
import { type Address, type objectIDRoot, parseAddress } from './address.js'
import { InvalidRequest } from './errors.js'

export interface URIPath {
  readonly address: Address | typeof objectIDRoot
  /** The same path as a URI has it: ASCII only. */
  readonly path: string
  /** With its question mark; empty when there is none. */
  readonly query: string
}

/** Throws InvalidRequest, InvalidName, InvalidObjectID. */
export function parseURIPath (text: string): URIPath {
  const whole = /^cdmi_objectid\//.test(text) ? `/${text}` : text
  if (!whole.startsWith('/')) throw new InvalidRequest(`"${text.slice(0, 200)}" is not the URI of an object: a path begins with "/", an absolute URI with "http://" or "https://"`)
  const mark = whole.indexOf('?')
  const path = (mark === -1 ? whole : whole.slice(0, mark)).split('/').map(escapeSegment).join('/')
  return { address: parseAddress(path), path, query: mark === -1 ? '' : escapeText(whole.slice(mark)) }
}

/** A name that is no valid escaping of anything is a raw one. */
function escapeSegment (segment: string): string {
  try {
    decodeURIComponent(segment)
  } catch {
    return encodeURIComponent(segment.toWellFormed())
  }
  return escapeText(segment)
}

/** Whatever a path and a query may not have in them (RFC 3986 §3.3, §3.4). */
function escapeText (text: string): string {
  return text.toWellFormed().replace(/[^A-Za-z0-9\-._~:/?@!$&'()*+,;=%]/gu, encodeURIComponent)
}
