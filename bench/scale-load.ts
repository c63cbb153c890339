/** Reads and creates on stores of different sizes, in turn. */
import { checkJobs } from './asking.js'
import type { BenchServer } from './child-server.js'
import { keyOf } from './fill.js'
import { type Job, ours, workloads } from './jobs.js'
import { loadJob, type MeasuredBurst, turned } from './measured-burst.js'
import type { Section } from './results.js'
import { type Launch, startOn } from './servers.js'
import { median, ratios, sum } from './statistics.js'

export interface ScaleLoadOptions {
  readonly stores: ReadonlyArray<{ readonly objects: number, readonly data: string }>
  readonly rounds: number
  readonly seconds: number
  readonly launch: Launch
}

/** Any of the records, and not a few that are warm. The ratios are to the first store. */
export async function measureScaleLoad ({ stores, rounds, seconds, launch }: ScaleLoadOptions): Promise<Section> {
  const servers: BenchServer[] = []
  try {
    for (const { data } of stores) servers.push(await startOn(data, launch))
    const rows = []
    const [digits] = /\d+$/.exec(keyOf(0)) ?? ['']
    for (const { name, title, connections } of workloads.filter(({ name }) => name === 'W2' || name === 'W1').reverse()) {
      const job = ours.keyed[name]
      if (job === undefined) throw new Error(`the keyed door does not do ${name}`)
      const measured = stores.map(() => new Array<MeasuredBurst>())
      const jobFor = (objects: number): Job => name === 'W2' ? { ...job, path: `/data/${keyOf(0).slice(0, -digits.length)}`, keys: objects, digits: digits.length } : job
      for (let round = 0; round <= rounds; round++) {
        for (const [index, server] of turned([...servers.entries()], round)) {
          const own = jobFor(stores[index]?.objects ?? 0)
          if (round === 0) await checkJobs(server, { [name]: own }, [name])
          const result = await loadJob(server, own, { connections, seconds: round === 0 ? 1 : seconds, round: `r${round}` })
          if (round > 0) measured[index]?.push(result)
        }
      }
      const rates = measured.map(bursts => bursts.map(({ perSecond }) => perSecond))
      rows.push(...measured.map((bursts, index) => ({
        workload: title,
        objects: stores[index]?.objects ?? 0,
        rate: rates[index] ?? [],
        p50: median(bursts.map(({ p50 }) => p50)),
        p99: median(bursts.map(({ p99 }) => p99)),
        failures: sum(bursts.map(({ failures }) => failures)),
        cores: median(bursts.map(({ cores }) => cores)),
        memory: median(bursts.map(({ memory }) => memory)),
        ratio: index === 0 ? [] : ratios(rates[index] ?? [], rates[0] ?? [])
      })))
    }
    return {
      name: 'scale',
      title: 'Requests per second by the number of objects',
      columns: [
        { key: 'workload', title: 'workload' }, { key: 'objects', title: 'objects' }, { key: 'rate', title: 'requests/s' }, { key: 'p50', title: 'p50 ms', digits: 1 }, { key: 'p99', title: 'p99 ms', digits: 1 },
        { key: 'failures', title: 'failures' }, { key: 'cores', title: 'cores', digits: 2 }, { key: 'memory', title: 'own memory, MiB' }, { key: 'ratio', title: 'by the first', digits: 2 }
      ],
      rows,
      notes: ['Through the keyed door, 32 connections; reads of any of the records.']
    }
  } finally {
    await Promise.all(servers.map(async server => { await server.stop() }))
  }
}
