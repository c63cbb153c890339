import t from 'tap'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import cdmi, { openMemoryStore } from '../../index.js'
import { catalogue } from '../../cdmi/capability-catalogue.js'

const run = promisify(execFile)
const page = readFileSync('docs/cdmi-serialization.md', 'utf8')

t.test('every command of the page about serialization does what it says', async t => {
  const app = Fastify()
  await app.register(cdmi, { store: openMemoryStore(), prefix: '/cdmi/2.0.0', users: name => name === 'admin' })
  t.teardown(async () => { await app.close() })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const file = join(t.testdir(), 'letters.json')
  const lines = [...page.replaceAll('http://localhost:6375', origin).replaceAll('/tmp/letters.json', file).matchAll(/```sh\n([^]*?)```/g)].flatMap(([, block = '']) => block.split('\n'))
  const settings = lines.filter(line => /^[SOC]=/.test(line))
  const commands = lines.filter(line => line.startsWith('c '))
  t.equal(commands.length, 12)
  for (const command of commands) {
    await run('bash', ['-c', [...settings, 'c () { curl --silent --show-error --fail -u admin:secret "$@"; }', command].join('\n')])
    t.pass(command)
  }
  t.match(JSON.parse(readFileSync(file, 'utf8')), { objectName: 'letters/', metadata: { project: 'blue' }, children: [{ objectName: 'a.txt', value: 'Hello, world' }] })
  const plain = async (path: string): Promise<string> => (await app.inject({ url: '/cdmi/2.0.0' + path, headers: { authorization: 'Basic YWRtaW46c2VjcmV0', accept: 'application/json' } })).body
  t.equal(await plain('/again/a.txt'), 'Hello, world')
  t.same(JSON.parse(await plain('/')).children, ['again/', 'backup.json', 'one.json'])
})

t.test('every capability that the page names is in the catalogue, and those about serialization are on it', async t => {
  const names = [...new Set(Object.values(catalogue).flatMap(scope => Object.keys(scope)))]
  const [, table = ''] = page.split('| capability | what |')
  const named = [...table.matchAll(/`(cdmi_\w+)`/g)].map(([, name = '']) => name)
  t.same(names.filter(name => name.includes('serializ')).sort(), named.sort())
})
