import t from 'tap'
import { existsSync } from 'node:fs'
import { chmod, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDirectory } from '../../storage/files/make-directory.js'
import { readFormat } from '../../storage/embedded/store-format.js'

t.test('a directory is made with all above it, once, also by several at the same time', async t => {
  const path = join(t.testdir(), 'a', 'b', 'c')
  t.equal(await makeDirectory(path, 0o700), true)
  t.equal((await stat(path)).mode & 0o777, 0o700)
  t.equal(await makeDirectory(path, 0o700), false)
  const other = join(t.testdir(), 'x', 'y')
  await Promise.all(Array.from({ length: 8 }, async () => await makeDirectory(other)))
  t.ok((await stat(other)).isDirectory())
})

t.test('what cannot be one is refused', async t => {
  const path = join(t.testdir(), 'file')
  await writeFile(path, 'x')
  await t.rejects(makeDirectory(path), { code: 'EEXIST' })
  await t.rejects(makeDirectory(join(path, 'below')), { code: 'ENOTDIR' })
  const link = join(t.testdir(), 'link')
  await symlink(join(link, '..', 'nowhere'), link)
  for (const path of [link, join(link, 'below')]) await t.rejects(makeDirectory(path), { code: 'EEXIST', message: `EEXIST: ${link} is a symbolic link to what is not there` })
  const closed = t.testdir({ inside: {} })
  await chmod(closed, 0o500)
  t.equal(await makeDirectory(join(closed, 'inside')), false)
})

t.test('where the system takes no directories that is said, and nobody waits for ever', { skip: existsSync('/proc/self') ? false : 'there is no /proc' }, async t => {
  for (const path of ['/proc/x', '/proc/x/y/z']) await t.rejects(makeDirectory(path), { name: 'StorageError', reason: 'permission', message: /^No directory \/proc\/x can be made: what is mounted at \/proc, or above it, takes none$/ })
  await t.rejects(readFormat('/proc/x'), { name: 'StorageError', reason: 'permission' })
})
