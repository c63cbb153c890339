/** Long work of a command: how far it is stands on standard error, and a signal ends it after the step under way. */
import { InterruptedError } from './failure.js'
import { progressOutput, type ShownProgress, showPhases } from './transfer-progress.js'

export interface Watch<P extends string> {
  readonly signal: AbortSignal
  readonly progress: ShownProgress<P>['listener']
}

/** `interrupted`: what is said when a signal has ended it. `titles`: of the parts of the work. */
export async function watched<P extends string, T> (interrupted: string, titles: Readonly<Record<P, string>>, work: (watch: Watch<P>) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const interrupt = (): void => { stop.abort(new InterruptedError(interrupted)) }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  // A second one ends it at once.
  for (const signal of signals) process.once(signal, interrupt)
  const shown = showPhases<P>(progressOutput(process.stderr, process.env['TERM']), titles)
  try {
    return await work({ signal: stop.signal, progress: shown.listener })
  } finally {
    shown.end()
    for (const signal of signals) process.off(signal, interrupt)
  }
}

/** One line of JSON, for scripts. */
export function printJson (result: object, output: NodeJS.WritableStream = process.stdout): void {
  output.write(`${JSON.stringify(result)}\n`)
}
