import t from 'tap'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { OfferNotices } from '../../bin/offer-notices.js'
import { verifyApart } from '../../bin/verify-apart.js'
import type { Finding, LookProgress } from '../../storage/verify/findings.js'
import { runInProcess } from '../helpers/run-in-process.js'
import { runCommand } from '../helpers/server-process.js'
import { quickDirectory } from '../storage/embedded-driver.js'
import { openQuietly } from '../storage/verify-store.js'

/** Another program in place of the one that looks. */
async function looksBy (directory: string, program: string): Promise<{ findings: Finding[], look: Promise<unknown> }> {
  const file = join(directory, 'look.mjs')
  await writeFile(file, program)
  const findings: Finding[] = []
  return { findings, look: verifyApart(directory, {}, finding => { findings.push(finding) }, new OfferNotices({}), pathToFileURL(file)) }
}

t.test('where LMDB ends the process that reads its file that is a finding, and not the end of verify', async t => {
  const { findings, look } = await looksBy(t.testdir(), "process.on('message', () => { process.kill(process.pid, 'SIGSEGV') })")
  t.match(await look, { records: 0 })
  t.match(findings, [{ kind: 'structure', file: 'meta.lmdb', problem: /^The file meta\.lmdb is damaged: LMDB has ended the process that read it \(SIGSEGV\), .*restore a backup$/ }])
})

t.test('a process that ends by anything else has found out nothing', async t => {
  const killed = await looksBy(t.testdir(), "process.on('message', () => { process.kill(process.pid, 'SIGKILL') })")
  await t.rejects(killed.look, { message: /has ended before its time \(SIGKILL\)$/ })
  t.same(killed.findings, [])
  await t.rejects((await looksBy(t.testdir(), 'process.exit(7)')).look, { message: /exit code 7/ })
})

t.test('the head of meta.lmdb, and what its pages say of themselves: verify says so, with exit code 3, or 1 where it cannot be opened', async t => {
  const directory = join(await quickDirectory(t), 'store')
  await (await openQuietly(directory)).close()
  const last = new Map<string, LookProgress>()
  await verifyApart(directory, { progress (progress) { last.set(progress.phase, progress) } }, () => {}, new OfferNotices({}))
  t.match(last.get('records'), { done: 1, total: 1 }, 'how far each part came is told, however short it was')
  const file = join(directory, 'meta.lmdb')
  const sound = await readFile(file)
  const damaged = Buffer.from(sound)
  // How many rows the list of tables has, in both heads.
  for (const head of [0, 4096]) damaged.writeUInt32LE(9, head + 24 + 24 + 48 + 32)
  await writeFile(file, damaged)
  t.match(await runCommand(['verify', '--data', directory]), { code: 3, stdout: /^The file meta\.lmdb is damaged, so that nothing else could be looked at; what can be done is to restore a backup\. The list of tables has \d+ rows, and should have 9\.\n/ })
  await writeFile(file, Buffer.alloc(sound.length, 'no file of LMDB'))
  t.match(await runInProcess(['verify', '--data', directory, '--json']), { code: 1, stdout: /"status":"failed","error":"\S+meta\.lmdb is damaged; what can be done is to restore a backup\. Its head is not readable"/ })
  await t.rejects(openQuietly(directory), { name: 'StorageError', reason: 'corrupt' }, 'a server does not begin')
})
