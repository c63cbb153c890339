/**
 * Metadata (MET-01 to MET-08, MET-24, MET-70 to MET-77): what a client may set, how an update changes it, and what a reader sees: its own items,
 * data system metadata of the containers above, and what the server itself knows of the object.
 */
import type { Accesses, Json, JsonObject, StoredRecord } from '../storage/contract.js'
import type { Capabilities } from './capabilities.js'
import type { Limits } from './limits.js'
import { InvalidRequest } from './errors.js'
import type { Placement } from './capabilities.js'
import { formatInstant } from './instant.js'
import { attributesOf } from './record.js'
import type { ValueHash } from './value-hash.js'

/** Items that the server makes: a client's are passed over, without an error (MET-24). */
const generatedNames: ReadonlySet<string> = new Set(['cdmi_size', 'cdmi_ctime', 'cdmi_atime', 'cdmi_mtime', 'cdmi_acount', 'cdmi_mcount', 'cdmi_hash'])

/** Storage system metadata that clients may set: it is about the one object, and never passes on (MET-05, MET-17 to MET-22). */
const ownNames: ReadonlySet<string> = new Set(['cdmi_owner', 'cdmi_acl', 'cdmi_dac_uri', 'cdmi_dac_certificate', 'cdmi_enc_signature', 'cdmi_representations'])

/** Data system metadata that does not pass from a container to what is in it (MET-34). */
const notInherited: ReadonlySet<string> = new Set(['cdmi_assignedsize'])

function isGenerated (name: string): boolean {
  return generatedNames.has(name) || (name.startsWith('cdmi_') && name.endsWith('_provided'))
}

/** Data system metadata: every other item with the standard's prefix, known here or not (MET-08). */
export function isDataSystemMetadata (name: string): boolean {
  return name.startsWith('cdmi_') && !isGenerated(name) && !ownNames.has(name)
}

/** The items of a request that may be stored. Throws InvalidRequest beyond the limits (MET-71). */
export function storableMetadata (given: JsonObject, limits: Limits): JsonObject {
  const items = Object.entries(given).filter(([name]) => !isGenerated(name))
  checkLimits(items, limits)
  return Object.fromEntries(items)
}

/** Data system metadata that is acted on and must be a list of strings (AFF-02, COR-01). */
const lists = ['cdmi_data_affinity', 'cdmi_cors_origins', 'cdmi_cors_methods', 'cdmi_cors_headers']

/** Throws InvalidRequest for items of a request that are to be acted on, and cannot be. What is not offered is kept, whatever it is (MET-08). */
export function checkHonoured (given: JsonObject, capabilities: Capabilities, scope: 'dataobject' | 'container'): void {
  const wrong = lists.find(name => {
    const value = given[name]
    return value !== undefined && capabilities.hasItem(scope, name) && !(Array.isArray(value) && value.every(item => typeof item === 'string'))
  })
  if (wrong !== undefined) throw new InvalidRequest(`The metadata item "${wrong}" must be an array of strings; nothing was changed`)
}

function checkLimits (items: ReadonlyArray<readonly [string, Json]>, limits: Limits): void {
  const own = items.filter(([name]) => !name.startsWith('cdmi_'))
  if (own.length > limits.metadataItems) throw new InvalidRequest(`The metadata has ${own.length} items; this server keeps at most ${limits.metadataItems} (cdmi_metadata_maxitems); nothing was changed`)
  let total = 0
  for (const [name, value] of own) {
    const size = Buffer.byteLength(name) + Buffer.byteLength(JSON.stringify(value))
    if (size > limits.metadataItemSize) throw new InvalidRequest(`The metadata item "${name.slice(0, 100)}" has ${size} bytes; this server keeps at most ${limits.metadataItemSize} an item (cdmi_metadata_maxsize); nothing was changed`)
    total += size
  }
  if (total > limits.metadataSize) throw new InvalidRequest(`The metadata has ${total} bytes; this server keeps at most ${limits.metadataSize} an object (cdmi_metadata_maxtotalsize); nothing was changed`)
}

/**
 * The stored items after an update (MET-72 to MET-75). `names` undefined: the given items replace all. Else only these change: given ones are
 * added or replaced, missing ones removed.
 */
export function updatedMetadata (before: JsonObject, given: JsonObject | undefined, names: readonly string[] | undefined, limits: Limits): JsonObject {
  if (names === undefined) return given === undefined ? before : storableMetadata(given, limits)
  const named = new Set(names)
  const kept = Object.entries(before).filter(([name]) => !named.has(name))
  const changed = Object.entries(given ?? {}).filter(([name]) => named.has(name))
  return storableMetadata(Object.fromEntries([...kept, ...changed]), limits)
}

/** Items that are made of the value itself. */
export const hashItems: readonly string[] = ['cdmi_hash', 'cdmi_value_hash_provided']

/** What is known of an object beside its record. */
export interface Known {
  readonly accesses?: Accesses | undefined
  /** Parts of a new value are coming (DOC-82). */
  readonly updating?: boolean | undefined
  /** What is there counts, not what is being done to it. */
  readonly whole?: boolean | undefined
  /** Of the value, when one is wanted (MET-16). */
  readonly hash?: ValueHash | undefined
  /** Of what is still to be done, as far as it is known. */
  readonly percentComplete?: string | undefined
  /** Whether items of this name are made at all; undefined: they are. */
  readonly generates?: ((name: string) => boolean) | undefined
}

/** Everything that a reader sees in `metadata`. `inherited`: what came from above; `placement`: where the store keeps its data. */
export function visibleMetadata (record: StoredRecord, inherited: JsonObject, { accesses, hash, generates }: Known, { locations, copies }: Placement): JsonObject {
  const attributes = attributesOf(record)
  const items: JsonObject = { ...inherited, ...attributes.metadata as JsonObject }
  // The system says where the object is when somebody has asked for a place (AFF-03, MET-60).
  const placed = locations.length > 0 && isFullList(items['cdmi_data_affinity'])
  if (placed) items['cdmi_data_affinity_provided'] = [...locations]
  // A copy at each of them (AFF-04, MET-32).
  if (copies !== undefined && (placed || isPositive(items['cdmi_data_redundancy']))) items['cdmi_data_redundancy_provided'] = copies
  const make = (name: string, value: string): void => { if (generates === undefined || generates(name)) items[name] = value }
  make('cdmi_size', String(record.size))
  make('cdmi_ctime', formatInstant(attributes.created))
  make('cdmi_atime', formatInstant(Math.max(attributes.created, accesses?.last ?? 0)))
  make('cdmi_mtime', formatInstant(attributes.modified))
  make('cdmi_acount', String(accesses?.count ?? 0))
  make('cdmi_mcount', String(attributes.changes ?? 0))
  if (hash !== undefined) {
    make('cdmi_hash', hash.hex)
    make('cdmi_value_hash_provided', hash.algorithm)
  }
  return items
}

const isFullList = (value: Json | undefined): boolean => Array.isArray(value) && value.length > 0

/** Data system metadata of all these containers, from the top down; the nearest wins (MET-04, MET-30). */
export function inheritedMetadata (ancestors: readonly StoredRecord[]): JsonObject {
  return ancestors.reduce(passedOn, {})
}

/** What a container passes on to what is in it: what it has inherited itself, and its own data system metadata. */
export function passedOn (inherited: JsonObject, container: StoredRecord): JsonObject {
  const { metadata } = attributesOf(container)
  // Most have none of it: nothing is made for those.
  const own = Object.keys(metadata).filter(name => isDataSystemMetadata(name) && !notInherited.has(name))
  return own.length === 0 ? inherited : { ...inherited, ...Object.fromEntries(own.map(name => [name, metadata[name] as Json])) }
}

/** Those items whose names begin with one of the prefixes (DOC-54, MET-76). */
export function selectMetadata (metadata: JsonObject, prefixes: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => prefixes.some(prefix => name.startsWith(prefix))))
}

/** A positive number in text, the only form in which such items are acted on (MET-31). */
function isPositive (item: Json | undefined): boolean {
  return typeof item === 'string' && /^\d+$/.test(item) && Number(item) > 0
}
