/** What more processes on one store bring: reads and creates, in turn; and what they bring a bare Fastify, which is as much as the machine allows. */
import { checkJobs, fillOurs } from './asking.js'
import type { BenchServer } from './child-server.js'
import { type Jobs, ours, type Workload } from './jobs.js'
import { loadJob, type MeasuredBurst, turned } from './measured-burst.js'
import { helloJobs, startFastifyHello } from './peers/hellos.js'
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

/** One server, in so many processes. */
interface Crew {
  readonly server: BenchServer
  readonly count: number
  readonly jobs: Jobs
  readonly isOurs: boolean
}

/** Through the keyed door. The first number is what the others are compared with. */
export async function measureWorkers (options: WorkersOptions): Promise<Section> {
  const { counts, directory, launch } = options
  const workloads = options.workloads.filter(({ name }) => name === 'W1' || name === 'W2')
  const crews: Crew[] = []
  try {
    const chosen = workloads.map(({ name }) => name)
    for (const count of counts) {
      const server = await startStore(directory, { ...launch, flags: [...launch.flags ?? [], '--workers', String(count)] })
      crews.push({ server, count, jobs: ours.keyed, isOurs: true })
      await fillOurs(server, chosen)
      await checkJobs(server, ours.keyed, chosen)
    }
    for (const count of counts) crews.push({ server: await startFastifyHello(count), count, jobs: helloJobs(), isOurs: false })
    const rows = []
    for (const workload of workloads) rows.push(...await measure(options, workload, crews))
    return {
      name: 'workers',
      title: 'Processes on one store',
      columns: [
        { key: 'workload', title: 'workload' }, { key: 'server', title: 'server' }, { key: 'count', title: 'processes' }, { key: 'rate', title: 'requests/s' }, { key: 'p99', title: 'p99 ms', digits: 1 }, { key: 'failures', title: 'failures' },
        { key: 'cores', title: 'cores', digits: 2 }, { key: 'memory', title: 'own memory, MiB' }, { key: 'ratio', title: 'ratio', digits: 2 }, { key: 'must', title: 'must reach' }, { key: 'goal', title: 'goal' }, { key: 'reached', title: 'reached' }
      ],
      rows,
      notes: ['The load generator shares the cores with all of them: what more processes bring the bare Fastify, which stores nothing, is about as much as the machine allows. The targets are for two processes.']
    }
  } finally {
    await Promise.all(crews.map(async ({ server }) => { await server.stop() }))
  }
}

async function measure ({ counts, rounds, seconds }: WorkersOptions, { name, title, connections }: Workload, crews: readonly Crew[]): Promise<Section['rows']> {
  const measured = crews.map(() => new Array<MeasuredBurst>())
  for (let round = 0; round <= rounds; round++) {
    for (const [index, { server, jobs }] of turned([...crews.entries()], round)) {
      const job = jobs[name]
      if (job === undefined) throw new Error(`${server.name} does not do ${name}`)
      const result = await loadJob(server, job, { connections, seconds: round === 0 ? 1 : seconds, round: `r${round}` })
      if (round > 0) measured[index]?.push(result)
    }
  }
  const rates = measured.map(bursts => bursts.map(({ perSecond }) => perSecond))
  return crews.map(({ server, count, isOurs }, index) => {
    const bursts = measured[index] ?? []
    const first = crews.findIndex(crew => crew.isOurs === isOurs)
    const ratio = index === first ? [] : ratios(rates[index] ?? [], rates[first] ?? [])
    return {
      workload: `${name} ${title}`,
      server: server.name,
      count,
      rate: rates[index] ?? [],
      p99: median(bursts.map(({ p99 }) => p99)),
      failures: sum(bursts.map(({ failures }) => failures)),
      cores: median(bursts.map(({ cores }) => cores)),
      memory: median(bursts.map(({ memory }) => memory)),
      ratio,
      ...(isOurs && count === 2 && counts[0] === 1 ? targetCells(processTargets[name] ?? {}, median(ratio)) : {})
    }
  })
}
