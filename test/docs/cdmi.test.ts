import t from 'tap'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import cdmi, { openMemoryStore } from '../../index.js'

const run = promisify(execFile)

t.test('every command of the CDMI page does what it says', async t => {
  const app = Fastify()
  await app.register(cdmi, { store: openMemoryStore(), prefix: '/cdmi/2.0.0', users: name => name === 'admin' })
  t.teardown(async () => { await app.close() })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const page = readFileSync('docs/cdmi.md', 'utf8').replaceAll('http://localhost:6375', origin)
  const lines = [...page.matchAll(/```sh\n([^]*?)```/g)].flatMap(([, block = '']) => block.split('\n')).filter(line => line !== '')
  const settings = lines.filter(line => /^(?:[SOC]=|c\(\) )/.test(line))
  const commands = lines.filter(line => line.startsWith('c '))
  t.equal(settings.length, 4)
  t.ok(commands.length > 14)
  const printed = new Map<string, string>()
  for (const command of commands) {
    const script = [...settings, command].join('\n').replace('curl ', 'curl --silent --show-error --fail ')
    const { stdout } = await run('bash', ['-c', script], { env: { ...process.env, AUTH: 'admin:secret' } })
    printed.set(command, stdout)
    t.pass(command)
  }
  const answer = (part: string): string => [...printed].find(([command]) => command.includes(part))?.[1] ?? ''
  t.match(JSON.parse(answer("'Accept: application/cdmi-object' $S/letters/a.txt")), { mimetype: 'text/plain', metadata: { size: '12', colour: undefined }, value: 'SGVsbG8sIFdPUkxE' })
  t.same(Object.keys(JSON.parse(answer('objectID&metadata=col'))), ['objectID', 'metadata', 'valuerange', 'value'])
  t.match(answer('Accept: multipart/mixed'), /Content-Range: bytes 7-11\/12\r\n\r\nWORLD/)
  t.match(JSON.parse(answer('childrenrange&children=0-1')), { childrenrange: '0-1', children: { length: 2 } })
})
