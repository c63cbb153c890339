/**
 * `npm run bench [-- --rounds 5 --seconds 3 --only create,read]`: loads the server and a bare Fastify in turn on this machine and prints a table.
 * Every write is flushed before its answer and every request is authenticated.
 */
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { fetch } from 'undici'
import { type Burst, burst, requireWrk } from './load.js'
import { type BenchServer, startHello, startStore } from './servers.js'

interface Workload {
  readonly name: string
  readonly title: string
  readonly path: string
  readonly connections: number
  readonly script?: string
  readonly accept?: string
  /** Whether the bare Fastify is loaded the same way, for a ratio. */
  readonly hello: boolean
  readonly args?: (round: number) => readonly string[]
}

const workloads: readonly Workload[] = [
  { name: 'create', title: 'POST new record, 100 bytes', path: '/data/', connections: 32, script: 'create', hello: true, args: round => [`r${process.pid}-${round}`] },
  { name: 'read', title: 'GET record, 100 bytes', path: '/data/record-', connections: 32, script: 'read', hello: true },
  { name: 'overwrite', title: 'PUT record, 100 bytes', path: '/data/record-', connections: 32, script: 'overwrite', hello: false },
  { name: 'plain-read', title: 'GET data object, 100 bytes', path: '/cdmi/2.0.0/data/record-', connections: 32, script: 'read', hello: true },
  { name: 'cdmi-read', title: 'GET data object as CDMI JSON, 100 bytes', path: '/cdmi/2.0.0/data/record-', connections: 32, script: 'read', accept: 'application/cdmi-object', hello: false },
  { name: 'put-large', title: 'PUT data object, 1 MiB', path: '/cdmi/2.0.0/large/object-', connections: 16, script: 'put-large', hello: false },
  { name: 'get-large', title: 'GET data object, 1 MiB', path: '/cdmi/2.0.0/large/object-0', connections: 16, hello: false },
  { name: 'form', title: 'form upload, 64 KiB', path: '/cdmi/2.0.0/forms/', connections: 16, script: 'form', hello: false },
  { name: 'list', title: 'list 10,000 keyed records', path: '/data?prefix=list-', connections: 4, hello: false },
  { name: 'list-container', title: 'list container of 10,000', path: '/cdmi/2.0.0/list/', connections: 4, hello: false },
  { name: 'cdmi-list', title: 'list container of 10,000 as CDMI JSON', path: '/cdmi/2.0.0/list/', connections: 4, accept: 'application/cdmi-container', hello: false }
]

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    only: { type: 'string' },
    directory: { type: 'string' },
    workers: { type: 'string' }
  }
})
const rounds = Number(flags.rounds)
const seconds = Number(flags.seconds)
const chosen = workloads.filter(({ name }) => flags.only === undefined || flags.only.split(',').includes(name))

requireWrk()
const store = await startStore(flags.directory, flags.workers === undefined ? [] : ['--workers', flags.workers])
const hello = await startHello()
try {
  await fill(store)
  const lines = [`${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}; ${rounds} rounds of ${seconds} s, in turn; medians (least..most)`, '',
    '| workload | requests/s | p50 ms | p99 ms | failures | bare Fastify, requests/s | ratio |', '| --- | --- | --- | --- | --- | --- | --- |']
  for (const workload of chosen) lines.push(await measure(workload))
  console.log(lines.join('\n'))
} finally {
  await store.stop()
  await hello.stop()
}

async function measure (workload: Workload): Promise<string> {
  const ours: Burst[] = []
  const bare: Burst[] = []
  for (let round = 0; round <= rounds; round++) {
    const options = { connections: workload.connections, seconds: round === 0 ? 1 : seconds, ...(workload.script === undefined ? {} : { script: workload.script }), ...(workload.accept === undefined ? {} : { accept: workload.accept }), args: workload.args?.(round) ?? [] }
    const result = await burst(store, workload.path, options)
    const peer = workload.hello ? await burst(hello, workload.path, options) : undefined
    // The first, short one warms up.
    if (round === 0) continue
    ours.push(result)
    if (peer !== undefined) bare.push(peer)
  }
  const rate = (bursts: readonly Burst[]): string => {
    const rates = bursts.map(({ perSecond }) => perSecond)
    return `${Math.round(median(rates))} (${Math.round(Math.min(...rates))}..${Math.round(Math.max(...rates))})`
  }
  const ratio = bare.length === 0 ? '' : (median(ours.map(b => b.perSecond)) / median(bare.map(b => b.perSecond))).toFixed(2)
  return `| ${workload.title} | ${rate(ours)} | ${median(ours.map(b => b.p50)).toFixed(1)} | ${median(ours.map(b => b.p99)).toFixed(1)} | ${ours.reduce((sum, b) => sum + b.failures, 0)} | ${bare.length === 0 ? '' : rate(bare)} | ${ratio} |`
}

function median (numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}

/** What the workloads read. */
async function fill (server: BenchServer): Promise<void> {
  const headers = { authorization: server.authorization ?? '', 'content-type': 'application/json' }
  const send = async (method: string, path: string, body?: string | Buffer): Promise<void> => {
    const response = await fetch(server.url + path, { method, headers, ...(body === undefined ? {} : { body }) })
    await response.arrayBuffer()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`)
  }
  const all = async (count: number, one: (index: number) => Promise<void>): Promise<void> => {
    for (let at = 0; at < count; at += 64) await Promise.all(Array.from({ length: Math.min(64, count - at) }, async (_, index) => { await one(at + index) }))
  }
  for (const name of ['large', 'forms', 'list']) await send('PUT', `/cdmi/2.0.0/${name}/`)
  const record = JSON.stringify({ name: 'benchmark', text: 'x'.repeat(70) })
  await all(1000, async index => { await send('POST', `/data/record-${index}`, record) })
  await all(10_000, async index => { await send('POST', `/data/list-${index}`, '{}') })
  await all(10_000, async index => { await send('PUT', `/cdmi/2.0.0/list/child-${index}`, 'x') })
  await send('PUT', '/cdmi/2.0.0/large/object-0', Buffer.alloc(1024 * 1024, 'x'))
}
