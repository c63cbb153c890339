/**
 * `npm run bench:soak -- --minutes 30 [--share 70 --every 30]`: a mixed load of all doors, at so many percent of the most that the server can do, for a long time.
 * Memory, descriptors, times and the delay of the event loop are looked at again and again; ends with 1 when one of them grows, or something has failed.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { wholeNumber } from './flags.js'
import { telling } from './loop-delay.js'
import { versions } from './machine.js'
import { beginLoad, beginning, connections, placeFlags, publish } from './paced-run.js'
import type { Section } from './results.js'
import { bytesOnDisk } from './scale-store.js'
import { stateOf } from './server-state.js'
import { startOn } from './servers.js'
import { type Tolerance, trendOf } from './trend.js'

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    share: { type: 'string', default: '70' },
    every: { type: 'string', default: '30' },
    ...placeFlags
  }
})
/** Of the samples: caches fill and the heap finds its size before the rest is looked at. */
const passedOver = 1 / 5
/** Less than that says nothing of a slope. */
const fewest = 5

interface Sample {
  readonly memory: number
  readonly descriptors: number
  readonly p99: number
  readonly loopDelay: number
}

const measures: ReadonlyArray<{ readonly key: keyof Sample, readonly title: string, readonly tolerance: Tolerance }> = [
  { key: 'memory', title: 'own memory, MiB', tolerance: { share: 0.1, least: 16 } },
  { key: 'descriptors', title: 'descriptors', tolerance: { share: 0.05, least: 5 } },
  { key: 'p99', title: 'p99 of all answers, ms', tolerance: { share: 0.25, least: 10 } },
  { key: 'loopDelay', title: 'event loop late, p99 ms', tolerance: { share: 0.25, least: 5 } }
]

const [minutes, share, every] = [wholeNumber('minutes', flags.minutes), wholeNumber('share', flags.share), wholeNumber('every', flags.every)]
if (minutes * 60 / every * (1 - passedOver) < fewest) throw new Error(`That makes too few samples; --every ${Math.floor(minutes * 60 * (1 - passedOver) / fewest)} is the most for ${minutes} minutes`)

const begun = await beginning(flags.directory)
const data = await mkdtemp(join(flags.directory, 'fastify-cdmi-soak-'))
try {
  // What is replaced goes within a minute, and not after an hour: the sweeper has to keep up, too.
  const server = await startOn(data, { ...telling, flags: ['--trash-grace', '30'] })
  try {
    const { client, load, most, rate } = await beginLoad(server, 'soak', { share, warmUp: 10, measuring: 10 })
    const samples: Sample[] = []
    await stateOf(server)
    load.take()
    const ended = load.run(rate, minutes * 60)
    let failures = 0
    for (let n = 1; n <= minutes * 60 / every; n++) {
      await setTimeout(every * 1000)
      const [{ all, failures: failed, perSecond }, { memory, descriptors, loopDelay }] = [load.take(), await stateOf(server)]
      failures += failed
      samples.push({ memory, descriptors, p99: all.p99, loopDelay })
      process.stderr.write(`${n * every} s: ${perSecond.toFixed(0)} requests/s, ${memory.toFixed(0)} MiB, ${descriptors} descriptors, p99 ${all.p99.toFixed(1)} ms, event loop ${loopDelay.toFixed(1)} ms late${failed > 0 ? `, ${failed} failed` : ''}\n`)
    }
    await ended
    await client.close()
    const section = sectionOf(samples, { rate, most, disk: await bytesOnDisk(data) / 2 ** 20 })
    const complaints = [...grown(samples), ...failures > 0 ? [`${failures} requests failed: ${load.told.join('; ')}.`] : []]
    await publish({
      ...begun,
      versions: await versions(),
      settings: { minutes: flags.minutes, share: flags.share, every: flags.every },
      sections: [section],
      notes: complaints.length === 0 ? ['All of it is flat, and nothing has failed.'] : complaints
    }, flags, complaints)
  } finally {
    await server.stop()
  }
} finally {
  await rm(data, { recursive: true, force: true })
}

/** Those that count. */
function later (samples: readonly Sample[], key: keyof Sample): number[] {
  return samples.slice(Math.floor(samples.length * passedOver)).map(sample => sample[key])
}

function grown (samples: readonly Sample[]): string[] {
  return measures.flatMap(({ key, title, tolerance }) => {
    const { flat, growth, allowed } = trendOf(later(samples, key), tolerance)
    return flat ? [] : [`It grows: ${title}, by ${growth.toFixed(1)}, where ${allowed.toFixed(1)} are allowed.`]
  })
}

function sectionOf (samples: readonly Sample[], { rate, most, disk }: { readonly rate: number, readonly most: number, readonly disk: number }): Section {
  return {
    name: 'soak',
    title: `${minutes} minutes at ${share} % of the maximum`,
    columns: [
      { key: 'measure', title: '' }, { key: 'samples', title: 'all samples', digits: 1 }, { key: 'first', title: 'first', digits: 1 }, { key: 'last', title: 'last', digits: 1 },
      { key: 'growth', title: 'growth by the slope', digits: 1 }, { key: 'allowed', title: 'allowed', digits: 1 }, { key: 'flat', title: 'flat' }
    ],
    rows: measures.map(({ key, title, tolerance }) => {
      const all = samples.map(sample => sample[key])
      const { growth, allowed, flat } = trendOf(later(samples, key), tolerance)
      return { measure: title, samples: all, first: all[0] ?? 0, last: all.at(-1) ?? 0, growth, allowed, flat: flat ? 'yes' : 'no' }
    }),
    notes: [`${rate.toFixed(0)} requests in a second, of the ${most.toFixed(0)} that the same client got answered with ${connections} at once; a sample each ${every} seconds, of which the first fifth does not count for the slope. The store had ${disk.toFixed(0)} MiB at the end.`]
  }
}
