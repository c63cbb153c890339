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
  const code = `set -euo pipefail\ncurl() { command curl --silent --show-error --fail "$@"; }\n${script.replaceAll(/^curl .*\$S\/\w+$/gm, line => line.includes(' -X ') ? line : `${line}; echo`)}`
  const { stdout, stderr } = await run('bash', ['-c', code.replace('localhost:6375', server.origin)], { env: { ...process.env, AUTH: Buffer.from(credentials, 'base64').toString() } })
  t.equal(stderr, '')
  const printed = stdout.split('\n').filter(line => !line.startsWith('{'))
  t.same(printed, ['Hello, world', 'aabb', 'HELLO, world', ''].slice(0, 3).concat(printed.slice(3)))
  t.match(stdout, /one, two\n$/)
  t.match(stdout, /"completionStatus":"Processing"/)
})
