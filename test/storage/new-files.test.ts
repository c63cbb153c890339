/** How files and directories come to their names, on whatever file system. */
import t from 'tap'
import promises from 'node:fs/promises'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { PageMarks } from '../../storage/embedded/verify/page-marks.js'
import { DirectorySync } from '../../storage/files/directory-sync.js'
import { makeDirectory } from '../../storage/files/make-directory.js'
import { giveNewName } from '../../storage/files/new-name.js'

for (const code of ['', 'EPERM', 'ENOTSUP']) {
  t.test(`a name that is taken is left alone, a free one is given; ${code === '' ? 'with links' : `where a file has one name only (${code})`}`, async t => {
    if (code !== '') {
      const { link } = promises
      promises.link = async () => { throw Object.assign(new Error(`${code}: no links`), { code }) }
      syncBuiltinESMExports()
      t.teardown(() => {
        promises.link = link
        syncBuiltinESMExports()
      })
    }
    const directory = t.testdir({ draft: 'new', taken: 'old' })
    const [draft, taken, free] = ['draft', 'taken', 'free'].map(name => join(directory, name)) as [string, string, string]
    t.equal(await giveNewName(draft, taken), false)
    t.same([readFileSync(taken, 'utf8'), existsSync(draft)], ['old', true])
    t.equal(await giveNewName(draft, free), true)
    t.same(readdirSync(directory).sort(), ['free', 'taken'])
    t.equal(readFileSync(free, 'utf8'), 'new')
    await t.rejects(giveNewName(draft, join(directory, 'nowhere', 'x')), { code: 'ENOENT' })
    await t.rejects(giveNewName(join(directory, 'no-draft'), join(directory, 'x')), { code: 'ENOENT' })
    t.same(readdirSync(directory).sort(), ['free', 'taken'], 'what fails leaves no name')
  })
}

t.test('the name of each directory that is made is flushed, those above it included; of what was there nothing is', async t => {
  const top = t.testdir()
  mkdirSync(join(top, 'there'))
  const flushed: string[] = []
  const sync = { async sync (directory: string) { flushed.push(directory.slice(top.length)) } }
  await makeDirectory(join(top, 'there', 'a', 'b'), 0o700, sync)
  t.same(flushed.sort(), ['/there', '/there/a'])
  await makeDirectory(join(top, 'there', 'a', 'b'), 0o700, sync)
  t.equal(flushed.length, 2)
  writeFileSync(join(top, 'file'), 'x')
  await t.rejects(makeDirectory(join(top, 'file', 'x'), 0o700, sync), { code: 'ENOTDIR' })
})

t.test('a file system that flushes no directories is taken as it is', { skip: process.platform !== 'linux' }, async () => {
  await new DirectorySync().sync('/proc')
})

t.test('a file may have more pages than a set can hold', async t => {
  const last = 2 ** 24 + 10
  const marks = new PageMarks(last)
  let fresh = 0
  for (let number = 0; number <= last; number++) if (marks.add(number)) fresh++
  t.same([fresh, marks.count], [last + 1, last + 1])
  t.same([marks.add(last), marks.add(0), marks.add(12_345)], [false, false, false])
})
