import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { admin, type Door, openDoor } from '../helpers/forms.js'
import { missingCommand } from '../helpers/missing-command.js'

const run = promisify(execFile)

const tree = ['top.txt', 'grüße 你好.txt', 'sub/a b.txt', 'sub/100%.txt', 'sub/deep er/c&d.txt', 'sub/deep er/javascript:x.txt', "sub/it's.txt"]

async function plant ({ model }: Door): Promise<void> {
  for (const path of tree) {
    const names = ['c', ...path.split('/')]
    for (let depth = 2; depth < names.length; depth++) await model.containers.create(admin, { from: undefined, names: names.slice(0, depth), slash: true })
    async function * source (): AsyncGenerator<Uint8Array> { yield Buffer.from(path) }
    await model.dataObjects.write(admin, { from: undefined, names, slash: false }, 'put', { source: source(), mimetype: 'text/plain' })
  }
}

async function filesBelow (directory: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith('index.html')) continue
    const path = join(entry.parentPath, entry.name)
    files[path.slice(directory.length + 1)] = await readFile(path, 'utf8')
  }
  return files
}

const expected = Object.fromEntries(tree.map(path => [path, path]))

t.test('CLI-24: wget -r walks a store by its listings', { skip: missingCommand('wget') }, async t => {
  const door = await openDoor(t, { prefix: '/cdmi/2.0.0' })
  await plant(door)
  const directory = t.testdir()
  await run('wget', ['-q', '-r', '-np', '-nH', '--cut-dirs=3', '--restrict-file-names=nocontrol', '-P', directory, `${door.origin}/cdmi/2.0.0/c/`])
  t.same(await filesBelow(directory), expected)
})

t.test('CLI-24: rclone copies a store through its :http: backend', { skip: missingCommand('rclone') }, async t => {
  const door = await openDoor(t, { prefix: '/cdmi/2.0.0' })
  await plant(door)
  const directory = t.testdir()
  await run('rclone', ['copy', '--config', '', '--http-url', `${door.origin}/cdmi/2.0.0/c/`, ':http:', directory])
  t.same(await filesBelow(directory), expected)
})
