/**
 * `npm run test:fuzz`: attacks a server with requests and frames that are wrong. `--seed` makes the same ones again; `--request` and `--socket` one
 * of them alone; `--seconds` ends it before all are sent, on a machine that has other things to do. docs/reliability.md says what is looked for.
 */
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { randomInt } from 'node:crypto'
import { attack } from './campaign.js'
import { Field } from './grounds.js'
import { judgeGrowth } from './growth.js'
import { described, summary } from './report.js'
import { type Readings, Subject } from './subject.js'

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string' },
    requests: { type: 'string', default: '100000' },
    frames: { type: 'string', default: '20000' },
    request: { type: 'string' },
    socket: { type: 'string' },
    'at-once': { type: 'string', default: '48' },
    seconds: { type: 'string', default: '0' },
    bound: { type: 'string', default: '20000' },
    directory: { type: 'string', default: tmpdir() }
  }
})

function numberOf (name: string, text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} is a whole number`)
  return number
}

const seed = flags.seed === undefined ? randomInt(2 ** 32) : numberOf('seed', flags.seed)
const only = flags.request !== undefined
  ? { kind: 'request', number: numberOf('request', flags.request) } as const
  : flags.socket !== undefined ? { kind: 'socket', number: numberOf('socket', flags.socket) } as const : undefined
const longest = numberOf('seconds', flags.seconds)
const plan = { seed, requests: numberOf('requests', flags.requests), frames: numberOf('frames', flags.frames), atOnce: numberOf('at-once', flags['at-once']), only, enough: () => longest > 0 && seconds() >= longest }

console.log(`seed ${seed}`)
const began = performance.now()
const subject = await Subject.start(flags.directory)
try {
  const readings: Readings[] = [await subject.readings()]
  const field = await Field.lay(subject)
  let shown = performance.now()
  const tally = await attack(field, { ...subject, address: subject.address, secrets: subject.secrets, bound: numberOf('bound', flags.bound) }, plan, async tally => {
    if (!subject.alive) return ['the server has ended']
    readings.push(await subject.readings())
    if (performance.now() - shown > 15_000) {
      shown = performance.now()
      console.log(`${tally.requests} requests, ${tally.frames} frames, ${seconds()} s`)
    }
    return subject.surprises
  })
  await field.leave()
  const wrong = [...tally.failures.map(failure => described(failure, seed)), ...await aftermath(readings)]
  console.log(summary(tally, readings, seconds()))
  for (const one of wrong) console.log(`\n${one}`)
  console.log(wrong.length === 0 ? '\nNothing was found.' : `\n${wrong.length} things are wrong; seed ${seed}.`)
  process.exitCode = wrong.length === 0 ? 0 : 1
} finally {
  await subject.remove()
}

function seconds (): number {
  return Math.round((performance.now() - began) / 1000)
}

/** What is seen when all is over: in the process, in the store, in the log. */
async function aftermath (readings: Readings[]): Promise<string[]> {
  if (!subject.alive) return []
  const wrong = judgeGrowth(readings, await subject.settled(now => judgeGrowth(readings, now).length === 0))
  const code = await subject.stop()
  if (code !== 0) wrong.push(`the server ended with ${code}`)
  const { leftovers, verified } = await subject.examine()
  for (const [what, count] of Object.entries(leftovers)) if (count > 0) wrong.push(`after a sweep there are ${count} ${what} left`)
  if (verified.code !== 0) wrong.push(`verify: ${verified.said}`)
  console.log(verified.said)
  return [...wrong, ...subject.surprises.map(line => `the log has: ${line}`)]
}
