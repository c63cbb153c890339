/**
 * Where an object is: by its path from the root container, or below an object ID (GEN-17 to GEN-24).
 * Paths here are CDMI paths: relative to the root URI, percent-encoded, with a leading slash.
 */
import { InvalidName, InvalidObjectID } from './errors.js'
import { checkName } from './names.js'
import { isObjectID } from './object-id.js'

export interface Address {
  /** Undefined: from the root container; else an object ID, upper case. */
  readonly from: string | undefined
  /** Decoded names below that. Empty: the root container, or the object with the ID itself. */
  readonly names: readonly string[]
  /** The path ended in a slash: it means a container (HDO-10). */
  readonly slash: boolean
}

/** The flat namespace `/cdmi_objectid/` itself, where objects without a path are made (GEN-25). */
export const objectIDRoot = Symbol('cdmi_objectid')

/** Paths that were read a short time ago: most are asked for again, and to read one costs as much as to find its object. Only short ones, and some. */
const known = new Map<string, Address | typeof objectIDRoot>()
const mostKnown = 1000
const longestKnown = 256

/** Reads a CDMI path without its query. Throws InvalidName or InvalidObjectID (400). */
export function parseAddress (path: string): Address | typeof objectIDRoot {
  const before = known.get(path)
  if (before !== undefined) return before
  const address = readAddress(path)
  if (path.length > longestKnown) return address
  if (known.size >= mostKnown) known.clear()
  known.set(path, address)
  return address
}

function readAddress (path: string): Address | typeof objectIDRoot {
  if (path === '/' || path === '') return { from: undefined, names: [], slash: true }
  const slash = path.endsWith('/')
  const names = path.slice(path.startsWith('/') ? 1 : 0, slash ? -1 : undefined).split('/').map(decodeName)
  if (names[0] !== 'cdmi_objectid') return { from: undefined, names, slash }
  const id = names[1]
  if (id === undefined) return objectIDRoot
  const objectID = id.toUpperCase()
  if (!isObjectID(objectID)) throw new InvalidObjectID('This is not an object ID: an even number of hexadecimal digits with the right length and checksum is expected')
  return { from: objectID, names: names.slice(2), slash }
}

/** One percent-encoded segment of a path as a name. */
export function decodeName (segment: string): string {
  let name = segment
  if (segment.includes('%')) {
    try {
      name = decodeURIComponent(segment)
    } catch {
      throw new InvalidName('The URI has a percent-escape that is not valid UTF-8')
    }
  }
  checkName(name)
  return name
}

/** The CDMI path of names from the root, each escaped; ends in a slash for a container. */
export function formatPath (names: readonly string[], container: boolean): string {
  if (names.length === 0) return '/'
  return '/' + names.map(encodeURIComponent).join('/') + (container ? '/' : '')
}

/** The CDMI path of an address, in the same namespace as it was given, with or without a slash at its end. */
export function formatAddress (address: Address, slash: boolean): string {
  const names = address.from === undefined ? address.names : ['cdmi_objectid', address.from, ...address.names]
  return formatPath(names, slash)
}

/** An address as a person would write it, for error messages. */
export function describe (address: Address): string {
  const path = '/' + [...(address.from === undefined ? [] : ['cdmi_objectid', address.from]), ...address.names].join('/')
  return address.slash && path !== '/' ? path + '/' : path
}
