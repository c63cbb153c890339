/** `fastify-cdmi verify`: whether a store is sound. */
import { sharedOptions } from '../server/store-config.js'
import { hideSecrets } from '../server/url-secrets.js'
import { warn } from '../storage/open-store.js'
import type { Finding } from '../storage/verify/findings.js'
import type { VerifyResult } from '../storage/embedded/verify/verify-embedded.js'
import { bytesText, countText } from './amounts.js'
import { configOf, type Flags } from './config-flags.js'
import { DamagedStoreError, sentenceOf, UsageError } from './failure.js'
import { directoryOf, looking, mostKept } from './looks.js'
import { OfferNotices } from './offer-notices.js'
import { verifyApart } from './verify-apart.js'

/** Notices that are printed for people. */
const mostPrinted = 50

/** Exit codes: 0 sound, 1 it could not be found out, 2 wrong options, 3 something is wrong with it. */
export async function verifyCommand (flags: Flags): Promise<void> {
  const config = configOf(flags)
  const directory = await directoryOf(config)
  const json = flags['json'] === true
  const values = flags['values'] !== false
  const findings: Finding[] = []
  const notices = new OfferNotices(config)
  const { checkRecord } = notices
  const found = { damage: 0, setAside: 0 }
  const note = (finding: Finding): void => {
    if (finding.setAside === true) found.setAside++
    else found.damage++
    if (json) findings.push(...findings.length < mostKept ? [finding] : [])
    else if (finding.setAside !== true) process.stdout.write(`${finding.problem}.\n`)
  }
  const began = performance.now()
  try {
    const result = await looking('The look at the store was interrupted; what was found so far is above', async (options): Promise<VerifyResult & { readonly pageChecksums?: boolean }> => {
      if (directory !== undefined) return await verifyApart(directory, { ...options, values }, note, notices)
      const shared = sharedOptions(config)
      if (shared === undefined) throw new UsageError('Name the store: with --data, or with --meta and --blobs')
      const { verifyDistributed } = await import('../storage/distributed/verify-distributed.js')
      return await verifyDistributed(shared, { ...options, values, checkRecord }, warn, note)
    })
    const seconds = Math.round(performance.now() - began) / 1000
    if (json) printJson({ status: found.damage === 0 ? 'sound' : 'damaged', ...result, values, ...found, findings, notices: notices.sentences, seconds })
    else printResult(result, values, found, notices)
  } catch (error) {
    if (json) printJson({ status: 'failed', error: hideSecrets(sentenceOf(error)), ...found, findings })
    throw error
  }
  if (found.damage > 0) throw new DamagedStoreError(`Something is wrong with the store, in ${countText(found.damage, 'place')}; ${directory === undefined ? '' : 'stop its server and '}run "fastify-cdmi repair"`)
}

function printJson (result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`)
}

function printResult ({ records, blobs, bytes, events, online, pageChecksums }: VerifyResult & { readonly pageChecksums?: boolean }, values: boolean, { damage, setAside }: { readonly damage: number, readonly setAside: number }, notices: OfferNotices): void {
  const read = values ? `${bytesText(bytes)} of values were read` : 'values were not read'
  process.stdout.write(`Looked at ${countText(records, 'object')}, ${countText(blobs, 'blob')} and ${events === 1 ? '1 entry' : `${events} entries`} of the change log${online ? ', while a server had the store open' : ''}; ${read}.\n`)
  for (const sentence of notices.sentences.slice(0, mostPrinted)) process.stdout.write(`No damage, but: ${sentence}.\n`)
  if (notices.count > mostPrinted) process.stdout.write(`… and ${notices.count - mostPrinted} more that name what is not offered; --json lists them\n`)
  if (setAside > 0) process.stdout.write('Objects that a repair has set aside are damaged, as they say themselves.\n')
  if (pageChecksums === false) process.stdout.write('The database has no checksums of its pages (data_checksums is off): bits that flip in its records are found by nobody.\n')
  if (damage === 0) process.stdout.write('The store is sound.\n')
}
