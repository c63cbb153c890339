/** A burst of a job, with what the server needed for it. */
import type { BenchServer } from './child-server.js'
import type { Job } from './jobs.js'
import { type Burst, burst } from './load.js'
import { memoryOf } from './process-memory.js'
import { processorTime } from './processor-time.js'

export interface MeasuredBurst extends Burst {
  /** How many cores it kept busy. */
  readonly cores: number
  /** At the end, in MiB: what its processes made themselves. */
  readonly memory: number
}

export interface JobLoad {
  readonly connections: number
  readonly seconds: number
  /** Makes fresh keys different from those of other bursts. Ends in a number. */
  readonly round: string
}

export async function loadJob (server: BenchServer, { method, path, keys, digits, headers, body }: Job, { connections, seconds, round }: JobLoad): Promise<MeasuredBurst> {
  const before = processorTime(server.pids)
  const began = performance.now()
  const result = await burst(server, path, {
    connections,
    seconds,
    script: 'load',
    args: [method, digits === undefined ? String(keys) : `${keys}:${digits}`, round, ...(body === undefined ? [] : ['body'])],
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { input: body })
  })
  const cores = (processorTime(server.pids) - before) / (performance.now() - began)
  return { ...result, cores, memory: memoryOf(server.pids).anonymous / 2 ** 20 }
}

/** In another order each round, so that nobody always comes behind the same one. */
export function turned<T> (all: readonly T[], round: number): T[] {
  const from = all.length === 0 ? 0 : round % all.length
  return [...all.slice(from), ...all.slice(0, from)]
}
