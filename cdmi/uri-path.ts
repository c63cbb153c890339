/**
 * CDMI paths as JSON bodies have them (GEN-18, AMB-01): URIs relative to the root URI, whose names may be percent-escaped, or raw as the bodies of
 * answers show them.
 */
import { type Address, type objectIDRoot, parseAddress } from './address.js'
import { InvalidRequest } from './errors.js'

export interface EscapedPath {
  /** As a URI has it: ASCII only, with a leading slash. */
  readonly path: string
  /** With its question mark; empty when there is none. */
  readonly query: string
}

/** Throws InvalidRequest, InvalidName, InvalidObjectID. */
export function parseURIPath (text: string): EscapedPath & { readonly address: Address | typeof objectIDRoot } {
  if (!text.startsWith('/') && !text.startsWith(flat)) throw new InvalidRequest(`"${text.slice(0, 200)}" is not the URI of an object: a path begins with "/", an absolute URI with "http://" or "https://"`)
  const escaped = escapeURIPath(text)
  return { ...escaped, address: parseAddress(escaped.path) }
}

/** The one path that examples have without its leading slash, too. */
const flat = 'cdmi_objectid/'

/** Never throws: whatever must not stand in a URI is escaped. */
export function escapeURIPath (text: string): EscapedPath {
  const whole = text.startsWith(flat) ? `/${text}` : text
  const mark = whole.indexOf('?')
  return {
    path: (mark === -1 ? whole : whole.slice(0, mark)).split('/').map(escapeSegment).join('/'),
    query: mark === -1 ? '' : escapeText(whole.slice(mark))
  }
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
