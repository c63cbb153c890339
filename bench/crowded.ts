/**
 * `npm run bench:load [-- --sockets 2000 --slow 500 --seconds 30 --share 50 --bound 200]`: a crowd of idle sockets and slow clients, and how long normal requests take
 * meanwhile: without the crowd first, then with it. Ends with 1 when the slowest hundredth takes longer than the bound, or something has failed.
 */
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { countOf, gatherCrowd } from './crowd.js'
import type { CrowdSize, CrowdState } from './crowd-process.js'
import { wholeNumber } from './flags.js'
import { telling } from './loop-delay.js'
import { versions } from './machine.js'
import type { Taken } from './paced-load.js'
import { beginLoad, beginning, connections, placeFlags, publish } from './paced-run.js'
import { processorTime } from './processor-time.js'
import { askedDoors } from './request-mix.js'
import type { Section } from './results.js'
import { requireDescriptors, type ServerState, stateOf } from './server-state.js'
import { startStore } from './servers.js'

const { values: flags } = parseArgs({
  options: {
    sockets: { type: 'string', default: '2000' },
    slow: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '30' },
    share: { type: 'string', default: '50' },
    bound: { type: 'string', default: '200' },
    ...placeFlags
  }
})
/** Milliseconds that the crowd is alone, and that the server has to forget it when it has left. */
const patience = 10_000
/** Descriptors of other things. */
const others = 300

interface Stage {
  readonly name: string
  readonly taken?: Taken
  readonly state: ServerState
  /** How many cores the server kept busy. */
  readonly cores: number
}

const [sockets, slow] = [wholeNumber('sockets', flags.sockets), wholeNumber('slow', flags.slow)]
const [seconds, share, bound] = [wholeNumber('seconds', flags.seconds), wholeNumber('share', flags.share), wholeNumber('bound', flags.bound)]
const size: CrowdSize = { webSockets: Math.ceil(sockets / 2), socketIo: Math.floor(sockets / 2), uploads: Math.ceil(slow / 2), downloads: Math.floor(slow / 2) }
const begun = await beginning(flags.directory)
requireDescriptors(countOf(size) + slow + others)

const server = await startStore(flags.directory, telling)
try {
  const { client, load, most, rate } = await beginLoad(server, 'load', { share, warmUp: 3, measuring: 5 })
  const stages: Stage[] = []
  const stage = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    await stateOf(server)
    load.take()
    const [began, before] = [performance.now(), processorTime(server.pids)]
    await work()
    const cores = (processorTime(server.pids) - before) / (performance.now() - began)
    const taken = load.take()
    stages.push({ name, ...taken.all.count > 0 && { taken }, state: await stateOf(server), cores })
  }
  await stage('without the crowd', async () => { await load.run(rate, seconds) })
  const crowd = await gatherCrowd(server, size)
  const came = await crowd.state()
  await stage('the crowd alone', async () => { await setTimeout(patience) })
  await stage('with the crowd', async () => { await load.run(rate, seconds) })
  const stayed = await crowd.state()
  await crowd.leave()
  await stage('after the crowd', async () => { await setTimeout(patience) })
  await crowd.stop()
  await client.close()

  const complaints = complaintsOf(stages, came, stayed, load.told)
  await publish({
    ...begun,
    versions: await versions(),
    settings: { sockets: flags.sockets, slow: flags.slow, seconds: flags.seconds, share: flags.share, bound: flags.bound },
    sections: [timesOf(stages, rate, most), statesOf(stages, stayed)],
    notes: complaints.length === 0 ? [`All within ${bound} ms.`] : complaints
  }, flags, complaints)
} finally {
  await server.stop()
}

/** Sentences about what is not as it should be. */
function complaintsOf (stages: readonly Stage[], came: CrowdState, stayed: CrowdState, told: readonly string[]): string[] {
  const slowOnes = stages.flatMap(({ name, taken }) => askedDoors.flatMap(door => {
    const { p99 = 0 } = taken?.doors[door] ?? {}
    return p99 > bound ? [`The 99th of a hundred answers of the ${door} door took ${p99.toFixed(0)} ms ${name}, more than ${bound}.`] : []
  }))
  const failed = stages.flatMap(({ name, taken }) => taken !== undefined && taken.failures > 0 ? [`${taken.failures} requests failed ${name}: ${told.join('; ')}.`] : [])
  const absent = [came, stayed].flatMap(({ size: there, refused }) => countOf(there) < countOf(size) ? [`${countOf(size) - countOf(there)} of the crowd are not there${refused === undefined ? '' : `: ${refused}`}.`] : [])
  const [before, after] = [stages[0], stages.at(-1)]
  const kept = before === undefined || after === undefined ? 0 : after.state.descriptors - before.state.descriptors
  return [...slowOnes, ...failed, ...absent, ...kept > 10 ? [`${kept} descriptors are left of the crowd.`] : []]
}

function timesOf (stages: readonly Stage[], rate: number, most: number): Section {
  return {
    name: 'times',
    title: 'Answers to normal requests',
    columns: [
      { key: 'stage', title: '' }, { key: 'door', title: 'door' }, { key: 'count', title: 'requests' }, { key: 'p50', title: 'p50 ms', digits: 1 }, { key: 'p99', title: 'p99 ms', digits: 1 },
      { key: 'max', title: 'longest ms', digits: 0 }
    ],
    rows: stages.flatMap(({ name, taken }) => taken === undefined ? [] : [...askedDoors.map(door => ({ stage: name, door, ...taken.doors[door] })), { stage: name, door: 'all', ...taken.all }]),
    notes: [`${rate.toFixed(0)} requests in a second, ${share} % of the ${most.toFixed(0)} that the same client got answered with ${connections} at once. Times count from the moment at which a request was due. The clients share the cores with the server.`]
  }
}

function statesOf (stages: readonly Stage[], { size: there, rejoined }: CrowdState): Section {
  return {
    name: 'states',
    title: 'The server',
    columns: [{ key: 'stage', title: '' }, { key: 'memory', title: 'own memory, MiB' }, { key: 'descriptors', title: 'descriptors' }, { key: 'loopDelay', title: 'event loop late, p99 ms', digits: 1 }, { key: 'cores', title: 'cores', digits: 2 }],
    rows: stages.map(({ name, state, cores }) => ({ stage: name, ...state, cores })),
    notes: [`The crowd: ${there.webSockets} WebSockets and ${there.socketIo} of socket.io, idle; ${there.uploads} uploads and ${there.downloads} downloads of a few bytes in a second. ${countOf(rejoined)} were sent away meanwhile and came again.`]
  }
}
