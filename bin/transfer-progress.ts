/** How far a long command is: a bar that is drawn anew on a terminal, a line from time to time elsewhere. */
import type { Phase } from '../storage/transfer/progress.js'
import { bytesText, timeText } from './amounts.js'

export interface ProgressOutput {
  /** Whether a line can be drawn anew. */
  readonly isTerminal: boolean
  readonly columns: number
  write (text: string): void
}

/** A terminal that cannot draw a line anew, or does not say how long its lines are, is given lines. `term`: what kind it is, as the environment says. */
export function progressOutput (stream: { readonly isTTY?: boolean, readonly columns?: number, write (text: string): unknown }, term: string | undefined): ProgressOutput {
  return {
    isTerminal: stream.isTTY === true && term !== 'dumb' && (stream.columns ?? 0) > 0,
    // A window may become narrower meanwhile.
    get columns () { return stream.columns ?? 0 },
    write (text) { stream.write(text) }
  }
}

/** A part of the work, by its name. */
interface Progress<P extends string> {
  readonly phase: P
  /** Of `values` bytes, of others what is counted. */
  readonly done: number
  /** About; undefined: nobody knows. */
  readonly total: number | undefined
}

export interface ShownProgress<P extends string> {
  readonly listener: (progress: Progress<P>) => void
  /** The last word: what is written from now on stands by itself. */
  end (): void
}

const transferTitles: Readonly<Record<Phase, string>> = { values: 'values', records: 'records, written and compared', log: 'change log' }
/** Milliseconds between two looks of a terminal, and between two lines elsewhere. */
const terminalPause = 100
const linePause = 10_000
const barWidth = 24
const clear = '\r\u001b[K'

export function showProgress (output: ProgressOutput, now: () => number = () => performance.now()): ShownProgress<Phase> {
  return showPhases(output, transferTitles, now)
}

/** The same for any work: `titles` by the names of its parts. */
export function showPhases<P extends string> (output: ProgressOutput, titles: Readonly<Record<P, string>>, now: () => number = () => performance.now()): ShownProgress<P> {
  let phase: P | undefined
  let began = 0
  let shownAt = -Infinity
  let last: Progress<P> | undefined
  let shown: Progress<P> | undefined

  const show = (progress: Progress<P>): void => {
    shown = progress
    shownAt = now()
    const text = describe(progress, titles[progress.phase], now() - began, output.isTerminal)
    output.write(output.isTerminal ? clear + text.slice(0, output.columns - 1) : `${text}\n`)
  }

  return {
    listener (progress) {
      if (progress.phase !== phase) {
        // Elsewhere the end of a phase is a line of its own.
        if (last !== undefined && last !== shown && !output.isTerminal) show(last)
        phase = progress.phase
        began = now()
        shownAt = -Infinity
      }
      last = progress
      if (now() - shownAt >= (output.isTerminal ? terminalPause : linePause)) show(progress)
    },
    end () {
      if (output.isTerminal && last !== undefined) output.write(clear)
      else if (last !== undefined && last !== shown) show(last)
    }
  }
}

function describe ({ phase, done, total }: Progress<string>, title: string, elapsed: number, bar: boolean): string {
  const amount = phase === 'values' ? bytesText : String
  if (total === undefined) return `${title}: ${amount(done)}`
  // Counts of before may be a little off.
  const part = total === 0 ? 1 : Math.min(1, done / total)
  const text = `${title}: ${Math.floor(part * 100)} %, ${amount(done)} of ${amount(total)}`
  if (!bar) return text
  const full = Math.round(part * barWidth)
  const left = part > 0 && part < 1 && elapsed > 1000 ? `, ${timeText(elapsed / part - elapsed)} left` : ''
  return `[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}] ${text}${left}`
}
