import t from 'tap'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { request } from 'undici'
import { runExample } from '../helpers/run-example.js'
import { startServer } from '../helpers/server-process.js'

const run = promisify(execFile)
const readme = readFileSync('README.md', 'utf8')
const blocks = (language: string): string[] => [...readme.matchAll(new RegExp('```' + language + '\\n([^]*?)```', 'g'))].map(([, code = '']) => code)

t.test('the two commands of the README are scripts of the package', async t => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
  t.match(readme, 'npm install && npm start')
  t.match(readme, 'npm install && npm test')
  t.ok(scripts.start && scripts.test && scripts.prepare)
})

t.test('every curl command of the README works against a server', async t => {
  const server = await startServer(t, join(t.testdir(), 'store'), ['--log-level', 'error'])
  const [, credentials = ''] = server.authorization.split(' ')
  const lines = blocks('sh').flatMap(block => block.split('\n')).filter(line => line.startsWith('curl '))
  t.ok(lines.length >= 5)
  for (const line of lines) {
    const command = line.replace(/localhost:6375/g, server.origin).replace('curl ', 'curl --silent --show-error --fail ')
    const { stdout } = await run('bash', ['-c', command], { env: { ...process.env, AUTH: Buffer.from(credentials, 'base64').toString() } })
    t.pass(`${line}: ${stdout.slice(0, 60)}`)
  }
  const uploaded = await request(server.origin + '/MyContainer/package.json', { headers: { authorization: server.authorization } })
  t.equal(await uploaded.body.text(), readFileSync('package.json', 'utf8'))
})

t.test('the plugin example of the README runs as it stands', async t => {
  const [example = ''] = blocks('ts')
  const child = runExample(t, example, '\nconsole.log(app.listeningOrigin)\nprocess.on("SIGTERM", () => app.close())\n')
  const [line] = await once(child.stdout ?? child, 'data') as [Buffer]
  const root = line.toString().trim() + '/cdmi/2.0.0/'
  const authorization = 'Basic ' + Buffer.from('admin:change me').toString('base64')
  const created = await request(root + 'hello.txt', { method: 'PUT', headers: { authorization, 'content-type': 'text/plain;charset=utf-8' }, body: 'Grüße' })
  t.equal(created.statusCode, 201)
  await created.body.dump()
  const read = await request(root + 'hello.txt', { headers: { authorization } })
  t.equal(await read.body.text(), 'Grüße')
  child.kill('SIGTERM')
  t.same(await once(child, 'exit'), [0, null], 'and ends when it is told to')
})
