/** `fastify-cdmi backup`: a store as it is at one moment, put beside what earlier backups have left there, or into one file; and what there is. */
import { sharedOptions, storeDirectory } from '../server/store-config.js'
import { hideSecrets } from '../server/url-secrets.js'
import { backUp, type BackupReport } from '../storage/backup/back-up.js'
import { ArchiveReader } from '../storage/backup/archive-reader.js'
import { ArchiveWriter } from '../storage/backup/archive-writer.js'
import type { BackupPlace, ReadablePlace } from '../storage/backup/backup-place.js'
import { DamagedBackup } from '../storage/backup/damaged-backup.js'
import { findBackup } from '../storage/backup/backup-source.js'
import { checkBackup } from '../storage/backup/check-backup.js'
import { backupNames, type Manifest, readManifest } from '../storage/backup/manifest.js'
import { nameOfPlace, openPlace, reading, standardOutput } from '../storage/backup/open-place.js'
import { takeSnapshot } from '../storage/backup/take-snapshot.js'
import { warn } from '../storage/open-store.js'
import { findDamaged } from '../storage/backup/restore.js'
import { isDamage } from '../storage/backup/unreadable.js'
import { PlaceError } from '../storage/backup/told-apart.js'
import type { DamagedBlob } from '../storage/transfer.js'
import { bytesText, countText } from './amounts.js'
import { wantedBackup } from './backup-moment.js'
import { backupWhere, requireOutside } from './backup-where.js'
import { configOf, type Flags } from './config-flags.js'
import { DamagedStoreError, sentenceOf, SkippedDamageError, UnreadableStoreError, UsageError } from './failure.js'
import { printDamaged, printLeftOut } from './print-damaged.js'
import { printJson, watched } from './watched.js'

const titles = { records: 'records', log: 'change log', values: 'values' } as const

/** Exit codes: 0 all is there, 1 it did not work and can be run again, 2 wrong options, 3 the store, or files of a backup, are damaged, 4 there is a backup without what is damaged, as was wished, or that is what the one that was checked is. */
export async function backupCommand (flags: Flags): Promise<void> {
  const { at } = flags
  const to = backupWhere(flags, 'to')
  const [list, check, json] = ['list', 'check', 'json'].map(name => flags[name] === true)
  if (list === true && check === true) throw new UsageError('Either --list or --check')
  if (at !== undefined && check !== true) throw new UsageError('--at goes with --check: a backup is of the moment at which it is made')
  const reads = list === true || check === true
  if (to === standardOutput && reads) throw new UsageError('--to - is for making a backup: save it to a file to look at it')
  if (to === standardOutput && process.stdout.isTTY) throw new UsageError('Standard output is a terminal: send it to a file or another program, or name a file with --to')
  if (flags['skipDamaged'] === true && reads) throw new UsageError('--skip-damaged is for making a backup')
  // What is told must not get among the bytes.
  const out = to === standardOutput ? process.stderr : process.stdout
  try {
    if (!reads) await make(to, flags, json === true, out)
    else await reading(to, async place => { await (list === true ? printList(place, json === true) : printCheck(place, flags, json === true)) })
  } catch (error) {
    if (json === true && !(error instanceof DamagedStoreError || error instanceof SkippedDamageError)) printJson({ status: 'failed', to: nameOfPlace(to), error: hideSecrets(sentenceOf(error)) }, out)
    throw error
  }
}

async function make (to: string, flags: Flags, json: boolean, out: NodeJS.WriteStream): Promise<void> {
  const config = configOf(flags)
  const directory = storeDirectory(config)
  const options = directory === undefined ? sharedOptions(config) : { directory }
  if (options === undefined) throw new UsageError('Name the store: with --data, or with --meta and --blobs')
  await requireOutside(to, directory, 'blobs' in options ? options.blobs : undefined)
  const skipDamaged = flags['skipDamaged'] === true
  const began = performance.now()
  const place = await openPlace(to)
  const goesOn = place instanceof ArchiveWriter ? '' : '; the next one need not copy again what is there'
  const report = await watched(`The backup was interrupted${goesOn}`, titles, async watch => {
    try {
      const snapshot = await takeSnapshot(options, warn)
      try {
        return await backUp(snapshot, place, { ...watch, skipDamaged })
      } finally {
        await snapshot.close()
      }
    } catch (error) {
      throw isDamage(error) && !(error instanceof DamagedBackup || error instanceof PlaceError) ? new UnreadableStoreError(error, skipDamaged) : error
    }
  }).finally(async () => { await place.close() })
  const { manifest, blobs } = report
  const damaged = await damagedObjects(to, manifest)
  const seconds = Math.round(performance.now() - began) / 1000
  const { leftOut = [] } = manifest
  if (json) printJson({ status: damaged.length + leftOut.length === 0 ? 'complete' : 'damaged', to: place.name, ...summaryOf(manifest), blobs, damaged, ...skipDamaged && { leftOut }, seconds }, out)
  else out.write(describe(place, report, seconds))
  if (damaged.length + leftOut.length === 0) return
  if (!json) {
    printDamaged(damaged, out)
    printLeftOut(leftOut, out)
  }
  if (skipDamaged) throw new SkippedDamageError(`The backup is there, without ${countText(damaged.length, 'blob')} and ${countText(leftOut.length, 'row')} that are not what was written: mend the store with "fastify-cdmi repair", and back it up again`)
  throw new DamagedStoreError(`${countText(damaged.length, 'blob')} of the store ${damaged.length === 1 ? 'is' : 'are'} not what was written, and not in the backup; all else is. Give the objects their values again, or bring the bytes back from an older backup`)
}

/** Which objects they belong to the backup itself says; one that went elsewhere cannot be asked. */
async function damagedObjects (to: string, manifest: Manifest): Promise<DamagedBlob[]> {
  if (to === standardOutput) return withoutObjects(manifest)
  return await reading(to, async place => await findDamaged(place, manifest))
}

function describe (place: BackupPlace, { manifest: { name, counts, sequence }, blobs }: BackupReport, seconds: number): string {
  return `Backup ${name} is in ${place.name}: ${countText(counts.records, 'object')} and their change log up to ${sequence}, ${countText(counts.blobs, 'blob')} (${bytesText(counts.bytes)}), in ${Math.round(seconds)} s. ` +
    `${countText(blobs.copied, 'blob')} (${bytesText(blobs.bytes)}, ${bytesText(blobs.stored)} compressed) ${blobs.copied === 1 ? 'was' : 'were'} new.\n`
}

/** What is told of a backup: not which files it consists of. */
function summaryOf ({ name, taken, sequence, rootID, counts }: Manifest): object {
  return { name, taken, sequence, rootID, counts }
}

async function printList (place: ReadablePlace, json: boolean): Promise<void> {
  const backups: object[] = []
  let unreadable = 0
  for (const name of await backupNames(place)) {
    const manifest = await readManifest(place, name).catch((error: unknown) => {
      if (!(error instanceof DamagedBackup)) throw error
      // The others are what is needed now.
      unreadable++
      backups.push({ name, error: error.message })
      if (!json) process.stdout.write(`${name}\tdamaged: ${error.message}\n`)
    })
    if (manifest === undefined) continue
    backups.push(summaryOf(manifest))
    const { counts, sequence, damaged, leftOut = [] } = manifest
    if (!json) process.stdout.write(`${name}\t${countText(counts.records, 'object')}\t${bytesText(counts.bytes)} of values\tchange log up to ${sequence}${damaged.length === 0 ? '' : `\t${countText(damaged.length, 'blob')} damaged`}${leftOut.length === 0 ? '' : `\t${countText(leftOut.length, 'row')} left out`}\n`)
  }
  if (json) printJson({ status: unreadable === 0 ? 'complete' : 'damaged', to: place.name, backups })
  if (unreadable > 0) throw new DamagedStoreError(`${countText(unreadable, 'backup')} cannot be read`)
}

async function printCheck (place: ReadablePlace, flags: Flags, json: boolean): Promise<void> {
  const manifest = await findBackup(place, wantedBackup(flags['at']))
  const problems: string[] = []
  const count = await watched('The check was interrupted', titles, async watch => await checkBackup(place, manifest, {
    ...watch,
    tell (problem) {
      if (json) problems.push(problem)
      else process.stdout.write(`${problem}.\n`)
    }
  }))
  const { leftOut = [] } = manifest
  // Of lists that cannot be read nobody can be asked.
  const damaged = count === 0 ? await findDamaged(place, manifest) : withoutObjects(manifest)
  const isWhole = damaged.length + leftOut.length === 0
  if (json) printJson({ status: count === 0 && isWhole ? 'sound' : 'damaged', to: place.name, ...summaryOf(manifest), problems, ...!isWhole && { damaged, leftOut } })
  else {
    if (count === 0 && isWhole) process.stdout.write(`Backup ${manifest.name} is sound: all its files have the bytes that were written.\n`)
    printDamaged(damaged)
    printLeftOut(leftOut)
  }
  if (count > 0) throw new DamagedStoreError(`Backup ${manifest.name} is damaged, in ${countText(count, 'file')}. ${place instanceof ArchiveReader ? 'Make a new backup, into another file' : 'Remove these, and make a new backup: what the store still has is copied again'}`)
  if (!isWhole) throw new SkippedDamageError(`All files of backup ${manifest.name} have the bytes that were written; but it was made of a damaged store, and is without ${countText(damaged.length, 'blob')} and ${countText(leftOut.length, 'row')} of it: "fastify-cdmi restore" takes it with --skip-damaged only`)
}

function withoutObjects ({ damaged }: Manifest): DamagedBlob[] {
  return damaged.map(one => ({ ...one, objects: [] }))
}
