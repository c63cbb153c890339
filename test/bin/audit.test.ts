import t from 'tap'
import { request } from 'undici'
import { runInProcess } from '../helpers/run-in-process.js'
import { runCommand, startServer } from '../helpers/server-process.js'
import { webSocket } from '../helpers/sockets-app.js'

interface Entry { readonly sequence: number, readonly time: string, readonly operation: string, readonly user: string, readonly source?: string, readonly path?: string, readonly formerPath?: string, readonly objectID: string, readonly type: string, readonly size: number }

async function audit (directory: string, ...args: string[]): Promise<Entry[]> {
  const { code, stdout, stderr } = await runInProcess(['audit', '--data', directory, '--json', ...args])
  if (code !== 0) throw new Error(stderr)
  return stdout.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Entry)
}

const told = ({ operation, user, source, path, formerPath }: Entry): string => [operation, user, source ?? '-', formerPath, path].filter(part => part !== undefined).join(' ')

t.test('who has done what to which object, from where and when, while the server runs', async t => {
  const directory = t.testdir()
  const server = await startServer(t, directory, ['--trust-proxy', 'loopback', '--anonymous', 'write'])
  const { origin, authorization } = server
  const ask = async (method: 'PUT' | 'POST' | 'DELETE' | 'GET', path: string, headers: Record<string, string> = {}, body: string | null = null): Promise<number> => {
    const answer = await request(origin + path, { method, headers: { authorization, ...headers }, body })
    await answer.body.dump()
    return answer.statusCode
  }
  const began = new Date()
  await ask('PUT', '/c/')
  await ask('PUT', '/c/a%20b', { 'x-forwarded-for': '192.0.2.7' }, 'abc')
  await ask('GET', '/c/a%20b')
  await ask('PUT', '/c/a%20b', { 'x-forwarded-for': '192.0.2.8' }, 'abcdef')
  await ask('POST', '/data/k', { 'content-type': 'application/json' }, '{}')
  const socket = await webSocket(t, `${origin.replace('http', 'ws')}/ws`, { authorization, 'x-forwarded-for': '192.0.2.9' })
  await socket.ask({ method: 'PUT', url: '/data/k', data: { a: 1 } })
  const anonymous = await request(`${origin}/free`, { method: 'PUT', body: 'x' })
  await anonymous.body.dump()
  await ask('PUT', '/moved', { 'content-type': 'application/cdmi-object', accept: 'application/cdmi-object' }, '{"move":"/free"}')
  await ask('DELETE', '/c/')

  const all = await audit(directory)
  const here = '127.0.0.1'
  const expected = [
    'create SYSTEM@ - /data/',
    `create admin ${here} /c/`,
    'create admin 192.0.2.7 /c/a%20b',
    'modify admin 192.0.2.8 /c/a%20b',
    `create admin ${here} /data/k`,
    'modify admin 192.0.2.9 /data/k',
    `create ANONYMOUS@ ${here} /free`,
    `rename admin ${here} /free /moved`,
    `delete admin ${here} /c/`
  ]
  t.same(all.map(told), expected)
  t.same(all.map(({ sequence }) => sequence), all.map((_, at) => at + 1))
  t.match(all[3], { type: 'dataobject', size: 6, objectID: /^[\dA-F]{16,}$/, time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/ })

  const [, , created] = all
  t.same((await audit(directory, '--object', '/c/a b')).map(told), [...expected.slice(2, 4), expected[8]], 'also that the container above it was deleted')
  t.same(await audit(directory, '--object', '/c/a%20b'), await audit(directory, '--object', '/c/a b'))
  t.same((await audit(directory, '--object', created?.objectID ?? '')).map(told), expected.slice(2, 4))
  t.same((await audit(directory, '--object', '/c/')).map(told), [...expected.slice(1, 4), expected[8]])
  t.same((await audit(directory, '--object', '/free')).map(told), expected.slice(6, 8))
  t.same((await audit(directory, '--user', 'ANONYMOUS@')).map(told), [expected[6]])
  t.same((await audit(directory, '--since', '1h')).length, 9)
  t.same((await audit(directory, '--until', '1h')), [])
  t.same((await audit(directory, '--since', created?.time ?? '', '--until', new Date(Date.now() + 1000).toISOString())).map(told).slice(-6), expected.slice(3))
  t.same(await audit(directory, '--until', new Date(began.getTime() - 60_000).toISOString()), [])

  const { stdout } = await runCommand(['audit', '--data', directory, '--object', '/moved'])
  t.equal(stdout, `${all[7]?.time}\trename\tadmin\t${here}\t/free -> /moved\t${all[7]?.objectID}\t1\n`)
  t.equal(await server.stop(), 0)
  t.same((await audit(directory)).length, 9, 'also when no server runs')
})

t.test('what cannot be is refused with a sentence, and makes no store', async t => {
  const directory = t.testdir()
  for (const [args, code, pattern] of [
    [['--data', directory], 1, /no store in/],
    [['--data', directory, '--since', 'yesterday'], 2, /--since is a time/],
    [['--data', directory, '--object', 'x'], 2, /--object is/]
  ] as const) {
    const result = await runInProcess(['audit', ...args])
    t.match(result, { code, stdout: '', stderr: pattern })
  }
  t.match(await runInProcess(['audit', '--data', directory]), { code: 1 }, 'there is still none')
})
