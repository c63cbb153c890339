import t from 'tap'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import cdmi, { openMemoryStore } from '../../index.js'
import { RemoteSource } from '../../schemas/options.js'
import { loadConfig } from '../../server/config-sources.js'
import { otherStore } from '../helpers/other-server.js'

const run = promisify(execFile)
const page = readFileSync('docs/cdmi-remote.md', 'utf8')

t.test('every command of the page about other servers does what it says', async t => {
  const other = await otherStore(t)
  await other.put('/letters/')
  await other.put('/letters/a.txt', { value: 'Hello, world', metadata: { colour: 'red' } })
  await other.plain('PUT', '/page.html', '<p>', { 'content-type': 'text/html' })
  await other.plain('PUT', '/film', 'x'.repeat(1000))
  const app = Fastify()
  await app.register(cdmi, { store: openMemoryStore(), prefix: '/cdmi/2.0.0', users: name => name === 'admin', remoteSources: [{ origin: other.origin, privateAddresses: true }] })
  t.teardown(async () => { await app.close() })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const blocks = [...page.replace('http://localhost:6375', origin).replace('R=http://10.0.0.7:8080', `R=${other.origin}`).matchAll(/```sh\n([^]*?)```/g)].map(([, block = '']) => block)
  t.equal(blocks.length, 2)
  const script = blocks.join('').replace(/^c\(\) .*$/m, 'c () { curl --silent --show-error --fail -u admin:secret "$@"; }')
  const { stdout } = await run('bash', ['-euc', script])
  t.match(stdout, /\{"completionStatus":"(?:Processing|Complete)"/)
  const read = async (path: string): Promise<unknown> => (await app.inject({ url: '/cdmi/2.0.0' + path, headers: { authorization: 'Basic YWRtaW46c2VjcmV0', accept: 'application/cdmi-object' } })).json()
  t.match(await read('/a.txt'), { value: 'Hello, world', metadata: { colour: 'red' } })
  t.match(await read('/b.txt'), { value: 'Hello', metadata: { colour: 'red' } })
  t.match(await read('/page'), { mimetype: 'text/html' })
  t.match(await read('/c.txt'), { value: 'Hello, world' })
  t.equal((await other.get('/letters/a.txt')).statusCode, 404)
})

t.test('the page lists every field of an entry, and its configuration is one that the server takes', async t => {
  const [, table = ''] = page.split('| field | what |')
  const [rows = ''] = table.split('\n\n')
  t.same([...rows.matchAll(/^\| (.*?) \|/gm)].flatMap(([, names = '']) => [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name)).sort(), Object.keys(RemoteSource.properties).sort())
  const [, example = ''] = /```toml\n([^]*?)```/.exec(page) ?? []
  const file = join(t.testdir({ 'config.toml': example.replace('…', 'abc') }), 'config.toml')
  const sources = [{ origin: 'https://other.example', token: 'abc' }]
  t.same(loadConfig({ file }).remoteSources, sources)
  t.same(loadConfig({ environment: { CDMI_REMOTE_SOURCES: JSON.stringify(sources) } }).remoteSources, sources)
  for (const wrong of ['https://other.example', '[{"origin":3}]', '{}']) t.throws(() => loadConfig({ environment: { CDMI_REMOTE_SOURCES: wrong } }), { message: /CDMI_REMOTE_SOURCES/ })
})
