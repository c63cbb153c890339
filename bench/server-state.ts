/** What a server has in its hands: memory and descriptors, from /proc, and how late its event loop is. */
import { readdirSync, readFileSync } from 'node:fs'
import type { BenchServer } from './child-server.js'
import { loopDelay } from './loop-delay.js'
import { processTree } from './processor-time.js'

export interface ServerState {
  /** MiB that its processes made themselves (RssAnon). */
  readonly memory: number
  readonly descriptors: number
  /** Milliseconds by which the event loop was late at the 99th of a hundred looks, since it was asked before. */
  readonly loopDelay: number
}

/** The server was started with `telling`. */
export async function stateOf (server: BenchServer): Promise<ServerState> {
  const pids = processTree(server.pids)
  const sum = (count: (pid: number) => number): number => pids.reduce((total, pid) => total + count(pid), 0)
  return { memory: sum(anonymousOf) / 2 ** 20, descriptors: sum(descriptorsOf), loopDelay: (await loopDelay(server)).p99 }
}

function anonymousOf (pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
}

function descriptorsOf (pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** Throws a sentence when a process may not have as many descriptors. */
export function requireDescriptors (count: number): void {
  // Node takes all that it may have by itself.
  const [, hard = ''] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  if (hard !== 'unlimited' && Number(hard) < count) throw new Error(`A process may have ${hard} descriptors here, and ${count} are needed: raise the limit (ulimit -Hn)`)
}
