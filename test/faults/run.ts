/**
 * `npm run test:faults`: the tests of faults, longer than `npm test` has them, several at a time and within ten minutes. `FAULT_SEED`: what was left to chance in a
 * run that is to be repeated. `KILL_ROUNDS`, `FLUSH_WRITES`, `POWER_CUTS`: how much. Names of files run only those.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { plainNode } from '../helpers/plain-node.js'

const minutes = 10
const much = { KILL_ROUNDS: '100', FLUSH_WRITES: '400', POWER_CUTS: '60', FAULTS: 'all', FAULT_SEED: String(Date.now()) }
/** The longest first. */
const files = ['server/kill', 'faults/disk', 'faults/flushes', 'storage/embedded-reopening', 'storage/clock-leaps', 'cdmi/clock']

const chosen = process.argv.slice(2)
const unknown = chosen.filter(name => !files.includes(name))
if (unknown.length > 0) throw new Error(`There is no ${unknown.join(' and no ')}; there is ${files.join(', ')}`)

const environment = { ...much, ...process.env, TAP_TIMEOUT: String(minutes * 60) }
process.stdout.write(`FAULT_SEED=${environment.FAULT_SEED}\n`)
const began = performance.now()
const end = began + minutes * 60_000
interface Job { readonly name: string, readonly part: number | undefined }

/** The rounds of kills are shared out, to stores of their own. */
const killers = 2
const waiting = (chosen.length > 0 ? chosen : files).flatMap((name): Job[] => name === 'server/kill' ? Array.from({ length: killers }, (_, part) => ({ name, part })) : [{ name, part: undefined }])
/** They wait a good deal for each other, and for the disk. */
const atOnce = 2 * availableParallelism()
let failed = false

/** Each leads a group of its own, with the servers that it has started. */
const running = new Set<ChildProcess>()

function endGroup ({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL')
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const child of running) endGroup(child)
    process.exit(1)
  })
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`

async function run ({ name, part }: Job): Promise<void> {
  const began = performance.now()
  const share = part === undefined ? {} : { KILL_ROUNDS: String(Math.ceil(Number(environment.KILL_ROUNDS) / killers)), KILL_PART: String(part), FAULT_SEED: `${environment.FAULT_SEED}/${part}` }
  const child = spawn(...plainNode(`build/test/${name}.test.js`), { env: { ...environment, ...share }, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  running.add(child)
  const late = setTimeout(() => { endGroup(child) }, Math.max(0, end - began))
  let printed = ''
  child.stdout.on('data', (text: Buffer) => { printed += text.toString() })
  const [code] = await once(child, 'close') as [number | null]
  clearTimeout(late)
  running.delete(child)
  // What failed, whole; of the rest what it says of itself.
  const lines = printed.split('\n').filter(line => code !== 0 || /^ *#/.test(line))
  process.stdout.write(`${lines.join('\n')}\n${code === 0 ? 'passed' : code === null ? `cut short after ${minutes} minutes` : 'FAILED'}: ${name}, ${seconds(began)}\n`)
  failed ||= code !== 0
}

await Promise.all(Array.from({ length: atOnce }, async () => {
  for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await run(job)
}))
process.stdout.write(`${failed ? 'FAILED' : 'passed'} after ${seconds(began)}\n`)
process.exitCode = failed ? 1 : 0
