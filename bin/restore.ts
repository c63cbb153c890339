/** `fastify-cdmi restore`: a backup becomes a store again, in a place where there is none. */
import { sharedOptions, storeDirectory } from '../server/configured-store.js'
import { hideSecrets } from '../server/url-secrets.js'
import { BackupPlace } from '../storage/backup/backup-place.js'
import { findBackup } from '../storage/backup/backup-source.js'
import { restore, type RestoreReport } from '../storage/backup/restore.js'
import { AlreadyTransferred } from '../storage/transfer/ends.js'
import { type EndOptions, openTarget } from '../storage/transfer/open-ends.js'
import { bytesText, countText } from './amounts.js'
import { wantedBackup } from './backup-moment.js'
import { configOf, type Flags } from './config-flags.js'
import { DamagedStoreError, sentenceOf, UsageError } from './failure.js'
import { printDamaged } from './print-damaged.js'
import { printJson, watched } from './watched.js'

const titles = { values: 'values', records: 'records, written and compared', log: 'change log' } as const

/** Exit codes: 0 it is a store again, 1 it did not work and can be gone on with, 2 wrong options, 3 the backup is damaged. */
export async function restoreCommand (flags: Flags): Promise<void> {
  const { from } = flags
  if (typeof from !== 'string' || from === '') throw new UsageError('Say with --from in which directory the backups are')
  const json = flags['json'] === true
  const wanted = wantedBackup(flags['at'])
  const config = configOf(flags)
  const directory = storeDirectory(config)
  // Nothing is restored into a place that nobody has named.
  if (directory !== undefined && config.data === undefined) throw new UsageError('Say with --data into which directory the store is to be restored, or with --meta and --blobs into which database')
  const options: EndOptions | undefined = directory === undefined ? sharedOptions(config) : { directory }
  if (options === undefined) throw new UsageError('Name the place of the store: with --data, or with --meta and --blobs')
  const place = new BackupPlace(from)
  const began = performance.now()
  try {
    const manifest = await findBackup(place, wanted)
    const report = await watched('The restoration was interrupted; run the same command again to go on with it', titles, async ({ signal, progress }) => {
      const target = await openTarget(options, (error, doing) => { process.stderr.write(hideSecrets(`${doing}: ${sentenceOf(error)}\n`)) }, { rootID: manifest.rootID, last: manifest.sequence })
      try {
        return await restore(place, manifest, target, { signal, progress, leaveOut: flags['leaveOutDamaged'] === true })
      } finally {
        await target.close()
      }
    }).catch((error: unknown) => {
      if (error instanceof AlreadyTransferred) return undefined
      throw error
    })
    const seconds = Math.round(performance.now() - began) / 1000
    if (report === undefined) {
      if (json) printJson({ status: 'complete', from: place.name, name: manifest.name, already: true })
      else process.stdout.write(`Backup ${manifest.name} was restored there before, and nothing has changed since; there is nothing to do.\n`)
      return
    }
    if (json) printJson({ status: report.complete ? 'complete' : 'damaged', from: place.name, name: manifest.name, ...report, seconds })
    else printReport(manifest.name, report, seconds)
    if (!report.complete) throw new DamagedStoreError(`${countText(report.damaged.length, 'blob')} of backup ${manifest.name} cannot be restored; the store is not finished. Take another backup with --at, or run the same command with --leave-out-damaged: then the objects that they belong to are left out`)
  } catch (error) {
    if (json && !(error instanceof DamagedStoreError)) printJson({ status: 'failed', from: place.name, error: hideSecrets(sentenceOf(error)) })
    throw error
  }
}

function printReport (name: string, { complete, records, events, blobs, damaged, leftOut }: RestoreReport, seconds: number): void {
  printDamaged(damaged)
  if (!complete) return
  const left = leftOut.length === 0 ? '' : ` ${countText(leftOut.length, 'object')} with damaged values ${leftOut.length === 1 ? 'was' : 'were'} left out.`
  process.stdout.write(`Backup ${name} is a store again: ${countText(records, 'object')}, a change log of ${events === 1 ? '1 entry' : `${events} entries`}, ${countText(blobs.moved + blobs.kept, 'blob')} (${bytesText(blobs.bytes)} written now), in ${Math.round(seconds)} s.${left} All was read back and compared.\n`)
}
