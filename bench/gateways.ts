/**
 * `npm run bench:gateways [-- --rounds 3 --seconds 3 --gateways 1,2,4 --places files,s3 --only create,read]`: several servers on one store, in PostgreSQL and files
 * or S3, under load at once; all of it on this machine. Every write is flushed before its answer and every request is authenticated.
 */
import { cpus, tmpdir, totalmem } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { fetch } from 'undici'
import type { BenchServer } from './child-server.js'
import { type Burst, burst, requireWrk } from './load.js'
import { endedChildren, processorTime } from './processor-time.js'
import { startGateway } from './servers.js'
import { type Service, services } from './services.js'
import { median } from './statistics.js'

interface Workload {
  readonly name: string
  readonly title: string
  readonly connections: number
}

const workloads: readonly Workload[] = [
  { name: 'create', title: 'create, 100 bytes, in 64 containers', connections: 64 },
  { name: 'container', title: 'the same, 64 writers in one container', connections: 64 },
  { name: 'object', title: 'replace, 100 bytes, 64 writers of one object', connections: 64 },
  { name: 'read', title: 'read, 100 bytes', connections: 64 },
  { name: 'put', title: 'replace, 1 MiB, 64 objects', connections: 16 },
  { name: 'get', title: 'read, 1 MiB', connections: 16 }
]

/** Milliseconds between two bursts. */
const pause = 1000

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    gateways: { type: 'string', default: '1,2,4' },
    places: { type: 'string', default: 'files,s3' },
    only: { type: 'string' },
    directory: { type: 'string', default: tmpdir() }
  }
})
const rounds = Number(flags.rounds)
const seconds = Number(flags.seconds)
const counts = flags.gateways.split(',').map(Number)
const places = flags.places.split(',')
const chosen = workloads.filter(({ name }) => flags.only === undefined || flags.only.split(',').includes(name))
if (process.platform !== 'linux') throw new Error('Processor time is read from /proc, which only Linux has')
if (places.some(place => !['files', 's3'].includes(place))) throw new Error('--places is files, s3, or both with a comma between them')
if (![rounds, seconds, ...counts].every(number => Number.isInteger(number) && number > 0)) throw new Error('--rounds, --seconds and each of --gateways are numbers, 1 or more')

requireWrk()
const started = await services(flags.directory)
try {
  const database = await started.database()
  const lines = [`${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}; ${rounds} rounds of ${seconds} s; medians (least..most)`]
  for (const place of places) {
    const blobs = place === 's3' ? await started.objects() : started.files()
    lines.push('', `PostgreSQL and ${place === 's3' ? 'S3' : 'files'}; processor time in microseconds for one request, and its share`, '',
      '| workload | gateways | requests/s | p50 ms | p99 ms | failures | gateways | PostgreSQL | S3 | load |', '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |')
    lines.push(...await measurePlace(place, database, blobs))
  }
  console.log(lines.join('\n'))
} finally {
  await started.stop()
}

/** One store, with ever more servers. */
async function measurePlace (place: string, database: Service, blobs: Service): Promise<string[]> {
  const meta = new URL(database.url)
  meta.searchParams.set('schema', `bench_${place}`)
  const rows = new Map(chosen.map(({ name }) => [name, new Array<string>()]))
  for (const [index, count] of counts.entries()) {
    const gateways: BenchServer[] = []
    try {
      while (gateways.length < count) gateways.push(await startGateway({ CDMI_META: meta.href, CDMI_BLOBS: blobs.url, ...blobs.environment }))
      if (index === 0 && gateways[0] !== undefined) await fill(gateways[0])
      for (const workload of chosen) rows.get(workload.name)?.push(await measure(workload, gateways, database, blobs))
    } finally {
      await Promise.all(gateways.map(async gateway => { await gateway.stop() }))
    }
  }
  return [...rows.values()].flat()
}

/** Microseconds of processor time that requests took, by who spent it. */
type Spent = Readonly<Record<'gateways' | 'database' | 'objects' | 'load', number>>
interface Round extends Burst { readonly spent: Spent }

async function measure ({ name, title, connections }: Workload, gateways: readonly BenchServer[], database: Service, blobs: Service): Promise<string> {
  const [first] = gateways
  if (first === undefined) throw new Error('there is no gateway')
  const measured: Round[] = []
  for (let round = 0; round <= rounds; round++) {
    const before = spent(gateways, database, blobs)
    // The first warms up: each process has code to compile.
    const time = round === 0 ? gateways.length : seconds
    const result = await burst(first, '/cdmi/2.0.0/', {
      connections,
      seconds: time,
      threads: gateways.length,
      script: 'gateways',
      args: [name, `${process.pid}-${gateways.length}-${round}`],
      environment: { GATEWAY_PORTS: gateways.map(({ url }) => new URL(url).port).join(' ') }
    })
    const after = spent(gateways, database, blobs)
    // The load was cut off; what was under way comes to its end, and counts for nobody.
    await setTimeout(pause)
    const each = (who: keyof Spent): number => (after[who] - before[who]) * 1000 / Math.max(1, result.perSecond * time)
    if (round > 0) measured.push({ ...result, spent: { gateways: each('gateways'), database: each('database'), objects: each('objects'), load: each('load') } })
  }
  const rates = measured.map(({ perSecond }) => perSecond)
  const total = (['gateways', 'database', 'objects', 'load'] as const).map(who => median(measured.map(round => round.spent[who])))
  const sum = total.reduce((a, b) => a + b, 0)
  const shares = total.map(time => time < 1 ? '' : `${Math.round(time)} (${Math.round(100 * time / sum)} %)`)
  return `| ${title} | ${gateways.length} | ${Math.round(median(rates))} (${Math.round(Math.min(...rates))}..${Math.round(Math.max(...rates))}) | ${median(measured.map(b => b.p50)).toFixed(1)} | ${median(measured.map(b => b.p99)).toFixed(1)} | ${measured.reduce((all, b) => all + b.failures, 0)} | ${shares.join(' | ')} |`
}

/** Milliseconds so far. */
function spent (gateways: readonly BenchServer[], database: Service, blobs: Service): Spent {
  return { gateways: processorTime(gateways.map(({ pid }) => pid)), database: processorTime(database.pids), objects: processorTime(blobs.pids), load: endedChildren() }
}

/** What the workloads read, and where they write. */
async function fill (server: BenchServer): Promise<void> {
  const put = async (path: string, body?: Buffer): Promise<void> => {
    const response = await fetch(`${server.url}/cdmi/2.0.0/${path}`, { method: 'PUT', headers: { authorization: server.authorization ?? '' }, ...(body === undefined ? {} : { body }) })
    await response.arrayBuffer()
    if (!response.ok) throw new Error(`PUT ${path} answered ${response.status}`)
  }
  const all = async (count: number, one: (index: number) => Promise<void>): Promise<void> => {
    for (let at = 0; at < count; at += 16) await Promise.all(Array.from({ length: Math.min(16, count - at) }, async (_, index) => { await one(at + index) }))
  }
  for (const name of ['own', 'shared', 'small', 'large']) await put(`${name}/`)
  const [small, large] = [Buffer.alloc(100, 'x'), Buffer.alloc(1024 * 1024, 'x')]
  await put('object', small)
  await all(64, async index => { await put(`own/${index}/`) })
  await all(1000, async index => { await put(`small/${index}`, small) })
  await all(64, async index => { await put(`large/${index}`, large) })
}
