/** Directories in memory of servers that were started by scripts, and their end. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the scripts are, seen from what was compiled. */
export const script = (name: string): string => fileURLToPath(new URL(`../../../test/services/${name}`, import.meta.url))

/** When this process has ended, however that was, all that runs in it is stopped, and it is removed. `flags`: of the script that stops. */
export async function keptDirectory (prefix: string, ...flags: readonly string[]): Promise<string> {
  const memory = '/dev/shm'
  const directory = await mkdtemp(join(existsSync(memory) ? memory : tmpdir(), prefix))
  await chmod(directory, 0o755)
  // Ends with our end of its input, which no crash of this process can leave open.
  const keeper = spawn('sh', ['-c', 'cat; stop=$1; shift; "$stop" "$@"; rm -rf "$1"', 'sh', script('stop.sh'), directory, ...flags], { stdio: ['pipe', 'ignore', 'inherit'], detached: true })
  await once(keeper, 'spawn')
  // It must not be what this process waits for.
  keeper.unref()
  if (keeper.stdin instanceof Socket) keeper.stdin.unref()
  return directory
}
