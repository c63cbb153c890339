/** Makes a store of a backup: a transfer whose source is the backup. */
import type { BlobID } from '../contract.js'
import { type DamagedBlob, transfer, type TransferOptions, type TransferReport } from '../transfer.js'
import type { TransferTarget } from '../transfer/ends.js'
import { findOwners } from '../transfer/find-owners.js'
import type { ReadablePlace } from './backup-place.js'
import { openBackup } from './backup-source.js'
import type { Manifest } from './manifest.js'

/** Throws a StorageError, DamagedBackup when lists of the backup cannot be read, and the reason of `signal`. The caller closes the target. */
export async function restore (place: ReadablePlace, manifest: Manifest, target: TransferTarget, options: TransferOptions = {}): Promise<TransferReport> {
  const source = openBackup(place, manifest)
  if (options.lose === undefined && manifest.damaged.length > 0) {
    const damaged = await findDamaged(place, manifest, options.signal)
    return { complete: false, rootID: source.rootID, blobs: { moved: 0, bytes: 0, kept: 0 }, records: 0, events: 0, damaged, lost: [], leftOut: [] }
  }
  const report = await transfer(source, target, options)
  // Of these the backup knows what was wrong when it was made.
  const problems = new Map<BlobID, string>(manifest.damaged.map(({ blob, problem }) => [blob, problem]))
  return { ...report, damaged: report.damaged.map(one => ({ ...one, problem: problems.get(one.blob) ?? one.problem })) }
}

/** Blobs that were damaged in the store when the backup was made, with their objects. */
export async function findDamaged (place: ReadablePlace, manifest: Manifest, signal: AbortSignal = new AbortController().signal): Promise<DamagedBlob[]> {
  const { damaged } = manifest
  if (damaged.length === 0) return []
  const owners = await findOwners(openBackup(place, manifest).meta, new Set(damaged.map(({ blob }) => blob)), signal)
  return damaged.map(({ blob, problem }) => ({ blob, problem, objects: owners.get(blob) ?? [] }))
}
