import t, { type Test } from 'tap'
import { startNode } from './child-process.js'
import { quickDirectory } from './embedded-driver.js'
import { filledStore } from './verify-store.js'

const flips = Number(process.env['BIT_FLIPS'] ?? 3)
const seed = Number(process.env['BIT_FLIPS_SEED'] ?? 1)

/** As the child tells of an answer that had begun, and was cut. */
const cut = 599

interface Line {
  readonly n: number
  readonly at?: number
  readonly bit?: number
  readonly begun?: string
  readonly done?: boolean
  readonly found?: readonly string[]
  readonly failed?: string
  readonly wrong?: readonly string[]
  readonly refused?: readonly number[]
  readonly opened?: string
}

interface Flip extends Line {
  /** What it was doing when LMDB ended it. */
  readonly died?: string
}

async function flipAll (t: Test, directory: string): Promise<Flip[]> {
  const work = await quickDirectory(t)
  const all: Flip[] = []
  for (let first = 1; first <= flips;) {
    const child = startNode(t, 'bit-flips', directory, work, String(seed), String(first), String(flips))
    await child.ended
    const lines = child.lines.map(line => JSON.parse(line) as Line)
    const places = new Map(lines.filter(({ at }) => at !== undefined).map(line => [line.n, line]))
    for (const line of lines) if (line.done === true) all.push({ ...places.get(line.n), ...line })
    const last = lines.at(-1)
    if (last === undefined) throw new Error('A process ended before its first bit')
    if (last.done !== true) all.push({ ...places.get(last.n), ...last, died: last.begun ?? '' })
    first = last.n + 1
  }
  return all
}

t.test('whatever bit of meta.lmdb is wrong: no answer says anything else than before, and what is refused is found by verify', { timeout: Math.max(600_000, flips * 5000) }, async t => {
  const filled = await filledStore(t)
  const all = await flipAll(t, filled.directory)
  t.equal(all.length, flips)
  const wrong = all.filter(({ wrong }) => (wrong?.length ?? 0) > 0)
  t.same(wrong.map(({ n, at, bit, wrong, found, failed }) => ({ n, at, bit, wrong, found, failed })), [])
  const silent = all.filter(({ refused, opened, found, failed, died }) => died === undefined && ((refused?.length ?? 0) > 0 || opened !== undefined) && found?.length === 0 && failed === undefined)
  t.same(silent, [])
  t.same([...new Set(all.flatMap(({ refused }) => refused ?? []))].filter(status => ![404, 500, cut].includes(status)), [], 'nothing is said to be away for a while')
  const count = (which: (flip: Flip) => boolean): number => all.filter(which).length
  t.comment(JSON.stringify({
    flips,
    found: count(({ found }) => (found?.length ?? 0) > 0),
    failed: count(({ failed }) => failed !== undefined),
    refused: count(({ refused }) => (refused?.length ?? 0) > 0),
    cut: count(({ refused }) => refused?.includes(cut) === true),
    notOpened: count(({ opened }) => opened !== undefined),
    diedInVerify: count(({ died }) => died === 'verify'),
    diedReading: count(({ died }) => died === 'read'),
    died: all.filter(({ died }) => died !== undefined).map(({ n, at, bit, died, found, failed }) => ({ n, at, bit, died, found, failed }))
  }, undefined, 1))
})
