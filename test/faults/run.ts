/**
 * `npm run test:faults`: the tests of faults, longer than `npm test` has them, one after the other and within ten minutes. `FAULT_SEED`: what was left to
 * chance in a run that is to be repeated. `KILL_ROUNDS`, `FLUSH_WRITES`, `POWER_CUTS`: how much. Names of files run only those.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { plainNode } from '../helpers/plain-node.js'

const minutes = 10
const much = { KILL_ROUNDS: '100', FLUSH_WRITES: '400', POWER_CUTS: '60', FAULTS: 'all', FAULT_SEED: String(Date.now()) }
const files = ['faults/flushes', 'faults/disk', 'storage/clock-leaps', 'cdmi/clock', 'server/kill']

const chosen = process.argv.slice(2)
const unknown = chosen.filter(name => !files.includes(name))
if (unknown.length > 0) throw new Error(`There is no ${unknown.join(' and no ')}; there is ${files.join(', ')}`)

const environment = { ...much, ...process.env, TAP_TIMEOUT: String(minutes * 60) }
process.stdout.write(`FAULT_SEED=${environment.FAULT_SEED}\n`)
const end = performance.now() + minutes * 60_000
let failed = false
for (const name of chosen.length > 0 ? chosen : files) {
  const began = performance.now()
  const child = spawn(...plainNode(`build/test/${name}.test.js`), { env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
  const late = setTimeout(() => { child.kill('SIGKILL') }, Math.max(0, end - began))
  let printed = ''
  child.stdout.on('data', (text: Buffer) => { printed += text.toString() })
  const [code] = await once(child, 'close') as [number | null]
  clearTimeout(late)
  // What failed, whole; of the rest what it says of itself.
  const lines = printed.split('\n').filter(line => code !== 0 || /^ *#/.test(line))
  process.stdout.write(`${lines.join('\n')}\n${code === 0 ? 'passed' : code === null ? `cut short after ${minutes} minutes` : 'FAILED'}: ${name}, ${((performance.now() - began) / 1000).toFixed(1)} s\n`)
  failed ||= code !== 0
}
process.exitCode = failed ? 1 : 0
