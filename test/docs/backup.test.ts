import t, { type Test } from 'tap'
import { execFile } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Cdmi, openStore } from '../../index.js'
import { itself } from '../../cdmi/principal.js'
import { commandLine } from '../helpers/plain-node.js'
import { quickDirectory, noErrors } from '../storage/embedded-driver.js'

const run = promisify(execFile)
const blocks = (page: string): string[] => [...readFileSync(page, 'utf8').matchAll(/```sh\n([^]*?)```/g)].map(([, code = '']) => code)

/** A directory with stores in it, where the program has its name. */
async function place (t: Test, ...stores: string[]): Promise<{ directory: string, sh: (script: string) => Promise<string> }> {
  const directory = await quickDirectory(t)
  for (const name of stores) {
    const store = await openStore({ directory: join(directory, name), sweepInterval: 0 }, noErrors)
    const cdmi = new Cdmi(store)
    await cdmi.containers.create(itself, { from: undefined, names: ['photos'], slash: true })
    const bytes = async function * (): AsyncGenerator<Uint8Array> { yield Buffer.from('smile') }
    await cdmi.dataObjects.write(itself, { from: undefined, names: ['photos', 'a.txt'], slash: false }, 'put', { source: bytes() })
    await cdmi.flush()
    await store.close()
    writeFileSync(join(directory, name, 'users.json'), '[]')
  }
  await mkdir(join(directory, 'bin'))
  const program = join(directory, 'bin/fastify-cdmi')
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${resolve(commandLine)}" "$@"\n`)
  chmodSync(program, 0o755)
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...environment } = process.env
  return { directory, sh: async script => (await run('/bin/sh', ['-e', '-c', script], { cwd: directory, env: { ...environment, PATH: `${join(directory, 'bin')}${delimiter}${environment['PATH'] ?? ''}` } })).stdout }
}

t.test('the examples of docs/backup.md do what the page says', { timeout: 120_000 }, async t => {
  const { directory, sh } = await place(t, 'data')
  const [first = '', file = '', yesterday = ''] = blocks('docs/backup.md')
  t.match(await sh(first), /^Backup .*\n.*\n.* is sound.*\nBackup .* is a store again/)
  t.match(await sh(file), /^Backup .* is in .*monday\.cdmibak: .*\n.* is sound.*\nBackup .* is a store again/)
  t.match(await sh('fastify-cdmi backup --data ./data --to - | tar -t'), /^backup\.json\n(?:parts\/.*\n)+backups\/.*\.json\nend\.json\n$/)
  t.match(await sh(yesterday), /is a store again/)
  t.ok(existsSync(join(directory, 'data/users.json')) && existsSync(join(directory, 'data-that-is-wrong/format.json')))
})

t.test('the examples of docs/export-import.md do what the page says', { timeout: 120_000 }, async t => {
  const { directory, sh } = await place(t, 'data')
  const [first = ''] = blocks('docs/export-import.md')
  t.match(await sh(first), /^\/photos\/ is in .*\n.*photos is in \/pictures\/: 0 containers, 1 data object \(5 bytes\)/)
  t.same((await readdir(join(directory, 'photos'))).sort(), ['.cdmi.jsonl', 'a.txt'])
})

t.test('the pages list every flag of their commands, and none that does not exist', async t => {
  const { commandLine } = await import('../../bin/command-line.js')
  for (const [page, names] of [['docs/backup.md', ['backup', 'restore']], ['docs/export-import.md', ['export', 'import']]] as const) {
    const flags = commandLine().commands.filter(command => names.some(name => name === command.name())).flatMap(({ options }) => options.flatMap(({ long }) => long === null || long === undefined || long === '--config' ? [] : [long]))
    const listed = [...readFileSync(page, 'utf8').matchAll(/^\| (`--[^|]*) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/--[\w-]+/g)].map(([flag]) => flag))
    t.same(listed.sort(), flags.sort(), page)
  }
})
