import t from 'tap'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import cdmi, { openMemoryStore } from '../../index.js'

const run = promisify(execFile)

t.test('every command of the page about operations that take long does what it says', async t => {
  const app = Fastify()
  await app.register(cdmi, { store: openMemoryStore(), prefix: '/cdmi/2.0.0', users: name => name === 'admin' })
  t.teardown(async () => { await app.close() })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const [, block = ''] = /```sh\n([^]*?)```/.exec(readFileSync('docs/cdmi-delayed.md', 'utf8')) ?? []
  const script = block.replace('http://localhost:6375', origin).replace(/^c\(\) .*$/m, 'c () { curl --silent --show-error --fail -u admin:secret "$@"; }')
  const { stdout } = await run('bash', ['-euc', script])
  t.match(stdout, /\{"completionStatus":"(?:Processing|Complete)"/)
})
