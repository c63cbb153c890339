/** What more processes on one store bring: reads and creates, in turn. */
import { checkJobs, fillOurs } from './asking.js'
import type { BenchServer } from './child-server.js'
import { ours, type Workload } from './jobs.js'
import { loadJob, type MeasuredBurst, turned } from './measured-burst.js'
import type { Section } from './results.js'
import { type Launch, startStore } from './servers.js'
import { median, ratios, sum } from './statistics.js'
import { processTargets, targetCells } from './targets.js'

export interface WorkersOptions {
  readonly counts: readonly number[]
  readonly workloads: readonly Workload[]
  readonly rounds: number
  readonly seconds: number
  readonly directory: string
  readonly launch: Launch
}

/** Through the keyed door. The first number is what the others are compared with. */
export async function measureWorkers (options: WorkersOptions): Promise<Section> {
  const { counts, directory, launch } = options
  const workloads = options.workloads.filter(({ name }) => name === 'W1' || name === 'W2')
  const servers: BenchServer[] = []
  try {
    for (const count of counts) servers.push(await startStore(directory, { ...launch, flags: [...launch.flags ?? [], '--workers', String(count)] }))
    const chosen = workloads.map(({ name }) => name)
    for (const server of servers) {
      await fillOurs(server, chosen)
      await checkJobs(server, ours.keyed, chosen)
    }
    const rows = []
    for (const workload of workloads) rows.push(...await measure(options, workload, servers))
    return {
      name: 'workers',
      title: 'Processes on one store',
      columns: [
        { key: 'workload', title: 'workload' }, { key: 'count', title: 'processes' }, { key: 'rate', title: 'requests/s' }, { key: 'p99', title: 'p99 ms', digits: 1 }, { key: 'failures', title: 'failures' },
        { key: 'cores', title: 'cores', digits: 2 }, { key: 'memory', title: 'own memory, MiB' }, { key: 'ratio', title: 'ratio', digits: 2 }, { key: 'must', title: 'must reach' }, { key: 'goal', title: 'goal' }, { key: 'reached', title: 'reached' }
      ],
      rows,
      notes: ['The load generator shares the cores with all of them. The targets are for two processes.']
    }
  } finally {
    await Promise.all(servers.map(async server => { await server.stop() }))
  }
}

async function measure ({ counts, rounds, seconds }: WorkersOptions, { name, title, connections }: Workload, servers: readonly BenchServer[]): Promise<Section['rows']> {
  const job = ours.keyed[name]
  if (job === undefined) throw new Error(`the keyed door does not do ${name}`)
  const measured = servers.map(() => new Array<MeasuredBurst>())
  for (let round = 0; round <= rounds; round++) {
    for (const [index, server] of turned([...servers.entries()], round)) {
      const result = await loadJob(server, job, { connections, seconds: round === 0 ? 1 : seconds, round: `r${round}` })
      if (round > 0) measured[index]?.push(result)
    }
  }
  const rates = measured.map(bursts => bursts.map(({ perSecond }) => perSecond))
  return measured.map((bursts, index) => {
    const ratio = index === 0 ? [] : ratios(rates[index] ?? [], rates[0] ?? [])
    return {
      workload: `${name} ${title}`,
      count: counts[index] ?? 0,
      rate: rates[index] ?? [],
      p99: median(bursts.map(({ p99 }) => p99)),
      failures: sum(bursts.map(({ failures }) => failures)),
      cores: median(bursts.map(({ cores }) => cores)),
      memory: median(bursts.map(({ memory }) => memory)),
      ratio,
      ...(counts[index] === 2 && counts[0] === 1 ? targetCells(processTargets[name] ?? {}, median(ratio)) : {})
    }
  })
}
