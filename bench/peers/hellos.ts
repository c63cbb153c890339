/** What the machine and the framework can do when nothing is stored. */
import { freePort, startChild } from '../child-server.js'
import { plainJobs } from '../jobs.js'
import type { Peer } from './contestant.js'

function hello (kind: 'fastify' | 'node', name: string): Peer {
  return {
    name,
    async start () {
      const port = await freePort()
      const { W1, W2 } = plainJobs({ small: '/', large: '/' })
      return {
        name,
        server: await startChild({ name, port, command: process.execPath, args: ['build/bench/serve-hello.js', kind, String(port)] }),
        jobs: { W1, ...(W2 === undefined ? {} : { W2 }) },
        async fill () {}
      }
    }
  }
}

export const fastifyHello = hello('fastify', 'fastify hello')
export const nodeHello = hello('node', 'node:http hello')
