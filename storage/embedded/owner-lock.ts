/**
 * One server owns a store. Who it is stands in the store itself, and is changed there by compare-and-swap in a write
 * transaction, so that of two that start at once exactly one wins. That he lives is shown by a socket on which he listens: the
 * kernel closes it with him, however he dies, and no number that is used again can be taken for him, not even across containers.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { StorageError } from '../contract.js'
import { stateKeys, type Tables } from './tables.js'

interface Owner {
  readonly pid: number
  /** When that process started and on which boot, where the system tells: a number may be given to another process. */
  readonly started: string | undefined
  /** Name of the socket in the directory; undefined where none could be made. */
  readonly socket: string | undefined
  /** Device and inode of the directory: the owner of a copy is not the owner of the original. */
  readonly place: string
}

export interface OwnerLock {
  /** Gives the store up. */
  release (): Promise<void>
}

/**
 * Takes the store, or throws a StorageError 'locked' that names the owner.
 */
export async function takeOwnership (directory: string, tables: Tables): Promise<OwnerLock> {
  const { dev, ino } = statSync(directory)
  const place = `${dev}:${ino}`
  const beacon = await listen(directory)
  const me: Owner = { pid: process.pid, started: startOf(process.pid), socket: beacon?.name, place }
  const mine = Buffer.from(JSON.stringify(me))
  try {
    for (;;) {
      tables.env.resetReadTxn()
      const before = tables.state.getBinary(stateKeys.owner)
      if (before !== undefined) {
        const owner = JSON.parse(before.toString()) as Owner
        if (owner.place === place && await isAlive(directory, owner)) {
          throw new StorageError('locked', `The store in ${directory} is in use by process ${owner.pid}${owner.pid === process.pid ? ' (this one)' : ''}; stop it first, or use another directory`)
        }
        if (owner.socket !== undefined) rmSync(join(directory, owner.socket), { force: true })
      }
      const won = tables.env.transactionSync(() => {
        const now = tables.state.getBinary(stateKeys.owner)
        if (now === undefined ? before !== undefined : before === undefined || !now.equals(before)) return false
        tables.state.putSync(stateKeys.owner, mine)
        return true
      })
      if (won) break
    }
  } catch (error) {
    await beacon?.close()
    throw error
  }
  return {
    async release () {
      tables.env.transactionSync(() => {
        if (tables.state.getBinary(stateKeys.owner)?.equals(mine) === true) tables.state.removeSync(stateKeys.owner)
      })
      await beacon?.close()
    }
  }
}

interface Beacon { readonly name: string, close (): Promise<void> }

/** Longest path of a socket in bytes, the zero at its end included, on every system. */
const longestSocketPath = 104

/** Listens on a new socket in the directory; undefined where the path is too long or the file system has no sockets. */
async function listen (directory: string): Promise<Beacon | undefined> {
  const name = `owner-${randomBytes(6).toString('hex')}.sock`
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
  return { name, close: async () => { await closeServer(server) } }
}

async function closeServer (server: Server): Promise<void> {
  await new Promise<void>(resolve => { server.close(() => { resolve() }) })
}

async function isAlive (directory: string, owner: Owner): Promise<boolean> {
  if (owner.socket !== undefined) {
    const answer = await knock(join(directory, owner.socket))
    if (answer !== 'unclear') return answer === 'alive'
  }
  const started = startOf(owner.pid)
  if (owner.started !== undefined && startOf(process.pid) !== undefined) return started === owner.started
  try {
    process.kill(owner.pid, 0)
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
