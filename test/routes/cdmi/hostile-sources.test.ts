import t, { type Test } from 'tap'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { setImmediate } from 'node:timers/promises'
import { openMemoryStore } from '../../../index.js'
import type { Change, JsonObject, Store, TreeQuery } from '../../../storage/contract.js'
import { isObjectID, mintObjectID } from '../../../storage/object-id.js'
import { type CdmiClient, cdmiClient, inBase64 } from '../../helpers/cdmi-client.js'
import { build, type BuildOptions } from '../plain/build.js'

const object = (objectName: string, fields: JsonObject = {}): JsonObject => ({ objectType: 'application/cdmi-object', objectID: mintObjectID(), objectName, metadata: {}, value: 'x', ...fields })
const container = (objectName: string, children: JsonObject[]): JsonObject => ({ objectType: 'application/cdmi-container', objectID: mintObjectID(), objectName: `${objectName}/`, children })
const half = { 'x-cdmi-partial': 'true' }

async function begin (t: Test, options: BuildOptions = {}): Promise<{ app: FastifyInstance, client: CdmiClient, store: Store }> {
  const app = await build(t, options)
  return { app, client: cdmiClient(app), store: app.cdmi.store }
}

/** A small tree with something of every kind in it. */
async function tree (client: CdmiClient): Promise<void> {
  for (const path of ['/c/', '/c/d/', '/c/d/e/', '/f/']) await client.make(path, { metadata: { colour: 'blue' } })
  for (const path of ['/o', '/c/o', '/c/d/e/o']) await client.make(path, { value: path, metadata: { size: '3' } })
  await client.make('/c/long', { value: 'l'.repeat(100_000) })
  await client.make('/r', { reference: '/r' })
  await client.make('/c/r/', { reference: '/c/' })
  for (const [path, header] of [['/half', 'true'], ['/c/half', 'upload-id=1;count=9']] as const) await client.ask('PUT', path, { value: 'half' }, { 'x-cdmi-partial': header })
  await client.make('/s', { serialize: '/c/d/' })
  await client.make('/so', { serialize: '/o' })
}

t.test('whatever a source is, and wherever it goes, the answer is no 5xx, and a refusal changes nothing', async t => {
  const { client, store } = await begin(t, { limits: { treeObjects: 40 } })
  await tree(client)
  const ids = { o: String((await client.get('/o'))['objectID']), c: String((await client.get('/c/'))['objectID']), root: String((await client.get('/'))['objectID']) }
  const { value } = await client.get('/so')
  const sources = ['/', '/c/', '/c', '/c/d/', '/c/o', '/c/o/', '/o', '/r', '/c/r/', '/c/r/x', '/half', '/c/half', '/missing', '/no/where', '/s', '/so', `/cdmi_objectid/${ids.o}`, `/cdmi_objectid/${ids.c}`, `/cdmi_objectid/${ids.c}/d/`, '/cdmi_objectid/',
    '/cdmi_objectid/x', '/cdmi_capabilities/', '/cdmi_capabilities/dataobject/', '/c%2Fo', '/c/%00', '/../o', '/c//o', '/%zz', '/o?value', '/o?value=0-0', '/o?value=9-', '/o?value=0-99999999999999999999', '/o?metadata=size', '/o?=', '/c/?children', '/c/?children=[',
    '/o?values=1', '/o#x', '//o', 'http://', 'http://[', 'http://localhost:80/o', 'http://u:p@localhost/o', 'http://localhost:80@evil.example/o', 'http://2130706433/o', 'file:///etc/passwd', 'x', '', '\u0000', '/\ud83d', `/${'n'.repeat(2000)}`, '/-', null, 1, {}]
  const text = String(value)
  const serializations = [text, text.slice(0, -1), '', '{}', '['.repeat(1000), text.replace('"value"', '"__proto__"'), text.replace(/"objectID":"\w*"/, `"objectID":"${ids.root}"`), text.replace(/"objectID":"\w*"/, `"objectID":"${mintObjectID()}"`)].map(inBase64)
  const bodies = [...['copy', 'move', 'reference', 'serialize', 'deserialize'].flatMap(field => sources.map(uri => ({ [field]: uri }))), ...[...serializations, 'A', '=', ' ', null].map(deserializevalue => ({ deserializevalue }))]
  const places = ['/new', '/new/', '/o', '/f/', '/c/d/e/new/', '/r', '/c/r/', '/half', '/cdmi_objectid/', `/cdmi_objectid/${ids.o}`, `/cdmi_objectid/${ids.c}/n`, '/cdmi_capabilities/x', '/-', '/cdmi_x/', '/no/x', '/new?value', '/new?value=0-3', '/new/?children', '/so']
  for (const [index, body] of bodies.entries()) {
    for (const [at, url] of places.entries()) {
      if ((index + at) % 3 > 0) continue
      const method = (['PUT', 'PATCH', 'POST'] as const)[Math.floor((index + at) / 3) % 3] ?? 'PUT'
      const before = await store.meta.lastSequence()
      const { status, text } = await client.ask(method, url, body)
      const name = `${method} ${url} ${JSON.stringify(body).slice(0, 80)}: ${status} ${text.slice(0, 200)}`
      if (status >= 500) t.fail(name)
      if (status >= 300 && await store.meta.lastSequence() !== before) t.fail(`changed by ${name}`)
    }
  }
  t.same((await client.ask('GET', '/')).status, 200)
})

/** One step of a client that has no plan. */
interface Step { readonly method: 'PUT' | 'PATCH' | 'DELETE', readonly url: string, readonly body?: JsonObject, readonly headers?: Record<string, string> }

t.test('CMV-12, CMV-20, CMV-21: copies, moves, parts and serializations in any order: nothing breaks, a copy is its source, each object is once', async t => {
  const names = ['/a', '/b', '/c/', '/c/x', '/c/d/']
  const name = fc.constantFrom(...names)
  const bodyOf = fc.oneof(
    fc.constantFrom<JsonObject>({ value: 'one' }, { value: 'two', metadata: { m: '2' } }, { value: { a: 1 }, valuetransferencoding: 'json' }, {}),
    fc.constantFrom<JsonObject>({ copy: '/a' }, { copy: '/c/x' }),
    fc.record({ field: fc.constantFrom('copy', 'copy', 'copy', 'move', 'serialize', 'deserialize'), source: name, query: fc.constantFrom('', '', '', '?metadata', '?value=0-1') }).map(({ field, source, query }): JsonObject => ({ [field]: source + query }))
  )
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 9, arbitrary: fc.record({ method: fc.constantFrom('PUT', 'PUT', 'PATCH'), url: name, body: bodyOf, headers: fc.constantFrom({}, {}, {}, half, { 'x-cdmi-partial': 'upload-id=1;count=2' }) }) as fc.Arbitrary<Step> },
    { weight: 1, arbitrary: fc.record({ method: fc.constant('DELETE'), url: name }) as fc.Arbitrary<Step> }
  )
  const { app, client, store } = await begin(t)
  let copies = 0
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30, size: 'max' }), async steps => {
    for (const name of ['a', 'b', 'c/']) await client.ask('DELETE', `/${name}`)
    for (const url of ['/a', '/c/', '/c/x']) await client.make(url)
    for (const { method, url, body, headers } of steps) {
      const sequence = await store.meta.lastSequence()
      const { status, text } = await client.ask(method, url, body, headers)
      const said = `${method} ${url} ${JSON.stringify(body)} ${JSON.stringify(headers)}: ${status} ${text}`
      if (status >= 500) throw new Error(said)
      if (status >= 300 && await store.meta.lastSequence() !== sequence) throw new Error(`changed by ${said}`)
      const source = body?.['copy']
      if (status < 300 && typeof source === 'string') copies++
      if (status < 300 && typeof source === 'string' && !source.includes('?') && !url.endsWith('/')) {
        const [made, from] = [await app.inject({ url }), await app.inject({ url: source })]
        if (made.body !== from.body || made.statusCode !== 200) throw new Error(`${made.body} and ${from.body} after ${said}`)
        if ((await client.get(url))['completionStatus'] !== 'Complete') throw new Error(`not complete after ${said}`)
      }
    }
    const found = new Set<string>()
    const walk = async (id: string): Promise<void> => {
      if (found.has(id)) throw new Error(`${id} is at two places`)
      found.add(id)
      for (const entry of await store.meta.children(id, { limit: 1000 })) {
        if ((await store.meta.lineage(entry.id)).at(-2)?.id !== id) throw new Error(`${entry.name} is not where it is listed`)
        await walk(entry.id)
      }
    }
    await walk(store.rootID)
  }), { numRuns: 40 })
  t.ok(copies > 10, `${copies} copies were made`)
})

t.test('CMV-20: a copy or a deserialization with a value ends what came in parts; a copy of metadata alone leaves it waiting', async t => {
  const { client } = await begin(t)
  await client.make('/s', { value: 'source', metadata: { colour: 'blue' } })
  const { objectID } = await client.make('/there', { value: 'old' })
  for (const url of ['/new', '/there']) {
    await client.ask('PUT', url, { value: 'half' }, half)
    await client.change(url, { copy: '/s?metadata' })
    t.match(await client.get(url), { completionStatus: 'Processing', metadata: { colour: 'blue' } })
    await client.ask('PATCH', url, { value: '+rest' })
    t.match(await client.get(url), { completionStatus: 'Complete', value: 'half+rest' })
    await client.ask('PUT', url, { value: 'half' }, half)
    await client.change(url, { copy: '/s' })
    t.match(await client.get(url), { completionStatus: 'Complete', value: 'source' })
    await client.ask('PUT', url, { value: 'next' })
    t.match(await client.get(url), { value: 'next' }, 'nothing of the parts is left')
  }
  const waiting = await client.ask('PUT', '/waiting', { value: 'half' }, half)
  t.equal(waiting.status, 202)
  await client.change('/waiting', { copy: '/s?metadata' })
  t.equal((await client.ask('PUT', '/d', { copy: '/waiting' })).status, 400, 'it is no source yet')
  await client.ask('PUT', '/there', { value: 'half' }, half)
  await client.change('/there', { deserializevalue: inBase64(object('there', { objectID: objectID ?? '', value: 'restored' })) })
  t.match(await client.get('/there'), { completionStatus: 'Complete', value: 'restored' })
  await client.ask('PUT', '/there', { value: 'next' })
  t.match(await client.get('/there'), { value: 'next' })
})

t.test('GEN-27, SER-14: records of the server itself have IDs that no client can name', async t => {
  const store = openMemoryStore()
  const { meta } = store
  const commit = meta.commit.bind(meta)
  const hidden: string[] = []
  Object.assign(meta, {
    async commit (change: Change) {
      for (const { id, parentID, type } of change.put ?? []) if (type === 'p' || type === 't') hidden.push(id, parentID ?? '')
      return await commit(change)
    }
  })
  const { client } = await begin(t, { store })
  await client.ask('PUT', '/half', { value: 'secret' }, half)
  t.equal(hidden.length, 2)
  for (const id of hidden) {
    t.notOk(isObjectID(id), id)
    t.equal((await client.ask('PUT', '/evil/', { deserializevalue: inBase64({ ...container('evil', []), objectID: id }) })).status, 400)
    t.equal((await client.ask('GET', `/cdmi_objectid/${id}`)).status, 400)
  }
})

t.test('SER-19: a tree whose paths are longer than the change log takes is refused, however few objects it has', async t => {
  const { client, store } = await begin(t)
  let deep = container('c', Array.from({ length: 120 }, (_, n) => object(String(n))))
  for (let depth = 0; depth < 198; depth++) deep = container('é'.repeat(500), [deep])
  const before = await store.meta.lastSequence()
  const { status, fields } = await client.ask('PUT', '/c/', { deserializevalue: inBase64(deep) })
  t.equal(status, 413)
  t.match(fields['detail'], /paths/)
  t.equal(await store.meta.lastSequence(), before)
})

t.test('CMV-28, COC-66: a container whose metadata would fill the memory is not copied, nor replaced', async t => {
  const { client, store } = await begin(t)
  const { meta } = store
  for (const path of ['/c/', '/d/']) await client.make(path)
  // 2048 bytes.
  const tree = meta.tree.bind(meta)
  Object.assign(meta, { tree: async (id: string, query: TreeQuery) => await tree(id, { ...query, size: (query.size ?? Infinity) / 64 / 1024 }) })
  for (const [length, copied, replaced] of [[10, 201, 204], [2048, 413, 413]] as const) {
    await client.make('/c/o', { metadata: { text: 'x'.repeat(length) } })
    const { status, fields } = await client.ask('PUT', `/copy${length}/`, { copy: '/c/' })
    t.equal(status, copied)
    if (status === 413) t.match(fields['detail'], /metadata/)
    t.equal((await client.ask('PATCH', '/c/', { copy: '/d/' })).status, replaced)
  }
  t.same((await client.get('/c/'))['children'], ['o'], 'nothing was removed')
})

t.test('others have their turn while a large tree is changed and written down', async t => {
  const { client } = await begin(t)
  const whole = container('c', Array.from({ length: 1000 }, (_, n) => object(String(n))))
  const turnsOf = async (work: Promise<unknown>): Promise<number> => {
    let turns = 0
    while (await Promise.race([work, setImmediate('on')]) === 'on') turns++
    return turns
  }
  await client.make('/c/', { deserializevalue: inBase64(whole) })
  for (const [method, url, body] of [['PATCH', '/c/', { deserializevalue: inBase64(whole) }], ['PUT', '/s', { serialize: '/c/' }]] as const) {
    const turns = await turnsOf(client.ask(method, url, body))
    t.ok(turns >= 8, `${method} ${url}: ${turns} turns`)
  }
})

t.test('COC-66: a name that is reserved in the root container does not come there by a copy of another one', async t => {
  const { client } = await begin(t)
  await client.make('/c/')
  await client.make('/c/-')
  await client.make('/d/')
  t.match(await client.ask('PATCH', '/?children', { copy: '/c/' }), { status: 400, fields: { detail: /"-" is reserved/ } })
  t.same((await client.get('/'))['children'], ['c/', 'd/'])
  await client.change('/d/', { copy: '/c/' })
  t.same((await client.get('/d/'))['children'], ['-'])
})

t.test('CMV-30: a container becomes like one below it, which goes by that', async t => {
  const { client, store } = await begin(t)
  await tree(client)
  const { objectID } = await client.get('/c/')
  await client.remove('/c/half')
  await client.change('/c/', { copy: '/c/d/' })
  await store.sweep()
  t.match(await client.get('/c/'), { objectID, children: ['e/'] })
  t.match(await client.get('/c/e/o'), { value: '/c/d/e/o' })
})

t.test('MET-08: metadata that cannot be acted on is refused beside a copy or a move as anywhere else', async t => {
  const { client } = await begin(t)
  await client.make('/o', { value: 'x' })
  await client.make('/c/')
  for (const item of ['cdmi_cors_methods', 'cdmi_cors_origins']) {
    for (const [url, source] of [['/d', { copy: '/o' }], ['/d', { move: '/o' }], ['/d/', { copy: '/c/' }], ['/d/', { move: '/c/' }]] as const) {
      t.match(await client.ask('PUT', url, { ...source, metadata: { [item]: 'no list' } }), { status: 400, fields: { detail: new RegExp(item) } })
    }
  }
  t.same((await client.get('/'))['children'], ['c/', 'o'])
})

t.test('CMV-01: sources exclude each other, also where the URI names other fields', async t => {
  const { client } = await begin(t)
  await client.make('/o', { value: 'x' })
  for (const query of ['', '?mimetype', '?metadata']) t.equal((await client.ask('PUT', `/d${query}`, { copy: '/o', serialize: '/o' })).status, 400, query)
  t.same((await client.get('/'))['children'], ['o'])
})

t.test('SER-14, CMV-18: an object whose value never came comes back without one, and the rest with it', async t => {
  const { client } = await begin(t)
  const { value: _value, ...failed } = object('failed', { completionStatus: 'Error: the other server was gone' })
  await client.make('/c/', { deserializevalue: inBase64(container('c', [failed, object('o')])) })
  await client.make('/s', { serialize: '/c/' })
  await client.remove('/c/')
  await client.make('/c/', { deserialize: '/s' })
  const back = await client.get('/c/failed')
  t.match(back, { completionStatus: 'Error: the other server was gone', objectID: failed['objectID'] })
  t.notOk('value' in back)
  t.match(await client.get('/c/o'), { value: 'x' })
  t.equal((await client.ask('PUT', '/d/', { deserializevalue: inBase64(container('d', [{ ...failed, objectID: mintObjectID(), value: 'x' }])) })).status, 400)
})
