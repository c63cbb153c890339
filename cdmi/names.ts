/** Rules for names of objects in containers (GEN-22, KEY-10, CLI-30). */
import { InvalidName } from './errors.js'

/** Longest name that there can be, in bytes of UTF-8. */
export const maxNameBytes = 1024

// eslint-disable-next-line no-control-regex
const control = /[\u0000-\u001f\u007f-\u009f]/
// eslint-disable-next-line no-control-regex
const unsafe = /[\u0000-\u001f\u007f-\u009f/?\\]/g

/** Throws InvalidName when no object could ever have this (decoded) name. */
export function checkName (name: string): void {
  if (name === '') throw new InvalidName('A name must not be empty ("//" in a URI)')
  if (name === '.' || name === '..') throw new InvalidName('"." and ".." are not names of objects')
  if (name.includes('/')) throw new InvalidName('A name must not contain "/", also not as "%2F"')
  if (name.includes('?')) throw new InvalidName('A name must not contain "?", also not as "%3F"')
  if (control.test(name)) throw new InvalidName('A name must not contain control characters')
  if (!name.isWellFormed()) throw new InvalidName('A name must be valid UTF-8')
  if (name.length > maxNameBytes || Buffer.byteLength(name) > maxNameBytes) throw new InvalidName(`A name must not be longer than ${maxNameBytes} bytes of UTF-8`)
}

/** Throws InvalidName when clients may not make an object of this name. `inRoot`: directly in the root container. */
export function checkNewName (name: string, inRoot: boolean): void {
  checkName(name)
  if (name.startsWith('cdmi_')) throw new InvalidName('Names that begin with "cdmi_" are reserved by the standard; choose another name')
  if (inRoot && name === '-') throw new InvalidName('The name "-" is reserved in the root container for the server itself; choose another name')
}

/** What the operator allows of where an object is. */
export interface PlaceLimits {
  /** Longest name, in bytes of UTF-8. */
  readonly nameLength: number
  /** Most names in a path. */
  readonly pathDepth: number
}

/** Throws InvalidName for a place that is too deep, or a name that is too long for this server. `depth`: the names in the path, with this one. */
export function checkPlace (name: string, depth: number, { nameLength, pathDepth }: PlaceLimits): void {
  if (depth > pathDepth) throw new InvalidName(`The path has ${depth} names; this server takes at most ${pathDepth} (limits.pathDepth); nothing was changed`)
  if (name.length > nameLength || Buffer.byteLength(name) > nameLength) throw new InvalidName(`A name must not be longer than ${nameLength} bytes of UTF-8 on this server (limits.nameLength); nothing was changed`)
}

/** Containers of the standard itself. */
const reserved: ReadonlySet<string> = new Set(['cdmi_objectid', 'cdmi_domains', 'cdmi_capabilities', 'cdmi_snapshots', 'cdmi_versions'])

/** Throws InvalidName for what no client may delete, there or not (COC-08). `name` undefined: the object was named by its ID. */
export function checkRemovable (name: string | undefined): void {
  if (name !== undefined && reserved.has(name)) throw new InvalidName(`"${name}" is reserved by the standard; no client makes or deletes it`)
}

/**
 * A name for an uploaded file: directories stripped, forbidden characters mapped to "_", shortened so that an object ID can
 * still be appended. Undefined when nothing usable is left: the server-assigned ID is then the name (CLI-30).
 */
export function safeName (fileName: string, inRoot: boolean, longest = maxNameBytes): string | undefined {
  const last = fileName.toWellFormed().split(/[/\\]/).at(-1) ?? ''
  const name = shorten(last.replace(unsafe, '_').trim(), longest - 64)
  if (name === '' || name === '.' || name === '..') return undefined
  if (name.startsWith('cdmi_') || (inRoot && name === '-')) return '_' + name
  return name
}

/** The longest beginning of a text that fits into so many bytes of UTF-8, in whole characters. */
function shorten (text: string, bytes: number): string {
  // A lead byte or ASCII is where a character may be cut off; 10xxxxxx is inside of one.
  const buffer = Buffer.from(text)
  if (buffer.length <= bytes) return text
  let end = bytes
  while (((buffer[end] ?? 0) & 0xc0) === 0x80) end--
  return buffer.toString('utf8', 0, end)
}

/** `report.pdf` and an object ID give `report-<ID>.pdf`: for a name that is taken. */
export function distinctName (name: string, objectID: string): string {
  const dot = name.lastIndexOf('.')
  return dot > 0 ? `${name.slice(0, dot)}-${objectID}${name.slice(dot)}` : `${name}-${objectID}`
}
