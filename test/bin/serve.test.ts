import t, { type Test } from 'tap'
import { once } from 'node:events'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { ask, basic } from '../helpers/built-server.js'
import { eventually } from '../helpers/eventually.js'
import { RawClient } from '../helpers/raw-http.js'
import { runInProcess } from '../helpers/run-in-process.js'
import { runCommand, startServer, type ServerProcess } from '../helpers/server-process.js'

const firstPassword = /user: {5}(\S+)\n {4}password: (\S+)\n/
const portOf = ({ origin }: ServerProcess): number => Number(new URL(origin).port)

/** An upload whose header was taken, and that waits for its two bytes. */
async function uploadUnderWay (t: Test, server: ServerProcess, path: string, authorization: string): Promise<RawClient> {
  const client = await RawClient.open(t, portOf(server))
  client.sendHeader(`PUT ${path} HTTP/1.1`, 'Host: localhost', `Authorization: ${authorization}`, 'Content-Length: 2', 'Expect: 100-continue')
  await client.receive(/^HTTP\/1\.1 100 /)
  return client
}

/** Resolves when the server takes no new connections: it has heard the signal. */
async function refusesConnections (t: Test, server: ServerProcess): Promise<void> {
  for (;;) {
    try {
      (await RawClient.open(t, portOf(server))).socket.destroy()
    } catch {
      return
    }
  }
}

t.test('the first start prints a password once; one server owns a store and a port; a signal lets requests end and exits with 0', async t => {
  const directory = join(t.testdir(), 'store')
  const first = await startServer(t, directory, ['--log-level', 'error'], { ADMIN_PASSWORD: '', ADMIN_USER: 'root' })
  const [, name = '', password = ''] = firstPassword.exec(first.output()) ?? []
  t.equal(name, 'root')
  t.equal(first.output().split(password).length, 2, 'once')
  const authorization = basic(name, password)
  t.equal((await ask(first.origin + '/', { headers: { authorization } })).status, 200)
  t.equal((await stat(join(directory, 'users.json'))).mode & 0o777, 0o600)
  for (const file of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (file.isFile()) t.notOk((await readFile(join(file.parentPath, file.name))).includes(password), `only the hash is kept: ${file.name}`)
  }

  await t.test('a second server, and a sweep, on the same store are refused with the number of the process that has it', async t => {
    const sentence = new RegExp(`^fastify-cdmi: The store in \\S+ is in use by process ${first.child.pid}; [^\\n]*\\n$`)
    for (const [args, command] of [[['serve', '--port', '0'], runCommand], [['serve', '--port', '0', '--workers', '2'], runInProcess], [['sweep'], runInProcess]] as const) {
      t.match(await command([...args, '--data', directory], { ADMIN_PASSWORD: 'x' }), { code: 1, stdout: '', stderr: sentence }, args.join(' '))
    }
  })

  await t.test('a port that is in use is said in a sentence, and the store is given up', async t => {
    const other = join(t.testdir(), 'store')
    const taken = ['serve', '--data', other, '--host', '127.0.0.1', '--port', String(portOf(first)), '--log-level', 'error']
    const { code, stdout, stderr } = await runCommand(taken, { ADMIN_PASSWORD: 'x' })
    t.equal(code, 1)
    t.equal(stdout, '')
    t.match(stderr, /^fastify-cdmi: listen EADDRINUSE[^\n]*: the address is in use: another server listens there, or choose another port with --port\n$/)
    t.notOk((await readdir(other)).some(file => file.startsWith('owner-')))
  })

  await t.test('SIGTERM: the request in flight ends well, and then the process with 0', async t => {
    const client = await uploadUnderWay(t, first, '/under-way', authorization)
    const stopped = first.stop()
    await refusesConnections(t, first)
    client.socket.write('hi')
    await client.receive(/HTTP\/1\.1 201 /)
    t.equal(await stopped, 0)
    t.notOk((await readdir(directory)).some(file => file.startsWith('owner-')))
  })

  await t.test('the second start prints no password, and the first one still counts; SIGINT is as good as SIGTERM; a second signal does not wait', async t => {
    const second = await startServer(t, directory, ['--log-level', 'error'], { ADMIN_PASSWORD: '' })
    t.notMatch(second.output(), /password/)
    t.equal((await ask(second.origin + '/under-way', { headers: { authorization } })).text, 'hi')
    const client = await uploadUnderWay(t, second, '/again', authorization)
    const stopped = second.stop('SIGINT')
    await refusesConnections(t, second)
    client.socket.write('hi')
    await client.receive(/HTTP\/1\.1 201 /)
    t.equal(await stopped, 0)

    const third = await startServer(t, directory, ['--log-level', 'error'])
    await uploadUnderWay(t, third, '/never', third.authorization)
    const cut = third.stop()
    await refusesConnections(t, third)
    third.child.kill('SIGTERM')
    t.equal(await cut, 1)
  })
})

t.test('for drainDelay a server that was told to end says that it is not ready, and takes connections and requests yet, each the last of its connection; WebSockets stay', async t => {
  const parent = t.testdir()
  for (const workers of ['1', '2']) {
    const server = await startServer(t, join(parent, workers), ['--log-level', 'error', '--drain-delay', '3600', '--workers', workers])
    const { authorization, origin } = server
    const kept = await RawClient.open(t, portOf(server))
    const head = ['Host: localhost', `Authorization: ${authorization}`]
    kept.sendHeader('GET /-/ready HTTP/1.1', ...head)
    await kept.receive(/"ready"/)
    const socket = new WebSocket(`${origin.replace('http', 'ws')}/ws`, { headers: { authorization } })
    t.teardown(() => { socket.terminate() })
    await once(socket, 'open')
    const stopped = server.stop()
    await eventually('no worker is ready', async () => (await Promise.all([1, 2, 3, 4].map(async () => await ask(origin + '/-/ready')))).every(({ status, headers: { connection } }) => status === 503 && connection === 'close'))
    const made = await ask(origin + '/made', { method: 'PUT', headers: { authorization, connection: 'keep-alive' }, body: 'x' })
    t.equal(made.status, 201)
    t.equal(made.headers.connection, 'close')
    socket.send(JSON.stringify({ method: 'GET', url: '/data', id: 1 }))
    t.match(JSON.parse(String((await once(socket, 'message'))[0])), { id: 1, status: 200 })
    kept.sendHeader('GET /made HTTP/1.1', ...head)
    await kept.receive(/HTTP\/1\.1 200 [^]*connection: close[^]*x$/i)
    await kept.end()
    server.child.kill('SIGTERM')
    t.equal(await stopped, 1, 'a second signal does not wait')
  }
})

t.test('a config file named by --config or CDMI_CONFIG counts; a flag wins over it; data in it starts from its directory', async t => {
  const directory = t.testdir({ 'config.toml': 'realm = "file"\ndata = "elsewhere"\nlogLevel = "error"\nanonymous = "read"\n' })
  const file = join(directory, 'config.toml')
  const realm = async ({ origin }: ServerProcess): Promise<string | undefined> => (await ask(origin + '/x', { method: 'PUT' })).headers['www-authenticate']
  const byFlag = await startServer(t, join(directory, 'store'), ['--config', file, '--realm', 'flag'])
  t.match(await realm(byFlag), /realm="flag"/)
  t.equal((await ask(byFlag.origin + '/')).status, 200, 'the rest of the file counts')
  t.equal(await byFlag.stop(), 0)
  const byVariable = await startServer(t, join(directory, 'store'), [], { CDMI_CONFIG: file })
  t.match(await realm(byVariable), /realm="file"/)
  t.equal(await byVariable.stop(), 0)
  t.match(await runInProcess(['sweep', '--config', file]), { code: 2, stderr: `There is no store in ${join(directory, 'elsewhere')}` })
})

t.test('sweep: without a store it makes none; else it says what it removed', async t => {
  const parent = t.testdir({ empty: {}, other: { 'file.txt': 'x' } })
  for (const name of ['none', 'empty', 'other']) {
    t.match(await runInProcess(['sweep', '--data', join(parent, name)]), { code: 2, stdout: '', stderr: /^fastify-cdmi: There is no store in [^\n]*; name its directory with --data\n$/ })
  }
  t.same(await readdir(parent), ['empty', 'other'])
  t.same(await readdir(join(parent, 'empty')), [])

  const directory = join(parent, 'store')
  const server = await startServer(t, directory, ['--log-level', 'error'])
  const headers = { authorization: server.authorization }
  await ask(server.origin + '/c/', { method: 'PUT', headers })
  await ask(server.origin + '/c/large', { method: 'PUT', headers, body: Buffer.alloc(100_000) })
  await ask(server.origin + '/c/', { method: 'DELETE', headers })
  t.equal(await server.stop(), 0)
  t.match(await runCommand(['sweep', '--data', directory]), { code: 0, stdout: /^Removed 0 blobs and 1 records of deleted containers, /, stderr: '' }, 'the value is kept for readers under way')
  t.match(await runInProcess(['sweep', '--data', directory, '--trash-grace', '0']), { code: 0, stdout: /^Removed 1 blobs and 0 records of deleted containers, /, stderr: '' })
})

t.test('sweep discards parts whose objects are deleted, and those for which no others came in time', async t => {
  const directory = join(t.testdir(), 'store')
  const server = await startServer(t, directory, ['--log-level', 'error'])
  const headers = { authorization: server.authorization }
  for (const name of ['deleted', 'kept']) {
    await ask(`${server.origin}/${name}`, { method: 'PUT', headers: { ...headers, 'x-cdmi-partial': 'upload-id=a' }, body: Buffer.alloc(100_000) })
  }
  await ask(server.origin + '/deleted', { method: 'DELETE', headers })
  t.equal(await server.stop(), 0)
  const sweep = async (environment = {}): ReturnType<typeof runInProcess> => await runInProcess(['sweep', '--data', directory, '--trash-grace', '0'], environment)
  t.match(await sweep(), { code: 0, stdout: /^Removed 1 blobs .*, discarded 1 sets of parts, /, stderr: '' })
  t.match(await sweep(), { code: 0, stdout: /^Removed 0 blobs .*, discarded 0 sets of parts, /, stderr: '' })
  await eventually('the time of the other one is over', async () => /^Removed 1 blobs .*, discarded 1 sets of parts, /.test((await sweep({ CDMI_LIMITS_PARTIAL_TIMEOUT: '1' })).stdout))
})
