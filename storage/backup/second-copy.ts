/** Backups as the second copy of a store: blobs keep their names in them, whichever backup they came with. */
import { StorageError } from '../contract.js'
import type { SecondCopy } from '../verify/second-copy.js'
import type { ReadablePlace } from './backup-place.js'
import { bytesOfKept } from './backup-source.js'
import { DamagedBackup } from './damaged-backup.js'
import type { KeptBlob } from './lines.js'
import { backupNames, type Manifest, readManifest } from './manifest.js'
import { PartReader } from './parts.js'

type Blobs = PartReader<KeptBlob>

/** All backups of the place, the last one first; those that cannot be read are passed over. Throws a StorageError when there is none. */
export async function secondCopyIn (place: ReadablePlace): Promise<SecondCopy> {
  const names = (await backupNames(place)).reverse()
  const opened = new Map<string, Blobs | undefined>()
  const open = async (name: string): Promise<Blobs | undefined> => {
    if (!opened.has(name)) opened.set(name, blobsOf(place, await readable(async () => await readManifest(place, name))))
    return opened.get(name)
  }
  const rootID = await rootOf(place, names)
  return {
    rootID,
    name: `the backups in ${place.name}`,
    async find (blob) {
      for (const name of names) {
        const blobs = await open(name)
        const kept = await readable(async () => await blobs?.find(blob))
        if (kept !== undefined) return bytesOfKept(place, kept)
      }
      return undefined
    }
  }
}

/** All backups of a place are of one store. */
async function rootOf (place: ReadablePlace, names: readonly string[]): Promise<string> {
  for (const name of names) {
    const manifest = await readable(async () => await readManifest(place, name))
    if (manifest !== undefined) return manifest.rootID
  }
  throw new StorageError('missing', `No backup in ${place.name} can be read`)
}

function blobsOf (place: ReadablePlace, manifest: Manifest | undefined): Blobs | undefined {
  return manifest === undefined ? undefined : new PartReader<KeptBlob>(place, manifest.lists.blobs, ({ blob }) => blob)
}

/** Undefined for what is damaged: an older backup may have the same. */
async function readable<T> (read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof DamagedBackup) return undefined
    throw error
  }
}
