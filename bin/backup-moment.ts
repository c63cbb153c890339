/** Which backup is meant: by its name, or by a moment. */
import { UsageError } from './failure.js'

const moment = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:\d\d)$/
const name = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/

/** Undefined: the last one. Throws UsageError. */
export function wantedBackup (at: unknown): { readonly name: string } | { readonly at: number } | undefined {
  if (at === undefined) return undefined
  const text = String(at)
  if (name.test(text)) return { name: text }
  const time = moment.test(text) && isDay(text) ? Date.parse(text.replace(' ', 'T')) : NaN
  if (Number.isNaN(time)) throw new UsageError('--at must be the name of a backup, as --list shows it, or a moment with its offset from UTC, as in 2030-01-31T18:00:00Z or 2030-01-31T18:00+02:00')
  return { at: time }
}

/** The 31st of February is read as the 3rd of March, which nobody means. */
function isDay (text: string): boolean {
  const day = text.slice(0, 'yyyy-mm-dd'.length)
  const midnight = Date.parse(`${day}T00:00Z`)
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(day)
}
