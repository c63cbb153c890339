/** `fastify-cdmi restore`: a backup becomes a store again, in a place where there is none. */
import { sharedOptions, storeDirectory } from '../server/store-config.js'
import { hideSecrets } from '../server/url-secrets.js'
import { withoutValue } from '../cdmi/lost-value.js'
import { findBackup } from '../storage/backup/backup-source.js'
import type { ReadablePlace } from '../storage/backup/backup-place.js'
import { nameOfPlace, openReadable, standardOutput } from '../storage/backup/open-place.js'
import { restore } from '../storage/backup/restore.js'
import type { TransferReport } from '../storage/transfer.js'
import { AlreadyTransferred } from '../storage/transfer/ends.js'
import { type EndOptions, openTarget } from '../storage/transfer/open-ends.js'
import { bytesText, countText } from './amounts.js'
import { wantedBackup } from './backup-moment.js'
import { backupWhere } from './backup-where.js'
import { configOf, type Flags } from './config-flags.js'
import { DamagedStoreError, LostValuesError, sentenceOf, SkippedDamageError, UsageError } from './failure.js'
import { printDamaged, printLeftOut, printLost } from './print-damaged.js'
import { printJson, watched } from './watched.js'

const titles = { values: 'values', records: 'records, written and compared', log: 'change log' } as const

/** Exit codes: 0 it is a store again, 1 it did not work and can be gone on with, 2 wrong options, 3 the backup is damaged, 4 it is a store again but for values that are damaged. */
export async function restoreCommand (flags: Flags): Promise<void> {
  const from = backupWhere(flags, 'from')
  if (from === standardOutput) throw new UsageError('--from cannot be standard input, which is read only once: save the backup to a file')
  const json = flags['json'] === true
  const wanted = wantedBackup(flags['at'])
  const config = configOf(flags)
  const directory = storeDirectory(config)
  // Nothing is restored into a place that nobody has named.
  if (directory !== undefined && config.data === undefined) throw new UsageError('Say with --data into which directory the store is to be restored, or with --meta and --blobs into which database')
  const options: EndOptions | undefined = directory === undefined ? sharedOptions(config) : { directory }
  if (options === undefined) throw new UsageError('Name the place of the store: with --data, or with --meta and --blobs')
  const name = nameOfPlace(from)
  const began = performance.now()
  let place: ReadablePlace | undefined
  try {
    place = await openReadable(from)
    const opened = place
    const manifest = await findBackup(opened, wanted)
    const { leftOut = [] } = manifest
    if (leftOut.length > 0 && flags['skipDamaged'] !== true) {
      if (json) printJson({ status: 'damaged', from: name, name: manifest.name, leftOut })
      else printLeftOut(leftOut)
      throw new DamagedStoreError(`Backup ${manifest.name} was made of a damaged store, without ${countText(leftOut.length, 'row')} that could not be read. Take another backup with --at, or run the same command with --skip-damaged: then what it has is restored`)
    }
    const report = await watched('The restoration was interrupted; run the same command again to go on with it', titles, async ({ signal, progress }) => {
      const target = await openTarget(options, (error, doing) => { process.stderr.write(hideSecrets(`${doing}: ${sentenceOf(error)}\n`)) }, { rootID: manifest.rootID, last: manifest.sequence })
      try {
        return await restore(opened, manifest, target, { signal, progress, lose: flags['skipDamaged'] === true ? withoutValue : undefined })
      } finally {
        await target.close()
      }
    }).catch((error: unknown) => {
      if (error instanceof AlreadyTransferred) return undefined
      throw error
    })
    const seconds = Math.round(performance.now() - began) / 1000
    if (report === undefined) {
      if (json) printJson({ status: leftOut.length === 0 ? 'complete' : 'damaged', from: name, name: manifest.name, already: true, ...leftOut.length > 0 && { leftOut } })
      else process.stdout.write(`Backup ${manifest.name} was restored there before, and nothing has changed since; there is nothing to do.\n`)
      if (leftOut.length === 0) return
      printLeftOut(leftOut, process.stderr)
      throw new SkippedDamageError(`The store is finished, without ${countText(leftOut.length, 'row')} that could not be read for the backup`)
    }
    if (json) printJson({ status: report.damaged.length + leftOut.length === 0 ? 'complete' : 'damaged', from: name, name: manifest.name, ...report, leftOut: leftOut.length > 0 ? leftOut : undefined, seconds })
    else printReport(manifest.name, report, seconds)
    if (!report.complete) throw new DamagedStoreError(`${countText(report.damaged.length, 'blob')} of backup ${manifest.name} cannot be restored; the store is not finished. Take another backup with --at, or run the same command with --skip-damaged: then the objects that they belong to are restored without their values`)
    printLost(report.lost, 'restored')
    if (leftOut.length > 0) {
      printLeftOut(leftOut, process.stderr)
      throw new SkippedDamageError(`The store is finished, without ${countText(leftOut.length, 'row')} that could not be read for the backup, and without the values of ${countText(report.lost.length, 'object')}; "fastify-cdmi repair" brings what was in containers that are gone to /lost+found/`)
    }
    if (report.lost.length > 0) throw new LostValuesError(report.lost.length)
  } catch (error) {
    if (json && !(error instanceof DamagedStoreError || error instanceof LostValuesError || error instanceof SkippedDamageError)) printJson({ status: 'failed', from: name, error: hideSecrets(sentenceOf(error)) })
    throw error
  } finally {
    await place?.close()
  }
}

function printReport (name: string, { complete, records, events, blobs, damaged, lost }: TransferReport, seconds: number): void {
  printDamaged(damaged)
  if (!complete) return
  process.stdout.write(`Backup ${name} is a store again: ${countText(records, 'object')}, a change log of ${events === 1 ? '1 entry' : `${events} entries`}, ${countText(blobs.moved + blobs.kept, 'blob')} (${bytesText(blobs.bytes)} written now), in ${Math.round(seconds)} s. ${lost.length === 0 ? 'All' : 'All else'} was read back and compared.\n`)
}
