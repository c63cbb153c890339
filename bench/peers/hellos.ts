/** What the machine and the framework can do when nothing is stored. */
import { type BenchServer, freePort, startChild } from '../child-server.js'
import { type Jobs, plainJobs } from '../jobs.js'
import type { Peer } from './contestant.js'

export function helloJobs (): Jobs {
  const { W1, W2 } = plainJobs({ small: '/', large: '/' })
  return { W1, ...(W2 === undefined ? {} : { W2 }) }
}

async function startHello (kind: 'fastify' | 'node', name: string, processes: number): Promise<BenchServer> {
  const port = await freePort()
  return await startChild({ name, port, command: process.execPath, args: ['build/bench/serve-hello.js', kind, String(port), String(processes)] })
}

function hello (kind: 'fastify' | 'node', name: string): Peer {
  return {
    name,
    async start () {
      return { name, server: await startHello(kind, name, 1), jobs: helloJobs(), async fill () {} }
    }
  }
}

const fastifyName = 'fastify hello'
/** In so many processes. */
export const startFastifyHello = async (processes: number): Promise<BenchServer> => await startHello('fastify', fastifyName, processes)
export const fastifyHello = hello('fastify', fastifyName)
export const nodeHello = hello('node', 'node:http hello')
