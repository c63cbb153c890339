/** `fastify-cdmi repair`: what can be mended in a store is, what cannot is moved aside. */
import { sharedOptions } from '../server/store-config.js'
import { hideSecrets } from '../server/url-secrets.js'
import { warn } from '../storage/open-store.js'
import { openReadable } from '../storage/backup/open-place.js'
import { secondCopyIn } from '../storage/backup/second-copy.js'
import { repairEmbedded } from '../storage/embedded/verify/verify-embedded.js'
import type { Repaired } from '../storage/verify/findings.js'
import type { SecondCopy } from '../storage/verify/second-copy.js'
import { countText } from './amounts.js'
import { configOf, type Flags } from './config-flags.js'
import { DamagedStoreError, sentenceOf, UsageError } from './failure.js'
import { directoryOf, looking, mostKept } from './looks.js'

/** Exit codes: 0 the store is sound now, 1 it did not work and can be run again, 2 wrong options, 3 something can only be named, or is to be done with `--dry-run`. */
export async function repairCommand (flags: Flags): Promise<void> {
  const config = configOf(flags)
  const directory = await directoryOf(config)
  const json = flags['json'] === true
  const dryRun = flags['dryRun'] === true
  const { from } = flags
  if (from === '') throw new UsageError('Say with --from in which directory the backups are')
  const findings: Repaired[] = []
  const found = { done: 0, left: 0, refused: 0, setAside: 0 }
  const note = (finding: Repaired): void => {
    if (finding.setAside === true) found.setAside++
    else if (finding.refused !== undefined) found.refused++
    else if (finding.done === undefined) found.left++
    else found.done++
    if (json) findings.push(...findings.length < mostKept ? [finding] : [])
    else if (finding.setAside !== true) process.stdout.write(`${finding.problem}: ${finding.done ?? (finding.refused === undefined ? 'nothing can be done about it' : `it is as it was, for that was refused: ${hideSecrets(finding.refused)}`)}.\n`)
  }
  try {
    await looking('The repair was interrupted; run the same command again to go on with it', async (options): Promise<number> => {
      if (directory !== undefined) return await repairFrom(typeof from === 'string' ? from : undefined, async copy => await repairEmbedded(directory, { ...options, dryRun, copy }, note))
      if (from !== undefined) throw new UsageError('--from goes with a store in a directory')
      const shared = sharedOptions(config)
      if (shared === undefined) throw new UsageError('Name the store: with --data, or with --meta and --blobs')
      const { repairDistributed } = await import('../storage/distributed/verify-distributed.js')
      return await repairDistributed(shared, { ...options, dryRun }, warn, note)
    })
  } catch (error) {
    if (json) process.stdout.write(`${JSON.stringify({ status: 'failed', error: hideSecrets(sentenceOf(error)), ...found, findings })}\n`)
    throw error
  }
  const status = found.left + found.refused > 0 ? 'damaged' : found.done === 0 ? 'sound' : dryRun ? 'to do' : 'repaired'
  if (json) process.stdout.write(`${JSON.stringify({ status, dryRun, ...found, findings })}\n`)
  else if (status === 'sound') process.stdout.write('The store is sound; there is nothing to do.\n')
  else if (status === 'repaired') process.stdout.write(`Mended or moved aside: ${found.done}. The store is sound now.\n`)
  const sentences = [
    ...found.left > 0 ? [`${countText(found.left, 'thing')} cannot be mended; restore a backup if you need what is lost`] : [],
    ...found.refused > 0 ? [`${countText(found.refused, 'thing')} could be mended, and that was refused; all else is done. Take away what is in the way, and run the same command again`] : []
  ]
  if (sentences.length > 0) throw new DamagedStoreError(sentences.join('. '))
  if (dryRun && found.done > 0) throw new DamagedStoreError(`Something is to be done, in ${countText(found.done, 'place')}; without --dry-run it is`)
}

/** Does it with the backups at hand, if some are named. */
async function repairFrom (from: string | undefined, repair: (copy: SecondCopy | undefined) => Promise<number>): Promise<number> {
  if (from === undefined) return await repair(undefined)
  const place = await openReadable(from)
  try {
    return await repair(await secondCopyIn(place))
  } finally {
    await place.close()
  }
}
