/**
 * What the system was told to do before each answer, by strace, and what is left of that when the power fails. `FLUSH_WRITES`, `POWER_CUTS`: how many.
 * `FAULT_SEED`: of the load, and of what a disk keeps.
 */
import t from 'tap'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Store } from '../../storage/contract.js'
import { verifyEmbedded } from '../../storage/embedded/verify/verify-embedded.js'
import { openStore } from '../../storage/open-store.js'
import { Chance } from '../helpers/chance.js'
import { eventually } from '../helpers/eventually.js'
import { missingCommand } from '../helpers/missing-command.js'
import { startServer } from '../helpers/server-process.js'
import { noErrors } from '../storage/embedded-driver.js'
import { flushOrder, type FlushReport } from './flush-order.js'
import { LosingDisk } from './lost-flushes.js'
import { type History, type Marked, markedLoad } from './marked-load.js'
import { callsIn, tracing } from './trace.js'

const writes = Number(process.env['FLUSH_WRITES'] ?? 40)
const cuts = Number(process.env['POWER_CUTS'] ?? 4)
const seed = process.env['FAULT_SEED'] ?? String(Date.now())

t.test('flushes', { skip: missingCommand('strace'), timeout: 600_000 }, async t => {
  t.comment(`FAULT_SEED=${seed}`)
  const chance = new Chance(seed)
  const root = t.testdir()
  const directory = join(root, 'store')
  const file = join(root, 'trace')
  const server = await startServer(t, directory, ['--log-level', 'error'], {}, tracing(file))
  const history = await markedLoad(server, writes, chance)
  t.equal(await server.stop(), 0)
  const lines = await linesOf(file, server.child.pid)
  const report = flushOrder(callsIn(lines), directory)

  t.test('no answer leaves before its bytes, the names of its files and its commit are on the disk', async t => {
    t.same(report.wrong, [])
    const marks = [...history.values()].flat().map(({ mark }) => mark)
    t.same([...report.answered.keys()].sort(), marks.sort(), 'each answer is in the trace')
    t.ok(report.inFiles > 0 && report.inFiles < report.answers)
    t.comment(`${report.answers} answers, ${report.inFiles} of them about values in files; ${report.commits} commits; ${report.flushes} flushes; ${lines.length} lines`)
  })

  t.test('negative control: each step that is left out, fails or comes too late is seen', async t => {
    const meta = `${directory}/meta.lmdb>`
    const changes: Record<string, (lines: string[]) => string[]> = {
      'an answer before its commit': lines => answeredTooEarly(lines, report, meta),
      'no flush of values': lines => lines.map(line => line.includes('fdatasync(') && line.includes('/store/blobs/') ? line.replace('fdatasync(', 'nothing(') : line),
      'no flush of directories': lines => lines.map(line => line.includes('fsync(') && line.includes('/store/blobs/') ? line.replace('fsync(', 'nothing(') : line),
      'no flush of records': lines => lines.map(line => line.includes('fdatasync(') && line.includes(meta) ? line.replace('fdatasync(', 'nothing(') : line),
      'flushes that failed': lines => lines.map(line => line.includes('fdatasync(') && line.includes(meta) ? line.replace(/= 0$/, '= -1 EIO (Input/output error)') : line),
      'commits that are not synchronous': lines => lines.map(line => line.replace('O_DSYNC|', ''))
    }
    for (const [what, change] of Object.entries(changes)) {
      const changed = change([...lines])
      t.ok(changed.some((line, index) => line !== lines[index]), what)
      t.not(flushOrder(callsIn(changed), directory).wrong.length, 0, what)
    }
  })

  t.test('the power fails: of what was not flushed any part is lost, and every answer still holds', async t => {
    const images = join(root, 'images')
    t.same(await afterCuts({ lines, root, images, report, history, chance: chance.of('cuts') }, cuts), [])
  })

  t.test('negative control: without the flush of values the same is seen to lose something', async t => {
    const images = join(root, 'worse-images')
    const without = lines.map(line => line.includes('fdatasync(') && line.includes('/store/blobs/') ? line.replace('fdatasync(', 'nothing(') : line)
    t.not((await afterCuts({ lines: without, root, images, report, history, chance: chance.of('cuts') }, 2)).length, 0)
  })
})

/** strace ends after the process that it follows. */
async function linesOf (file: string, pid: number | undefined): Promise<string[]> {
  let lines: string[] = []
  const ended = new RegExp(`^${pid} +\\+\\+\\+ exited`)
  try {
    await eventually('the trace is complete', () => {
      lines = readFileSync(file, 'latin1').split('\n').filter(line => line !== '')
      return lines.slice(-50).some(line => ended.test(line))
    })
  } catch (error) {
    throw new Error(`The trace of ${pid} ends with ${lines.slice(-5).map(line => line.slice(0, 150)).join('\n')}`, { cause: error })
  }
  return lines
}

/** One answer moves to before the last flush that it had to wait for. */
function answeredTooEarly (lines: string[], { answered }: FlushReport, meta: string): string[] {
  const at = [...answered.values()].filter(line => !lines[line]?.endsWith('<unfinished ...>')).at(-1) ?? 0
  const flush = lines.findLastIndex((line, index) => index < at && line.includes('fdatasync(') && line.includes(meta))
  const [answer = ''] = lines.splice(at, 1)
  // Not into the middle of another call of its thread, which would be no trace of anything.
  const [thread = ''] = /^\d+ /.exec(answer) ?? []
  const last = lines.findLastIndex((line, index) => index < flush && line.startsWith(thread))
  lines.splice(lines[last]?.endsWith('<unfinished ...>') === true ? last : flush, 0, answer)
  return lines
}

interface Cut {
  readonly lines: readonly string[]
  /** What the trace is about is below it. */
  readonly root: string
  readonly images: string
  readonly report: FlushReport
  readonly history: History
  readonly chance: Chance
}

/** Answers what is wrong with the stores that so many cuts leave, at lines by chance; the last one comes after everything. */
async function afterCuts ({ lines, root, images, report, history, chance }: Cut, count: number): Promise<string[]> {
  const calls = callsIn(lines)
  const first = Math.min(...report.heard.values())
  const moments = Array.from({ length: count - 1 }, () => chance.int(first, lines.length)).sort((one, other) => one - other)
  moments.push(lines.length)
  const steps = calls.flatMap(call => [{ line: call.begin, call, ends: false }, ...call.end === Infinity ? [] : [{ line: call.end, call, ends: true }]])
    .sort((one, other) => one.line - other.line || Number(one.ends) - Number(other.ends))
  const disk = new LosingDisk(root)
  const wrong: string[] = []
  let at = 0
  for (const [number, moment] of moments.entries()) {
    for (let step = steps[at]; step !== undefined && step.line < moment; step = steps[++at]) step.ends ? disk.end(step.call) : disk.begin(step.call)
    const image = join(images, String(number))
    await disk.save(image, chance.of(number))
    wrong.push(...(await wrongIn(join(image, 'store'), history, mark => (report.answered.get(mark) ?? Infinity) < moment)).map(what => `power cut at line ${moment}: ${what}`))
    await rm(image, { recursive: true })
  }
  return wrong
}

/** Opens what a cut has left and compares it with what was answered before. */
async function wrongIn (directory: string, history: History, isAnswered: (mark: string) => boolean): Promise<string[]> {
  const wrong: string[] = []
  const store = await openStore({ directory, sweepInterval: 0, scrubRate: 0 }, noErrors)
  try {
    for (const [path, all] of history) {
      const last = all.findLastIndex(({ mark }) => isAnswered(mark))
      const possible: ReadonlyArray<Marked['value']> = [all[last]?.value, ...all.slice(last + 1, last + 2).map(({ value }) => value)]
      const found = await valueAt(store, path)
      const isRight = possible.some(value => value instanceof Buffer ? found instanceof Buffer && found.equals(value) : found === value)
      if (!isRight) wrong.push(`${path}, after ${all[last]?.mark ?? 'nothing'}: ${found instanceof Buffer ? `${found.length} bytes (${found.toString('latin1', 0, 20)}…)` : String(found)}`)
    }
  } finally {
    await store.close()
  }
  await verifyEmbedded(directory, {}, finding => { wrong.push(JSON.stringify(finding)) })
  return wrong
}

async function valueAt (store: Store, path: string): Promise<Marked['value'] | 'damaged'> {
  const names = path.slice(1).split('/')
  const chain = await store.meta.resolve(store.rootID, names)
  const record = chain[names.length]
  if (record === undefined) return undefined
  if (record.attributes['completionStatus'] === 'Processing') return null
  if (record.inline !== undefined) return Buffer.from(record.inline)
  const value = Buffer.alloc(record.size)
  try {
    for (const { offset, length, blob, blobOffset } of (await store.meta.segments(record.id, 0, record.size))?.segments ?? []) value.set(await store.blobs.read(blob, blobOffset, length), offset)
  } catch {
    return 'damaged'
  }
  return value
}
