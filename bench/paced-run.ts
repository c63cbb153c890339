/** What the benchmarks of a mixed load that comes at its own pace have in common: how it is begun, and where its results go. */
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { fillOurs } from './asking.js'
import { AskingClient } from './asking-client.js'
import type { BenchServer } from './child-server.js'
import { type Machine, machine } from './machine.js'
import { PacedLoad } from './paced-load.js'
import { RequestMix } from './request-mix.js'
import { type Results, writeResults } from './results.js'
import { markdown } from './tables.js'

/** Flags of `parseArgs`: where the store is, and where the results go beside standard output. */
export const placeFlags = { directory: { type: 'string', default: tmpdir() }, json: { type: 'string' }, table: { type: 'string' } } as const

/** At once, where it is found out how much the server can do. */
export const connections = 64

export interface Pace {
  /** Percent of what the server can do. */
  readonly share: number
  /** Seconds for which the server gets warm, and for which the most that it can do is measured. */
  readonly warmUp: number
  readonly measuring: number
}

export interface PacedRun {
  readonly client: AskingClient
  readonly load: PacedLoad
  /** Requests in a second: that the server can do, and that it gets. */
  readonly most: number
  readonly rate: number
}

/** When it was, and on what. Throws where the server cannot be looked at. */
export async function beginning (directory: string): Promise<{ readonly date: string, readonly machine: Machine }> {
  if (process.platform !== 'linux') throw new Error('Memory and descriptors are read from /proc, which only Linux has')
  return { date: new Date().toISOString(), machine: await machine(directory) }
}

/** Fills the store, and finds the pace. `name`: of what it writes. */
export async function beginLoad (server: BenchServer, name: string, { share, warmUp, measuring }: Pace): Promise<PacedRun> {
  await fillOurs(server, ['W2', 'W3', 'W4', 'W5'])
  const client = await AskingClient.open(server, connections)
  const load = new PacedLoad(client, new RequestMix(`${name}-${process.pid}`))
  await load.most(connections, warmUp)
  const most = await load.most(connections, measuring)
  return { client, load, most, rate: most * share / 100 }
}

/** To standard output, and to the files that the flags name. With complaints the process ends with 1. */
export async function publish (results: Results, { json, table }: { readonly json?: string | undefined, readonly table?: string | undefined }, complaints: readonly string[]): Promise<void> {
  if (json !== undefined) await writeResults(json, results)
  if (table !== undefined) await writeFile(table, markdown(results))
  console.log(markdown(results))
  if (complaints.length > 0) process.exitCode = 1
}
