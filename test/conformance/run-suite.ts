/** `npm run conformance`: runs the suite against a server and prints what came of it. */
import { parseArgs } from 'node:util'
import { idsOf, type Case } from './suite/case.js'
import { suite } from './suite/index.js'
import { readOffers } from './suite/offers.js'
import { runCases, type Outcome } from './suite/run-case.js'
import { Server } from './suite/server.js'

const usage = `Usage: npm run conformance -- [options]

  --root URL           the root container, such as https://store.example/cdmi/2.0.0/; without it, this project's own server
  --user NAME          user for Basic authentication
  --password PASSWORD  and the password
  --only ID,ID         cases whose IDs begin so, such as DOC,COC-2
  --json               one JSON array instead of a table
`

interface Row { readonly id: string, readonly what: string, readonly status: Outcome['status'], readonly sentence?: string }

/** Whether the case is asked for by `--only`: `DOC` takes DOC-20 and DOC-40, `COC-2` takes COC-20 to COC-29, `COC-02` that alone. */
function chosen (each: Case, only: readonly string[]): boolean {
  return only.length === 0 || idsOf(each).some(id => only.some(start => id.startsWith(start)))
}

function line ({ id, what, status, sentence = '' }: Row): string {
  const result = status === 'failed' ? `FAILED (${sentence.replace(/\s+/g, ' ')})` : status === 'passed' ? status : `${status} (${sentence})`
  return `${id} | ${what} | ${result}`
}

async function run (): Promise<number> {
  const { values } = parseArgs({
    options: { root: { type: 'string' }, user: { type: 'string' }, password: { type: 'string' }, only: { type: 'string' }, json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } }
  })
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  if (values.root !== undefined && !/^https?:\/\/[^/]/.test(values.root)) throw new Error(`--root is the URI of the root container, such as https://store.example/cdmi/2.0.0/, but not "${values.root}"`)
  // All of this project is loaded for its own server alone.
  const local = values.root === undefined ? await (await import('./local-server.js')).startLocalServer() : undefined
  const server = new Server(local ?? { root: values.root ?? '', user: values.user, password: values.password })
  try {
    const cases = suite.filter(each => chosen(each, values.only?.split(',').filter(start => start !== '') ?? []))
    if (cases.length === 0) throw new Error(`No case has an ID that begins with ${values.only ?? ''}`)
    const outcomes = await runCases(server, await readOffers(server), cases)
    const rows = cases.map(({ id, text: what }, index): Row => ({ id, what, ...outcomes[index] ?? { status: 'failed', sentence: 'was not run' } }))
    const count = (status: Outcome['status']): number => rows.filter(row => row.status === status).length
    if (values.json) process.stdout.write(JSON.stringify(rows, null, 2) + '\n')
    else {
      process.stdout.write(['ID | what | result', ...rows.map(line), ''].join('\n'))
      process.stdout.write(`${server.root}: ${rows.length} cases, ${count('passed')} passed, ${count('failed')} FAILED, ${count('not offered')} not offered, ${count('does not apply')} do not apply\n`)
    }
    return count('failed') === 0 ? 0 : 1
  } finally {
    await server.close()
    await local?.close()
  }
}

// Whoever reads may have seen enough, as `head` has.
process.stdout.on('error', (error: NodeJS.ErrnoException) => { if (error.code !== 'EPIPE') throw error })

try {
  process.exitCode = await run()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n(--help lists the options)\n`)
  process.exitCode = 2
}
