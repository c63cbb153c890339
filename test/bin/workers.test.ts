import t, { type Test } from 'tap'
import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { eventually } from '../helpers/eventually.js'
import { RawClient } from '../helpers/raw-http.js'
import { runCommand, startServer, type ServerProcess } from '../helpers/server-process.js'

/** Alive, and not one that has died but that nobody has asked for: its parent may be dead, too. */
function isAlive (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    // Without /proc the first question has to do.
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

interface Answer { readonly status: number, readonly text: string, readonly pid: number }

/** A client with one connection, which means: with one worker. */
class OneConnection {
  readonly #agent = new Agent({ connections: 1, pipelining: 1 })
  /** Of the worker that has the connection. */
  #pid: number | undefined

  constructor (t: Test, readonly server: ServerProcess) {
    this.#agent.on('connect', () => { this.#pid = undefined })
    t.teardown(async () => { await this.#agent.destroy() })
  }

  /** `pid`: of the process that answered, as its log has it: that is not written at once, so it is looked for once for each connection. */
  async ask (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: string): Promise<Answer> {
    const id = randomUUID()
    const headers = { authorization: this.server.authorization, 'x-request-id': id, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
    const answer = await request(this.server.origin + path, { method, headers, body: body ?? null, dispatcher: this.#agent })
    const text = await answer.body.text()
    this.#pid ??= await this.#answered(id)
    return { status: answer.statusCode, text, pid: this.#pid }
  }

  async #answered (id: string): Promise<number> {
    const line = new RegExp(`^\\{.*"pid":(\\d+),.*"reqId":"${id}".*"request completed"`, 'm')
    await eventually('the request is in the log', () => line.test(this.server.output()))
    return Number(line.exec(this.server.output())?.[1])
  }
}

/** Two clients of different workers. */
async function twoClients (t: Test, server: ServerProcess): Promise<{ one: OneConnection, other: OneConnection, pids: [number, number] }> {
  const one = new OneConnection(t, server)
  const { pid } = await one.ask('GET', '/data')
  for (let tries = 0; tries < 20; tries++) {
    const other = new OneConnection(t, server)
    const { pid: second } = await other.ask('GET', '/data')
    if (second !== pid) return { one, other, pids: [pid, second] }
  }
  throw new Error('one worker gets all connections')
}

/** A directory for temporary files whose name is short enough for sockets. */
async function temporary (t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bin-'))
  t.teardown(async () => { await rm(directory, { recursive: true, force: true }) })
  return directory
}

t.test('--workers 2: one store behind two processes; one that is killed is replaced; SIGTERM to all of them ends them gently and leaves nothing', async t => {
  const directory = join(t.testdir(), 'store')
  const TMPDIR = await temporary(t)
  const server = await startServer(t, directory, ['--workers', '2'], { TMPDIR })
  const { one, other, pids: [first, second] } = await twoClients(t, server)
  t.equal(new Set([first, second, server.child.pid]).size, 3, 'neither of them is the one that writes')

  await t.test('what is written through one is seen by the other at once', async t => {
    for (let n = 0; n < 20; n++) {
      const [writer, reader] = n % 2 === 0 ? [one, other] : [other, one]
      t.equal((await writer.ask('POST', `/data/key-${n}`, `{"n":${n}}`)).status, 201)
      t.same(JSON.parse((await reader.ask('GET', `/data/key-${n}`)).text), { n })
    }
    t.equal((await one.ask('PUT', '/data/key-0', '{"n":"changed"}')).status, 200)
    t.match(await other.ask('GET', '/data/key-0'), { text: '{"n":"changed"}', pid: second })
    t.equal((await other.ask('DELETE', '/data/key-0')).status, 204)
    t.match(await one.ask('GET', '/data/key-0'), { status: 404, pid: first })
  })

  await t.test('KEY-05: of many simultaneous creates of one key exactly one gets 201', async t => {
    const clients = Array.from({ length: 24 }, () => new OneConnection(t, server))
    const answers = await Promise.all(clients.map(async (client, n) => await client.ask('POST', '/data/one', `{"n":${n}}`)))
    t.equal(answers.filter(({ status }) => status === 201).length, 1)
    t.equal(answers.filter(({ status }) => status === 406).length, 23)
    t.equal(new Set(answers.map(({ pid }) => pid)).size, 2, 'both processes were asked')
    t.equal((await one.ask('GET', '/data/one')).text, answers.find(({ status }) => status === 201)?.text)
  })

  let third = 0
  await t.test('a worker that is killed is replaced, and meanwhile the store goes on', async t => {
    process.kill(first, 'SIGKILL')
    t.match(await other.ask('POST', '/data/meanwhile', '{}'), { status: 201, pid: second })
    await eventually('another worker answers', async () => {
      const client = new OneConnection(t, server)
      const { pid, status, text } = await client.ask('GET', '/data/key-1').catch(() => ({ pid: 0, status: 0, text: '' }))
      if (pid === 0 || pid === second) return false
      third = pid
      t.match({ status, text }, { status: 200, text: '{"n":1}' })
      t.match(await client.ask('POST', '/data/replaced', '{}'), { status: 201, pid: third })
      return true
    })
    t.notOk(isAlive(first))
    t.match(await other.ask('GET', '/data/replaced'), { status: 200, pid: second })
    t.match(server.output(), /a worker died; another takes its place/)
  })

  await t.test('a signal to every process, as from a terminal or a service manager, cuts no request; all end, with 0', async t => {
    const port = Number(new URL(server.origin).port)
    const clients = await Promise.all(Array.from({ length: 4 }, async () => await RawClient.open(t, port)))
    for (const [n, client] of clients.entries()) {
      client.sendHeader(`PUT /under-way-${n} HTTP/1.1`, 'Host: localhost', `Authorization: ${server.authorization}`, 'Content-Length: 2', 'Expect: 100-continue')
      await client.receive(/^HTTP\/1\.1 100 /)
    }
    for (const pid of [second, third]) process.kill(pid, 'SIGTERM')
    const stopped = server.stop()
    await eventually('no connections are taken', async () => await RawClient.open(t, port).then(({ socket }) => { socket.destroy(); return false }, () => true))
    for (const client of clients) {
      client.socket.write('hi')
      await client.receive(/HTTP\/1\.1 201 /)
    }
    t.equal(await stopped, 0)
    t.same([second, third].filter(isAlive), [])
    t.same(readdirSync(TMPDIR), [], 'no temporary directory')
    t.notOk(readdirSync(directory).some(file => file.startsWith('owner-')))
  })
})

t.test('a connection that was given to a worker which dies before it takes it is ended: its client does not wait for ever', async t => {
  const server = await startServer(t, join(t.testdir(), 'store'), ['--workers', '2'], { TMPDIR: await temporary(t) })
  const { pids: [first] } = await twoClients(t, server)
  const port = Number(new URL(server.origin).port)
  // It neither takes nor refuses what it is given.
  process.kill(first, 'SIGSTOP')
  const clients = await Promise.all(Array.from({ length: 4 }, async () => await RawClient.open(t, port)))
  for (const client of clients) client.sendHeader('GET /-/health HTTP/1.1', 'Host: localhost', 'Connection: close')
  const isAnswered = ({ received }: RawClient): boolean => received.startsWith('HTTP/1.1 200 ')
  await eventually('the other worker has answered the rest', () => clients.filter(isAnswered).length === 3)
  process.kill(first, 'SIGKILL')
  for (const client of clients) await client.end()
  t.equal(clients.filter(isAnswered).length, 3)
  // Its successor has just been started.
  const began = performance.now()
  t.equal(await server.stop(), 0)
  t.ok(performance.now() - began < 20_000, 'a worker that does not serve yet is not waited for')
})

t.test('a primary that is killed leaves no worker behind, and its store is free; the next start clears up after it, and after nobody else', async t => {
  const directory = join(t.testdir(), 'store')
  const TMPDIR = await temporary(t)
  const server = await startServer(t, directory, ['--workers', '2'], { TMPDIR })
  const [left = ''] = readdirSync(TMPDIR)
  const others = [left.replace(/-[^-]+$/, 'x-other1'), 'fastify-cdmi-000000000000-other2', 'fastify-cdmi-other3']
  for (const name of others) mkdirSync(join(TMPDIR, name))
  const { one, pids } = await twoClients(t, server)
  t.equal((await one.ask('POST', '/data/key', '{}')).status, 201)
  await server.kill()
  await eventually('the workers are gone', () => !pids.some(isAlive))
  t.ok(readdirSync(TMPDIR).includes(left))
  const next = await startServer(t, directory, ['--workers', '1'], { TMPDIR })
  t.same(readdirSync(TMPDIR).sort(), others.sort())
  t.match(await new OneConnection(t, next).ask('GET', '/data/key'), { status: 200, text: '{}' })
  t.equal(await next.stop(), 0)
})

t.test('workers that cannot listen make the whole end with 1 and a sentence, and leave nothing', async t => {
  const holder = createServer().listen(0, '127.0.0.1')
  t.teardown(() => { holder.close() })
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  const directory = join(t.testdir(), 'store')
  const TMPDIR = await temporary(t)
  const { code, stdout, stderr } = await runCommand(['serve', '--data', directory, '--host', '127.0.0.1', '--port', String(port), '--workers', '2', '--log-level', 'error'], { ADMIN_PASSWORD: 'x', TMPDIR })
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, /fastify-cdmi: (?:listen|bind) EADDRINUSE[^\n]*: the address is in use: another server listens there, or choose another port with --port\n/)
  t.match(stderr, /fastify-cdmi: A worker ended with 1 before it listened; it has said why\n/)
  t.notMatch(stderr, /\n\s+at /)
  t.same(readdirSync(TMPDIR), [])
  t.notOk(readdirSync(directory).some(file => file.startsWith('owner-')))
})
