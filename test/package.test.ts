/** What `npm pack` makes: what is in it, and that it works where nothing else of the project is. */
import t from 'tap'
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { request } from 'undici'
import { plainNode } from './helpers/plain-node.js'

const run = promisify(execFile)
const { files, dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: string[], dependencies: Record<string, string> }
const packed = 'build/packed'
/** A project that has installed it, with what it says that it needs, and nothing else. */
const project = realpathSync(mkdtempSync(join(tmpdir(), 'package-')))
t.teardown(() => { rmSync(project, { recursive: true, force: true }) })
const installed = join(project, 'node_modules/fastify-cdmi')
const command = join(installed, 'dist/bin/fastify-cdmi.js')

rmSync(packed, { recursive: true, force: true })
mkdirSync(packed, { recursive: true })
for (const name of ['package.json', ...files]) if (name !== 'dist') cpSync(name, join(packed, name), { recursive: true })
execFileSync(...plainNode('scripts/build.mjs', join(packed, 'dist')), { stdio: 'inherit' })
const [report] = JSON.parse(execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--silent'], { cwd: packed, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } })) as Array<{ filename: string, size: number, unpackedSize: number, files: Array<{ path: string }> }>
if (report === undefined) throw new Error('npm has packed nothing')
mkdirSync(installed, { recursive: true })
execFileSync('tar', ['-xzf', join(packed, report.filename), '-C', installed, '--strip-components=1'])
// As `npm install` would, without a registry.
for (const name of [...Object.keys(dependencies), '@types/node']) {
  mkdirSync(dirname(join(project, 'node_modules', name)), { recursive: true })
  symlinkSync(realpathSync(join('node_modules', name)), join(project, 'node_modules', name))
}
writeFileSync(join(project, 'package.json'), '{"type":"module"}')

const paths = report.files.map(({ path }) => path)

/** Modules or types that one leads to, by what stands behind `from` and in `import(…)`. */
const reached = (file: string, found = new Set<string>()): Set<string> => {
  if (found.has(file)) return found
  found.add(file)
  const text = readFileSync(join(installed, file), 'utf8')
  for (const [, to = ''] of text.matchAll(/(?:\bfrom|\bimport\(?|new URL\()\s*["'](\.[^"'\n]+\.js)["']/g)) reached(relative('.', join(dirname(file), file.endsWith('.d.ts') ? to.replace(/\.js$/, '.d.ts') : to)), found)
  return found
}

t.test('there is in it what somebody reads or loads, and nothing else; it is no larger than it has to be', async t => {
  t.same([...new Set(paths.map(path => path.split('/')[0]))].sort(), ['package.json', ...files].sort())
  const code = paths.filter(path => path.startsWith('dist/'))
  const loaded = ['dist/index.js', 'dist/index.d.ts', 'dist/bin/fastify-cdmi.js'].flatMap(entry => [...reached(entry)])
  const needed = new Set([...loaded, ...loaded.filter(path => path.startsWith('dist/bin/')).map(path => `${path}.map`)])
  t.same(code.filter(path => !needed.has(path)), [], 'nobody needs them')
  t.same([...needed].filter(path => !code.includes(path)), [], 'they are missing')
  t.ok(report.unpackedSize < 6_000_000, `${report.unpackedSize} bytes`)
  t.ok(report.size < 1_500_000, `${report.size} bytes packed`)
  t.equal(statSync(command).mode & 0o111, 0o111, 'the command can be run')
})

t.test('its manifest leads to what there is', async t => {
  t.same((await publint({ pkgDir: installed, pack: false, strict: true })).messages, [])
})

t.test('the example of the README compiles with its types, and stores values', async t => {
  const [, example = ''] = /```ts\n([^]*?)```/.exec(readFileSync(join(installed, 'README.md'), 'utf8')) ?? []
  const [config, options] = [join(project, 'tsconfig.json'), { target: 'ES2023', module: 'NodeNext', strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmitOnError: false, types: ['node'] }]
  writeFileSync(join(project, 'app.ts'), example.replace('port: 3000', "port: 0, host: '127.0.0.1'") + '\nconsole.log(app.listeningOrigin)\nprocess.on("SIGTERM", () => { void app.close() })\n')
  writeFileSync(join(project, 'wrong.ts'), "import cdmi, { openStore } from 'fastify-cdmi'\nexport const open = async (): Promise<unknown> => await openStore({ directory: 5 })\nexport default cdmi\n")
  // Together, for to check all types there are takes long.
  writeFileSync(config, JSON.stringify({ compilerOptions: options, files: ['app.ts', 'wrong.ts'] }))
  const refused: unknown = await run(...plainNode(realpathSync('node_modules/typescript-7/bin/tsc'), '-p', config), { cwd: project }).catch((error: unknown) => error)
  t.match(refused, { stdout: /^wrong\.ts\(2,\d+\): error TS2\d+: [^\n]*number[^]*$/ }, 'what is wrong is seen: its types are there')
  t.same((refused as { stdout: string }).stdout.split('\n').filter(line => / error TS/.test(line) && !line.startsWith('wrong.ts(2,')), [], 'nothing else is wrong')
  const app = started(spawn(...plainNode('app.js'), { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] }))
  const root = (await says(app, /^(http:\S+)/m)) + '/cdmi/2.0.0/'
  await storesValues(root, 'Basic ' + Buffer.from('admin:change me').toString('base64'))
  app.kill('SIGTERM')
  t.same(await once(app, 'exit'), [0, null])

  async function storesValues (root: string, authorization: string): Promise<void> {
    const value = 'v'.repeat(100_000)
    const put = await request(`${root}value.txt`, { method: 'PUT', headers: { authorization }, body: value })
    await put.body.dump()
    t.equal(put.statusCode, 201)
    t.equal(await (await request(`${root}value.txt`, { headers: { authorization } })).body.text(), value)
  }
})

t.test('the command serves with workers, verifies and backs up; a trace names its sources', async t => {
  const data = join(project, 'store')
  const server = started(spawn(...plainNode(command, 'serve', '--data', data, '--port', '0', '--host', '127.0.0.1', '--workers', '2'), { cwd: project, env: { ...process.env, ADMIN_PASSWORD: 'secret' }, stdio: ['ignore', 'pipe', 'inherit'] }))
  const origin = await says(server, /fastify-cdmi is at (http:\/\/\S+:\d+)\//)
  const authorization = 'Basic ' + Buffer.from('admin:secret').toString('base64')
  const put = await request(`${origin}/data/greeting`, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: '{"text":"hello"}' })
  await put.body.dump()
  t.ok(put.statusCode < 300, String(put.statusCode))
  t.match(await (await request(`${origin}/data/greeting`, { headers: { authorization } })).body.json(), { text: 'hello' })
  t.match(await (await request(`${origin}/-/docs/json`, { headers: { authorization } })).body.text(), /"openapi"/)
  const tool = async (...args: string[]): Promise<string> => (await run(...plainNode(command, ...args), { cwd: project })).stdout
  t.equal(await tool('--version'), '0.1.0\n')
  t.match(await tool('verify', '--data', data), /The store is sound\./)
  await tool('backup', '--data', data, '--to', join(project, 'backups'))
  t.ok(readdirSync(join(project, 'backups')).length > 0)
  server.kill('SIGTERM')
  t.same(await once(server, 'exit'), [0, null])
  // An error that nobody has foreseen.
  writeFileSync(join(project, 'break.mjs'), "process.stdout.write = () => { throw new TypeError('broken') }\n")
  const failed: unknown = await run(...plainNode('--enable-source-maps', '--import', join(project, 'break.mjs'), command, 'verify', '--data', data), { cwd: project }).catch((error: unknown) => error)
  t.match(failed, { code: 1, stderr: /TypeError: broken\n[^]* at (?:async )?\w+ \(\S*\/bin\/verify\.ts:\d+:\d+\)/ })
})

function started<Child extends ChildProcess> (child: Child): Child {
  t.teardown(() => { child.kill('SIGKILL') })
  return child
}

/** What it prints in the parentheses of the pattern. */
async function says (child: ChildProcess, pattern: RegExp): Promise<string> {
  let printed = ''
  return await new Promise((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
      const [, found] = pattern.exec(printed) ?? []
      if (found !== undefined) resolve(found)
    })
    child.once('exit', () => { reject(new Error(`it ended, and printed ${printed}`)) })
  })
}
