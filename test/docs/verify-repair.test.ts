import t from 'tap'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openStore } from '../../index.js'
import { Alive } from '../../schemas/health.js'
import { Value } from '../../schemas/typebox.js'
import { runExample } from '../helpers/run-example.js'
import { runInProcess } from '../helpers/run-in-process.js'
import { storeBlob } from '../storage/driver.js'
import { noErrors } from '../storage/embedded-driver.js'
import { repaired, verified } from '../storage/verify-store.js'

const page = readFileSync('docs/verify-repair.md', 'utf8')
const blocks = (language: string): string[] => [...page.matchAll(new RegExp('```' + language + '\\n([^]*?)```', 'g'))].map(([, code = '']) => code)

t.test('the commands of the page do what it says, to a store with a value that is gone', async t => {
  const directory = join(t.testdir(), 'data')
  const store = await openStore({ directory, sweepInterval: 0 }, noErrors)
  const { birth } = await storeBlob(store, Buffer.alloc(100_000, 'x'), { parentID: store.rootID, name: 'one', attributes: { metadata: {}, completionStatus: 'Complete', created: 1, modified: 1 } })
  await store.close()
  await rm(join(directory, 'blobs', birth.blob))
  const commands = (blocks('sh')[0] ?? '').trim().split('\n').map(line => line.replace('./data', directory).split(' ').slice(1))
  const codes: number[] = []
  for (const command of commands) codes.push((await runInProcess(command)).code)
  t.same(codes, [3, 3, 0])
  t.same((await verified(directory)).news, [])
})

t.test('the JSON of the page has the fields that are printed, and its table all of them', async t => {
  const directory = join(t.testdir(), 'data')
  const store = await openStore({ directory, sweepInterval: 0 }, noErrors)
  const { birth } = await storeBlob(store, Buffer.alloc(100_000, 'x'), { parentID: store.rootID, name: 'one', attributes: { metadata: {}, completionStatus: 'Complete', created: 1, modified: 1 } })
  await store.close()
  const file = join(directory, 'blobs', birth.blob)
  const bytes = await readFile(file)
  bytes[9] = 0
  await writeFile(file, bytes)
  const [shown = '', health = ''] = blocks('json')
  const printed = JSON.parse((await runInProcess(['verify', '--data', directory, '--json'])).stdout)
  t.same(Object.keys(printed), Object.keys(JSON.parse(shown)))
  t.same(Object.keys(printed.findings[0]).sort(), Object.keys(JSON.parse(shown).findings[0]).sort())
  for (const name of Object.keys(printed)) if (!['values', 'seconds'].includes(name)) t.match(page, new RegExp(`\\|[^|]*\`${name}\`[^|]*\\|`), name)
  t.ok(Value.Check(Alive, JSON.parse(health)), 'health is as the API says')
  await repaired(directory)
  t.same(await readdir(directory).then(names => names.filter(name => name === 'moved-aside')), [], 'nothing was moved aside as a file')
})

t.test('the program of the page runs as it stands', async t => {
  const [example = ''] = blocks('js')
  const child = runExample(t, example)
  let printed = ''
  child.stdout?.on('data', (chunk: Buffer) => { printed += chunk.toString() })
  t.same(await once(child, 'close'), [0, null])
  t.equal(printed, '0 reads were ended, the scrub has read 0 bytes\n')
})
