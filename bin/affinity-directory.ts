/**
 * The directory for the sockets of workers: a temporary one, for paths of sockets must be short, and that of a store may be long. Whoever
 * begins on the same store, or on one in a database, removes those of owners that died without a goodbye.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { lstat, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface AffinityDirectory {
  readonly path: string
  /** Removes it. */
  close (): Promise<void>
}

type Warn = (error: unknown, directory: string) => void

/** Beginning of the names of those whose store is in a database: any number of owners may be here at the same time. */
const shared = 'fastify-cdmi-shared-'
/** On which an owner listens for as long as he lives. */
const sign = 'owner.sock'

/** Makes one. The caller owns the store in `data`; undefined: it is in a database. */
export async function makeAffinityDirectory (data: string | undefined): Promise<AffinityDirectory> {
  const path = await mkdtemp(join(tmpdir(), data === undefined ? shared : await beginningFor(data)))
  const remove = async (): Promise<void> => { await rm(path, { recursive: true, force: true }) }
  if (data !== undefined) return { path, close: remove }
  const server = createServer(socket => { socket.destroy() }).listen(join(path, sign))
  await once(server, 'listening')
  return {
    path,
    async close () {
      server.close()
      await remove()
    }
  }
}

/**
 * Removes those that were left. The caller owns the store in `data`; undefined: it is in a database. `warn` is told of what cannot be removed. `user`: whose
 * they are, by number; undefined where the system has no such numbers.
 */
export async function removeLeftAffinity (data: string | undefined, warn: Warn, user: number | undefined = process.getuid?.()): Promise<void> {
  const beginning = data === undefined ? shared : await beginningFor(data)
  const names = await readdir(tmpdir()).catch((error: unknown) => {
    warn(error, tmpdir())
    return []
  })
  for (const name of names.filter(name => name.startsWith(beginning))) {
    const directory = join(tmpdir(), name)
    if (!await isOwn(directory, user)) continue
    if (data === undefined && !await isLeft(directory)) continue
    await rm(directory, { recursive: true, force: true }).catch((error: unknown) => { warn(error, directory) })
  }
}

/** Of the directory itself and not its path: in two containers that share a temporary directory one path may be two stores. */
async function beginningFor (data: string): Promise<string> {
  const { dev, ino } = await stat(data, { bigint: true })
  return `fastify-cdmi-${createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 12)}-`
}

/**
 * Whether it is a directory that we have made, and into which nobody else can put anything. Everybody may write to the directory around it: what looks like ours
 * there may be a trap, in which a link to somewhere else takes the place of something while it is being removed.
 */
async function isOwn (directory: string, user: number | undefined): Promise<boolean> {
  const found = await lstat(directory).catch(() => undefined)
  if (found?.isDirectory() !== true) return false
  return user === undefined || (found.uid === user && (found.mode & 0o077) === 0)
}

/** True where somebody has listened, and does so no more. Numbers of processes would not tell: a container may have its own. */
async function isLeft (directory: string): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = connect(join(directory, sign))
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => { resolve(error.code === 'ECONNREFUSED') })
  })
}
