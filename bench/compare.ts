/** Our server, by each of its doors, and its peers, workload by workload, in turn. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkJobs, fillOurs } from './asking.js'
import { type Jobs, ours, type Workload, type WorkloadName } from './jobs.js'
import { loadJob, type MeasuredBurst, turned } from './measured-burst.js'
import { type Contestant, type Peer, PeerMissing } from './peers/contestant.js'
import type { Section } from './results.js'
import { type Launch, startStore } from './servers.js'
import { median, ratios, sum } from './statistics.js'
import { targetCells, targetOf } from './targets.js'

export interface ComparisonOptions {
  readonly workloads: readonly Workload[]
  readonly peers: readonly Peer[]
  readonly rounds: number
  readonly seconds: number
  /** Seconds of each contestant's first burst of a workload, which does not count: code is compiled then, of long requests in seconds. */
  readonly warmUp: number
  readonly directory: string
  readonly cache: string
  readonly launch: Launch
}

export interface Comparison {
  readonly sections: readonly Section[]
  /** Of the peers. */
  readonly versions: Readonly<Record<string, string>>
}

/** Who does a workload, and how. */
interface Side {
  readonly name: string
  readonly contestant: Contestant
  readonly jobs: Jobs
  readonly ours: boolean
}

export async function compare (options: ComparisonOptions): Promise<Comparison> {
  const { workloads, peers, directory, cache, launch } = options
  const chosen = workloads.map(({ name }) => name)
  const place = await mkdtemp(join(directory, 'fastify-cdmi-peers-'))
  const started: Contestant[] = []
  const missing: string[] = []
  try {
    started.push(await startOurs(directory, launch))
    for (const [index, peer] of peers.entries()) {
      const own = join(place, String(index))
      await mkdir(own)
      try {
        started.push(await peer.start({ directory: own, cache }))
      } catch (error) {
        if (!(error instanceof PeerMissing)) throw error
        missing.push(`Not compared: ${error.message}.`)
      }
    }
    const sides = sidesOf(started)
    for (const contestant of started) await contestant.fill(chosen)
    for (const { contestant, jobs } of sides) await checkJobs(contestant.server, jobs, chosen)
    return {
      sections: await measureAll(options, sides, missing),
      versions: Object.fromEntries(started.flatMap(({ name, version }) => version === undefined ? [] : [[name, version]]))
    }
  } finally {
    await Promise.all(started.map(async ({ server }) => { await server.stop() }))
    await rm(place, { recursive: true, force: true })
  }
}

async function startOurs (directory: string, launch: Launch): Promise<Contestant> {
  const server = await startStore(directory, launch)
  return { name: 'ours', server, jobs: {}, fill: async (chosen: readonly WorkloadName[]) => { await fillOurs(server, chosen) } }
}

/** Our server is one side for each of its doors. */
function sidesOf ([first, ...others]: readonly Contestant[]): Side[] {
  if (first === undefined) return []
  return [
    ...Object.entries(ours).map(([door, jobs]) => ({ name: `ours, ${door}`, contestant: first, jobs, ours: true })),
    ...others.map(contestant => ({ name: contestant.name, contestant, jobs: contestant.jobs, ours: false }))
  ]
}

async function measureAll (options: ComparisonOptions, sides: readonly Side[], missing: readonly string[]): Promise<Section[]> {
  const rates: Array<Record<string, string | number | number[]>> = []
  const compared: typeof rates = []
  for (const workload of options.workloads) {
    console.error(`${titleOf(workload)} …`)
    const measured = await measure(options, workload, sides)
    const of = (name: string, what: keyof MeasuredBurst): number[] => (measured.get(name) ?? []).map(burst => burst[what])
    for (const name of measured.keys()) {
      rates.push({ workload: titleOf(workload), name, rate: of(name, 'perSecond'), p50: median(of(name, 'p50')), p99: median(of(name, 'p99')), failures: sum(of(name, 'failures')), cores: median(of(name, 'cores')), memory: median(of(name, 'memory')) })
    }
    for (const side of sides.filter(side => side.ours && measured.has(side.name))) {
      for (const peer of sides.filter(other => !other.ours && measured.has(other.name))) {
        const ratio = ratios(of(side.name, 'perSecond'), of(peer.name, 'perSecond'))
        compared.push({ workload: titleOf(workload), name: side.name, peer: peer.name, ratio, ...targetCells(targetOf(workload, peer.name), median(ratio)) })
      }
    }
  }
  return [
    {
      name: 'rates',
      title: 'Requests per second',
      columns: [
        { key: 'workload', title: 'workload' }, { key: 'name', title: 'who' }, { key: 'rate', title: 'requests/s' }, { key: 'p50', title: 'p50 ms', digits: 1 }, { key: 'p99', title: 'p99 ms', digits: 1 },
        { key: 'failures', title: 'failures' }, { key: 'cores', title: 'cores', digits: 2 }, { key: 'memory', title: 'own memory, MiB' }
      ],
      rows: rates,
      notes: ['Ours and Redis flush before they answer, the others do not. Ours authenticates each request, the others none. Memory is Pss_Anon of all processes at the end of a burst.', ...missing]
    },
    {
      name: 'ratios',
      title: 'Ratios of requests per second',
      columns: [
        { key: 'workload', title: 'workload' }, { key: 'name', title: 'who' }, { key: 'peer', title: 'by' }, { key: 'ratio', title: 'ratio', digits: 2 }, { key: 'must', title: 'must reach' }, { key: 'goal', title: 'goal' },
        { key: 'reached', title: 'reached' }
      ],
      rows: compared,
      notes: ['A ratio is that of two bursts of one round. The bounds were set for the keyed door in W1, W2, W3 and W7 and for the plain one in W4, W5 and W6; the other doors are held against the same.']
    }
  ]
}

async function measure ({ rounds, seconds, warmUp }: ComparisonOptions, { name, connections }: Workload, sides: readonly Side[]): Promise<Map<string, MeasuredBurst[]>> {
  const able = sides.flatMap(side => side.jobs[name] === undefined ? [] : [{ side, job: side.jobs[name] }])
  const measured = new Map(able.map(({ side }) => [side.name, new Array<MeasuredBurst>()]))
  for (let round = 0; round <= rounds; round++) {
    for (const { side, job } of turned(able, round)) {
      const result = await loadJob(side.contestant.server, job, { connections, seconds: round === 0 ? warmUp : seconds, round: `r${round}` })
      if (round > 0) measured.get(side.name)?.push(result)
    }
  }
  return measured
}

function titleOf ({ name, title }: Workload): string {
  return `${name} ${title}`
}
