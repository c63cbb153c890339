import t, { type Test } from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import { Cdmi, openMemoryStore, openStore } from '../../../index.js'
import type { ServerResponse } from 'node:http'
import type { Client } from './client.js'
import { allowing, otherServer, taking } from '../../helpers/other-server.js'

interface Source {
  readonly origin: string
  /** Requests that have come. */
  readonly asked: number
  /** The other half. */
  rest (): void
  cut (): void
  /** The connection has been closed. */
  readonly closed: Promise<void>
}

const half = 'x'.repeat(50)

/** A server that sends half of a value, and waits. */
async function waitingSource (t: Test, headers: Record<string, string> = { 'content-length': '100' }): Promise<Source> {
  let rest = (): void => {}
  let cut = (): void => {}
  let close: () => void = () => {}
  const closed = new Promise<void>(resolve => { close = resolve })
  let asked = 0
  const origin = await otherServer(t, ({ url }, response) => {
    if (url === '/missing') return response.writeHead(404).end()
    asked++
    rest = () => { response.end(half) }
    cut = () => { response.destroy() }
    response.once('close', close)
    response.writeHead(200, { 'content-type': 'text/x; charset=utf-8', ...headers }).write(half)
  })
  return { origin, get asked () { return asked }, rest: () => { rest() }, cut: () => { cut() }, closed }
}

async function until<T> (read: () => Promise<T>, right: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await read()
    if (right(found)) return found
    await turn()
  }
}

const async = { prefer: 'wait=1, Respond-Async; x=y' }
const isComplete = ({ completionStatus }: Record<string, unknown>): boolean => completionStatus === 'Complete'
const isError = ({ completionStatus }: Record<string, unknown>): boolean => String(completionStatus).startsWith('Error')

t.test('CMV-14, CMV-16, CMV-17, DOC-21, DOC-22: a copy that takes long is answered with 202, and its object tells how far it is', async t => {
  const source = await waitingSource(t)
  const store = openMemoryStore()
  const { put, fields, plain, get } = await taking(t, { ...allowing(source.origin), delayedAfter: 0 }, { store })
  const answer = await put('/d', { copy: source.origin, metadata: { a: '1' }, own: 1 })
  t.equal(answer.statusCode, 202)
  t.equal(answer.headers.location, 'http://localhost:80/d')
  const { objectID } = answer.json()
  t.match(answer.json(), { objectName: 'd', completionStatus: 'Processing', metadata: { a: '1' }, own: 1 })
  const pending = await until(async () => await fields('/d'), ({ percentComplete }) => percentComplete === '50')
  t.match(pending, { objectID, completionStatus: 'Processing', valuerange: '', metadata: { cdmi_mcount: '0' } })
  t.notOk('value' in pending)
  t.same((await get('/d?percentComplete;completionStatus')).json(), { completionStatus: 'Processing', percentComplete: '50' })
  t.equal((await put('/e', { copy: '/d' })).statusCode, 400)
  const read = await plain('GET', '/d')
  t.same([read.statusCode, read.body], [202, ''])
  t.same(JSON.parse((await plain('GET', '/', undefined, { accept: 'application/json' })).body).children, ['d'])
  const [entry, ...others] = (await store.meta.events(0, 100)).map(({ event }) => event['operation'])
  t.same([entry, others], ['create', []])

  // Another process sees it, too.
  const beside = await taking(t, allowing(source.origin), { store })
  t.match(await until(async () => await beside.fields('/d'), ({ percentComplete }) => percentComplete !== undefined), { percentComplete: '50' })

  source.rest()
  t.match(await until(async () => await fields('/d'), isComplete), { objectID, percentComplete: '100', value: half + half, valuetransferencoding: 'utf-8', mimetype: 'text/x', metadata: { a: '1' }, own: 1 })
  t.same((await store.meta.events(0, 100)).map(({ event }) => event['operation']), ['create', 'modify', 'copy'])
})

t.test('a client that prefers not to wait need not; one that leaves does not end it', async t => {
  const source = await waitingSource(t, {})
  const { app, put, post, fields, get } = await taking(t, { ...allowing(source.origin), delayedAfter: 3_600_000 })
  await put('/c/')
  t.equal((await put('/c/d', { copy: source.origin }, async)).statusCode, 202)
  const pending = await fields('/c/d')
  t.notOk('percentComplete' in pending)
  source.rest()
  t.match(await until(async () => await fields('/c/d'), isComplete), { value: half + half })
  const posted = await app.inject({ method: 'POST', url: '/cdmi_objectid/', headers: { 'content-type': 'application/cdmi-object', ...async }, payload: JSON.stringify({ copy: source.origin }) })
  t.equal(posted.statusCode, 202)
  source.rest()
  t.match(await until(async () => await fields(new URL(String(posted.headers.location)).pathname), isComplete), { value: half + half })
  const waited = post('/c/', { copy: source.origin })
  const timer = setInterval(() => { source.rest() }, 5)
  t.equal((await waited).statusCode, 201)
  clearInterval(timer)
  t.equal((await get('/c/none')).statusCode, 404)
})

t.test('CMV-15: what can be refused is refused before 202', async t => {
  const source = await waitingSource(t)
  const { put, get } = await taking(t, { ...allowing(source.origin), delayedAfter: 0 })
  t.equal((await put('/d', { copy: `${source.origin}/missing` })).statusCode, 400)
  t.equal((await put('/no/d', { copy: source.origin })).statusCode, 404)
  t.equal((await put('/d', { copy: 'http://other.example/' })).statusCode, 400)
  t.equal((await put('/d', { copy: source.origin, metadata: { a: 'x'.repeat(100_000) } })).statusCode, 400)
  t.equal(source.asked, 0)
  const readers = await taking(t, { ...allowing(source.origin), delayedAfter: 0, anonymous: 'read' })
  t.equal((await readers.put('/d', { copy: source.origin })).statusCode, 401)
  t.equal((await get('/d')).statusCode, 404)
})

t.test('CMV-18, DOC-22: what fails stays with its reason until it is deleted', async t => {
  const source = await waitingSource(t)
  const { put, fields, remove, get, plain } = await taking(t, { ...allowing(source.origin), delayedAfter: 0 })
  for (const name of ['/d', '/e']) {
    t.equal((await put(name, { copy: source.origin })).statusCode, 202)
    source.cut()
    const failed = await until(async () => await fields(name), isError)
    t.match(failed, { completionStatus: 'Error: The server of the source did not send all of it' })
    t.notOk('value' in failed)
  }
  t.equal((await put('/f', { copy: '/d' })).statusCode, 400)
  await put('/g', { move: '/d' })
  t.ok(isError(await fields('/g')))
  const read = await plain('GET', '/g')
  t.equal(read.statusCode, 404)
  t.match(read.json().detail, 'Error: The server of the source')
  t.equal((await plain('HEAD', '/g')).statusCode, 404)
  t.equal((await remove('/g')).statusCode, 204)
  t.equal((await get('/g')).statusCode, 404)
  await put('/e', { value: 'new' })
  t.match(await fields('/e'), { completionStatus: 'Complete', value: 'new' })
})

t.test('whoever deletes the object, or writes to it, ends its transfer', async t => {
  for (const way of ['delete', 'write', 'container']) {
    const source = await waitingSource(t)
    const { put, fields, remove, get } = await taking(t, { ...allowing(source.origin), delayedAfter: 0 })
    await put('/c/')
    t.equal((await put('/c/d', { copy: source.origin })).statusCode, 202)
    if (way === 'write') await put('/c/d', { value: 'new' })
    else await remove(way === 'delete' ? '/c/d' : '/c/')
    await source.closed
    if (way === 'write') t.match(await fields('/c/d'), { completionStatus: 'Complete', value: 'new' })
    else t.equal((await get('/c/d')).statusCode, 404)
  }
})

t.test('an object that is moved while it waits gets its value where it is', async t => {
  const source = await waitingSource(t)
  const { put, fields } = await taking(t, { ...allowing(source.origin), delayedAfter: 0 })
  const { objectID } = (await put('/d', { copy: source.origin })).json()
  t.equal((await put('/e', { move: '/d' })).statusCode, 201)
  source.rest()
  t.match(await until(async () => await fields('/e'), isComplete), { objectID, objectName: 'e', value: half + half })
})

t.test('no object waits for ever: a server that stops says so, and of one that is dead another says it', async t => {
  const store = openMemoryStore()
  const source = await waitingSource(t)
  const options = { ...allowing(source.origin), delayedAfter: 0 }
  const first = await taking(t, options, { store })
  t.equal((await first.put('/stopped', { copy: source.origin })).statusCode, 202)
  await first.app.close()
  await source.closed

  const other = await waitingSource(t)
  const second = await taking(t, { ...allowing(other.origin), delayedAfter: 0 }, { store })
  t.match(await second.fields('/stopped'), { completionStatus: 'Error: The server was stopped before it was complete' })
  t.equal((await second.put('/dead', { copy: other.origin })).statusCode, 202)
  const { transfers } = new Cdmi(store)
  await transfers.recover()
  t.match(await second.fields('/dead'), { completionStatus: 'Processing' })
  // As if nobody had been heard of for a minute.
  await transfers.recover(Date.now() + 60_000)
  t.match(await second.fields('/dead'), { completionStatus: 'Error: The server was restarted before it was complete' })
  other.rest()
  await other.closed
  await second.app.close()
  const third = await taking(t, {}, { store })
  t.ok(isError(await third.fields('/dead')))
  t.same((await store.meta.events(0, 100)).map(({ event }) => event['operation']), ['create', 'modify', 'create', 'modify'])
})

t.test('a store that is opened again knows of the transfers that were under way when it was closed', async t => {
  const directory = t.testdir()
  const source = await waitingSource(t)
  const before = await openStore({ directory })
  const first = await taking(t, { ...allowing(source.origin), delayedAfter: 0 }, { store: before })
  t.equal((await first.put('/d', { copy: source.origin })).statusCode, 202)
  source.rest()
  t.match(await until(async () => await first.fields('/d'), isComplete), { value: half + half })
  t.equal((await first.put('/e', { copy: source.origin })).statusCode, 202)
  // As it is left by a process that is killed: nobody has said anything.
  await before.close()
  const after = await openStore({ directory })
  t.teardown(async () => { await after.close() })
  const second = await taking(t, {}, { store: after })
  t.match(await second.fields('/e'), { completionStatus: 'Processing' })
  await new Cdmi(after).transfers.recover(Date.now() + 60_000)
  t.match(await second.fields('/e'), { completionStatus: 'Error: The server was restarted before it was complete' })
  t.match(await second.fields('/d'), { value: half + half })
})

t.test('so many transfers go on at once; beyond, clients wait', async t => {
  const source = await waitingSource(t)
  const { put, app } = await taking(t, { ...allowing(source.origin), delayedAfter: 0 })
  for (let i = 0; i < 64; i++) t.equal((await put(`/d${i}`, { copy: source.origin })).statusCode, 202)
  const last = put('/last', { copy: source.origin })
  await until(async () => source.asked, asked => asked === 65)
  source.rest()
  t.equal((await last).statusCode, 201)
  await app.close()
})

interface MovingSource {
  readonly origin: string
  readonly objectID: string
  readonly deleted: number
  rest (): void
  /** From the next DELETE on it says nothing any more. */
  dumb (): void
  /** What it answers to DELETE with. */
  answer (respond: (response: ServerResponse) => void): void
  /** Somebody has asked it to delete the object. */
  readonly asked: Promise<void>
}

/** A CDMI server that sends an object up to the middle of its value, and waits. */
async function movingSource (t: Test, objectID: string): Promise<MovingSource> {
  const text = JSON.stringify({ objectType: 'application/cdmi-object', objectID, mimetype: 'text/x', metadata: { a: '1' }, valuetransferencoding: 'utf-8', value: half + half })
  let rest = (): void => {}
  let deleted = 0
  let respond = (response: ServerResponse): void => { response.writeHead(204).end() }
  let ask: () => void = () => {}
  const asked = new Promise<void>(resolve => { ask = resolve })
  let isDumb = false
  const origin = await otherServer(t, ({ method }, response) => {
    if (isDumb && deleted > 1) return response.destroy()
    if (method === 'DELETE') {
      deleted++
      ask()
      return respond(response)
    }
    rest = () => { response.end(text.slice(-40)) }
    response.writeHead(200, { 'content-type': 'application/cdmi-object', etag: '"1"', 'content-length': text.length }).write(text.slice(0, -40))
  })
  return { origin, objectID, get deleted () { return deleted }, rest: () => { rest() }, answer (how) { respond = how }, dumb () { isDumb = true }, asked }
}

/** An ID that no object has. */
async function freeID ({ put, remove, fields }: Client): Promise<string> {
  await put('/free', { value: '' })
  const { objectID } = await fields('/free')
  await remove('/free')
  return String(objectID)
}

t.test('CMV-14, CMV-37: a move that takes long is answered with 202; the object can be read when it is gone where it was', async t => {
  const store = openMemoryStore()
  const source = await movingSource(t, await freeID(await taking(t, {}, { store })))
  const { objectID } = source
  const { put, fields, plain } = await taking(t, { ...allowing(source.origin), delayedAfter: 0 }, { store })
  let respond = (): void => {}
  source.answer(response => { respond = () => { response.writeHead(204).end() } })
  const answer = await put('/d', { move: source.origin, mimetype: 'text/y' })
  t.equal(answer.statusCode, 202)
  t.equal(answer.headers.location, 'http://localhost:80/d')
  t.match(answer.json(), { objectID, completionStatus: 'Processing', mimetype: 'text/y' })
  t.equal(source.deleted, 0)
  source.rest()
  await source.asked
  const arrived = await fields('/d')
  t.match(arrived, { completionStatus: 'Processing', metadata: { a: '1' }, valuerange: '' })
  t.notOk('value' in arrived)
  t.equal((await plain('GET', '/d')).statusCode, 202)
  respond()
  t.match(await until(async () => await fields('/d'), isComplete), { objectID, value: half + half, mimetype: 'text/y', metadata: { a: '1' } })
  t.equal(source.deleted, 1)
  t.equal((await put('/e', { move: source.origin })).statusCode, 400, 'its ID is taken')
})

t.test('CMV-37: what the other server keeps is an error here, and of what it may have deleted nothing is lost', async t => {
  const store = openMemoryStore()
  const source = await movingSource(t, await freeID(await taking(t, {}, { store })))
  const { put, fields, remove } = await taking(t, { ...allowing(source.origin), delayedAfter: 0 }, { store })
  source.answer(response => { response.writeHead(403).end() })
  t.equal((await put('/d', { move: source.origin })).statusCode, 202)
  source.rest()
  const failed = await until(async () => await fields('/d'), isError)
  t.match(failed, { completionStatus: 'Error: The server of the source would not delete the object', metadata: { cdmi_size: '0' } })
  t.notOk('value' in failed)
  await remove('/d')
  // Nor does it say whether the object is still there.
  source.answer(response => { response.destroy() })
  t.equal((await put('/d', { move: source.origin })).statusCode, 202)
  source.dumb()
  source.rest()
  t.match(await until(async () => await fields('/d'), ({ completionStatus }) => completionStatus !== 'Processing'), { completionStatus: 'Complete', value: half + half })
})

t.test('CMV-37: an object that is deleted or written to while it is moved stays where it was', async t => {
  for (const way of ['delete', 'write']) {
    const store = openMemoryStore()
    const source = await movingSource(t, await freeID(await taking(t, {}, { store })))
    const { put, remove, app } = await taking(t, { ...allowing(source.origin), delayedAfter: 0 }, { store })
    t.equal((await put('/d', { move: source.origin })).statusCode, 202)
    if (way === 'delete') await remove('/d')
    else await put('/d', { value: 'mine' })
    source.rest()
    await app.close()
    t.equal(source.deleted, 0)
    if (way === 'write') t.match(await (await taking(t, {}, { store })).fields('/d'), { completionStatus: 'Complete', value: 'mine' })
  }
})

t.test('CMV-37: of a process that died after an object had come another one makes it readable', async t => {
  const store = openMemoryStore()
  const source = await movingSource(t, await freeID(await taking(t, {}, { store })))
  const { put, fields } = await taking(t, { ...allowing(source.origin), delayedAfter: 0 }, { store })
  source.answer(() => {})
  t.equal((await put('/d', { move: source.origin })).statusCode, 202)
  source.rest()
  await source.asked
  const { transfers } = new Cdmi(store)
  await transfers.recover()
  t.match(await fields('/d'), { completionStatus: 'Processing' })
  await transfers.recover(Date.now() + 60_000)
  t.match(await fields('/d'), { completionStatus: 'Complete', value: half + half })
})
