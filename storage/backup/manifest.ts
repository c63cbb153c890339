/** What a backup is: one file that names all others, written last, with a checksum of its own. */
import { createHash } from 'node:crypto'
import { type BlobID, type ObjectID, type Sequence, StorageError } from '../contract.js'
import type { BackupPlace, ReadablePlace } from './backup-place.js'
import { DamagedBackup } from './damaged-backup.js'
import type { Part } from './parts.js'
import type { Unreadable } from './unreadable.js'

const format = 'fastify-cdmi backup'
const version = 1
/** Of a backup that is without something of its store: builds that know version 1 only would restore it as if it were whole. */
const partVersion = 2
/** What says that a directory is a place of backups, and of which store. */
const placeFile = 'backup.json'
const folder = 'backups'

export interface Manifest {
  readonly format: typeof format
  readonly version: number
  readonly name: string
  /** The moment of which it is: RFC 3339. */
  readonly taken: string
  readonly rootID: ObjectID
  /** The last place that the change log had given out. */
  readonly sequence: Sequence
  readonly counts: { readonly records: number, readonly blobs: number, readonly bytes: number, readonly events: number }
  readonly lists: { readonly records: readonly Part[], readonly blobs: readonly Part[], readonly log: readonly Part[] }
  /** Blobs of the store that were not what was written: their bytes are not in the backup. */
  readonly damaged: ReadonlyArray<{ readonly blob: BlobID, readonly problem: string }>
  /** Objects and entries of the change log that could not be read. Where nobody has asked for such a backup there is none. Builds before version 2 have written it with version 1. */
  readonly leftOut?: readonly Unreadable[]
}

/** Of a moment in milliseconds since 1970. Names sort as their moments do. */
function nameOf (taken: number): string {
  return new Date(taken).toISOString().replaceAll(':', '-')
}

/** Makes a place of backups of an empty directory. Throws a StorageError when it is something else, or has backups of another store. */
export async function requirePlaceFor (place: BackupPlace, rootID: ObjectID): Promise<void> {
  if (await placeOf(place) === undefined) {
    if (!await place.isEmpty()) throw new StorageError('format', `${place.name} is not empty, and has no backups in it (no ${placeFile}); give an empty directory or a new one`)
    // Another one may be the first.
    await place.putNew(placeFile, Buffer.from(`${JSON.stringify({ format, version, rootID })}\n`))
  }
  const there = await placeOf(place)
  if (there !== rootID) throw new StorageError('format', `${place.name} has backups of another store: its root is ${there ?? 'unknown'}, that of this one ${rootID}`)
}

/** The root of the store whose backups are here; undefined when this is no place of backups. */
async function placeOf (place: ReadablePlace): Promise<ObjectID | undefined> {
  if (await place.size(placeFile) === undefined) return undefined
  const stated = await jsonIn(place, placeFile)
  requireFormat(place, placeFile, stated)
  const { rootID } = stated
  if (typeof rootID !== 'string') throw unreadable(place, placeFile)
  return rootID
}

/** All that came to their end, the oldest first. Throws a StorageError when there are none. */
export async function backupNames (place: ReadablePlace): Promise<string[]> {
  if (await placeOf(place) === undefined) throw new StorageError('format', `There are no backups in ${place.name}`)
  return (await place.list(folder)).filter(name => name.endsWith('.json')).map(name => name.slice(0, -'.json'.length)).sort()
}

/** Under the name of its moment, or of the next one that has no backup. Answers what was written. */
export async function writeManifest (place: BackupPlace, given: Omit<Manifest, 'format' | 'version' | 'name' | 'taken'>, taken: number): Promise<Manifest> {
  const { leftOut = [] } = given
  for (let moment = taken; ; moment++) {
    const manifest: Manifest = { format, version: leftOut.length === 0 ? version : partVersion, name: nameOf(moment), taken: new Date(moment).toISOString(), ...given }
    if (await place.putNew(fileOf(manifest.name), Buffer.from(`${JSON.stringify({ manifest, sha256: hashOf(manifest) })}\n`))) return manifest
  }
}

/** Throws DamagedBackup when it is not what was written, a StorageError 'missing' when there is none. */
export async function readManifest (place: ReadablePlace, name: string): Promise<Manifest> {
  const { manifest, sha256 } = await jsonIn(place, fileOf(name))
  if (typeof manifest !== 'object' || manifest === null || sha256 !== hashOf(manifest)) throw unreadable(place, fileOf(name))
  requireFormat(place, fileOf(name), manifest as Record<string, unknown>)
  return manifest as Manifest
}

const fileOf = (name: string): string => `${folder}/${name}.json`

function hashOf (manifest: object): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex')
}

async function jsonIn (place: ReadablePlace, file: string): Promise<Record<string, unknown>> {
  const chunks: Uint8Array[] = []
  for await (const chunk of place.get(file)) chunks.push(chunk)
  try {
    return Object(JSON.parse(Buffer.concat(chunks).toString())) as Record<string, unknown>
  } catch {
    throw unreadable(place, file)
  }
}

function requireFormat (place: ReadablePlace, file: string, stated: Readonly<Record<string, unknown>>): void {
  if (stated['format'] !== format) throw unreadable(place, file)
  if (typeof stated['version'] === 'number' && stated['version'] > partVersion) throw new StorageError('format', `${file} in ${place.name} has format version ${stated['version']}; this build knows versions up to ${partVersion}. Use the newer build that wrote it`)
}

function unreadable (place: ReadablePlace, file: string): DamagedBackup {
  return new DamagedBackup(`${file} in ${place.name} is not what was written`)
}
