/**
 * What a request of the keyed door is aimed at, read from the URL as it was sent: the router's decoded parameters no longer
 * tell "%2F" from "/".
 */
import { decodeName } from '../../cdmi/address.js'
import { InvalidName, InvalidRequest } from '../../cdmi/errors.js'
import { KeyedRecords } from '../../cdmi/keyed-records.js'
import type { ListQuery } from '../../cdmi/name-pages.js'

/** Most keys in one page: a page is held in memory, because its `Link` header comes before it. */
export const maxPage = 10_000

/** The path of a URL from its first slash on, without scheme, host and query. */
export function pathOf (url: string): string {
  // "absolute-form" (RFC 9112 §3.2.2): every server must take it.
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('://') + 3)
  if (start < 0) return '/'
  if (url.includes('#')) throw new InvalidName('A "#" in a URI must be written as "%23"')
  const end = url.indexOf('?')
  return url.slice(start, end < 0 ? undefined : end)
}

/** The key of a URL: what follows its first `slashes` slashes. Throws InvalidName (KEY-10). */
export function keyOf (url: string, slashes: number): string {
  const path = pathOf(url)
  let at = 0
  for (let n = 0; n < slashes; n++) at = path.indexOf('/', at) + 1
  return keyOfSegment(path.slice(at))
}

/** A percent-encoded segment as a key. Throws InvalidName (KEY-10). */
export function keyOfSegment (segment: string): string {
  if (segment === '') throw new InvalidName('The key is missing after "/data/"; the list of keys is at "/data"')
  if (segment.includes('/')) throw new InvalidName('A key is one segment of the path and has no "/" in it')
  return KeyedRecords.key(segment)
}

const known = new Set(['prefix', 'after', 'limit'])

/** The query of a list (without its "?"). Throws InvalidRequest. */
export function listQueryOf (search: string): ListQuery {
  if (search === '') return {}
  const given = new Map<string, string>()
  for (const pair of search.split('&')) {
    if (pair === '') continue
    const [name = '', ...rest] = pair.split('=')
    if (!known.has(name)) throw new InvalidRequest('The list of keys takes the parameters prefix, after and limit, and no others')
    if (given.has(name)) throw new InvalidRequest(`The parameter ${name} was given twice`)
    given.set(name, decode(name, rest.join('=')))
  }
  const after = given.get('after')
  if (after !== undefined && after !== '') decodeName(encodeURIComponent(after))
  const limit = given.get('limit')
  if (limit !== undefined && !/^[1-9]\d{0,14}$/.test(limit)) throw new InvalidRequest('The parameter limit must be a whole number from 1 on')
  return { prefix: given.get('prefix') || undefined, after: after || undefined, limit: limit === undefined ? undefined : Math.min(Number(limit), maxPage) }
}

function decode (name: string, value: string): string {
  let text
  try {
    text = decodeURIComponent(value.replaceAll('+', ' '))
  } catch {
    throw new InvalidRequest(`The parameter ${name} has a percent-escape that is not valid UTF-8`)
  }
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) throw new InvalidRequest(`The parameter ${name} must not contain control characters`)
  return text
}
