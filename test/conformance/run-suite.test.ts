import t, { type Test } from 'tap'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { startLocalServer } from './local-server.js'
import { plainNode } from '../helpers/plain-node.js'

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** What `npm run conformance -- <given>` prints, once everything is compiled. */
async function run (...given: readonly string[]): Promise<Ended> {
  return await new Promise(resolve => {
    execFile(...plainNode('build/test/conformance/run-suite.js', ...given), (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err })
    })
  })
}

/** A server that is none of CDMI. */
async function foreign (t: Test, status: number): Promise<string> {
  const http = createServer((request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': 'text/html' }).end('<html>\n<p>Not\nhere</p>\n</html>')
  }).listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.after(() => {
    http.closeAllConnections()
    http.close()
  })
  const address = http.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port ?? 0 : 0}`
}

t.test('a server of CDMI: a table with one line a case, and its count', async t => {
  const local = await startLocalServer()
  t.after(async () => { await local.close() })
  const { code, out, err } = await run('--root', local.root, '--user', local.user ?? '', '--password', local.password ?? '', '--only', 'CAP-03,GEN-41')
  t.equal(code, 0, err)
  const lines = out.trim().split('\n')
  t.equal(lines[0], 'ID | what | result')
  t.match(lines[1], /^CAP-03 \| .* \| passed$/)
  t.match(lines.at(-1), /: 3 cases, 2 passed, 0 FAILED, 1 not offered, 0 do not apply$/)
  t.equal(lines.length, 5)
  const json: unknown = JSON.parse((await run('--root', local.root, '--user', local.user ?? '', '--password', local.password ?? '', '--only', 'CAP-03', '--json')).out)
  t.match(json, [{ id: 'CAP-03', status: 'passed' }])
})

t.test('a server that is none of CDMI: the table comes, every case in one line', async t => {
  const { code, out, err } = await run('--root', await foreign(t, 501), '--only', 'CAP-0')
  t.match([code, err], [1, ''])
  const lines = out.trim().split('\n')
  for (const line of lines.slice(1, -1)) t.match(line, /^[A-Z].*\| (FAILED \(.*answered 501.*\)|does not apply \(nobody can read .*\))$/)
  t.match(lines.at(-1), / 0 passed, [1-9]\d* FAILED/)
})

t.test('what cannot be run is said in one sentence, with the exit code 2', async t => {
  const unauthorized = await foreign(t, 401)
  for (const [given, sentence] of [
    [['--root', 'localhost:1'], /--root is the URI .* "localhost:1"/], [['--root', unauthorized], /401: give a user/],
    [['--root', unauthorized, '--only', 'NONE'], /No case .* NONE/]
  ] as const) t.match(await run(...given), { code: 2, out: '', err: sentence }, given.join(' '))
})
