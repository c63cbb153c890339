/** Servers in processes of their own, on free ports. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { fetch } from 'undici'

export interface BenchServer {
  readonly name: string
  readonly url: string
  readonly authorization: string | undefined
  readonly pid: number
  /** Of all its processes, but for what descends from them. */
  readonly pids: readonly number[]
  readonly process: ChildProcess
  stop (): Promise<void>
}

export interface ChildServer {
  readonly name: string
  readonly port: number
  readonly command: string
  readonly args: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly authorization?: string
  /** Asked until it answers 200. Default: `/`. */
  readonly ready?: string
  /** Whether it gets a channel to this process. */
  readonly channel?: boolean
  /** Whether what it says on standard error is not to be seen. */
  readonly silent?: boolean
  /** Milliseconds between two questions at the start. Default: 50. */
  readonly every?: number
}

export async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Milliseconds that a server has to start. */
const patience = 60_000

/** Resolves when it answers. */
export async function startChild ({ name, port, command, args, environment, authorization, ready = '/', channel = false, silent = false, every = 50 }: ChildServer): Promise<BenchServer> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', silent ? 'ignore' : 'inherit', ...(channel ? ['ipc' as const] : [])], env: { ...process.env, ...environment } })
  const { pid } = child
  if (pid === undefined) {
    const [error] = await once(child, 'error')
    throw error
  }
  const url = `http://127.0.0.1:${port}`
  await answered(url + ready, child, every)
  return { name, url, authorization, pid, pids: [pid], process: child, stop: async () => { await end(child) } }
}

async function answered (url: string, child: ChildProcess, every: number): Promise<void> {
  const end = performance.now() + patience
  while (performance.now() < end) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server for ${url} ended with ${child.exitCode ?? child.signalCode}`)
    try {
      const response = await fetch(url)
      await response.arrayBuffer()
      if (response.ok) return
    } catch {
      // It does not listen yet.
    }
    await new Promise(resolve => setTimeout(resolve, every))
  }
  child.kill('SIGKILL')
  throw new Error(`${url} does not answer`)
}

async function end (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}
