/**
 * From a request target to a CDMI path (GEN-17, GEN-19). Works on the raw target: the router's wildcard is decoded already,
 * so that "%2F" in it can no longer be told from "/" (GEN-22).
 */
import { InvalidName, MissingSlash } from '../../cdmi/errors.js'

export interface RequestTarget {
  /** The mount prefix as the client wrote it; empty for a mount at the root of the server. */
  readonly base: string
  /** The CDMI path: relative to the root URI, percent-encoded, with a leading slash. */
  readonly path: string
  /** With its question mark; empty when there is none. */
  readonly query: string
}

const slashCode = 47
const absolute = /^https?:\/\/[^/?#]*/i

/** `prefix` is the prefix of the mount, as Fastify has it. Throws MissingSlash for the root URI without its slash (CLI-06). */
export function requestTarget (url: string, prefix: string): RequestTarget {
  if (url.includes('#')) throw new InvalidName('A "#" in a URI must be written as "%23"')
  const target = splitTarget(url, prefix)
  if (target.path !== '') return target
  // At the root of a server an empty path is the same as "/" (RFC 9110 §4.2.3).
  if (target.base === '') return { ...target, path: '/' }
  throw new MissingSlash('/')
}

/** The same without a check: the path may be empty. */
export function splitTarget (url: string, prefix: string): RequestTarget {
  // The absolute form of RFC 9112 §3.2.2, which every server must accept.
  if (url.charCodeAt(0) !== slashCode) url = url.replace(absolute, '')
  const mark = url.indexOf('?')
  const whole = mark === -1 ? url : url.slice(0, mark)
  const length = prefixLength(whole, prefix)
  return { base: whole.slice(0, length), path: whole.slice(length), query: mark === -1 ? '' : url.slice(mark) }
}

/** How much of a path is the prefix. The router may have matched it with escapes, in another case, or with parameters in it. */
function prefixLength (path: string, prefix: string): number {
  const end = prefix.endsWith('/') ? prefix.length - 1 : prefix.length
  if (end <= 0) return 0
  if (path.startsWith(prefix.slice(0, end)) && (path.length === end || path.charCodeAt(end) === slashCode)) return end
  let at = 0
  for (let index = 0; index < end; index++) {
    if (prefix.charCodeAt(index) !== slashCode) continue
    const next = path.indexOf('/', at + 1)
    at = next === -1 ? path.length : next
  }
  return at
}

/** The URI, relative to the host, of a CDMI path on the mount that the request came to. */
export function uriOf (target: Pick<RequestTarget, 'base' | 'query'>, path: string): string {
  return target.base + path + target.query
}

/** The routes of a mount: everything below its prefix, and the prefix itself, which is the root URI without its slash. */
export function mountURLs (prefix: string): readonly string[] {
  return prefix === '' || prefix === '/' ? ['/*'] : ['/*', '']
}
