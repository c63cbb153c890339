import t from 'tap'
import { readFileSync } from 'node:fs'
import { bytesText, countText, timeText } from '../../bin/amounts.js'
import { commandLine } from '../../bin/command-line.js'
import { hasSecret, hideSecrets } from '../../server/url-secrets.js'
import { transferVariables } from '../../bin/transfer.js'
import { requireApart, transferPlace, type TransferPlace } from '../../bin/transfer-places.js'
import { progressOutput, showProgress } from '../../bin/transfer-progress.js'

t.test('on a terminal there is a bar that is drawn anew and taken away at the end; it is no wider than the terminal', async t => {
  const written: string[] = []
  let time = 0
  const { listener, end } = showProgress({ isTerminal: true, columns: 60, write: text => { written.push(text) } }, () => time)
  listener({ phase: 'values', done: 0, total: 4096 })
  time = 50
  listener({ phase: 'values', done: 1, total: 4096 })
  time = 3000
  listener({ phase: 'values', done: 1024, total: 4096 })
  listener({ phase: 'records', done: 5, total: 0 })
  listener({ phase: 'log', done: 0, total: undefined })
  end()
  const shown = written.map(text => text.replace('\r\u001b[K', ''))
  t.same(shown, [
    '[........................] values: 0 %, 0 bytes of 4.0 KiB',
    '[######..................] values: 25 %, 1.0 KiB of 4.0 KiB',
    '[########################] records, written and compared: 1',
    'change log: 0',
    ''
  ])
  t.ok(written.every(text => text.startsWith('\r\u001b[K')))
})

t.test('what calls itself a terminal and cannot draw a line anew, or does not know how long one is, is none', async t => {
  const write = (): void => {}
  t.match(progressOutput({ isTTY: true, columns: 70, write }, 'xterm'), { isTerminal: true, columns: 70 })
  t.match(progressOutput({ isTTY: true, columns: 70, write }, undefined), { isTerminal: true })
  for (const [stream, term] of [[{ isTTY: true, columns: 70, write }, 'dumb'], [{ isTTY: true, columns: 0, write }, 'xterm'], [{ isTTY: true, write }, 'xterm'], [{ write }, 'xterm']] as const) t.equal(progressOutput(stream, term).isTerminal, false)
})

t.test('elsewhere there is a line for the beginning and the end of each part, and one from time to time', async t => {
  const written: string[] = []
  let time = 0
  const { listener, end } = showProgress({ isTerminal: false, columns: 80, write: text => { written.push(text) } }, () => time)
  listener({ phase: 'values', done: 0, total: 100 })
  for (time = 1000; time <= 12_000; time += 1000) listener({ phase: 'values', done: time / 120, total: 100 })
  listener({ phase: 'records', done: 0, total: 10 })
  listener({ phase: 'records', done: 12, total: 10 })
  end()
  t.same(written.map(line => line.replace(/,.* of/, ', … of')), ['values: 0 %, … of 100 bytes\n', 'values: 83 %, … of 100 bytes\n', 'values: 100 %, … of 100 bytes\n', 'records, … of 10\n', 'records, … of 10\n'])
})

t.test('amounts for people', async t => {
  t.same([0, 1, 1023, 1024, 1536, 5 * 1024 ** 4, 1024 ** 6].map(bytesText), ['0 bytes', '1 bytes', '1023 bytes', '1.0 KiB', '1.5 KiB', '5.0 TiB', '1024.0 PiB'])
  t.same([400, 59_000, 61_000, 3_720_000].map(timeText), ['0 s', '59 s', '1 min 1 s', '1 h 2 min'])
  t.same([countText(1, 'blob'), countText(2, 'blob')], ['1 blob', '2 blobs'])
})

t.test('secrets of URLs are taken out of what is printed', async t => {
  t.equal(hideSecrets("unknown option '--x=postgres://me:p@ss:word@db/x?a=b'"), "unknown option '--x=postgres://…@db/x?a=b'")
  t.equal(hideSecrets('s3://b/p?accessKeyId=AAA&secretAccessKey=BBB/+=&sessionToken=CCC&region=x'), 's3://b/p?accessKeyId=…&secretAccessKey=…&sessionToken=…&region=x')
  t.equal(hideSecrets("unknown option '--x=postgres://me:p/a?s#s@db/x?a=b'"), "unknown option '--x=postgres://…@db/x?a=b'")
  t.equal(hideSecrets('at file:///opt/node_modules/@scope/x.js'), 'at file:///opt/node_modules/@scope/x.js')
  t.equal(hideSecrets('at http://localhost:6375/ for ann@example.org'), 'at http://localhost:6375/ for ann@example.org')
})

t.test('a secret in a URL is seen however it is written; what has none is let through', async t => {
  for (const url of ['postgres://me:hidden@db/x', 'postgres://me:a/b@db/x', 'postgres://one,two/x?a=b&password=hidden', 's3://b?secretAccessKey=hidden', 's3://b?session_token=hidden', 's3://b?%73ecretAccess%4bey=hidden', 's3://b?accessKeyId=a']) t.ok(hasSecret(url), url)
  for (const url of ['postgres://me@db:5432/x?schema=one', 'postgres://one:5432,two:5432/x', 's3://b/p?endpoint=https://s3.example:8080&region=x', 'file:///srv/password=1/x', './data']) t.notOk(hasSecret(url), url)
})

t.test('a place is a directory, or a database and a place of values; its name has no secret', async t => {
  t.same(transferPlace('from', 'file:///srv/a%20b', undefined), { options: { directory: '/srv/a b' }, name: '/srv/a b', values: '/srv/a b' })
  t.match(transferPlace('to', 'data', undefined), { options: { directory: 'data' }, name: /\/data$/ })
  t.match(transferPlace('to', 'c:\\data', undefined), { options: { directory: 'c:\\data' } })
  const meta = 'postgres://me:secret@db.example:5433/cdmi?schema=one&sslmode=require'
  const blobs = 's3://bucket/prefix?endpoint=https://s3.example&secretAccessKey=secret'
  t.same(transferPlace('to', meta, blobs), { options: { meta, blobs }, name: 'postgres://db.example:5433/cdmi?schema=one with s3://bucket/prefix', values: 'https://s3.example bucket/prefix' })
})

t.test('values of two stores are not put among each other: who removes the old store would remove the new one', async t => {
  const shared = (end: 'from' | 'to', schema: string, blobs: string): TransferPlace => transferPlace(end, `postgres://db.example/cdmi?schema=${schema}`, blobs)
  const apart: Array<[TransferPlace, TransferPlace]> = [
    [transferPlace('from', '/srv/a', undefined), transferPlace('to', '/srv/ab', undefined)],
    [transferPlace('from', '/srv/a', undefined), shared('to', 'x', 'file:///srv/b')],
    [shared('from', 'x', 's3://bucket/one'), shared('to', 'x2', 's3://bucket/one2')],
    [shared('from', 'x', 's3://bucket/one?endpoint=https://here.example'), shared('to', 'y', 's3://bucket/one?endpoint=https://there.example')]
  ]
  for (const [from, to] of apart) t.doesNotThrow(() => { requireApart(from, to) }, from.name)
  const together: Array<[TransferPlace, TransferPlace]> = [
    [transferPlace('from', '/srv/a', undefined), transferPlace('to', '/srv/a/inner', undefined)],
    [transferPlace('from', '/srv/a/inner/', undefined), transferPlace('to', '/srv/a', undefined)],
    [transferPlace('from', '/srv/a', undefined), shared('to', 'x', 'file:///srv/a/blobs')],
    [shared('from', 'x', 's3://bucket/one'), shared('to', 'y', 's3://bucket/one/')],
    [shared('from', 'x', 's3://bucket'), shared('to', 'y', 's3://bucket/one')]
  ]
  for (const [from, to] of together) t.throws(() => { requireApart(from, to) }, { name: 'UsageError', message: /give the new one a place of its own/ }, from.name)
  t.throws(() => { requireApart(transferPlace('from', '/srv/a', undefined), transferPlace('to', '/srv/b/../a', undefined)) }, { message: /the same store/ })
})

t.test('the manual lists every flag of the command with its variable, and none that does not exist', async t => {
  const listed = [...readFileSync('docs/transfer.md', 'utf8').matchAll(/^\| `(--[\w-]+)` \| (?:`(\w+)`|–) \|/gm)].map(([, flag, variable]) => [flag, variable])
  const variables: Readonly<Record<string, string | undefined>> = transferVariables
  const options = commandLine().commands.find(command => command.name() === 'transfer')?.options ?? []
  t.same(listed, options.map(option => [option.long, variables[option.attributeName()]]))
  for (const option of options) {
    const variable = variables[option.attributeName()]
    if (variable !== undefined) t.ok(option.description.endsWith(`[env: ${variable}]`), option.description)
  }
})
