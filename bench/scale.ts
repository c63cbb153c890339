/**
 * `npm run bench:scale -- --objects 1000000 [--directory DIR]`: what a store with very many objects in one container costs: its start, the
 * memory of whole listings, its space on the disk.
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { request } from 'undici'
import { openStore } from '../index.js'
import { fillKeyed, keyOf } from './fill.js'
import { type BenchServer, startOn } from './servers.js'

const { values: flags } = parseArgs({ options: { objects: { type: 'string', default: '1000000' }, directory: { type: 'string', default: tmpdir() } } })
const objects = Number(flags.objects)
if (!Number.isInteger(objects) || objects < 1) throw new Error('--objects is a number of objects, 1 or more')
if (process.platform !== 'linux') throw new Error('Memory is read from /proc, which only Linux has')

const mebibyte = 1024 ** 2
/** Milliseconds between two looks at the memory of the server. */
const look = 10

const listings = [
  { title: 'keyed list, `GET /data`', path: '/data', accept: '*/*', namesPerObject: 1 },
  { title: 'container as JSON', path: '/cdmi/2.0.0/data/', accept: 'application/json', namesPerObject: 1 },
  { title: 'container as HTML', path: '/cdmi/2.0.0/data/', accept: 'text/html', namesPerObject: 2 }
] as const
type Listing = typeof listings[number]

const directory = await mkdtemp(join(flags.directory, 'fastify-cdmi-scale-'))
try {
  const empty = await startTime(join(directory, 'empty'))
  const data = join(directory, 'store')
  const filled = await fill(data)
  const first = await startTime(data)
  const again = await startTime(data)
  const size = await bytesOnDisk(data)
  const lines = [
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}; ${objects} keyed records of 100 bytes in one container`,
    '',
    '| what | |',
    '| --- | --- |',
    `| filled in batches of 1000 | ${Math.round(filled)} s |`,
    `| from start to the first 200 of \`/-/ready\`: an empty store | ${empty} |`,
    `| … this store | ${first}; again ${again} |`,
    `| on disk, an object | ${Math.round(size / objects)} bytes |`,
    '',
    '| whole listing | size | time | growth of RssAnon | growth of VmRSS |',
    '| --- | --- | --- | --- | --- |'
  ]
  for (const listing of listings) lines.push(await measure(data, listing))
  console.log(lines.join('\n'))
} finally {
  await rm(directory, { recursive: true, force: true })
}

/** Seconds that it took. */
async function fill (data: string): Promise<number> {
  const began = performance.now()
  const store = await openStore({ directory: data, sweepInterval: 0 })
  try {
    await fillKeyed(store, objects, { name: 'benchmark', text: 'x'.repeat(70) })
  } finally {
    await store.close()
  }
  return (performance.now() - began) / 1000
}

/** By the clock, and of processor time, which other work on the machine does not lengthen as much. */
async function startTime (data: string): Promise<string> {
  const began = performance.now()
  const server = await startOn(data)
  const took = performance.now() - began
  const processor = processorTime(server)
  await server.stop()
  return `${Math.round(took)} ms (processor ${processor} ms)`
}

/** Milliseconds so far; Linux counts in hundredths of a second. */
function processorTime ({ pid }: BenchServer): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The 14th and 15th field; the second, the name, is in brackets and may contain anything.
  const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13)
  return (Number(user) + Number(system)) * 10
}

/** A server of its own for each listing, so that none profits from memory that another one took. */
async function measure (data: string, listing: Listing): Promise<string> {
  const server = await startOn(data)
  try {
    // The log-in with its hash, and the code, are not what is measured.
    await read(server, { ...listing, path: `${listing.path}?limit=1000` })
    const before = memoryOf(server)
    const peak = { ...before }
    const watch = setInterval(() => {
      const { anonymous, resident } = memoryOf(server)
      peak.anonymous = Math.max(peak.anonymous, anonymous)
      peak.resident = Math.max(peak.resident, resident)
    }, look)
    const began = performance.now()
    const { bytes, names } = await read(server, listing).finally(() => { clearInterval(watch) })
    const seconds = (performance.now() - began) / 1000
    if (names !== objects * listing.namesPerObject) throw new Error(`${listing.title} has ${names} names`)
    return `| ${listing.title} | ${mebibytes(bytes)} | ${seconds.toFixed(1)} s | ${mebibytes(peak.anonymous - before.anonymous)} | ${mebibytes(peak.resident - before.resident)} |`
  } finally {
    await server.stop()
  }
}

function mebibytes (bytes: number): string {
  return `${(bytes / mebibyte).toFixed(0)} MiB`
}

/** Reads it all and keeps nothing; counts what looks like a name of ours. */
async function read (server: BenchServer, { path, accept }: { path: string, accept: string }): Promise<{ bytes: number, names: number }> {
  const { statusCode, body } = await request(server.url + path, { headers: { accept, authorization: server.authorization ?? '' } })
  if (statusCode !== 200) throw new Error(`${path} answered ${statusCode}`)
  const sign = keyOf(0).slice(0, 7)
  let bytes = 0
  let names = 0
  let tail = ''
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    // A sign may be cut by the end of a chunk, but none fits into what is kept.
    const text = tail + chunk.toString('latin1')
    for (let at = text.indexOf(sign); at >= 0; at = text.indexOf(sign, at + 1)) names++
    tail = text.slice(1 - sign.length)
  }
  return { bytes, names }
}

interface Memory { anonymous: number, resident: number }

/** Of the server, in bytes. Anonymous is what it made itself; resident has the pages of the store that it looked at, too. */
function memoryOf ({ pid }: BenchServer): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0)
  return { anonymous: kibibytes('RssAnon') * 1024, resident: kibibytes('VmRSS') * 1024 }
}

async function bytesOnDisk (directory: string): Promise<number> {
  const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter(entry => entry.isFile())
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).blocks * 512))
  return sizes.reduce((sum, size) => sum + size, 0)
}
