/**
 * `npm run bench:scale -- --objects 10000,1000000 [--directory DIR]`: what a store with very many objects in one container costs: its start, reads and
 * creates, the memory of whole listings, its space on the disk.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bytesOf, wholeNumber, wholeNumbers } from './flags.js'
import { requireWrk } from './load.js'
import { machine, versions } from './machine.js'
import { limitMemory } from './memory-limit.js'
import { type Results, type Section, writeResults } from './results.js'
import { measureListings } from './scale-listings.js'
import { measureScaleLoad } from './scale-load.js'
import { bytesOnDisk, fillStore, startTime } from './scale-store.js'
import type { Launch } from './servers.js'
import { markdown } from './tables.js'

const { values: flags } = parseArgs({
  options: {
    objects: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    directory: { type: 'string', default: tmpdir() },
    'limit-memory': { type: 'string' },
    json: { type: 'string' },
    table: { type: 'string' }
  }
})
if (process.platform !== 'linux') throw new Error('Processor time and memory are read from /proc, which only Linux has')
const counts = wholeNumbers('objects', flags.objects)
const [rounds, seconds] = [wholeNumber('rounds', flags.rounds), wholeNumber('seconds', flags.seconds)]
requireWrk()

const limit = flags['limit-memory'] === undefined ? undefined : await limitMemory(bytesOf('limit-memory', flags['limit-memory']))
const directory = await mkdtemp(join(flags.directory, 'fastify-cdmi-scale-'))
try {
  const launch: Launch = limit === undefined ? {} : { prefix: limit.prefix }
  const begun = { date: new Date().toISOString(), machine: await machine(directory) }
  const stores = counts.map((objects, index) => ({ objects, data: join(directory, String(index)) }))
  const atRest = await measureAtRest(stores, launch)
  // Before the creates, which make the stores larger than they are called.
  const listings = await measureListings(stores, launch)
  const sections = [atRest, await measureScaleLoad({ stores, rounds, seconds, launch }), listings]
  const outcome = limit === undefined ? [] : [await limit.outcome()]
  const results: Results = {
    ...begun,
    versions: await versions(),
    settings: { objects: flags.objects, rounds: flags.rounds, seconds: flags.seconds, ...(flags['limit-memory'] === undefined ? {} : { 'limit-memory': flags['limit-memory'] }) },
    sections,
    notes: outcome
  }
  if (flags.json !== undefined) await writeResults(flags.json, results)
  if (flags.table !== undefined) await writeFile(flags.table, markdown(results))
  console.log(markdown(results))
} finally {
  await rm(directory, { recursive: true, force: true })
  await limit?.remove()
}

/** Each store is filled here: so many keyed records of 100 bytes in one container. */
async function measureAtRest (stores: ReadonlyArray<{ objects: number, data: string }>, launch: Launch): Promise<Section> {
  const empty = await startTime(join(directory, 'empty'), launch)
  const rows: Array<Section['rows'][number]> = [{ objects: 'an empty store', took: [empty.took], processor: [empty.processor] }]
  for (const { objects, data } of stores) {
    const filled = await fillStore(data, objects)
    await limit?.forgetPages()
    const starts = [await startTime(data, launch), await startTime(data, launch)]
    rows.push({ objects: String(objects), filled, took: starts.map(({ took }) => took), processor: starts.map(({ processor }) => processor), bytes: await bytesOnDisk(data) / objects })
  }
  return {
    name: 'at-rest',
    title: 'Start, and space on the disk',
    columns: [
      { key: 'objects', title: 'objects' }, { key: 'filled', title: 'filled in, s', digits: 1 }, { key: 'took', title: 'from start to the first 200 of `/-/ready`, ms' }, { key: 'processor', title: 'of processor time, ms' },
      { key: 'bytes', title: 'on disk, bytes an object' }
    ],
    rows,
    notes: ['Keyed records of 100 bytes in one container, with their entries in the change log; filled in batches of 1,000. Two starts.']
  }
}
