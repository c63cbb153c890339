/** What the commands that look at a whole store share. */
import { recordProblem } from '../cdmi/check-record.js'
import type { ServerConfig } from '../schemas/config.js'
import { storeDirectory } from '../server/store-config.js'
import { isStore } from '../storage/embedded/store-format.js'
import type { Look, VerifyOptions } from '../storage/verify/findings.js'
import { InterruptedError, UsageError } from './failure.js'
import { progressOutput, showPhases } from './transfer-progress.js'

const titles: Readonly<Record<Look, string>> = { records: 'records', names: 'names', values: 'values', files: 'files', log: 'change log' }

/** The directory of the store; undefined for one in a database. Throws UsageError where there is none. */
export async function directoryOf (config: ServerConfig): Promise<string | undefined> {
  const directory = storeDirectory(config)
  if (directory !== undefined && !await isStore(directory)) throw new UsageError(`There is no store in ${directory}; name its directory with --data`)
  return directory
}

/** Findings and notices that are kept for the JSON; all are counted. */
export const mostKept = 10_000

/** Runs a look with what is to be seen of it meanwhile, and until a signal ends it. */
export async function looking<T> (interrupted: string, work: (options: Required<Pick<VerifyOptions, 'signal' | 'progress' | 'checkRecord'>>) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const interrupt = (): void => { stop.abort(new InterruptedError(interrupted)) }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  // A second one ends it at once.
  for (const signal of signals) process.once(signal, interrupt)
  const shown = showPhases(progressOutput(process.stderr, process.env['TERM']), titles)
  try {
    return await work({ signal: stop.signal, progress: shown.listener, checkRecord: recordProblem })
  } catch (error) {
    stop.signal.throwIfAborted()
    throw error
  } finally {
    shown.end()
    for (const signal of signals) process.off(signal, interrupt)
  }
}
