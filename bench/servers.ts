/** The servers under load: ours as a user starts it, and a bare Fastify "hello" as the measure of what the machine can do. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fetch } from 'undici'

export interface BenchServer {
  readonly name: string
  readonly url: string
  readonly authorization: string | undefined
  readonly pid: number
  stop (): Promise<void>
}

async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Milliseconds that a server has to start. */
const patience = 60_000

/** Waits for the first 200, asking again every so many milliseconds. */
async function answered (url: string, child: ChildProcess, every = 50): Promise<void> {
  const end = performance.now() + patience
  while (performance.now() < end) {
    if (child.exitCode !== null) throw new Error(`the server for ${url} ended with ${child.exitCode}`)
    try {
      const response = await fetch(url)
      await response.arrayBuffer()
      if (response.ok) return
    } catch {
      // It does not listen yet.
    }
    await new Promise(resolve => setTimeout(resolve, every))
  }
  throw new Error(`${url} does not answer`)
}

async function stop (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/** Ours: embedded store in a new directory, TLS off, one user. `directory`: where the store's disk is. */
export async function startStore (directory: string = tmpdir(), extra: readonly string[] = []): Promise<BenchServer> {
  const data = await mkdtemp(join(directory, 'fastify-cdmi-bench-'))
  const server = await startOn(data, extra)
  return {
    ...server,
    async stop () {
      await server.stop()
      await rm(data, { recursive: true, force: true })
    }
  }
}

/** Ours on this store, which stays when the server is stopped. Resolves with the first 200 of `/-/ready`, to a few milliseconds. */
export async function startOn (data: string, extra: readonly string[] = []): Promise<BenchServer> {
  return await startServing(['--data', data, ...extra])
}

async function startServing (flags: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<BenchServer> {
  const port = await freePort()
  const child = spawn(process.execPath, ['dist/bin/fastify-cdmi.js', 'serve', '--host', '127.0.0.1', '--port', String(port), '--log-level', 'error', ...flags], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ADMIN_USER: 'admin', ADMIN_PASSWORD: 'benchmark', ...environment }
  })
  const url = `http://127.0.0.1:${port}`
  await answered(url + '/-/ready', child, 2)
  return {
    name: 'fastify-cdmi',
    url,
    authorization: 'Basic ' + Buffer.from('admin:benchmark').toString('base64'),
    pid: child.pid ?? 0,
    stop: async () => { await stop(child) }
  }
}

/** One of many on the store that the environment names (CDMI_META, CDMI_BLOBS). */
export async function startGateway (environment: Readonly<Record<string, string>>): Promise<BenchServer> {
  return await startServing([], environment)
}

/** A Fastify that answers every request with 100 bytes of JSON and stores nothing. */
export async function startHello (): Promise<BenchServer> {
  const port = await freePort()
  const child = spawn(process.execPath, ['build/bench/hello.js', String(port)], { stdio: ['ignore', 'ignore', 'inherit'] })
  const url = `http://127.0.0.1:${port}`
  await answered(url, child)
  return { name: 'fastify hello', url, authorization: undefined, pid: child.pid ?? 0, stop: async () => { await stop(child) } }
}
