/**
 * A disk whose every flush takes longer: strace holds up the thread of the server that flushes, at the end of the system call, and no other
 * thread. So the server is the one that is shipped, and what it waits for is the kernel, as on such a disk. Other system calls are not stopped (seccomp).
 */
import { checkJobs, fillOurs } from './asking.js'
import type { BenchServer } from './child-server.js'
import { ours, type Workload } from './jobs.js'
import { loadJob, type MeasuredBurst, turned } from './measured-burst.js'
import { versionOf } from './machine.js'
import { loopDelay, telling } from './loop-delay.js'
import type { LoopDelay } from './report-loop-delay.js'
import type { Section } from './results.js'
import { type Launch, startStore } from './servers.js'
import { median, ratios, sum } from './statistics.js'

export interface SlowDiskOptions {
  readonly workloads: readonly Workload[]
  readonly rounds: number
  readonly seconds: number
  readonly directory: string
  readonly launch: Launch
  /** Milliseconds that each flush takes more. */
  readonly delay: number
}

const flushes = 'fdatasync,fsync,msync,sync_file_range'

/** A prefix of a command. */
function slowed (milliseconds: number): string[] {
  return ['strace', '-D', '-f', '--seccomp-bpf', '-qq', '-e', `trace=${flushes}`, '-e', `inject=${flushes}:delay_exit=${milliseconds * 1000}`, '-o', '/dev/null']
}

export async function measureSlowDisk (options: SlowDiskOptions): Promise<Section> {
  const { directory, launch: { prefix = [] }, delay, rounds, seconds } = options
  if (versionOf('strace', ['--version']) === undefined) throw new Error('--slow-disk needs strace: apt-get install strace')
  const workloads = options.workloads.filter(({ name }) => name === 'W1' || name === 'W2' || name === 'W3')
  const servers: Array<{ title: string, server: BenchServer }> = []
  try {
    servers.push({ title: 'as it is', server: await startStore(directory, { ...telling, prefix }) })
    servers.push({ title: `${delay} ms more`, server: await startStore(directory, { ...telling, prefix: [...prefix, ...slowed(delay)] }) })
    const chosen = workloads.map(({ name }) => name)
    for (const { server } of servers) {
      await fillOurs(server, chosen)
      await checkJobs(server, ours.keyed, chosen)
    }
    const rows = []
    for (const { name, title, connections } of workloads) {
      const job = ours.keyed[name]
      if (job === undefined) throw new Error(`the keyed door does not do ${name}`)
      const measured = servers.map(() => new Array<MeasuredBurst & { loop: LoopDelay }>())
      for (let round = 0; round <= rounds; round++) {
        for (const [index, { server }] of turned([...servers.entries()], round)) {
          await loopDelay(server)
          const result = await loadJob(server, job, { connections, seconds: round === 0 ? 1 : seconds, round: `r${round}` })
          if (round > 0) measured[index]?.push({ ...result, loop: await loopDelay(server) })
        }
      }
      for (const [index, bursts] of measured.entries()) {
        const of = (what: 'perSecond' | 'p50' | 'p99' | 'failures'): number[] => bursts.map(burst => burst[what])
        const late = (what: keyof LoopDelay): number[] => bursts.map(({ loop }) => loop[what])
        rows.push({
          workload: `${name} ${title}`,
          disk: servers[index]?.title ?? '',
          rate: of('perSecond'),
          p50: median(of('p50')),
          p99: median(of('p99')),
          tail: ratios(of('p99'), of('p50')),
          failures: sum(of('failures')),
          loop50: median(late('p50')),
          loop99: median(late('p99')),
          loopMost: Math.max(...late('max'))
        })
      }
    }
    return {
      name: 'slow-disk',
      title: 'A slow disk',
      columns: [
        { key: 'workload', title: 'workload' }, { key: 'disk', title: 'flush' }, { key: 'rate', title: 'requests/s' }, { key: 'p50', title: 'p50 ms', digits: 1 }, { key: 'p99', title: 'p99 ms', digits: 1 },
        { key: 'tail', title: 'p99/p50', digits: 1 }, { key: 'failures', title: 'failures' }, { key: 'loop50', title: 'event loop late, p50 ms', digits: 1 }, { key: 'loop99', title: 'p99 ms', digits: 1 }, { key: 'loopMost', title: 'most ms', digits: 1 }
      ],
      rows,
      notes: [`Through the keyed door, 32 connections. ${flushes.replaceAll(',', ', ')} are held up by strace; a write to a file that was opened to be synchronous is not, so that a commit waits once where some disks make it wait twice.`]
    }
  } finally {
    await Promise.all(servers.map(async ({ server }) => { await server.stop() }))
  }
}
