import t from 'tap'
import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import { staleness } from '../helpers/tested-command.js'

t.test('a command line that is older than what it is made of is not tested: what to do is said', async t => {
  const build = t.testdir({ 'index.js': '', bin: { 'fastify-cdmi.js': '' }, storage: { embedded: { 'writer.js': '', 'writer.d.ts': '' } }, command: { 'fastify-cdmi.js': '', 'chunk-A.js': '' }, test: { 'a.test.js': '' } })
  const at = (file: string, seconds: number): void => { utimesSync(join(build, file), seconds, seconds) }
  for (const file of ['index.js', 'bin/fastify-cdmi.js', 'storage/embedded/writer.js']) at(file, 100)
  const command = join(build, 'command/fastify-cdmi.js')
  at('command/fastify-cdmi.js', 101)
  t.equal(staleness(command), undefined, 'newer tests, types and modules of its own do not matter')
  at('storage/embedded/writer.js', 102)
  t.equal(staleness(command), `${command} is older than ${join(build, 'storage/embedded/writer.js')}: "npm run build:test" makes it`)
  t.equal(staleness(join(build, 'bin/fastify-cdmi.js')), undefined, 'the modules themselves are what was compiled')
  t.match(staleness(join(build, 'command/gone.js')), /is not there: "npm run build:test" makes it$/)
  t.equal(staleness('/opt/fastify-cdmi/dist/bin/fastify-cdmi.js'), undefined, 'one from elsewhere')
})
