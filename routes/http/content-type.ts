/** Media types of requests (RFC 9110 §8.3) as the standard stores them (HDO-03, HDO-04, AMB-09). */
import { InvalidRequest } from '../../cdmi/errors.js'

export interface MediaType {
  /** `type/subtype`, lower case. */
  readonly type: string
  /** In their order, names in lower case, values without quotes. */
  readonly parameters: readonly (readonly [name: string, value: string])[]
}

/** What a value's Content-Type says about the data object. */
export interface ValueType {
  readonly mimetype: string
  readonly valuetransferencoding: 'utf-8' | 'base64'
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const wholeToken = new RegExp(`^${token}$`)
const essence = new RegExp(`[ \\t]*(${token}/${token})[ \\t]*(?=;|$)`, 'y')
const parameter = new RegExp(`;[ \\t]*(?:(${token})=(?:(${token})|"((?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t \\x21-\\x7e\\x80-\\xff])*)"))?[ \\t]*(?=;|$)`, 'y')

/** Longest type that is kept with an object. */
const maxLength = 1024

/** Undefined when the text is not a media type. */
export function parseMediaType (text: string): MediaType | undefined {
  essence.lastIndex = 0
  const type = essence.exec(text)?.[1]
  if (type === undefined) return undefined
  const parameters: [string, string][] = []
  let at = essence.lastIndex
  while (at < text.length) {
    parameter.lastIndex = at
    const match = parameter.exec(text)
    if (match === null) return undefined
    const [, name, plain, quoted] = match
    if (name !== undefined) parameters.push([name.toLowerCase(), plain ?? (quoted ?? '').replace(/\\(.)/gs, '$1')])
    at = parameter.lastIndex
  }
  return { type: type.toLowerCase(), parameters }
}

/** The back of `parseMediaType`. */
export function formatMediaType ({ type, parameters }: MediaType): string {
  let text = type
  for (const [name, value] of parameters) text += `; ${name}=${wholeToken.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`}`
  return text
}

const isUtf8 = ([name, value]: readonly [string, string]): boolean => name === 'charset' && value.toLowerCase() === 'utf-8'

/**
 * The type of a value from the Content-Type of its request; undefined when there was none. `charset=utf-8` becomes the value
 * transfer encoding and leaves the type. Throws InvalidRequest when it is broken; `place`: where it stands.
 */
export function valueTypeOf (header: string | undefined, place = 'The Content-Type'): ValueType | undefined {
  if (header === undefined) return undefined
  const known = common.get(header)
  if (known !== undefined) return known
  const parsed = parseMediaType(header)
  if (parsed === undefined) throw new InvalidRequest(`${place} is not a media type like "text/plain" or "text/plain; charset=utf-8"`)
  if (header.length > maxLength) throw new InvalidRequest(`${place} is longer than ${maxLength} characters`)
  return {
    mimetype: formatMediaType({ type: parsed.type, parameters: parsed.parameters.filter(one => !isUtf8(one)) }),
    valuetransferencoding: parsed.parameters.find(([name]) => name === 'charset')?.[1].toLowerCase() === 'utf-8' ? 'utf-8' : 'base64'
  }
}

/** What most requests say, parsed once. */
const common = new Map<string, ValueType>(['application/octet-stream', 'application/json', 'text/plain', 'application/x-www-form-urlencoded']
  .map(mimetype => [mimetype, { mimetype, valuetransferencoding: 'base64' }]))

/** The Content-Type under which a stored value is sent. */
export function contentTypeOf (mimetype: string | undefined, valuetransferencoding: string | undefined): string {
  const type = mimetype ?? 'application/octet-stream'
  return valuetransferencoding === 'utf-8' ? `${type}; charset=utf-8` : type
}

const cdmi = /^application\/cdmi-(?:object|container|domain|queue|capability)(?:\+json)?$/

/** Whether `type/subtype` in lower case is one of the standard's own media types (GEN-03, GEN-07). */
export function isCdmiType (type: string): boolean {
  return type.startsWith('application/cdmi-') && cdmi.test(type)
}
