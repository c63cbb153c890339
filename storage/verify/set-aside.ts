/** How objects look that a repair has set aside, whatever keeps them. Pure code. */
import type { JsonObject, StoredRecord } from '../contract.js'
import { damagedStatus } from './findings.js'

/** Where objects are put whose bytes or place are gone: a container in the root. */
export const lostAndFound = 'lost+found'
/** Types of what clients see; others are the server's own. */
export const visible = 'cdrk'
const dataObject = 'd'
const principal = 'fastify-cdmi repair'

export type JustHappened = 'create' | 'modify' | 'rename'

/** What the change log is told of an object that a repair has changed: paths of it before and now, where there are some. */
export function repairEvent (operation: JustHappened, { id, type, name, size }: Pick<StoredRecord, 'id' | 'type' | 'name' | 'size'>, { from, to }: { readonly from: string | undefined, readonly to: string | undefined }): JsonObject {
  const slash = to?.endsWith('/') === true
  const parentURI = to?.slice(0, to.length - encodeURIComponent(name ?? '').length - (slash ? 1 : 0))
  return {
    operation,
    principal,
    time: Date.now() * 1000,
    objectID: id,
    type,
    size,
    ...name !== undefined && parentURI !== undefined && { objectName: name, parentURI },
    ...operation === 'rename' && from !== undefined && formerPlace(from)
  }
}

/** Whether an object was set aside for bytes that can come back, and not for anything else. */
export function bytesWereGone ({ completionStatus }: JsonObject): boolean {
  return typeof completionStatus === 'string' && completionStatus.startsWith(damagedStatus) && /^has lost bytes of its value: blob \S+ (?:is gone|cannot be read|has other bytes than were written|has \d+ bytes where \d+ were written)$/.test(completionStatus.slice(damagedStatus.length))
}

/** Of an object of which nothing else is known. */
export function bare (type: string): JsonObject {
  const now = Date.now() * 1000
  const value = type === dataObject ? { mimetype: 'application/octet-stream', valuetransferencoding: 'base64' } : {}
  return { metadata: {}, completionStatus: 'Complete', created: now, modified: now, ...value }
}

/** The attributes with what is to be said of the damage. What cannot be what it should be is left out. `sound`: its bytes are not concerned. */
export function marked ({ type, attributes }: Pick<StoredRecord, 'type' | 'attributes'>, note: string, path: string | undefined, sound: boolean): JsonObject {
  const { metadata, ...rest } = attributes
  const fallback = bare(visible.includes(type) ? type : dataObject)
  const kept = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata) ? metadata : {}
  const right = Object.entries(rest).filter(([name, value]) => shapes[name]?.(value) === true)
  return {
    ...fallback,
    ...Object.fromEntries(right),
    metadata: { ...kept, damage: note, ...path !== undefined && { damage_path: path } },
    ...!sound && { completionStatus: damagedStatus + note }
  }
}

const isText = (value: unknown): boolean => typeof value === 'string'
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0
/** Shapes of attributes that are kept. */
const shapes: Readonly<Record<string, (value: unknown) => boolean>> = {
  owner: isText,
  completionStatus: isText,
  created: isCount,
  modified: isCount,
  changes: isCount,
  fields: value => typeof value === 'object' && value !== null && !Array.isArray(value),
  template: isText,
  hash: value => Array.isArray(value) && value.length === 2 && value.every(isText),
  reference: isText,
  mimetype: isText,
  valuetransferencoding: value => value === 'utf-8' || value === 'base64' || value === 'json'
}

function formerPlace (path: string): JsonObject {
  const end = path.endsWith('/') ? path.length - 1 : path.length
  const start = path.lastIndexOf('/', end - 1) + 1
  return { formerName: decodeURIComponent(path.slice(start, end)), formerParentURI: path.slice(0, start) }
}
