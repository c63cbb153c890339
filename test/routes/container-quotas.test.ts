/** Quotas of containers with all that is below them, as every door answers them: docs/quotas.md. */
import { request as httpRequest } from 'node:http'
import fc from 'fast-check'
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import cdmi, { type CdmiPluginOptions, openMemoryStore, type Store } from '../../index.js'
import { treeAccount } from '../../storage/usage.js'

type Options = Omit<CdmiPluginOptions, 'store'>
type Answer = { statusCode: number, body: string, json: <T>() => T }
type Ask = (method: InjectOptions['method'], url: string, payload?: string | Buffer | object, headers?: Record<string, string>) => Promise<Answer>
type Used = (...names: string[]) => Promise<{ bytes: number, objects: number } | undefined>

const freshStore = (): Store => openMemoryStore({ inlineLimit: 100, segmentSize: 1000, trashGrace: 0 })

async function build (t: Test, options: Options, store: Store = freshStore()): Promise<{ app: FastifyInstance, ask: Ask, store: Store, used: Used }> {
  const app = Fastify()
  await app.register(cdmi, { store, keyed: true, anonymous: 'write', ...options })
  t.teardown(async () => { await app.close() })
  await app.ready()
  return {
    app,
    store,
    // An object is the JSON of a CDMI request.
    ask: async (method, url, payload, headers) => await app.inject({
      method: method ?? 'GET',
      url,
      headers: headers ?? (payload === undefined || typeof payload === 'string' || Buffer.isBuffer(payload) ? {} : { 'content-type': url.endsWith('/') ? 'application/cdmi-container' : 'application/cdmi-object' }),
      ...payload !== undefined && { payload: typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload) }
    }),
    async used (...names) {
      const record = (await store.meta.resolve(store.rootID, names))[names.length]
      const usage = record === undefined ? undefined : await store.meta.usage(treeAccount(record.id))
      return usage === undefined ? undefined : { bytes: usage.bytes, objects: usage.objects }
    }
  }
}

const bytes = (count: number): Buffer => Buffer.alloc(count, 'x')
const quotaOfA = { '/projects/a/': { bytes: 1000, objects: 6 } }

t.test('the quota of a container: 507 with the figures, in the words of each door, and nothing is stored', async t => {
  const { ask, used, store } = await build(t, { containerQuotas: quotaOfA })
  for (const url of ['/projects/', '/projects/a/', '/projects/a/sub/', '/projects/b/']) t.equal((await ask('PUT', url)).statusCode, 201)
  t.equal((await ask('PUT', '/projects/a/sub/v', bytes(600))).statusCode, 201)
  t.match((await ask('PUT', '/projects/a/w', bytes(401))).json(), { status: 507, code: 'CDMI_QUOTA_EXCEEDED', detail: 'The quota of the container /projects/a/ is 1000 bytes, of which 600 are used; 401 more do not fit; nothing was changed' })
  t.equal((await ask('GET', '/projects/a/w')).statusCode, 404)
  t.equal((await ask('PUT', '/projects/b/w', bytes(5000))).statusCode, 201, 'others have none')
  t.match((await ask('PUT', '/projects/a/c', { value: 'y'.repeat(401) })).json(), { status: 507, detail: /401 more/ }, 'CDMI')
  const form = '--X\r\ncontent-disposition: form-data; name="f"; filename="one"\r\n\r\n' + 'z'.repeat(250) + '\r\n--X\r\ncontent-disposition: form-data; name="f"; filename="two"\r\n\r\n' + 'z'.repeat(250) + '\r\n--X--\r\n'
  t.match((await ask('POST', '/projects/a/sub/', form, { 'content-type': 'multipart/form-data; boundary=X' })).json(), { status: 507, detail: /500 more/ }, 'a form, all of its files together')
  t.equal((await ask('PATCH', '/projects/a/sub/v', bytes(10), { 'content-range': 'bytes 995-1004/*' })).statusCode, 507)
  t.same(await used('projects', 'a'), { bytes: 600, objects: 3 })
  t.equal((await ask('PUT', '/projects/a/sub/v', bytes(1000))).statusCode, 204, 'up to the very byte')
  for (const n of [1, 2, 3]) t.equal((await ask('PUT', `/projects/a/e${n}`, '')).statusCode, 201)
  t.match((await ask('PUT', '/projects/a/sub/e4', '')).json(), { status: 507, detail: 'The quota of the container /projects/a/ is 6 objects, of which 6 are used; 1 more do not fit; nothing was changed' })
  t.equal((await ask('DELETE', '/projects/a/sub/v')).statusCode, 204)
  t.equal((await ask('PUT', '/projects/a/sub/e4', '')).statusCode, 201, 'room is there at once')
  t.equal((await ask('DELETE', '/projects/a/')).statusCode, 204)
  t.equal((await ask('PUT', '/projects/a/', {})).statusCode, 201)
  t.same(await used('projects', 'a'), { bytes: 0, objects: 1 }, 'another container begins anew')
  await store.sweep()
  t.same(await store.meta.miscounts(), [])
})

t.test('keyed records are below their container, too', async t => {
  const { ask, used } = await build(t, { containerQuotas: { '/data/': { bytes: 100 } } })
  const json = { 'content-type': 'application/json' }
  t.equal((await ask('POST', '/data/k', JSON.stringify({ value: 1 }), json)).statusCode, 201)
  const refused = await ask('POST', '/data/l', JSON.stringify({ value: 'y'.repeat(101) }), json)
  t.equal(refused.statusCode, 507)
  t.match(refused.json(), { error: /^The quota of the container \/data\/ is 100 bytes, of which \d+ are used; \d+ more do not fit; nothing was changed$/ })
  t.match(await used('data'), { objects: 2 })
})

t.test('copies need room, and what is moved takes its bytes along', async t => {
  const { ask, used, store } = await build(t, { containerQuotas: { '/a/': { bytes: 1000 }, '/a/in/ner/': { bytes: 500 }, '/c/': { objects: 2 } } })
  for (const url of ['/a/', '/a/in/', '/a/in/ner/', '/a/in/ner/deep/', '/free/', '/free/tree/']) t.equal((await ask('PUT', url)).statusCode, 201)
  t.equal((await ask('PUT', '/free/big', bytes(600))).statusCode, 201)
  t.equal((await ask('PUT', '/free/tree/v', bytes(300))).statusCode, 201)
  t.match((await ask('PUT', '/a/in/ner/deep/big', { copy: '/free/big' })).json(), { status: 507, detail: /container \/a\/in\/ner\/ is 500 bytes, of which 0 are used; 600 more/ })
  t.equal((await ask('PUT', '/a/big', { copy: '/free/big' })).statusCode, 201)
  t.match((await ask('PUT', '/a/in/big', { move: '/free/big' })).json(), { status: 507, detail: /container \/a\/ is 1000 bytes, of which 600 are used; 600 more/ })
  t.equal((await ask('PUT', '/a/in/ner/tree/', { copy: '/free/tree/' })).statusCode, 201, 'a tree')
  t.match((await ask('PUT', '/a/tree/', { copy: '/free/tree/' })).json(), { status: 507 }, 'all of it or nothing')
  t.equal((await ask('GET', '/a/tree/')).statusCode, 404)
  t.same([await used('a'), await used('a', 'in', 'ner')], [{ bytes: 900, objects: 7 }, { bytes: 300, objects: 4 }])
  t.equal((await ask('PUT', '/a/v', { move: '/a/in/ner/tree/v' })).statusCode, 201)
  t.same([await used('a'), await used('a', 'in', 'ner')], [{ bytes: 900, objects: 7 }, { bytes: 0, objects: 3 }], 'out of the inner one')
  t.equal((await ask('PUT', '/free/v', { move: '/a/v' })).statusCode, 201)
  t.same(await used('a'), { bytes: 600, objects: 6 }, 'out of all')
  t.equal((await ask('PUT', '/a/in/ner/r', { reference: '/free/' })).statusCode, 201)
  t.same(await used('a', 'in', 'ner'), { bytes: 0, objects: 4 })
  // A copy can be made where there is a quota.
  t.match((await ask('PUT', '/c/', { copy: '/a/in/ner/' })).json(), { status: 507, detail: 'The quota of the container /c/ is 2 objects, of which 0 are used; 4 more do not fit; nothing was changed' })
  t.equal((await ask('PUT', '/c/', { copy: '/free/tree/' })).statusCode, 201)
  t.same(await used('c'), { bytes: 300, objects: 2 })
  t.equal((await ask('PUT', '/free/s', { serialize: '/free/tree/' })).statusCode, 201)
  t.equal((await ask('DELETE', '/free/tree/')).statusCode, 204)
  t.match((await ask('PUT', '/a/back/', { deserialize: '/free/s' })).statusCode, 201)
  t.same(await used('a'), { bytes: 900, objects: 9 })
  t.same(await store.meta.miscounts(), [])
})

t.test('a container is not moved across the border of a quota: 409 says what to do', async t => {
  const { ask, used, store } = await build(t, { containerQuotas: { '/p/a/': { bytes: 1000 }, '/later/x/': {} } })
  for (const url of ['/p/', '/p/a/', '/p/a/one/', '/p/a/two/', '/p/b/', '/later/']) t.equal((await ask('PUT', url)).statusCode, 201)
  t.equal((await ask('PUT', '/p/a/one/v', bytes(10))).statusCode, 201)
  for (const [to, from] of [['/p/one/', '/p/a/one/'], ['/p/a/b/', '/p/b/'], ['/p/c/', '/p/a/'], ['/q/', '/p/'], ['/later/x/', '/p/b/']] as const) {
    t.match((await ask('PUT', to, { move: from })).json(), { status: 409, code: 'CDMI_LEAVES_QUOTA', detail: /^The container \S+ cannot be moved across the border of a container quota, .* copy it .* delete it here; nothing was changed$/ }, `${from} to ${to}`)
  }
  t.equal((await ask('PUT', '/p/a/two/one/', { move: '/p/a/one/' })).statusCode, 201, 'within it is free')
  t.equal((await ask('PUT', '/moved/', { move: '/p/b/' })).statusCode, 201, 'and so is what has nothing to do with quotas')
  t.same(await used('p', 'a'), { bytes: 10, objects: 4 })
  // What an application without this quota does is seen by the store.
  const without = await build(t, {}, store)
  t.match((await without.ask('PUT', '/p/one/', { move: '/p/a/two/one/' })).json(), { status: 409, code: 'CDMI_LEAVES_QUOTA' })
  t.equal((await without.ask('PUT', '/p/a/more', bytes(2000))).statusCode, 201, 'the limit is that of who has it')
  t.equal((await ask('PUT', '/p/a/y', 'y')).statusCode, 507)
  t.equal((await without.ask('PUT', '/elsewhere/', { move: '/p/a/' })).statusCode, 201, 'where it has none a container takes its account along')
  t.same(await used('elsewhere'), { bytes: 2010, objects: 5 })
  t.same(await store.meta.miscounts(), [])
})

t.test('parts of a value that is not complete yet count', async t => {
  const { ask, used, store } = await build(t, { containerQuotas: { '/a/': { bytes: 1000 } } })
  t.equal((await ask('PUT', '/a/')).statusCode, 201)
  const part = { 'x-cdmi-partial': 'true' }
  t.equal((await ask('PUT', '/a/p', bytes(400), { ...part, 'content-range': 'bytes 0-399/*' })).statusCode, 202)
  t.same(await used('a'), { bytes: 400, objects: 2 })
  t.equal((await ask('PUT', '/a/p', bytes(700), { ...part, 'content-range': 'bytes 400-1099/*' })).statusCode, 507)
  t.equal((await ask('PUT', '/a/p', bytes(100), { ...part, 'content-range': 'bytes 400-499/*' })).statusCode, 202)
  t.same(await used('a'), { bytes: 500, objects: 2 })
  t.same(await store.meta.miscounts(), [])
  t.equal((await ask('PUT', '/a/p', bytes(500), { 'x-cdmi-partial': 'false', 'content-range': 'bytes 500-999/*' })).statusCode, 201)
  await store.sweep()
  t.same(await used('a'), { bytes: 1000, objects: 2 })
  t.same(await store.meta.miscounts(), [])
})

t.test('an upload that does not fit ends as soon as that is known', async t => {
  const { app, ask } = await build(t, { containerQuotas: { '/a/': { bytes: 1000 } } })
  await ask('PUT', '/a/')
  const port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
  const announced = httpRequest({ port, method: 'PUT', path: '/a/v', headers: { 'content-length': '1001', expect: '100-continue' } })
  let invited = false
  announced.on('continue', () => { invited = true })
  const status = new Promise(resolve => { announced.on('response', response => { resolve(response.resume().statusCode) }) })
  announced.flushHeaders()
  t.equal(await status, 507)
  t.equal(invited, false, 'not a byte of it is asked for')
  announced.on('error', () => {}).destroy()
})

t.test('what was there before counts, wherever it came from, and metrics tell of it', async t => {
  const store = freshStore()
  const before = await build(t, {}, store)
  for (const url of ['/pro jects/', '/pro jects/a/', '/pro jects/a/b/']) await before.ask('PUT', url.replace(' ', '%20'))
  await before.ask('PUT', '/pro%20jects/a/b/old', bytes(300))
  const { ask, used } = await build(t, { containerQuotas: { '/pro%20jects/a/': { bytes: 500, objects: 10 }, '/late/': { bytes: 50 }, '/': {} } }, store)
  t.same(await used('pro jects', 'a'), { bytes: 300, objects: 3 })
  t.same(await used(), { bytes: 300, objects: 6 }, 'the root container is everything, that of keyed records included')
  t.equal((await ask('PUT', '/pro%20jects/a/new', bytes(201))).statusCode, 507)
  await before.ask('PUT', '/late/')
  await before.ask('PUT', '/late/v', bytes(40))
  t.equal((await ask('PUT', '/late/w', bytes(60))).statusCode, 507, 'one that others have made is found when something is made in it')
  await ask('PUT', '/late/tiny', 'x')
  t.match(await store.meta.usage(treeAccount((await store.meta.resolve(store.rootID, ['late']))[1]?.id ?? '')), { bytes: 41, objects: 3 })
  const families = await store.metrics?.collect() ?? []
  const samples = families.find(({ name }) => name === 'cdmi_container_quota_bytes')?.samples
  t.same(samples, [
    { labels: { container: '/pro%20jects/a/', state: 'used' }, values: [300] }, { labels: { container: '/pro%20jects/a/', state: 'limit' }, values: [500] },
    { labels: { container: '/late/', state: 'used' }, values: [41] }, { labels: { container: '/late/', state: 'limit' }, values: [50] },
    { labels: { container: '/', state: 'used' }, values: [341] }
  ])
  t.same(await store.meta.miscounts(), [])
})

t.test('paths of quotas are paths of containers', async t => {
  const nested = Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`/${'d/'.repeat(n + 1)}`, {}]))
  for (const [containerQuotas, says] of [
    [{ '/a': {} }, /"\/a" does not begin and end with a slash/],
    [{ '/a//b/': {} }, /"\/a\/\/b\/" is none: A name must not be empty/],
    [{ '/a/../': {} }, /are not names of objects/],
    [{ '/a/%ff/': {} }, /"\/a\/%ff\/" is none/],
    [{ '/cdmi_objectid/00007ED90010D891022876A8DE0BC0FD/': {} }, /by its ID/],
    [{ '/a%62/': {}, '/ab/': {} }, /names the container \/ab\/ twice/],
    [nested, /more than 16 containers in each other/],
    [{ '/a/': { bytes: -1 } }, /containerQuotas/]
  ] as const) {
    await t.rejects(async () => await build(t, { containerQuotas }), { message: says, code: 'CDMI_INVALID_OPTION' })
  }
  const { ask } = await build(t, { containerQuotas: Object.fromEntries(Object.entries(nested).slice(0, 16)) })
  t.equal((await ask('PUT', '/d/')).statusCode, 201)
})

t.test('N writers at the border of nested quotas, through the doors: to the very byte', async t => {
  const { ask, used, store } = await build(t, { containerQuotas: { '/a/': { bytes: 100 }, '/a/b/': { bytes: 40 } } })
  await ask('PUT', '/a/')
  await ask('PUT', '/a/b/')
  const answers = await Promise.all(Array.from({ length: 40 }, async (_, n) => (await ask('PUT', n % 2 === 0 ? `/a/${n}` : `/a/b/${n}`, bytes(5))).statusCode))
  t.equal(answers.filter(status => status === 201).length, 20)
  t.equal(answers.filter(status => status === 507).length, 20)
  t.match(await used('a'), { bytes: 100 })
  t.ok((await used('a', 'b'))?.bytes ?? 0 <= 40)
  t.same(await store.meta.miscounts(), [])
})

t.test('whatever clients do, each container has on account what is below it', async t => {
  const { ask, store } = await build(t, { containerQuotas: { '/w/': { bytes: 400 }, '/w/a/': { bytes: 200, objects: 8 }, '/w/a/b/': { bytes: 80 } } })
  const containers = ['/w/', '/w/a/', '/w/a/b/', '/w/c/', '/w/a/d/', '/x/']
  const names = ['1', '2', '3']
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.nat(7), fc.constantFrom(...containers), fc.constantFrom(...containers), fc.constantFrom(...names), fc.nat(60)), { maxLength: 25 }), async steps => {
    for (const url of containers) await ask('PUT', url)
    for (const [kind, from, to, name, size] of steps) {
      const answer = kind < 2
        ? await ask('PUT', `${to}${name}`, bytes(size))
        : kind === 2
          ? await ask('DELETE', `${from}${name}`)
          : kind === 3
            ? await ask('PUT', `${to}${name}`, { copy: `${from}${name}` })
            : kind === 4
              ? await ask('PUT', `${to}${name}`, { move: `${from}${name}` })
              : kind === 5
                ? await ask('PUT', `${to}t${name}/`, { copy: from })
                : kind === 6
                  ? await ask('PUT', `${to}t${name}/`, { move: `${from}t${name}/` })
                  : await ask('DELETE', `${from}t${name}/`)
      if (answer.statusCode >= 500 && answer.statusCode !== 507) return false
    }
    const ok = (await store.meta.miscounts()).length === 0
    await store.sweep()
    for (const names of [['w'], ['w', 'a'], ['w', 'a', 'b']]) {
      const id = (await store.meta.resolve(store.rootID, names))[names.length]?.id ?? ''
      const below = await store.meta.tree(id, { types: 'c', limit: 10_000 })
      const usage = await store.meta.usage(treeAccount(id))
      if (usage?.objects !== below.length || usage.bytes !== below.reduce((sum, { size }) => sum + size, 0)) return false
    }
    return ok && (await store.meta.miscounts()).length === 0
  }), { numRuns: 40 })
})

t.test('the store is asked once for each container that has a quota, however many objects come at once; never for one that the change makes', async t => {
  const store = freshStore()
  const asked: string[] = []
  const countTree = store.meta.countTree.bind(store.meta)
  store.meta.countTree = async container => {
    asked.push(container)
    await countTree(container)
  }
  const { ask, used } = await build(t, { containerQuotas: { '/': { objects: 10_000 }, '/to/': { objects: 5000 }, '/to/copy/': { objects: 2000 } } }, store)
  const atStart = asked.length
  t.same((await ask('PUT', '/from/', {})).statusCode, 201)
  const form = Array.from({ length: 600 }, (_, n) => `--X\r\ncontent-disposition: form-data; name="f"; filename="${n}"\r\n\r\n\r\n`).join('') + '--X--\r\n'
  t.equal((await ask('POST', '/from/', form, { 'content-type': 'multipart/form-data; boundary=X' })).statusCode, 201)
  t.equal(asked.length, atStart, 'what was there when the server began is counted')
  // As another server makes it, which has no quotas.
  const others = await build(t, {}, store)
  t.equal((await others.ask('PUT', '/to/', {})).statusCode, 201)
  t.equal((await ask('PUT', '/to/copy/', { copy: '/from/' })).statusCode, 201)
  t.equal(asked.length, atStart + 1, 'the container of the other one')
  t.equal((await ask('PUT', '/to/copy/one-more', '')).statusCode, 201)
  t.equal(asked.length, atStart + 1, 'what the copy made is counted from its beginning')
  t.match(await used('to', 'copy'), { objects: 602 })
  t.match(await used('to'), { objects: 603 })
})
