/** Makes a store of a backup: a transfer whose source is the backup. */
import { type BlobID, type ObjectID, StorageError } from '../contract.js'
import { type DamagedBlob, transfer, type TransferOptions, type TransferReport } from '../transfer.js'
import type { TransferSource, TransferTarget } from '../transfer/ends.js'
import { findOwners } from '../transfer/find-owners.js'
import type { BackupPlace } from './backup-place.js'
import { openBackup } from './backup-source.js'
import type { Manifest } from './manifest.js'

export interface RestoreOptions extends Omit<TransferOptions, 'lose'> {
  /** Objects whose values are damaged are left out, and the rest becomes a store; else the target stays unfinished. */
  readonly leaveOut?: boolean
}

export interface RestoreReport extends TransferReport {
  /** Objects that are in the backup and not in the store. */
  readonly leftOut: readonly ObjectID[]
}

/** Throws a StorageError, DamagedBackup when lists of the backup cannot be read, and the reason of `signal`. The caller closes the target. */
export async function restore (place: BackupPlace, manifest: Manifest, target: TransferTarget, { leaveOut = false, ...options }: RestoreOptions = {}): Promise<RestoreReport> {
  const whole = openBackup(place, manifest)
  const lost = new Map<BlobID, string>(manifest.damaged.map(({ blob, problem }) => [blob, problem]))
  const describe = async (): Promise<DamagedBlob[]> => await withOwners(whole, lost, options.signal)
  for (let round = 1; ; round++) {
    if (lost.size > 0 && !leaveOut) return { complete: false, rootID: whole.rootID, blobs: { moved: 0, bytes: 0, kept: 0 }, records: 0, events: 0, damaged: await describe(), lost: [], leftOut: [] }
    const leftOut: ObjectID[] = []
    const report = await transfer(openBackup(place, manifest, { without: new Set(lost.keys()), leftOut }), target, options)
    if (report.complete) return { ...report, damaged: lost.size === 0 ? [] : await describe(), leftOut: [...new Set(leftOut)] }
    if (!leaveOut) return { ...report, leftOut: [] }
    if (round > 3) throw new StorageError('unavailable', 'At each look other files of the backup are damaged: the disk that it is on is failing')
    for (const { blob, problem } of report.damaged) lost.set(blob, problem)
  }
}

/** Blobs that were damaged in the store when the backup was made, with their objects. */
export async function findDamaged (place: BackupPlace, manifest: Manifest): Promise<DamagedBlob[]> {
  return manifest.damaged.length === 0 ? [] : await withOwners(openBackup(place, manifest), new Map(manifest.damaged.map(({ blob, problem }) => [blob, problem])))
}

async function withOwners ({ meta }: TransferSource, problems: ReadonlyMap<BlobID, string>, signal = new AbortController().signal): Promise<DamagedBlob[]> {
  const owners = await findOwners(meta, new Set(problems.keys()), signal)
  return Array.from(problems, ([blob, problem]) => ({ blob, problem, objects: owners.get(blob) ?? [] }))
}
