import t from 'tap'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import cdmi, { openMemoryStore } from '../../index.js'
import { catalogue } from '../../cdmi/capability-catalogue.js'

const run = promisify(execFile)
const page = readFileSync('docs/cdmi-copy-move-reference.md', 'utf8')

t.test('every command of the page about copies, moves and references does what it says', async t => {
  const app = Fastify()
  await app.register(cdmi, { store: openMemoryStore(), prefix: '/cdmi/2.0.0', users: name => name === 'admin' })
  t.teardown(async () => { await app.close() })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const lines = [...page.replaceAll('http://localhost:6375', origin).matchAll(/```sh\n([^]*?)```/g)].flatMap(([, block = '']) => block.split('\n'))
  const settings = lines.filter(line => /^[SOC]=/.test(line))
  const commands = lines.filter(line => line.startsWith('c '))
  t.equal(commands.length, 16)
  const printed: string[] = []
  for (const command of commands) {
    const { stdout } = await run('bash', ['-c', [...settings, 'c () { curl --silent --show-error --fail -u admin:secret "$@"; }', command].join('\n')])
    t.pass(command)
    printed.push(stdout)
  }
  t.equal(printed.at(-2), 'Hello, world', 'the reference leads to its target')
  const plain = async (path: string): Promise<string> => (await app.inject({ url: '/cdmi/2.0.0' + path, headers: { authorization: 'Basic YWRtaW46c2VjcmV0', accept: 'application/json' } })).body
  t.equal(await plain('/d.txt'), 'world')
  t.same(JSON.parse(await plain('/')).children, ['d.txt', 'elsewhere/?', 'letters/'])
  t.match(JSON.parse(await plain('/letters/')).children, [/^[0-9A-F]{48}$/, 'a.txt', 'b.txt', 'old/'])
})

t.test('every capability that the page names is in the catalogue, and those about copies, moves and references are on it', async t => {
  const names = new Set(Object.values(catalogue).flatMap(scope => Object.keys(scope)))
  const [, table = ''] = page.split('| capability | what |')
  const named = [...table.matchAll(/`(cdmi_\w+)`/g)].map(([, name = '']) => name)
  for (const name of named) t.ok(names.has(name), name)
  t.same([...names].filter(name => /_(?:copy|move|references?)(?:_|$)/.test(name)).sort(), named.sort())
})
