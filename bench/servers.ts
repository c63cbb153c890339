/** Ours, as a user starts it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BenchServer, freePort, startChild } from './child-server.js'

export interface Launch {
  /** Flags of `serve`. */
  readonly flags?: readonly string[]
  /** Flags of Node. */
  readonly node?: readonly string[]
  /** A command, with its arguments, that becomes the one behind it. */
  readonly prefix?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly channel?: boolean
}

/** Embedded store in a new directory, TLS off, one user. `directory`: where the store's disk is. */
export async function startStore (directory: string = tmpdir(), launch: Launch = {}): Promise<BenchServer> {
  const data = await mkdtemp(join(directory, 'fastify-cdmi-bench-'))
  try {
    const server = await startOn(data, launch)
    return {
      ...server,
      async stop () {
        await server.stop()
        await rm(data, { recursive: true, force: true })
      }
    }
  } catch (error) {
    await rm(data, { recursive: true, force: true })
    throw error
  }
}

/** On this store, which stays when the server is stopped. Resolves with the first 200 of `/-/ready`, to a few milliseconds. */
export async function startOn (data: string, launch: Launch = {}): Promise<BenchServer> {
  return await startServing({ ...launch, flags: ['--data', data, ...launch.flags ?? []] })
}

/** One of many on the store that the environment names (CDMI_META, CDMI_BLOBS). */
export async function startGateway (environment: Readonly<Record<string, string>>): Promise<BenchServer> {
  return await startServing({ environment })
}

async function startServing ({ flags = [], node = [], prefix = [], environment = {}, channel = false }: Launch): Promise<BenchServer> {
  const port = await freePort()
  const [command = process.execPath, ...args] = [...prefix, process.execPath, ...node, 'dist/bin/fastify-cdmi.js', 'serve', '--host', '127.0.0.1', '--port', String(port), '--log-level', 'error', ...flags]
  return await startChild({
    name: 'fastify-cdmi',
    port,
    command,
    args,
    environment: { ADMIN_USER: 'admin', ADMIN_PASSWORD: 'benchmark', ...environment },
    authorization: 'Basic ' + Buffer.from('admin:benchmark').toString('base64'),
    ready: '/-/ready',
    channel,
    every: 2
  })
}
