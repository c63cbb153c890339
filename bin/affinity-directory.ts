/**
 * The directory for the sockets of workers: a temporary one, for paths of sockets must be short, and that of a store may be long. Its name says of
 * which store it is. Whoever owns the store may remove all of that name: they are of owners that died without a goodbye.
 */
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes one. The caller owns the store in `data`. */
export async function makeAffinityDirectory (data: string): Promise<string> {
  return await mkdtemp(join(tmpdir(), await beginningFor(data)))
}

/** Removes those that were left. The caller owns the store in `data`; `warn` is told of what cannot be removed. */
export async function removeLeftAffinity (data: string, warn: (error: unknown, directory: string) => void): Promise<void> {
  const beginning = await beginningFor(data)
  const names = await readdir(tmpdir()).catch((error: unknown) => {
    warn(error, tmpdir())
    return []
  })
  for (const name of names.filter(name => name.startsWith(beginning))) {
    const directory = join(tmpdir(), name)
    await rm(directory, { recursive: true, force: true }).catch((error: unknown) => { warn(error, directory) })
  }
}

/** Of the directory itself and not its path: in two containers that share a temporary directory one path may be two stores. */
async function beginningFor (data: string): Promise<string> {
  const { dev, ino } = await stat(data, { bigint: true })
  return `fastify-cdmi-${createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 12)}-`
}
