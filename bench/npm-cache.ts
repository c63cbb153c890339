/** Servers from npm, fetched when they are needed into a directory of their own: they are no dependencies of this package. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** Milliseconds that a download may take. */
const patience = 300_000

export function defaultCache (): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'fastify-cdmi-bench')
}

/** Directory in which `node_modules` has this version of the package. Throws when it cannot be fetched. */
export async function fetchPackage (cache: string, name: string, version: string): Promise<string> {
  const directory = join(cache, `${name}-${version}`)
  const done = join(directory, 'fetched')
  if (existsSync(done)) return directory
  await mkdir(directory, { recursive: true })
  // Without one of its own npm would go up and use one that it finds.
  await writeFile(join(directory, 'package.json'), '{"private":true}\n')
  await run('npm', ['install', '--prefix', directory, '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--no-save', `${name}@${version}`], { timeout: patience })
  await writeFile(done, '')
  return directory
}
