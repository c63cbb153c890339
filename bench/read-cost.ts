/**
 * What a plain read costs, as a multiple of what a bare Fastify costs for the same request: processor time and not time by the clock, of one process
 * that has both, in turn, so that neither other work on the machine nor its speed matters much. Prints all costs, as JSON.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildServer } from '../server.js'
import { helloApp } from './hello.js'
import { PipelinedClient } from './pipelined-client.js'

/** Microseconds for one request, pair by pair. */
export interface ReadCosts {
  readonly ours: number[]
  readonly bare: number[]
}

const pairs = 60
/** Requests of one side of a pair: some milliseconds. */
const requests = 120
const atOnce = 24
/** Until the code is compiled. */
const warmUp = 2400

const directory = await mkdtemp(join(tmpdir(), 'fastify-cdmi-read-cost-'))
const built = await buildServer({ data: join(directory, 'store'), host: '127.0.0.1', port: 0, adminUser: 'admin', adminPassword: 'benchmark', logLevel: 'error' })
const hello = helloApp()
const clients: PipelinedClient[] = []
try {
  await built.listen()
  await hello.listen({ host: '127.0.0.1', port: 0 })
  const authorization = 'Basic ' + Buffer.from('admin:benchmark').toString('base64')
  const path = '/cdmi/2.0.0/read'
  const put = await built.app.inject({ method: 'PUT', url: path, headers: { authorization, 'content-type': 'application/json' }, payload: JSON.stringify({ text: 'x'.repeat(88) }) })
  if (put.statusCode !== 201) throw new Error(`PUT ${path} answered ${put.statusCode}: ${put.body}`)

  const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${authorization}\r\n\r\n`
  const open = async ({ port }: AddressInfo): Promise<PipelinedClient> => {
    const client = await PipelinedClient.open(port, request)
    clients.push(client)
    return client
  }
  const [ours, bare] = [await open(built.app.server.address() as AddressInfo), await open(hello.server.address() as AddressInfo)]
  await ours.ask(warmUp, atOnce)
  await bare.ask(warmUp, atOnce)

  const costs: ReadCosts = { ours: [], bare: [] }
  for (let pair = 0; pair < pairs; pair++) {
    const sides = [{ client: ours, costs: costs.ours }, { client: bare, costs: costs.bare }]
    for (const side of pair % 2 === 0 ? sides : sides.reverse()) side.costs.push(await cost(side.client))
  }
  console.log(JSON.stringify(costs))
} finally {
  for (const client of clients) client.close()
  await hello.close()
  await built.close()
  await rm(directory, { recursive: true, force: true })
}

/** Microseconds of the processor for one request, all threads of the process included. */
async function cost (client: PipelinedClient): Promise<number> {
  const before = process.cpuUsage()
  await client.ask(requests, atOnce)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / requests
}
