/** `fastify-cdmi transfer`: a whole store moves into another one. */
import { withoutValue } from '../cdmi/lost-value.js'
import { hasSecret, hideSecrets, secretRefusal, secretVariables } from '../server/url-secrets.js'
import { type EndOptions, openSource, openTarget } from '../storage/transfer/open-ends.js'
import { transfer, type TransferOptions, type TransferReport } from '../storage/transfer.js'
import { DamagedSource, fromSource } from '../storage/transfer/damaged-source.js'
import { AlreadyTransferred } from '../storage/transfer/ends.js'
import { bytesText, countText, timeText } from './amounts.js'
import type { Flags } from './config-flags.js'
import { DamagedSourceError, InterruptedError, LostValuesError, sentenceOf, SkippedDamageError, UnreadableSourceError, UsageError } from './failure.js'
import { printDamaged, printLeftOut, printLost } from './print-damaged.js'
import { requireApart, transferPlace, type TransferPlace } from './transfer-places.js'
import { progressOutput, showProgress } from './transfer-progress.js'

/** The variables beside the flags, for URLs with secrets in them: command lines are seen by others. */
export const transferVariables = { from: 'TRANSFER_FROM', fromBlobs: 'TRANSFER_FROM_BLOBS', to: 'TRANSFER_TO', toBlobs: 'TRANSFER_TO_BLOBS' } as const

/** Exit codes: 0 all is there, 1 it did not work and can be gone on with, 2 wrong options, 3 the source is damaged, 4 all is there but for what is. */
export async function transferCommand (flags: Flags): Promise<void> {
  const from = transferPlace('from', given(flags, 'from'), given(flags, 'fromBlobs'))
  const to = transferPlace('to', given(flags, 'to'), given(flags, 'toBlobs'))
  requireApart(from, to)
  const json = flags['json'] === true
  const began = performance.now()
  try {
    const report = await shown(from.options, to.options, flags['skipDamaged'] === true)
    if (report === undefined) {
      if (json) printJson({ status: 'complete', from: from.name, to: to.name, complete: true, already: true })
      else process.stdout.write(`${from.name} was moved to ${to.name} before, and neither has changed since; there is nothing to do.\n`)
      return
    }
    const seconds = Math.round(performance.now() - began) / 1000
    if (json) printJson({ status: report.damaged.length + report.leftOut.length === 0 ? 'complete' : 'damaged', from: from.name, to: to.name, ...report, seconds })
    else printReport(report, from, to, performance.now() - began)
    if (!report.complete) throw new DamagedSourceError(report.damaged.length, report.blobs.moved + report.blobs.kept === 0)
    printLost(report.lost, 'moved')
    if (report.leftOut.length > 0) {
      printLeftOut(report.leftOut, process.stderr)
      throw new SkippedDamageError(`The target is finished, without ${countText(report.leftOut.length, 'row')} that could not be read, and without the values of ${countText(report.lost.length, 'object')}; "fastify-cdmi repair" brings what was in containers that are gone to /lost+found/`)
    }
    if (report.lost.length > 0) throw new LostValuesError(report.lost.length)
  } catch (error) {
    if (json && !(error instanceof DamagedSourceError || error instanceof LostValuesError || error instanceof SkippedDamageError)) printJson({ status: 'failed', from: from.name, to: to.name, error: hideSecrets(sentenceOf(error)) })
    throw error
  }
}

function given (flags: Flags, name: keyof typeof transferVariables): string | undefined {
  const flag = flags[name]
  const variable = transferVariables[name]
  if (typeof flag === 'string' && hasSecret(flag)) throw new UsageError(secretRefusal(`--${name.replace('B', '-b')}`, [`the variable ${variable}`, name.endsWith('Blobs') ? secretVariables.blobs : secretVariables.meta]))
  const value = flag ?? process.env[variable]
  // An empty variable is one that is not set.
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** With what is to be seen of it meanwhile. Undefined: there is nothing to do. */
async function shown (from: EndOptions, to: EndOptions, skip: boolean): Promise<TransferReport | undefined> {
  const stop = new AbortController()
  const interrupt = (): void => { stop.abort(new InterruptedError()) }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  // A second one ends it at once.
  for (const signal of signals) process.once(signal, interrupt)
  const progress = showProgress(progressOutput(process.stderr, process.env['TERM']))
  try {
    return await run(from, to, { progress: progress.listener, signal: stop.signal, lose: skip ? withoutValue : undefined })
  } catch (error) {
    if (error instanceof AlreadyTransferred) return undefined
    throw error instanceof DamagedSource ? new UnreadableSourceError(error, !skip) : error
  } finally {
    progress.end()
    for (const signal of signals) process.off(signal, interrupt)
  }
}

async function run (from: EndOptions, to: EndOptions, options: TransferOptions): Promise<TransferReport> {
  const report = (error: unknown, doing: string): void => { process.stderr.write(hideSecrets(`${doing}: ${error instanceof Error ? error.message : String(error)}\n`)) }
  const source = await ofItself(async () => await openSource(from, report))
  try {
    const last = await ofItself(async () => await source.meta.lastSequence())
    const target = await openTarget(to, report, { rootID: source.rootID, last })
    try {
      return await transfer(source, target, options)
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** What the source says of itself: nothing moves without it. */
async function ofItself<T> (read: () => Promise<T>): Promise<T> {
  try {
    return await fromSource(read)
  } catch (error) {
    throw error instanceof DamagedSource ? new UnreadableSourceError(error, false) : error
  }
}

function printJson (result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`)
}

function printReport ({ complete, blobs, records, events, damaged, lost, leftOut }: TransferReport, from: TransferPlace, to: TransferPlace, elapsed: number): void {
  const earlier = blobs.kept === 0 ? '' : ` ${countText(blobs.kept, 'blob')} had been moved before.`
  if (complete) {
    process.stdout.write(`Moved ${from.name} to ${to.name}: ${countText(records, 'object')}, ${countText(blobs.moved, 'blob')} (${bytesText(blobs.bytes)}), a change log of ${countText(events, 'entry').replace(/ys$/, 'ies')}, in ${timeText(elapsed)}.${earlier} ${lost.length + leftOut.length === 0 ? 'All' : 'All else'} was read back and compared.\n`)
    return
  }
  printDamaged(damaged)
}
