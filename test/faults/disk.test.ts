/** What clients of every door see of a disk that fails, is full or is slow; and that nothing is lost, whoever reads goes on, and all is well when it is over. */
import t, { type Test } from 'tap'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { request } from 'undici'
import { type DoorAnswer, type Doors, everyDoor } from '../helpers/every-door.js'
import { eventually } from '../helpers/eventually.js'
import { missingCommand } from '../helpers/missing-command.js'
import { runCommand, type ServerProcess, startServer } from '../helpers/server-process.js'
import { inject } from './inject.js'

/** The rest takes long. */
const all = process.env['FAULTS'] === 'all'
const long = Buffer.alloc(300_000, 'long ')
/** Milliseconds that each flush of the slow disk takes more. */
const delay = 400

async function put (server: ServerProcess, name: string, body: Buffer): Promise<{ status: number, text: string }> {
  const answer = await request(`${server.origin}/${name}`, { method: 'PUT', headers: { authorization: server.authorization }, body })
  return { status: answer.statusCode, text: await answer.body.text() }
}

async function get (server: ServerProcess, path: string): Promise<{ status: number, bytes: Buffer }> {
  const answer = await request(server.origin + path, { headers: { authorization: server.authorization } })
  return { status: answer.statusCode, bytes: Buffer.from(await answer.body.arrayBuffer()) }
}

const well = (answers: readonly DoorAnswer[]): boolean => answers.every(({ status }) => status < 300)

/** Each door says that, with a sentence that helps. */
function refused (t: Test, answers: readonly DoorAnswer[], status: 503 | 507): void {
  const sentence = status === 503 ? /cannot take this request now/ : /no space left/
  for (const answer of answers) {
    t.equal(answer.status, status, `${answer.door}: ${answer.text.slice(0, 200)}`)
    t.match(answer.text, sentence, answer.door)
    if (status === 503) t.ok(answer.retryAfter, `${answer.door} says when to try again`)
  }
}

function goOn (t: Test, answers: readonly DoorAnswer[]): void {
  for (const { door, status, text } of answers) t.equal(status, 200, `readers go on (${door}): ${text.slice(0, 300)}`)
}

async function recovers (server: ServerProcess, doors: Doors, kept: Doors): Promise<void> {
  await eventually('the server is ready again', async () => (await get(server, '/-/ready')).status === 200)
  await eventually('every door writes again', async () => well(await doors.write('after')) && well(await doors.read()))
  await eventually('what was there before is there', async () => well(await kept.read()))
}

/**
 * The server when it is ready again; or a new one, where LMDB has spoilt memory while it told of a failed write, and the process had to end. `ended` is told of
 * what that one has printed.
 */
async function readyAgain (t: Test, server: ServerProcess, directory: string, ended: (printed: string) => void): Promise<ServerProcess> {
  const { child } = server
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  await eventually('the server is ready again, or gone', async () => hasEnded() || await get(server, '/-/ready').then(({ status }) => status === 200, () => false))
  if (!hasEnded()) return server
  ended(server.output())
  t.ok(child.exitCode === 1 || child.signalCode === 'SIGABRT', `it has ended with ${child.exitCode ?? child.signalCode}`)
  return await startServer(t, directory)
}

const faults = [
  ['a flush fails', 'fdatasync', 'error=EIO'],
  ...all ? [['the file system has become read-only', 'fdatasync', 'error=EROFS'] as const] : []
] as const

t.test('faults of the system', { skip: missingCommand('strace'), timeout: 300_000 }, async t => {
  for (const [what, calls, how] of faults) {
    t.test(`${what} (${how}): every door says 503, readers go on, and all is well when it is over`, async t => {
      const server = await startServer(t, join(t.testdir(), 'store'), ['--log-level', 'fatal'])
      const [kept, doors] = [await everyDoor(t, server), await everyDoor(t, server)]
      t.ok(well(await kept.write('before')))
      t.equal((await put(server, 'long', long)).status, 201)
      const fault = await inject(t, server.child.pid, calls, how)
      refused(t, await doors.write('during'), 503)
      const refusal = await put(server, 'long-during', long)
      t.equal(refusal.status, 503)
      t.match(refusal.text, /cannot take this request now/)
      goOn(t, await kept.read())
      t.ok((await get(server, '/long')).bytes.equals(long))
      t.equal((await get(server, '/-/ready')).status, 503)
      t.equal((await get(server, '/-/health')).status, 200)
      await fault.end()
      await recovers(server, doors, kept)
      t.equal((await get(server, '/long-during')).status, 404, 'what was refused is not there')
      t.equal((await put(server, 'long-during', long)).status, 201)
      t.equal(await server.stop(), 0)
      if (!all) return
      // From the disk, not from memory.
      const again = await startServer(t, join(t.testdirName, 'store'), ['--log-level', 'fatal'])
      for (const name of ['long', 'long-during']) t.ok((await get(again, `/${name}`)).bytes.equals(long), name)
      await again.stop()
    })
  }

  if (!all) return

  t.test('no page of the records can be written (EIO): every door says 503; nothing acknowledged is lost, and all is well when it is over, if need be after a new start', async t => {
    const directory = join(t.testdir(), 'store')
    const server = await startServer(t, directory, ['--log-level', 'fatal'])
    const doors = await everyDoor(t, server)
    t.ok(well(await doors.write('before')))
    t.equal((await put(server, 'long', long)).status, 201)
    const fault = await inject(t, server.child.pid, 'pwrite64', 'error=EIO')
    // A connection that ends is an answer of a process that has to.
    const answers = await doors.write('during').catch(() => [])
    refused(t, answers, 503)
    const late = await put(server, 'long-during', long).catch(() => undefined)
    t.ok(late === undefined || late.status === 503, `${late?.status}`)
    await fault.end()
    const again = await readyAgain(t, server, directory, printed => { t.comment(`ended; ${answers.length} doors were answered; ${printed.split('\n').find(line => line.includes('has spoilt memory'))}`) })
    t.ok((await get(again, '/long')).bytes.equals(long))
    t.equal((await get(again, '/long-during')).status, 404)
    t.ok(well(await (await everyDoor(t, again)).write('after')))
    t.equal((await put(again, 'long-after', long)).status, 201)
    t.equal(await again.stop(), 0)
    t.match(await runCommand(['verify', '--data', directory]), { code: 0 })
  })

  t.test('one of the writes of a commit fails (EIO), each of them in turn: what was acknowledged is there, what was refused is not, and all is well when it is over', async t => {
    const directory = join(t.testdir(), 'store')
    let server = await startServer(t, directory)
    const stored = new Set<string>()
    const tally = { refused: 0, ended: 0 }
    const printed: string[] = []
    for (let write = 1; write <= 8; write++) {
      const fault = await inject(t, server.child.pid, 'pwrite64', `error=EIO:when=${write}`)
      for (let n = 0; n < 3; n++) {
        const name = `value-${write}-${n}`
        const answer = await put(server, name, Buffer.from(name)).catch(() => undefined)
        if (answer?.status === 201) stored.add(name)
        else if (answer !== undefined) t.equal(answer.status, 503, answer.text)
        if (answer?.status === 503) tally.refused++
        if (answer === undefined) break
      }
      await fault.end()
      server = await readyAgain(t, server, directory, what => {
        tally.ended++
        printed.push(what)
      })
      for (let n = 0; n < 3; n++) {
        const name = `value-${write}-${n}`
        const { status, bytes } = await get(server, `/${name}`)
        // Of one whose answer never came nobody knows.
        t.ok(stored.has(name) ? bytes.toString() === name : status === 404 || tally.ended > 0, `${name}: ${status}`)
      }
    }
    for (const name of stored) t.equal((await get(server, `/${name}`)).bytes.toString(), name)
    t.equal(await server.stop(), 0)
    const reopened = [...printed, server.output()].join('').split('has to be opened anew').length - 1
    t.ok(reopened > 0, 'one of them was the last of its commit')
    t.comment(`${tally.refused} refused, ${reopened} times opened anew, ${tally.ended} times the process had to end`)
    t.match(await runCommand(['verify', '--data', directory]), { code: 0 })
  })

  t.test('values cannot be read (EIO): 503 or an end of the transfer, never other bytes; what is in the records goes on', async t => {
    const server = await startServer(t, join(t.testdir(), 'store'), ['--log-level', 'fatal'])
    const doors = await everyDoor(t, server)
    t.ok(well(await doors.write('short')))
    t.equal((await put(server, 'long', long)).status, 201)
    const fault = await inject(t, server.child.pid, 'pread64', 'error=EIO')
    const broken = await get(server, '/long').catch((error: unknown) => ({ status: 503, bytes: Buffer.from(String(error)) }))
    t.ok(broken.status === 503 || !broken.bytes.equals(long), String(broken.status))
    t.not(broken.status, 500)
    t.ok(well(await doors.read()))
    await fault.end()
    t.ok((await get(server, '/long')).bytes.equals(long))
    await server.stop()
  })

  t.test(`a slow disk (${delay} ms more for each flush): writes wait for it, readers do not`, async t => {
    const server = await startServer(t, join(t.testdir(), 'store'), ['--log-level', 'fatal'])
    const [kept, doors] = [await everyDoor(t, server), await everyDoor(t, server)]
    t.ok(well(await kept.write('before')))
    const fault = await inject(t, server.child.pid, 'fdatasync', `delay_exit=${delay * 1000}`)
    const writing = doors.write('slow')
    const reads: number[] = []
    const state = { written: false }
    writing.then(() => { state.written = true }, () => { state.written = true })
    while (!state.written) {
      const answers = await kept.read()
      t.ok(well(answers))
      reads.push(...answers.map(({ milliseconds }) => milliseconds))
    }
    const answers = await writing
    t.ok(well(answers))
    for (const { door, milliseconds } of answers) t.ok(milliseconds >= delay, `${door} waited ${milliseconds.toFixed()} ms for its flush`)
    reads.sort((one, other) => one - other)
    const median = reads[reads.length >> 1] ?? Infinity
    t.ok(median < delay, `reads took ${median.toFixed()} ms (median of ${reads.length})`)
    await fault.end()
    t.ok(well(await doors.write('after')))
    await server.stop()
  })
})

const namespace = process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount']
const mountable = process.platform === 'linux' && spawnSync('unshare', [...namespace, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0

t.test('a full disk: every door says 507, readers go on, nothing acknowledged is lost, and there is room again when it grows', {
  // In the continuous integration it must run.
  skip: !mountable && process.env['CI'] !== 'true' ? 'THIS SYSTEM LETS NOBODY MOUNT A SMALL FILE SYSTEM' : false,
  timeout: 120_000
}, async t => {
  const mount = t.testdir()
  const server = await startServer(t, join(mount, 'store'), ['--log-level', 'fatal'], {}, ['unshare', ...namespace, 'sh', '-c', 'mount -t tmpfs -o size=6m tmpfs "$0" && exec "$@"', mount])
  const [kept, doors] = [await everyDoor(t, server), await everyDoor(t, server)]
  t.ok(well(await kept.write('before')))
  const stored: string[] = []
  let refusal = { status: 0, text: '' }
  // First with long values, then with such as are kept in the records: until neither fits.
  for (const body of [long, Buffer.alloc(60_000, 'x')]) {
    for (let n = 0; n < 200; n++) {
      const name = `fill-${body.length}-${n}`
      refusal = await put(server, name, body)
      if (refusal.status !== 201) break
      stored.push(name)
    }
    t.equal(refusal.status, 507, refusal.text)
    t.match(refusal.text, /no space left/)
  }
  refused(t, (await doors.write('x'.repeat(60_000))).filter(({ status }) => status >= 300), 507)
  goOn(t, await kept.read())
  t.equal((await get(server, '/-/ready')).status, 503)
  const grown = spawnSync('nsenter', ['-t', String(server.child.pid), ...namespace.includes('--user') ? ['--user'] : [], '--mount', 'mount', '-o', 'remount,size=60m', mount])
  t.equal(grown.status, 0, grown.stderr.toString())
  await recovers(server, doors, kept)
  for (const name of stored) {
    const { status, bytes } = await get(server, `/${name}`)
    t.ok(status === 200 && bytes.length === Number(name.split('-')[1]), name)
  }
  t.equal(await server.stop(), 0)
})
