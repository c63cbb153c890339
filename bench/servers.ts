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

async function answered (url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`the server for ${url} ended with ${child.exitCode}`)
    try {
      await (await fetch(url)).arrayBuffer()
      return
    } catch {
      await new Promise(resolve => setTimeout(resolve, 50))
    }
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
  const port = await freePort()
  const data = await mkdtemp(join(directory, 'fastify-cdmi-bench-'))
  const child = spawn(process.execPath, ['dist/bin/fastify-cdmi.js', 'serve', '--data', data, '--host', '127.0.0.1', '--port', String(port), '--log-level', 'error', ...extra], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ADMIN_USER: 'admin', ADMIN_PASSWORD: 'benchmark' }
  })
  const url = `http://127.0.0.1:${port}`
  await answered(url + '/-/health', child)
  return {
    name: 'fastify-cdmi',
    url,
    authorization: 'Basic ' + Buffer.from('admin:benchmark').toString('base64'),
    pid: child.pid ?? 0,
    async stop () {
      await stop(child)
      await rm(data, { recursive: true, force: true })
    }
  }
}

/** A Fastify that answers every request with 100 bytes of JSON and stores nothing. */
export async function startHello (): Promise<BenchServer> {
  const port = await freePort()
  const child = spawn(process.execPath, ['build/bench/hello.js', String(port)], { stdio: ['ignore', 'ignore', 'inherit'] })
  const url = `http://127.0.0.1:${port}`
  await answered(url, child)
  return { name: 'fastify hello', url, authorization: undefined, pid: child.pid ?? 0, stop: async () => { await stop(child) } }
}
