/** `fastify-cdmi audit`: the change log of a store as lines, who has done what to which object, from where and when; beside a running server, too. */
import { once } from 'node:events'
import { databaseOptions, defaultDirectory, storeDirectory } from '../server/store-config.js'
import { formatInstant } from '../cdmi/instant.js'
import type { JsonObject, LoggedEvent } from '../storage/contract.js'
import type { OpenLog } from '../storage/logged-events.js'
import { openDatabaseLog, openEmbeddedLog } from '../storage/open-log.js'
import { configOf, type Flags } from './config-flags.js'
import { UsageError } from './failure.js'

/** What was done, as it is printed. */
export interface AuditEntry {
  readonly sequence: number
  readonly time: string
  readonly operation: string
  readonly user: string
  /** Address of the client; undefined: nobody asked for it from outside, or the entry is of a build that did not write it down. */
  readonly source?: string
  /** Path of the object; undefined: it has none. */
  readonly path?: string
  /** The one before it was moved. */
  readonly formerPath?: string
  readonly objectID: string
  readonly type: string
  /** Bytes of its value. */
  readonly size: number
}

interface Wanted {
  /** Microseconds since 1970. */
  readonly since: number
  readonly until: number
  readonly object: string | undefined
  readonly user: string | undefined
}

/** Entries that are read at a time. */
const page = 1000

const types: Readonly<Record<string, string>> = { c: 'container', d: 'dataobject', r: 'reference', k: 'reference' }
const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

export async function audit (flags: Flags): Promise<void> {
  const wanted: Wanted = {
    since: momentOf(flags, 'since') ?? 0,
    until: momentOf(flags, 'until') ?? Infinity,
    object: objectOf(flags['object']),
    user: typeof flags['user'] === 'string' ? flags['user'] : undefined
  }
  const log = await openLog(flags)
  try {
    for await (const entry of entriesOf(log, wanted)) {
      if (!await print(flags['json'] === true ? JSON.stringify(entry) : lineOf(entry))) return
    }
  } finally {
    await log.close()
  }
}

async function openLog (flags: Flags): Promise<OpenLog> {
  const config = configOf(flags)
  // Values are not looked at: where they are need not be said.
  const database = databaseOptions(config)
  return database === undefined ? await openEmbeddedLog(storeDirectory(config) ?? defaultDirectory) : await openDatabaseLog(database)
}

/** Up to what was there at the start: a server that is busy would never let it end. */
async function * entriesOf (log: OpenLog, wanted: Wanted): AsyncGenerator<AuditEntry> {
  const last = await log.lastSequence()
  for (let after = 0; after < last;) {
    const events = await log.events(after, page)
    for (const event of events) if (event.sequence <= last && matches(event.event, wanted)) yield entryOf(event)
    const read = events.at(-1)?.sequence
    if (read === undefined) return
    after = read
  }
}

/** Also what was done to a container above the object, if that made the object be no more where it was. */
function matches (event: JsonObject, { since, until, object, user }: Wanted): boolean {
  const time = Number(event['time'])
  if (time < since || time >= until) return false
  if (user !== undefined && event['principal'] !== user) return false
  if (object === undefined || event['objectID'] === object) return true
  const takesAway = event['operation'] === 'delete' || event['operation'] === 'rename'
  return [pathOf(event), formerPathOf(event)].some(path => path !== undefined && (
    path === object || (object.endsWith('/') && path.startsWith(object)) || (takesAway && path.endsWith('/') && object.startsWith(path))
  ))
}

function entryOf ({ sequence, event }: LoggedEvent): AuditEntry {
  const [path, formerPath, source] = [pathOf(event), formerPathOf(event), event['source']]
  return {
    sequence,
    time: formatInstant(Number(event['time'])),
    operation: String(event['operation']),
    user: String(event['principal']),
    ...typeof source === 'string' && { source },
    ...path !== undefined && { path },
    ...formerPath !== undefined && { formerPath },
    objectID: String(event['objectID']),
    type: types[String(event['type'])] ?? String(event['type']),
    size: Number(event['size'])
  }
}

function pathOf (event: JsonObject): string | undefined {
  return joined(event['parentURI'], event['objectName'], event['type'])
}

function formerPathOf (event: JsonObject): string | undefined {
  return joined(event['formerParentURI'], event['formerName'], event['type'])
}

function joined (parent: unknown, name: unknown, type: unknown): string | undefined {
  if (typeof parent !== 'string' || typeof name !== 'string') return undefined
  return `${parent}${encodeURIComponent(name)}${type === 'c' || type === 'k' ? '/' : ''}`
}

/** Tabs between; nothing in it that a terminal would act on. */
function lineOf ({ time, operation, user, source = '-', path = '-', formerPath, objectID, size }: AuditEntry): string {
  const place = formerPath === undefined ? path : `${formerPath} -> ${path}`
  return [time, operation, user, source, place, objectID, size].map(field => printable(String(field))).join('\t')
}

function printable (text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** False when nobody reads any more. */
async function print (line: string): Promise<boolean> {
  if (process.stdout.destroyed || !process.stdout.writable) return false
  if (!process.stdout.write(`${line}\n`)) await Promise.race([once(process.stdout, 'drain'), once(process.stdout, 'close')]).catch(() => {})
  return true
}

/** A date, or how long ago it was, in microseconds since 1970. */
function momentOf (flags: Flags, name: 'since' | 'until'): number | undefined {
  const text = flags[name]
  if (typeof text !== 'string') return undefined
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)([smhdw])$/.exec(text) ?? []
  const milliseconds = amount === undefined ? (/^\d{4}-/.test(text) ? Date.parse(text) : NaN) : Date.now() - Number(amount) * (units[unit] ?? 0) * 1000
  if (Number.isNaN(milliseconds)) throw new UsageError(`--${name} is a time, as in 2026-01-31 or 2026-01-31T12:00:00Z, or how long ago, as in 90m, 12h or 7d`)
  return milliseconds * 1000
}

/** An object ID, or a path in the one form in which paths are compared. */
function objectOf (given: unknown): string | undefined {
  if (typeof given !== 'string') return undefined
  if (/^[\da-f]{16,80}$/i.test(given)) return given.toUpperCase()
  if (!given.startsWith('/')) throw new UsageError('--object is an object ID, or a path from the root as in /MyContainer/photo.jpg; one that ends in a slash stands for all below it, too')
  return given.split('/').map(segment => encodeURIComponent(decoded(segment))).join('/')
}

/** A name may be written as it is in a URI, or as it is. */
function decoded (segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
