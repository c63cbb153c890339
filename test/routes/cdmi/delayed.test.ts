import t from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import type { Address } from '../../../cdmi/address.js'
import { Cdmi, openMemoryStore } from '../../../index.js'
import { holdingTrees, holdingValues } from '../../helpers/held-store.js'
import { allowing, otherServer, otherStore } from '../../helpers/other-server.js'
import { type Client, client } from './client.js'
import { build } from '../plain/build.js'

const soon = { delayedAfter: 0 }
const isComplete = ({ completionStatus }: Record<string, unknown>): boolean => completionStatus === 'Complete'
const isError = ({ completionStatus }: Record<string, unknown>): boolean => String(completionStatus).startsWith('Error')

async function until<T> (read: () => Promise<T>, right: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await read()
    if (right(found)) return found
    await turn()
  }
}

/** A container with something in it. */
async function withTree ({ put }: Client): Promise<void> {
  await put('/s/', { metadata: { colour: 'red' }, own: 1 })
  await put('/s/a', { value: 'a' })
  await put('/s/c/')
  await put('/s/c/b', { value: 'b' })
}

/** The serialization of `/s/` as the value of `/text`, too long to be kept in a record. */
async function withText (client: Client): Promise<void> {
  await withTree(client)
  await client.put('/s/long', { value: 'x'.repeat(300_000) })
  await client.put('/text', { serialize: '/s/' })
}

t.test('CMV-14, CMV-16, CMV-17, COC-36, COC-37: a copy of a container that takes long is answered with 202; there is nothing in it until it is complete', async t => {
  const { store, release } = holdingTrees(openMemoryStore())
  const { put, fields, plain, get, children } = client(await build(t, { store, options: soon }))
  await withTree(client(await build(t, { store })))
  const answer = await put('/d/', { copy: '/s/', metadata: { a: '1' } })
  t.equal(answer.statusCode, 202)
  t.equal(answer.headers.location, 'http://localhost:80/d/')
  const { objectID } = answer.json()
  t.match(answer.json(), { objectType: 'application/cdmi-container', objectName: 'd/', completionStatus: 'Processing', metadata: { a: '1' } })
  t.notOk('children' in answer.json())
  t.match(await fields('/d/'), { objectID, completionStatus: 'Processing', children: [], childrenrange: '' })
  t.same(await children('/'), ['d/', 's/'])
  t.same((await get('/?children=[objectName,completionStatus,percentComplete,children]')).json().children, [['d/', 'Processing', null, []], ['s/', 'Complete', '100', ['a', 'c/']]])
  t.equal((await get('/d/a')).statusCode, 404)
  t.same(JSON.parse((await plain('GET', '/d/', undefined, { accept: 'application/json' })).body).children, [])
  release()
  t.match(await until(async () => await fields('/d/'), isComplete), { objectID, percentComplete: '100', metadata: { a: '1', cdmi_mcount: '1' }, own: 1, children: ['a', 'c/'] })
  t.match(await fields('/d/c/b'), { value: 'b' })
  t.same((await store.meta.events(0, 100)).slice(4).map(({ event }) => event['operation']), ['create', 'modify', 'copy', 'create', 'create', 'create'])
})

t.test('COC-36: what can be refused is refused before 202', async t => {
  const { store, release } = holdingTrees(openMemoryStore())
  const { put, patch, get } = client(await build(t, { store, options: soon }))
  await put('/s/')
  await put('/s/s/')
  await put('/file', { value: '' })
  for (const [path, body, status] of [
    ['/d/', { copy: '/missing/' }, 400],
    ['/d/', { copy: '/file' }, 400],
    ['/s/', { copy: '/s/' }, 409],
    ['/s/d/', { copy: '/s/' }, 400],
    ['/no/d/', { copy: '/s/' }, 404],
    ['/file/', { copy: '/s/' }, 409],
    ['/d/', { copy: '/s/', metadata: { a: 'x'.repeat(100_000) } }, 400],
    ['/d/', { deserialize: '/missing' }, 400],
    ['/d/', { deserialize: '/s/' }, 400],
    ['/d/', { deserialize: '/file' }, 400],
    ['/no/d/', { deserialize: '/file' }, 404]
  ] as const) t.equal((await put(path, body)).statusCode, status, `${path} ${JSON.stringify(body).slice(0, 50)}`)
  for (const [path, body, status] of [['/s/', { copy: '/s/' }, 400], ['/s/s/', { copy: '/s/' }, 400], ['/no/', { copy: '/s/' }, 404], ['/s/', { deserialize: '/missing' }, 400]] as const) {
    t.equal((await patch(path, body)).statusCode, status, `${path} ${JSON.stringify(body)}`)
  }
  t.equal((await get('/d/')).statusCode, 404)
  const readers = client(await build(t, { store, options: { ...soon, anonymous: 'read' } }))
  t.equal((await readers.put('/d/', { copy: '/s/' })).statusCode, 401)
  t.equal((await put('/d/', { copy: '/s/' }, { 'if-none-match': '*' })).statusCode, 202)
  t.equal((await put('/e/', { copy: '/s/' }, { 'if-match': '"none"' })).statusCode, 412)
  t.equal((await put('/s/', { copy: '/s/s/' }, { 'if-none-match': '*' })).statusCode, 412)
  release()
})

t.test('nothing is put into a container while it is being made, and it is no source', async t => {
  const { store, release } = holdingTrees(openMemoryStore())
  const app = client(await build(t, { store, options: soon }))
  const { put, patch, post, plain, fields, children } = app
  await withTree(app)
  await put('/x/')
  await put('/x/y', { value: 'y' })
  t.equal((await put('/d/', { copy: '/s/' })).statusCode, 202)
  for (const [what, answer] of [
    ['an object', await put('/d/new', { value: '' })],
    ['a plain object', await plain('PUT', '/d/new', 'x')],
    ['a container', await put('/d/new/')],
    ['an object without a name', await post('/d/', { value: '' })],
    ['a plain one', await plain('POST', '/d/', 'x')],
    ['a form', await plain('POST', '/d/', '--b\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\nx\r\n--b--\r\n', { 'content-type': 'multipart/form-data; boundary=b' })],
    ['a reference', await put('/d/new', { reference: '/s/a' })],
    ['a copy', await put('/d/new', { copy: '/s/a' })],
    ['a copy of a container', await put('/d/new/', { copy: '/x/' })],
    ['a moved object', await put('/d/new', { move: '/x/y' })],
    ['a moved container', await put('/d/new/', { move: '/x/' })],
    ['metadata', await patch('/d/', { metadata: { a: '1' } })],
    ['metadata by PUT', await put('/d/', { metadata: { a: '1' } })],
    ['another copy', await put('/d/', { copy: '/s/' })],
    ['a copy onto it', await patch('/d/', { copy: '/x/' })]
  ] as const) t.equal(answer.statusCode, 409, `${what}: ${answer.body}`)
  t.match((await put('/d/new', { value: '' })).json(), { code: 'CDMI_NOT_COMPLETE', detail: /\/d\/ is still being made/ })
  t.equal((await put('/d/')).statusCode, 204, 'it is there')
  t.equal((await put('/e/', { copy: '/d/' })).statusCode, 400)
  t.equal((await put('/e', { serialize: '/d/' })).statusCode, 400)
  release()
  t.match(await until(async () => await fields('/d/'), isComplete), { children: ['a', 'c/'] })
  t.same(await children('/x/'), ['y'])
  t.equal((await put('/d/new', { value: '' })).statusCode, 201)
})

t.test('COC-38, CMV-18: a container that could not be made stays as an error, with nothing in it, until it is deleted or made like another one', async t => {
  const { store, release } = holdingTrees(openMemoryStore())
  const app = client(await build(t, { store, options: soon }))
  const { put, patch, remove, fields, get, plain, children } = app
  await withTree(app)
  await put('/d/', { copy: '/s/' })
  await put('/e/', { copy: '/s/' })
  await remove('/s/')
  release()
  for (const path of ['/d/', '/e/']) {
    t.match(await until(async () => await fields(path), isError), { completionStatus: /^Error: The source .*\/s\/ does not exist/, children: [] })
    t.equal((await put(`${path}new`, { value: '' })).statusCode, 409)
    t.match((await plain('PUT', `${path}new`, 'x')).json().detail, /could not be made \(Error: .*delete it/)
  }
  t.equal((await put('/f/', { copy: '/d/' })).statusCode, 400)
  t.equal((await put('/g/', { move: '/d/' })).statusCode, 201)
  t.ok(isError(await fields('/g/')))
  t.equal((await remove('/g/')).statusCode, 204)
  t.equal((await get('/g/')).statusCode, 404)
  await put('/x/')
  await put('/x/y', { value: 'y' })
  await patch('/e/', { copy: '/x/' })
  await until(async () => await fields('/e/'), isComplete)
  t.same(await children('/e/'), ['y'])
})

t.test('whoever deletes a container while it is made ends that; one that is moved is made where it is', async t => {
  const { store, release } = holdingTrees(openMemoryStore())
  const app = client(await build(t, { store, options: soon }))
  const { put, remove, fields, children } = app
  await withTree(app)
  await put('/p/')
  for (const path of ['/d/', '/p/d/', '/e/']) t.equal((await put(path, { copy: '/s/' })).statusCode, 202)
  t.equal((await remove('/d/')).statusCode, 204)
  t.equal((await remove('/p/')).statusCode, 204)
  t.equal((await put('/f/', { move: '/e/' })).statusCode, 201)
  t.ok((await fields('/f/'))['completionStatus'] === 'Processing')
  t.equal((await put('/d/')).statusCode, 201)
  release()
  await until(async () => await fields('/f/'), isComplete)
  t.same(await children('/f/'), ['a', 'c/'])
  await app.app.close()
  const after = client(await build(t, { store }))
  t.same(await after.children('/d/'), [])
  for (const path of ['/p/', '/e/']) t.equal((await after.get(path)).statusCode, 404)
})

t.test('CMV-19: a container that is changed is there as it was, says that it is Processing, and is then as it should be', async t => {
  const { store, release } = holdingTrees(openMemoryStore())
  const app = client(await build(t, { store }))
  const late = client(await build(t, { store, options: soon }))
  const { put, fields, plain, get, children, metadata } = app
  const free = client(await build(t, { store }))
  await withTree(free)
  const { objectID } = (await put('/d/', { metadata: { old: '1' } })).json()
  await put('/d/old', { value: 'old' })
  const answer = await late.patch('/d/', { copy: '/s/' })
  t.equal(answer.statusCode, 202)
  t.equal(answer.body, '')
  t.match(await fields('/d/'), { objectID, completionStatus: 'Processing', children: [], childrenrange: '', metadata: { old: '1' } })
  t.equal((await plain('GET', '/d/old')).body, 'old')
  t.same(JSON.parse((await plain('GET', '/d/', undefined, { accept: 'application/json' })).body).children, ['old'])
  t.equal((await put('/d/new', { value: 'new' })).statusCode, 201, 'what is put into it meanwhile was there before the change')
  t.equal((await late.patch('/d/', { metadata: { older: '1' } })).statusCode, 204)
  t.equal((await late.patch('/d/', { copy: '/s/c/' })).statusCode, 409)
  release()
  t.match(await until(async () => await fields('/d/'), isComplete), { objectID, children: ['a', 'c/'], metadata: { colour: 'red' } })
  t.notOk('old' in await metadata('/d/'))
  t.equal((await get('/d/old')).statusCode, 404)
  t.same(await children('/d/c/'), ['b'])
})

t.test('CMV-19: of a change that fails the container tells why, and is as it was', async t => {
  const { store, release } = holdingTrees(openMemoryStore())
  const app = client(await build(t, { store, options: soon }))
  const { put, patch, remove, fields, children } = app
  await withTree(app)
  await put('/d/', { metadata: { old: '1' } })
  await put('/d/old', { value: 'old' })
  t.equal((await patch('/d/', { copy: '/s/' })).statusCode, 202)
  await remove('/s/')
  release()
  t.match(await until(async () => await fields('/d/'), isError), { completionStatus: /^Error: The source/, children: ['old'], metadata: { old: '1' } })
  await put('/text', { serialize: '/d/' })
  t.match(JSON.parse(String((await fields('/text'))['value'])), { completionStatus: 'Complete' }, 'it is whole, and may be brought back')
  t.equal((await put('/d/new', { value: '' })).statusCode, 201)
  t.equal((await put('/e/', { move: '/d/' })).statusCode, 201)
  t.ok(isError(await fields('/e/')))
  t.equal((await patch('/e/', { metadata: {} })).statusCode, 204)
  t.match(await fields('/e/'), { completionStatus: 'Complete', percentComplete: '100' })
  t.same(await children('/e/'), ['new', 'old'])
})

t.test('COC-36: a container of a long serialization is there as soon as it is known which one it is', async t => {
  const memory = openMemoryStore()
  const { store, release } = holdingValues(memory)
  const app = client(await build(t, { store: memory }))
  const late = client(await build(t, { store, options: soon }))
  const { put, patch, remove, fields, children } = late
  const { objectID } = await withText(app).then(async () => await fields('/s/'))
  t.same((await patch('/s/', { deserialize: '/text' })).statusCode, 202)
  t.match(await fields('/s/'), { objectID, completionStatus: 'Processing', children: [] })
  await remove('/s/')
  const answer = await put('/d/', { deserialize: '/text', metadata: { a: '1' } })
  t.equal(answer.statusCode, 202)
  t.match(answer.json(), { objectID, completionStatus: 'Processing', metadata: { a: '1' } })
  const pending = await until(async () => await fields('/d/'), ({ percentComplete }) => percentComplete !== undefined && percentComplete !== '0')
  t.match(pending, { completionStatus: 'Processing', children: [] })
  release()
  t.equal((await put('/e/', { deserialize: '/text' })).statusCode, 409, 'its ID is taken')
  t.match(await until(async () => await fields('/d/'), isComplete), { objectID, metadata: { a: '1' }, own: 1, children: ['a', 'c/', 'long'] })
  t.same(await children('/d/c/'), ['b'])
  await put('/d/more', { value: '' })
  await patch('/d/', { deserialize: '/text' })
  t.match(await until(async () => await fields('/d/'), isComplete), { children: ['a', 'c/', 'long'] })
})

t.test('DOC-21: so is a data object; a change of one is waited for', async t => {
  const { store, release } = holdingValues(openMemoryStore())
  const late = client(await build(t, { store, options: soon }))
  const { put, patch, post, remove, fields } = late
  const { objectID } = (await put('/o', { value: 'x'.repeat(300_000), mimetype: 'a/b' })).json()
  const text = JSON.stringify({ objectType: 'application/cdmi-object', objectID, mimetype: 'a/b', value: 'y'.repeat(300_000) })
  await put('/text', { value: text })
  await remove('/o')
  const answer = await late.app.inject({ method: 'POST', url: '/cdmi_objectid/', headers: { 'content-type': 'application/cdmi-object' }, payload: JSON.stringify({ deserialize: '/text' }) })
  t.equal(answer.statusCode, 202)
  t.match(answer.json(), { objectID, completionStatus: 'Processing' })
  t.equal((await patch(`/cdmi_objectid/${objectID}`, { metadata: {} })).statusCode, 409)
  release()
  t.match(await until(async () => await fields(`/cdmi_objectid/${objectID}`), isComplete), { value: /^y{300000}$/, mimetype: 'a/b' })
  t.equal((await post('/', { deserialize: '/text' })).statusCode, 409)
  t.equal((await patch(`/cdmi_objectid/${objectID}`, { deserialize: '/text' })).statusCode, 204)
  t.equal((await patch(`/cdmi_objectid/${objectID}`, { metadata: { a: '1' } })).statusCode, 204)
})

t.test('SER-13, COC-36: a serialization may be on another server that the operator named', async t => {
  const other = await otherStore(t)
  await withText(other)
  const { objectID } = await other.fields('/s/')
  const app = client(await build(t, { options: { ...allowing(other.origin), ...soon } }))
  const { put, patch, fields, children, get } = app
  const answer = await put('/d/', { deserialize: `${other.origin}/text` }, { prefer: 'respond-async' })
  t.ok(answer.statusCode === 201 || answer.statusCode === 202)
  t.match(await until(async () => (await get('/d/')).json(), isComplete), { objectID, children: ['a', 'c/', 'long'] })
  await put('/d/more', { value: '' })
  t.ok([202, 204].includes((await patch('/d/', { deserialize: `${other.origin}/text#x` })).statusCode))
  await until(async () => await fields('/d/'), isComplete)
  t.same(await children('/d/'), ['a', 'c/', 'long'])
  t.equal((await put('/e/', { deserialize: `${other.origin}/missing` })).statusCode, 400)
  t.equal((await put('/e/', { deserialize: 'http://elsewhere.example/text' })).statusCode, 400)
  t.equal((await get('/e/')).statusCode, 404)
})

t.test('COC-38: a container whose serialization stops coming is an error', async t => {
  const other = await otherStore(t)
  await withTree(other)
  await other.put('/text', { serialize: '/s/' })
  const text = await other.plain('GET', '/text').then(({ body }) => body)
  let cut = (): void => {}
  const origin = await otherServer(t, (_request, response) => {
    cut = () => { response.destroy() }
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': text.length }).write(text.slice(0, -10))
  })
  const { put, patch, fields, remove, get } = client(await build(t, { options: { ...allowing(origin), ...soon } }))
  const answer = await put('/d/', { deserialize: origin })
  t.equal(answer.statusCode, 202)
  const { objectID } = await other.fields('/s/')
  t.match(answer.json(), { objectID, completionStatus: 'Processing' })
  cut()
  t.match(await until(async () => await fields('/d/'), isError), { completionStatus: 'Error: The server of the source did not send all of it', children: [] })
  t.ok([202, 204].includes((await patch('/d/', { deserializevalue: Buffer.from(text).toString('base64') })).statusCode))
  t.match(await until(async () => await fields('/d/'), isComplete), { objectID, children: ['a', 'c/'] })
  t.equal((await remove('/d/')).statusCode, 204)
  t.equal((await get('/d/')).statusCode, 404)
})

t.test('no container waits for ever: a server that stops says so, and of one that is dead another says it', async t => {
  const directory = openMemoryStore()
  const held = holdingTrees(directory)
  const first = client(await build(t, { store: held.store, options: soon }))
  await withTree(first)
  await first.put('/u/')
  await first.put('/u/x', { value: 'x' })
  for (const path of ['/stopped/', '/dead/']) t.equal((await first.put(path, { copy: '/s/' })).statusCode, 202)
  t.equal((await first.patch('/u/', { copy: '/s/' })).statusCode, 202)
  const other = new Cdmi(directory)
  await other.transfers.recover()
  const second = client(await build(t, { store: directory }))
  for (const path of ['/stopped/', '/dead/', '/u/']) t.match(await second.fields(path), { completionStatus: 'Processing' }, 'one that lives is not touched')
  await second.put('/later/', { move: '/stopped/' })
  await other.transfers.recover(Date.now() + 60_000)
  for (const path of ['/later/', '/dead/', '/u/']) t.match(await second.fields(path), { completionStatus: 'Error: The server was restarted before it was complete' })
  t.same(await second.children('/u/'), ['x'])
  held.release()
  await first.app.close()
  for (const path of ['/later/', '/dead/', '/u/']) t.ok(isError(await second.fields(path)), 'who comes back too late changes nothing')
})

t.test('a server that is stopped in the middle of a copy says so in the container', async t => {
  const store = openMemoryStore()
  const { store: slow, release } = holdingTrees(store)
  const { fields, put } = client(await build(t, { store }))
  await put('/s/')
  await put('/s/a', { value: '' })
  const model = new Cdmi(slow)
  const address = (name: string): Address => ({ from: undefined, names: [name], slash: true })
  const written = await model.copyContainer({ name: 'u', authentication: 'anonymous', access: 'write' }, address('d'), { source: address('s'), selection: { fields: undefined, metadata: undefined, range: undefined }, said: {} }, { delayedAfter: 0 })
  t.equal(written.pending, true)
  const stopped = model.transfers.close()
  release()
  await stopped
  t.match(await fields('/d/'), { completionStatus: 'Error: The server was stopped before it was complete', children: [] })
})
