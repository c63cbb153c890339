/**
 * `npm run bench`: our server and its peers under load, in turn, on this machine. Flags choose other questions; docs/performance.md has them all.
 * Every write of ours is flushed before its answer, and every request is authenticated.
 */
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { compare } from './compare.js'
import { bytesOf, chosenOf, wholeNumber, wholeNumbers } from './flags.js'
import { workloads } from './jobs.js'
import { requireWrk } from './load.js'
import { machine, versions } from './machine.js'
import { limitMemory } from './memory-limit.js'
import { defaultCache } from './npm-cache.js'
import { peers } from './peers/index.js'
import { readResults, type Results, type Section, writeResults } from './results.js'
import { measureSlowDisk } from './slow-disk.js'
import { measureStreams } from './streams.js'
import { markdown } from './tables.js'
import { measureWorkers } from './workers.js'

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    'warm-up': { type: 'string', default: '5' },
    only: { type: 'string' },
    peers: { type: 'string' },
    workers: { type: 'string' },
    streams: { type: 'boolean', default: false },
    bytes: { type: 'string', default: '1G' },
    'slow-disk': { type: 'boolean', default: false },
    delay: { type: 'string', default: '5' },
    'limit-memory': { type: 'string' },
    directory: { type: 'string', default: tmpdir() },
    cache: { type: 'string', default: defaultCache() },
    json: { type: 'string' },
    table: { type: 'string' },
    from: { type: 'string' }
  }
})

const results = flags.from === undefined ? await measured() : await readResults(flags.from)
if (flags.json !== undefined) await writeResults(flags.json, results)
if (flags.table !== undefined) await writeFile(flags.table, markdown(results))
console.log(markdown(results))

/** All that the flags ask for. */
async function measured (): Promise<Results> {
  if (process.platform !== 'linux') throw new Error('Processor time and memory are read from /proc, which only Linux has')
  const [rounds, seconds] = [wholeNumber('rounds', flags.rounds), wholeNumber('seconds', flags.seconds)]
  const chosen = chosenOf('only', flags.only, Object.fromEntries(workloads.map(workload => [workload.name, workload])))
  const chosenPeers = chosenOf('peers', flags.peers, peers)
  const workers = flags.workers === undefined ? [] : wholeNumbers('workers', flags.workers)
  const [bytes, delay] = [bytesOf('bytes', flags.bytes), wholeNumber('delay', flags.delay)]
  const limit = flags['limit-memory'] === undefined ? undefined : await limitMemory(bytesOf('limit-memory', flags['limit-memory']))
  try {
    if (flags.streams === false || flags['slow-disk'] || workers.length > 0) requireWrk()
    const launch = limit === undefined ? {} : { prefix: limit.prefix }
    const { directory, cache } = flags
    const common = { workloads: chosen, rounds, seconds, warmUp: wholeNumber('warm-up', flags['warm-up']), directory, launch }
    const begun = { date: new Date().toISOString(), machine: await machine(directory), settings: settings() }
    const sections: Section[] = []
    let peerVersions = {}
    if (workers.length > 0) sections.push(await measureWorkers({ ...common, counts: workers }))
    if (flags.streams) sections.push(await measureStreams({ bytes, rounds, directory, cache, launch, peers: chosenPeers.filter(({ streams }) => streams === true) }))
    if (flags['slow-disk']) sections.push(await measureSlowDisk({ ...common, delay }))
    if (sections.length === 0) {
      const comparison = await compare({ ...common, peers: chosenPeers, cache })
      sections.push(...comparison.sections)
      peerVersions = comparison.versions
    }
    const outcome = limit === undefined ? [] : [await limit.outcome()]
    return { ...begun, versions: { ...await versions(), ...peerVersions }, sections, notes: outcome }
  } finally {
    await limit?.remove()
  }
}

/** Flags that say what was measured, and not where it goes. */
function settings (): Record<string, string> {
  const { rounds, seconds, only, peers, workers, streams, bytes, delay, 'slow-disk': slow, 'limit-memory': limit, 'warm-up': warmUp } = flags
  const said = { rounds, seconds, 'warm-up': warmUp, only, peers, workers, ...(streams ? { streams: '', bytes } : {}), ...(slow ? { 'slow-disk': '', delay } : {}), 'limit-memory': limit }
  return Object.fromEntries(Object.entries(said).flatMap(([name, value]) => value === undefined ? [] : [[name, value]]))
}
