/**
 * How a process shows those who share a directory with it that it lives: by a socket on which it listens. The kernel closes that with it, however it dies, and no
 * number that is used again can be taken for it, not even across containers. Where there are no sockets its number and the time of its start must do.
 */
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'

/** What others need to find out whether the process lives. */
export interface Life {
  readonly pid: number
  /** When that process started and on which boot, where the system tells: a number may be given to another process. */
  readonly started: string | undefined
  /** Name of the socket in the directory; undefined where none could be made. */
  readonly socket: string | undefined
  /** Device and inode of the directory: who uses a copy is not who uses the original. */
  readonly place: string
}

export interface SignOfLife {
  readonly life: Life
  /** From then on it counts as dead. */
  close (): Promise<void>
  /** The same where what stands of it in the store could not be removed: its socket stays, and whoever knocks finds that nobody listens, though the process goes on. */
  leave (): Promise<void>
}

/** Of this process, in that directory; `kind` begins the name of its socket. */
export async function showLife (directory: string, kind: string): Promise<SignOfLife> {
  const place = placeOf(directory)
  const beacon = await listen(directory, kind)
  return { life: { pid: process.pid, started: startOf(process.pid), socket: beacon?.name, place }, close: async () => { await beacon?.close() }, leave: async () => { await beacon?.leave() } }
}

export function placeOf (directory: string): string {
  const { dev, ino } = statSync(directory)
  return `${dev}:${ino}`
}

/** Whether who has left this in the directory is still there. */
export async function isAlive (directory: string, life: Life): Promise<boolean> {
  return life.place === placeOf(directory) && await answers(directory, life)
}

/** Whether any process but `own` listens on a socket of this kind, whatever is noted of it. One that is dead, or that has no socket, is not heard. */
export async function isAnyoneHeard (directory: string, kind: string, own?: Life): Promise<boolean> {
  const sockets = readdirSync(directory).filter(name => name.startsWith(`${kind}-`) && name.endsWith('.sock') && name !== own?.socket)
  const answers = await Promise.all(sockets.map(async name => await knock(join(directory, name))))
  return answers.includes('alive')
}

/** Removes the socket of a process that is dead, also where it died while it left. */
export function forgetLife (directory: string, { socket }: Life): void {
  if (socket === undefined) return
  for (const name of [socket, asideOf(socket)]) rmSync(join(directory, name), { force: true })
}

/** Removes what processes that have died while they left have put aside: for who knows that there is no other of this kind. */
export function forgetLeft (directory: string, kind: string): void {
  for (const name of readdirSync(directory)) if (name.startsWith(`${kind}-`) && name.endsWith(asideOf('.sock'))) rmSync(join(directory, name), { force: true })
}

/** The name that a socket has while its process leaves. */
function asideOf (socket: string): string {
  return `${socket}.left`
}

interface Beacon { readonly name: string, close (): Promise<void>, leave (): Promise<void> }

/** Longest path of a socket in bytes, the zero at its end included, on every system. */
const longestSocketPath = 104

/** Listens on a new socket in the directory; undefined where the path is too long or the file system has no sockets. */
async function listen (directory: string, kind: string): Promise<Beacon | undefined> {
  const name = `${kind}-${randomBytes(6).toString('hex')}.sock`
  const path = join(directory, name)
  if (Buffer.byteLength(path) >= longestSocketPath || process.platform === 'win32') return undefined
  const server = createServer(socket => { socket.destroy() })
  const listening = await new Promise<boolean>(resolve => {
    server.once('error', () => { resolve(false) })
    // exclusive: in a cluster the primary must not listen in a worker's place.
    server.listen({ path, exclusive: true }, () => { resolve(true) })
  })
  if (!listening) return undefined
  server.unref()
  return {
    name,
    close: async () => { await closeServer(server) },
    async leave () {
      const aside = asideOf(path)
      // Whoever ends to listen removes what has the name; but not where nothing in the directory can be changed, and what is gone already need not stay.
      const isAside = renamed(path, aside)
      await closeServer(server)
      if (isAside) renameSync(aside, path)
    }
  }
}

/** Whether it could be done. */
function renamed (from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  } catch {
    return false
  }
}

async function closeServer (server: Server): Promise<void> {
  await new Promise<void>(resolve => { server.close(() => { resolve() }) })
}

async function answers (directory: string, life: Life): Promise<boolean> {
  if (life.socket !== undefined) {
    const answer = await knock(join(directory, life.socket))
    if (answer !== 'unclear') return answer === 'alive'
  }
  const started = startOf(life.pid)
  if (life.started !== undefined && startOf(process.pid) !== undefined) return started === life.started
  try {
    process.kill(life.pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function knock (path: string): Promise<'alive' | 'dead' | 'unclear'> {
  return await new Promise(resolve => {
    const socket = connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve('alive')
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // EAGAIN: his queue is full. ENOENT and others: the file was removed by hand, or cannot be reached.
      resolve(error.code === 'ECONNREFUSED' ? 'dead' : error.code === 'EAGAIN' ? 'alive' : 'unclear')
    })
  })
}

/** Boot and start time of a process; undefined when it is gone or the system does not tell. */
function startOf (pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The 22nd field; the second, the name, is in brackets and may contain anything.
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return start === undefined ? undefined : `${boot} ${start}`
  } catch {
    return undefined
  }
}
