import t from 'tap'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startServer } from '../helpers/server-process.js'

const run = promisify(execFile)

t.test('the examples of values in parts run as they stand', async t => {
  const [, script = ''] = /```sh\n([^]*?)```/.exec(readFileSync('docs/partial-upload.md', 'utf8')) ?? []
  const server = await startServer(t, join(t.testdir(), 'store'), ['--log-level', 'error'])
  const [, credentials = ''] = server.authorization.split(' ')
  const code = `set -euo pipefail\ncurl() { command curl --silent --show-error --fail "$@"; echo; }\n${script.replace('localhost:6375', server.origin)}`
  const { stdout, stderr } = await run('bash', ['-c', code], { env: { ...process.env, AUTH: Buffer.from(credentials, 'base64').toString() } })
  t.equal(stderr, '')
  t.same(stdout.split('\n').filter(line => line !== '' && !line.startsWith('{')), ['Hello, world', 'aabb', 'HELLO, world', 'one, two'])
  t.match(stdout, /"completionStatus":"Processing"/)
})
