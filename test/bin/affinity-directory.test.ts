import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { makeAffinityDirectory, removeLeftAffinity } from '../../bin/affinity-directory.js'

/** A store, and the beginning of the names of what its owners make. */
async function store (t: Test): Promise<{ data: string, beginning: string }> {
  const data = mkdtempSync(join(tmpdir(), 'cdmi-affinity-test-'))
  const { path, close } = await makeAffinityDirectory(data)
  await close()
  t.teardown(() => { rmSync(data, { recursive: true }) })
  return { data, beginning: join(tmpdir(), basename(path).slice(0, -6)) }
}

t.test('what workers left behind is removed, but nothing that somebody else may have put there', async t => {
  const { data, beginning } = await store(t)
  const outside = join(data, 'outside')
  const made = (name: string, mode: number): string => {
    const path = `${beginning}${name}`
    mkdirSync(path, { mode })
    t.teardown(() => { rmSync(path, { recursive: true, force: true }) })
    return path
  }
  const left = made('aaaaaa', 0o700)
  const open = made('bbbbbb', 0o755)
  mkdirSync(outside)
  writeFileSync(join(outside, 'x'), 'x')
  const link = `${beginning}cccccc`
  symlinkSync(outside, link)
  t.teardown(() => { rmSync(link) })
  const warned: unknown[] = []
  const remove = async (user?: number): Promise<void> => { await removeLeftAffinity(data, error => { warned.push(error) }, user) }

  await remove((process.getuid?.() ?? 0) + 1)
  t.ok(existsSync(left), 'it is another user\'s')
  await remove(process.getuid?.())
  t.notOk(existsSync(left))
  t.ok(existsSync(open), 'others can look into it, so that we have not made it')
  t.ok(existsSync(join(outside, 'x')))
  t.same(warned, [])
})
