/** The short form of `npm run test:fuzz`, and whether its oracle sees what it should. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { authorization, password, runningServer, type RunningServer } from '../helpers/built-server.js'
import { answersIn } from './answers.js'
import { attack, type Plan, type Tally } from './campaign.js'
import { endangers, type Grounds, requestCase } from './cases.js'
import type { Listener } from './conversations.js'
import { Field } from './grounds.js'
import { judgeGrowth } from './growth.js'
import { complaintsAbout } from './judge.js'
import { described } from './report.js'
import { spoiled, type Spoiling } from './spoiler.js'
import type { Readings } from './subject.js'

interface Prepared { readonly server: RunningServer, readonly field: Field, readonly listener: Listener }

async function prepared (t: Test, bound = 10_000): Promise<Prepared> {
  const server = await runningServer(t, { logLevel: 'warn' })
  const field = await Field.lay({ origin: server.url, authorization })
  t.teardown(async () => { await field.leave() })
  return { server, field, listener: { address: { host: '127.0.0.1', port: server.port }, secrets: { paths: [server.directory, resolve('.')], texts: [password, '$scrypt'] }, bound } }
}

/** Another one each day, so that what few cases miss is found some day; the failure says which. */
const today = Math.floor(Date.now() / 86_400_000)
const plan: Plan = { seed: today, requests: 350, frames: 150, atOnce: 24 }

const faults: ReadonlyArray<readonly [what: string, spoiling: Spoiling, complaint: RegExp]> = [
  ['a status 500', { answer: text => text.replace(/^HTTP\/1\.1 \d{3}/, 'HTTP/1.1 500') }, /^status 500$/],
  ['a stack trace', { answer: text => text.replace(/Error: |\{"type"/, 'TypeError: x is not a function\n    at Object.handler (file:///srv/app/routes/plain.js:12:34)') }, /stack trace/],
  ['a path of the disk', { answer: text => text.replace(/\r\n/, `\r\nX-Note: ${resolve('.')}/store\r\n`) }, /a path of the disk/],
  ['a line of the request in the header of the answer', { answer: text => text.replace(/\r\n/, '\r\nX-Injected: yes\r\n') }, /put a line into the header/],
  ['something before the answer', { answer: text => `\r\n${text}` }, /the answer is broken/],
  ['a broken header', { answer: text => text.replace(/\r\n/, '\r\nX-Note: a\rb\r\n') }, /the answer is broken: no header field/],
  ['two answers to one request', { answer: text => text.replace(/^HTTP[^]*/, 'HTTP/1.1 400 Bad Request\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n') }, /two Content-Length/],
  ['no end', { endless: true }, /no end within/]
]

t.test('a short attack, and spoiled answers', async t => {
  const { server, field, listener } = await prepared(t)

  await t.test('whatever is wrong with a request or a frame: no 5xx, no hang, no trace, no path of the disk, nothing in the log, and what others have stored is as it was', async t => {
    const { failures, requests, frames, statuses } = await attack(field, listener, plan)
    t.same(failures.map(failure => described(failure, plan.seed).slice(0, 3000)), [])
    t.same([requests, frames >= plan.frames], [plan.requests, true])
    t.ok((statuses.get(400) ?? 0) > plan.requests / 4, 'many were refused')
    t.ok((statuses.get(200) ?? 0) > 0, 'some were not so wrong')
    t.same(server.lines().filter(({ level }) => level >= 50), [])
  })

  /** What a few cases find when answers are spoiled. */
  const found = async (t: Test, spoiling: Spoiling, more: Partial<Plan> = {}): Promise<Tally> =>
    await attack(field, { ...listener, bound: 500, address: await spoiled(t, { host: '127.0.0.1', port: server.port }, spoiling) }, { seed: 1, requests: 8, frames: 0, atOnce: 8, ...more })
  for (const [what, spoiling, complaint] of faults) {
    await t.test(`the oracle sees ${what}`, async t => {
      const { failures } = await found(t, spoiling)
      t.ok(failures.some(({ complaints }) => complaints.some(one => complaint.test(one))), JSON.stringify(failures.map(({ complaints }) => complaints)))
      t.ok(failures.every(({ sent }) => sent.length > 0), 'with the bytes that were sent')
    })
  }

  await t.test('the oracle sees what is wrong with frames', async t => {
    const { failures } = await found(t, { answer: text => text.replaceAll('"status":4', '"status":5') }, { requests: 0, frames: 25 })
    t.ok(failures.some(({ kind, complaints }) => kind === 'socket' && complaints.some(one => /^status 5/.test(one))))
    const endless = await found(t, { endless: true }, { requests: 0, frames: 2 })
    t.ok(endless.failures.length > 0)
    t.ok(endless.failures.every(({ kind, complaints }) => kind === 'socket' && complaints.some(one => /no end/.test(one))))
  })

  await t.test('the oracle sees a canary that was touched', async t => {
    t.same(await field.changed(), [])
    const [, path = ''] = field.hidden.toString().split(' ')
    const { statusCode, body } = await request(server.url + path, { method: 'DELETE', headers: { authorization } })
    await body.dump()
    t.equal(statusCode, 204)
    const { failures } = await attack(field, listener, { ...plan, requests: 1, frames: 0 })
    t.match(failures, [{ kind: 'round', complaints: [/^the canary .*text as it is was 200 [^]* and is 404/] }])
  })
})

const grounds: Grounds = { hidden: Buffer.from('DELETE /x HTTP/1.1\r\n\r\n'), place: n => ({ container: `/play/c${n}/`, key: `fuzz-${n}`, ids: { container: 'C', o: 'O', b: 'B' }, authorization }) }

t.test('the same seed and number make the same bytes', async t => {
  const bytes = (seed: number): string[] => Array.from({ length: 50 }, (_, number) => Buffer.concat(requestCase(seed, number, grounds).pieces).toString('latin1'))
  t.strictSame(bytes(7), bytes(7))
  t.notSame(bytes(7), bytes(8))
  t.equal(new Set(bytes(7)).size, 50)
})

t.test('a failure says how to repeat it, and the bytes; as the manual shows', async t => {
  const text = described({ kind: 'request', number: 6210, name: 'own 4, smuggling', sent: Buffer.from('POST /\xff HTTP/1.1\r\n', 'latin1'), complaints: ['2 answers: a hidden request was carried out'] }, 4)
  t.equal(text, ['request 6210 (own 4, smuggling): 2 answers: a hidden request was carried out', 'again: npm run test:fuzz -- --seed 4 --request 6210', 'bytes (JSON, latin1): "POST /\u00ff HTTP/1.1\\r\\n"'].join('\n'))
  const manual = readFileSync('docs/reliability.md', 'utf8')
  for (const line of text.split('\n').slice(0, 2)) t.ok(manual.includes(line), line)
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  t.match(scripts['test:fuzz'], /test\/fuzz\/run-fuzz\.js$/)
})

t.test('no case that a right server could carry out touches what is watched', async t => {
  for (const line of ['DELETE / HTTP/1.1', 'GET / HTTP/1.1\r\n\r\ndelete /data/ HTTP/1.1', 'DELETE /d%61ta/x HTTP/1.1', 'PATCH / HTTP/1.1\r\n\r\n{"copy":"/play/c1/"}', 'PUT /cdmi/2.0.0/ HTTP/1.1\r\n\r\n{"deserializevalue":""}']) t.ok(endangers(Buffer.from(line)), line)
  for (const line of ['DELETE /play/c3/ HTTP/1.1', 'DELETE /pl%61y/c3/o HTTP/1.1', 'DELETE /data/fuzz-3-1 HTTP/1.1', 'PUT /play/c1/x HTTP/1.1\r\n\r\n{"copy":"/play/c1/"}', 'PUT / HTTP/1.1']) t.notOk(endangers(Buffer.from(line)), line)
})

t.test('the oracle sees growth', async t => {
  const readings = (of: (n: number) => number): Readings[] => Array.from({ length: 100 }, (_, n) => ({ memory: of(n) * 1024 ** 2, descriptors: 30, temporary: 0, open: 5 }))
  const now = { memory: 0, descriptors: 31, temporary: 0, open: 0 }
  t.same(judgeGrowth(readings(n => 100 + n % 10 * 20), now), [])
  t.match(judgeGrowth(readings(n => 100 + n * 2), now), [/memory has grown/])
  t.match(judgeGrowth(readings(() => 100), { ...now, descriptors: 90, temporary: 2, open: 3 }), [/descriptors have grown from 30 to 90/, /3 uploads or sockets/, /2 temporary files/])
})

t.test('answers are read as strictly as they are written', async t => {
  const secrets = { paths: [], texts: [] }
  const wrong = (text: string): string[] => complaintsAbout(answersIn(Buffer.from(text, 'latin1')), secrets)
  const right = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'
  t.same(wrong(right + right), [])
  t.same(answersIn(Buffer.from(right + right)).answers.map(({ body }) => String(body)), ['hi', 'hi'])
  t.same(answersIn(Buffer.from('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n' + right)).answers.map(({ status, body }) => [status, String(body)]), [[200, 'hi'], [304, ''], [200, 'hi']])
  t.same(wrong('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi'), [], 'cut at the end')
  for (const text of ['hello', 'HTTP/1.1 2 OK\r\n\r\n', 'HTTP/1.1 200 OK\r\nX y: z\r\n\r\n', 'HTTP/1.1 200 OK\r\nX: a\nb\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n', right + 'more']) t.equal(wrong(text).length, 1, text)
})
