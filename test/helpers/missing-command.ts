import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Why a test of a real client cannot run here; false when it can, and with `CI=true`, where it must. Said aloud, for a skipped test proves nothing. */
export function missingCommand (name: string): string | false {
  if (process.env['CI'] === 'true') return false
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    try {
      accessSync(join(directory, name), constants.X_OK)
      return false
    } catch {
      // Not there.
    }
  }
  console.error(`SKIPPED: there is no "${name}" on this machine; install it to run this test`)
  return `there is no ${name} on this machine`
}
