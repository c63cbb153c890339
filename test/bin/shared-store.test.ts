import t, { type Test } from 'tap'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { Client } from 'pg'
import { Agent, request } from 'undici'
import { eventually } from '../helpers/eventually.js'
import { everyDoor, type DoorAnswer } from '../helpers/every-door.js'
import { faultProxy } from '../helpers/fault-proxy.js'
import { runExample } from '../helpers/run-example.js'
import { runInProcess } from '../helpers/run-in-process.js'
import { runCommand, startServer, type ServerProcess } from '../helpers/server-process.js'
import { schemaVersion } from '../../storage/distributed/migrate.js'
import { ownServer, query, schemaOf } from '../storage/postgres-server.js'
import { freshOptions, s3Server } from '../storage/s3-server.js'

/** Values that are kept in the record, and values that are not. */
const [short, long] = ['short', 'x'.repeat(100_000)]

interface Ready { readonly status: number, readonly body: { readonly status: string, readonly reason?: string }, readonly milliseconds: number }

/** A connection each: one that was kept may lead to a worker that is dead. */
const dispatcher = new Agent({ pipelining: 0 })

async function readiness ({ origin }: ServerProcess): Promise<Ready> {
  const since = performance.now()
  const { statusCode, body } = await request(`${origin}/-/ready`, { dispatcher })
  return { status: statusCode, body: await body.json() as Ready['body'], milliseconds: performance.now() - since }
}

/** `reason`: where a worker may still say what was wrong a moment ago. */
async function becomes (server: ServerProcess, status: number, reason?: string): Promise<Ready> {
  let last = await readiness(server)
  await eventually(`ready answers ${status}`, async () => {
    last = await readiness(server)
    return last.status === status && (reason === undefined || last.body.reason === reason)
  })
  return last
}

const postgres = await ownServer()
const s3 = postgres === undefined ? undefined : await s3Server()
if (postgres === undefined) t.pass('PostgreSQL is not installed', { skip: true })
else {
  const meta = postgres.freshSchema(t)
  const { password: owner, username } = new URL(meta)
  const named = new URL(meta)
  named.password = ''
  /** Who may use the tables, and make none. */
  const [user, secret] = ['gateway', 'hidden from everybody']
  const served = new URL(named)
  served.username = user
  const manual = readFileSync('docs/scale-out.md', 'utf8')
  const [, grants = ''] = /```sql\n([^]*?)```/.exec(manual) ?? []
  const [, example = ''] = /```js\n([^]*?)```/.exec(manual) ?? []

  t.test('migrate: tells what is to be done, does it once, and leaves a newer store alone; servers that may not migrate refuse to start until then', async t => {
    const blobs = pathToFileURL(join(t.testdir(), 'blobs')).href
    const common = { CDMI_META: meta, CDMI_BLOBS: blobs, ADMIN_PASSWORD: 'x' }
    const schema = schemaOf(meta).replaceAll('"', '')
    t.match(await runInProcess(['migrate', '--meta', named.href, '--dry-run'], { PGPASSWORD: owner }), {
      code: 3, stdout: /^(?:to do: \d {2}\S.*\n)+$/, stderr: `fastify-cdmi: The store in schema ${schema} is not up to date; without --dry-run this is done\n`
    })
    t.same(await query(meta, `select 1 from pg_namespace where nspname = '${schema}'`), [], 'nothing was changed')
    for (const args of [['serve', '--migrate', 'false'], ['serve', '--migrate', 'false', '--workers', '2'], ['sweep']]) {
      t.match(await runInProcess(args, common), { code: 1, stdout: '', stderr: `fastify-cdmi: There is no store in schema ${schema}; run "fastify-cdmi migrate" first\n` }, args.join(' '))
    }
    t.match(await runCommand(['migrate'], { CDMI_META: meta }), { code: 0, stdout: /^(?:done: \d {2}\S.*\n)+The store in schema \w+ has version \d now, the one of this build\.\n$/, stderr: '' })
    t.match(await runInProcess(['migrate', '--dry-run'], { CDMI_META: meta }), { code: 0, stdout: /^The store in schema \w+ has version \d, the one of this build; there is nothing to do\.\n$/, stderr: '' })
    await query(meta, `insert into ${schemaOf(meta)}.migrations (version) values (${schemaVersion + 1})`)
    for (const args of [['migrate'], ['migrate', '--dry-run'], ['serve'], ['serve', '--workers', '2']]) {
      t.match(await runInProcess(args, args[0] === 'serve' ? common : { CDMI_META: meta }), {
        code: 1, stdout: '', stderr: `fastify-cdmi: The store in schema ${schema} has version ${schemaVersion + 1}; this build knows versions up to ${schemaVersion}. Use the newer build that wrote it\n`
      }, args.join(' '))
    }
    await query(meta, `delete from ${schemaOf(meta)}.migrations where version = ${schemaVersion + 1}`)
    await query(meta, `create role ${user} login password '${secret}'`)
    for (const line of grants.trim().split('\n')) await query(meta, line.replace(/\bcdmi\b/, schemaOf(meta)).replace(/\brole owner\b/, `role "${username}"`))
    t.match(await runInProcess(['migrate']), { code: 2, stderr: /^fastify-cdmi: Only a store in a database has something to migrate: / })
  })

  t.test('the example of the manual runs as it stands', async t => {
    const blobs = pathToFileURL(join(t.testdir({}), 'blobs')).href
    const code = example.replace(/'postgres:[^']*'/, JSON.stringify(postgres.freshSchema(t))).replace(/'file:[^']*'/, JSON.stringify(blobs))
    const child = runExample(t, code, '\nawait store.ready()\nconsole.log(store.name)\nawait store.close()\n')
    const printed = text(child.stdout ?? Readable.from([]))
    t.same(await once(child, 'close'), [0, null])
    t.equal(await printed, 'postgresql+files\n')
  })

  t.test('a start waits for a database that cannot be reached, for so long and no longer; the sentence has no secret', async t => {
    const blobs = pathToFileURL(join(t.testdir(), 'blobs')).href
    const since = performance.now()
    const { code, stdout, stderr } = await runCommand(['serve', '--blobs', blobs, '--database-start-timeout', '2.5'], { CDMI_META: 'postgres://cdmi:hidden@127.0.0.1:1/cdmi', ADMIN_PASSWORD: 'x' })
    t.same([code, stdout], [1, ''])
    t.ok(performance.now() - since > 2000)
    t.match(stderr, /"msg":"the store cannot be reached; the start waits for it"\}\nfastify-cdmi: opening schema cdmi: connect ECONNREFUSED 127\.0\.0\.1:1\n$/)
    t.notMatch(stderr, 'hidden')
  })

  t.test('serve --workers 2 over PostgreSQL and S3', async t => {
    const proxy = s3 === undefined ? undefined : await faultProxy(t, s3.endpoint)
    const TMPDIR = await mkdtemp(join(tmpdir(), 'bin-'))
    t.teardown(async () => { await rm(TMPDIR, { recursive: true, force: true }) })
    const place = s3 === undefined ? undefined : freshOptions(s3)
    const blobs = place === undefined || proxy === undefined ? pathToFileURL(join(t.testdir(), 'blobs')).href : `s3://${place.bucket}/${place.prefix ?? ''}?endpoint=${proxy.url}&region=${place.region ?? ''}&timeout=500&retryFor=200`
    const environment = { TMPDIR, PGPASSWORD: secret, ...s3 !== undefined && { AWS_ACCESS_KEY_ID: s3.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.secretAccessKey } }
    const where = ['--meta', served.href, '--blobs', blobs]
    const doomed = startServer(t, undefined, [...where, '--workers', '2', '--log-level', 'error'], environment)
    const server = await startServer(t, undefined, [
      ...where, '--migrate', 'false', '--workers', '2', '--drain-timeout', '5', '--log-level', 'debug',
      '--database-timeout', '1', '--database-connect-timeout', '1', '--database-connections', '2', '--database-queue', '20'
    ], environment)
    const children = (): number[] => readFileSync(`/proc/${server.child.pid}/task/${server.child.pid}/children`, 'utf8').trim().split(' ').map(Number)
    const doors = await everyDoor(t, server)

    const works = async (t: Test): Promise<void> => {
      for (const value of [short, long]) {
        for (const { door, status, text: said } of await doors.write(value)) t.ok(status === 201 || (door === 'form' && status === 200), `${door}: ${status} ${said.slice(0, 200)}`)
        for (const { door, status, text: said } of await doors.read()) t.ok(status === 200 && (door === 'listing' || said.includes(value)), `${door}: ${status}`)
      }
    }
    /** 503, and when to come again, from every door. */
    const refused = (t: Test, answers: readonly DoorAnswer[], within = 10_000): void => {
      for (const { door, status, retryAfter, text: said, milliseconds } of answers) {
        t.equal(status, 503, `${door}: ${said.slice(0, 200)}`)
        t.match(retryAfter, /^\d+$/, door)
        t.ok(milliseconds < within, `${door}: after ${Math.round(milliseconds)} ms`)
      }
    }

    await t.test('another server on the same store: what one writes the other reads; one that is killed takes nothing with it, and what it left in the temporary directory goes at the next start', async t => {
      const other = await doomed
      const [checksums] = await query(meta, 'show data_checksums')
      t.equal(server.output().split('data_checksums is off').length - 1, checksums?.[0] === 'on' ? 0 : 1, 'that bits flip unseen in the database is said once, not by each worker')
      t.same(await query(meta, `select count(*)::int from ${schemaOf(meta)}.leases where open`), [[4]], 'each worker opens the store for itself')
      const put = await request(`${server.origin}/x`, { method: 'PUT', headers: { authorization: server.authorization }, body: long })
      t.equal(put.statusCode, 201)
      t.equal(await (await request(`${other.origin}/x`, { headers: { authorization: other.authorization } })).body.text(), long)
      await other.kill()
      t.equal(readdirSync(TMPDIR).length, 2)
      const next = await startServer(t, undefined, [...where, '--log-level', 'error'], environment)
      t.equal(readdirSync(TMPDIR).length, 1, 'and that of one that lives stays')
      t.equal(await (await request(`${next.origin}/x`, { headers: { authorization: next.authorization } })).body.text(), long)
      t.equal(await next.stop(), 0)
      t.match(await runInProcess(['sweep', ...where, '--trash-grace', '0'], environment), { code: 0, stdout: /^Removed \d+ blobs / })
    })

    await t.test('every door works', async t => {
      t.equal(children().length, 2)
      t.equal((await becomes(server, 200)).body.status, 'ready')
      await works(t)
    })

    await t.test('PostgreSQL is killed: 503 from every door, not ready; a worker that dies meanwhile is replaced; when it is back, all is as before by itself', async t => {
      await postgres.crash()
      t.equal((await becomes(server, 503, 'The database with the records of the store cannot be reached, or takes nothing now')).body.status, 'unavailable')
      refused(t, [...await doors.write(short), ...await doors.write(long), ...await doors.read()])
      const [victim = 0] = children()
      process.kill(victim, 'SIGKILL')
      await eventually('another process is in its place', () => children().length === 2 && !children().includes(victim))
      t.equal((await request(`${server.origin}/-/health`, { dispatcher })).statusCode, 200)
      await postgres.start()
      await becomes(server, 200)
      await eventually('two workers listen', () => (server.output().match(/"listening at /g) ?? []).length === 3)
      await becomes(server, 200)
    })

    await t.test('PostgreSQL says nothing any more (SIGSTOP): the same, in bounded time', async t => {
      const again = await everyDoor(t, server)
      postgres.freeze()
      const answers = [...await again.write(short), ...await again.read()]
      refused(t, answers)
      const { milliseconds } = await becomes(server, 503, 'The database with the records of the store cannot be reached, or takes nothing now')
      t.ok(milliseconds < 7000, `ready: after ${Math.round(milliseconds)} ms`)
      postgres.thaw()
      await becomes(server, 200)
      for (const { door, status } of await again.write(short)) t.ok(status < 300, door)
    })

    await t.test('more requests than the database takes: so many wait, the rest is refused at once', async t => {
      const blocker = new Client({ connectionString: meta })
      await blocker.connect()
      t.teardown(async () => { await blocker.end() })
      await blocker.query(`begin; lock table ${schemaOf(meta)}.records`)
      const began = performance.now()
      const refusals = server.output().length
      const answers = await Promise.all(Array.from({ length: 200 }, async () => {
        const { statusCode, headers, body } = await request(`${server.origin}/x`, { headers: { authorization: server.authorization } })
        await body.dump()
        return { status: statusCode, retryAfter: headers['retry-after'], milliseconds: performance.now() - began }
      }))
      await blocker.query('rollback')
      t.same(new Set(answers.map(({ status }) => status)), new Set([503]))
      t.ok(answers.every(({ retryAfter }) => retryAfter !== undefined))
      await eventually('it is in the log that some were refused at once', () => /: 20 operations wait for the database already/.test(server.output().slice(refusals)))
      t.ok(answers.every(({ milliseconds }) => milliseconds < 10_000))
      await becomes(server, 200)
    })

    await t.test('tables of a newer build, and no tables: not ready, and ready again when they are right', async t => {
      const reason = 'The database with the records of the store is not what this build of the server works with'
      await query(meta, `insert into ${schemaOf(meta)}.migrations (version) values (${schemaVersion + 1})`)
      await becomes(server, 503, reason)
      await query(meta, `delete from ${schemaOf(meta)}.migrations where version = ${schemaVersion + 1}`)
      await becomes(server, 200)
      await query(meta, `alter schema ${schemaOf(meta)} rename to elsewhere`)
      await becomes(server, 503, reason)
      refused(t, await (await everyDoor(t, server)).read())
      await query(meta, `alter schema elsewhere rename to ${schemaOf(meta)}`)
      await becomes(server, 200)
    })

    for (const [what, act] of [['away', { kind: 'reset' }], ['silent', { kind: 'hang' }], ['overloaded', { kind: 'answer', status: 503, headers: { 'retry-after': '1' } }]] as const) {
      if (proxy === undefined) break
      await t.test(`S3 is ${what}: 503 for what needs it, the rest goes on; not ready, and ready again by itself`, async t => {
        const again = await everyDoor(t, server)
        for (const { door, status } of await again.write(long)) t.ok(status < 300, door)
        proxy.add({ act, times: Infinity })
        const reads = await again.read()
        const writes = await again.write(long)
        refused(t, [...reads.filter(({ door }) => door !== 'listing'), ...writes])
        for (const { door, status } of await again.write(short)) t.ok(status < 300, `short values: ${door}`)
        const { milliseconds } = await becomes(server, 503, 'The place of the values of the store cannot be reached, or takes nothing now')
        t.ok(milliseconds < 7000)
        proxy.clear()
        await becomes(server, 200)
        for (const { door, status } of await again.write(long)) t.ok(status < 300, door)
      })
    }

    await t.test('SIGTERM while the database says nothing ends it all the same, with 0, and leaves nothing; no secret was seen anywhere', async t => {
      const commands = [server.child.pid ?? 0, ...children()].map(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
      postgres.freeze()
      const since = performance.now()
      t.equal(await server.stop(), 0)
      t.ok(performance.now() - since < 20_000)
      postgres.thaw()
      t.same(readdirSync(TMPDIR), [])
      const seen = [server.output(), ...commands].join('\n')
      for (const hidden of [secret, s3?.secretAccessKey ?? secret, 'test password']) t.notOk(seen.includes(hidden))
    })
  })
}
