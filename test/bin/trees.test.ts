import t from 'tap'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openStore } from '../../index.js'
import { runInProcess } from '../helpers/run-in-process.js'
import { runCommand, startServer } from '../helpers/server-process.js'
import { quickDirectory } from '../storage/embedded-driver.js'

t.test('a container of a store that a server has open becomes a directory, and that a container of another store', { timeout: 120_000 }, async t => {
  const base = await quickDirectory(t)
  const [data, other, tree] = [join(base, 'data'), join(base, 'other'), join(base, 'tree')]
  const server = await startServer(t, data)
  const headers = { authorization: server.authorization }
  const put = async (path: string, body?: string): Promise<void> => { t.equal((await fetch(`${server.origin}${path}`, { method: 'PUT', headers: { ...headers, ...body !== undefined && { 'content-type': 'text/plain;charset=utf-8' } }, ...body !== undefined && { body } })).status, 201, path) }
  await put('/photos/')
  await put('/photos/ann%20%26%20bob.txt', 'smile')
  await put('/photos/2029/')
  await put('/elsewhere.txt', 'x')
  t.match(await runInProcess(['export', '--data', data, '--container', '/photos', '--to', tree, '--dry-run']), { code: 0, stdout: '/photos/ has 2 containers, 1 data object (5 bytes) and 0 references.\n' })
  t.match(await runCommand(['export', '--data', data, '--container', '/photos/', '--to', tree]), { code: 0, stdout: `/photos/ is in ${tree}: 2 containers, 1 data object (5 bytes) and 0 references.\n` })
  t.same((await readdir(tree)).sort(), ['.cdmi.jsonl', '2029', 'ann & bob.txt'])
  t.equal(await readFile(join(tree, 'ann & bob.txt'), 'utf8'), 'smile')
  t.equal(await server.stop(), 0)
  t.notOk((await readdir(data)).some(name => name.startsWith('pin-')))

  // What is imported needs a store.
  t.match(await runInProcess(['import', '--from', tree, '--data', other]), { code: 2, stderr: /^fastify-cdmi: There is no store in / })
  await (await openStore({ directory: other })).close()
  t.match(await runCommand(['import', '--from', tree, '--data', other, '--container', '/new/', '--json']), { code: 0, stdout: /"status":"complete".*"containers":1,"objects":1,"references":0,"bytes":5,"kept":0,"problems":0/ })
  await writeFile(join(tree, 'bad?name'), 'x')
  t.match(await runInProcess(['import', '--from', tree, '--data', other, '--container', '/new/', '--existing', 'keep']), { code: 3, stdout: /bad\?name was not imported: .*\.\n.*tree is in \/new\/: 1 container, 1 data object \(5 bytes\) and 0 references; 1 object of these was there already\.\n$/, stderr: /1 object could not be taken along; which and why is said above\n$/ })
  const again = await startServer(t, other)
  const answer = await fetch(`${again.origin}/new/ann%20&%20bob.txt`, { headers: { authorization: again.authorization } })
  t.same([answer.status, answer.headers.get('content-type'), await answer.text()], [200, 'text/plain; charset=utf-8', 'smile'])
  t.match(await runInProcess(['import', '--from', tree, '--data', other]), { code: 1, stderr: /is in use by process/ })
  t.match(await runInProcess(['export', '--data', other, '--container', '/none/', '--to', join(base, 'x')]), { code: 2, stderr: /^fastify-cdmi: \/none\/ does not exist\n$/ })
  t.match(await runInProcess(['export', '--data', other, '--to', tree]), { code: 1, stderr: /is not empty; an export needs an empty directory or a new one\n$/ })
})

t.test('what is not clear is refused with a sentence', async t => {
  for (const [args, stderr] of [
    [['export', '--data', 'x'], /^fastify-cdmi: Say with --to where the directory is to be made\n$/],
    [['import', '--data', 'x'], /^fastify-cdmi: Say with --from which directory is to be imported\n$/],
    [['export', '--to', 'x', '--container', 'x'], /^fastify-cdmi: --container is no path: /],
    [['export', '--to', 'x', '--container', '/cdmi_objectid/'], /^fastify-cdmi: --container must be a container/],
    [['import', '--from', 'x', '--existing', 'destroy'], /Allowed choices are fail, keep, replace/],
    [['export', '--to', 'x', '--data', '/nowhere'], /^fastify-cdmi: There is no store in \/nowhere; /]
  ] as const) t.match(await runInProcess(args), { code: 2, stderr }, args.join(' '))
})
