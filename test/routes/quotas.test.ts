/** Quotas of users and the limit of children, as every door answers them: docs/quotas.md. */
import { request as httpRequest } from 'node:http'
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import cdmi, { type CdmiPluginOptions, openMemoryStore, type Store } from '../../index.js'
import { childrenAccount, ownerAccount } from '../../storage/usage.js'

type Options = Omit<CdmiPluginOptions, 'store'>
type Ask = (user: string, method: InjectOptions['method'], url: string, payload?: string | Buffer, headers?: Record<string, string>) => Promise<{ statusCode: number, body: string, json: <T>() => T }>

async function build (t: Test, options: Options, store: Store = openMemoryStore({ inlineLimit: 100, segmentSize: 1000, trashGrace: 0 })): Promise<{ app: FastifyInstance, ask: Ask, store: Store, used: (name: string) => Promise<{ bytes: number, objects: number } | undefined> }> {
  const app = Fastify()
  await app.register(cdmi, { store, keyed: true, users: (_name, password) => password === 'secret', ...options })
  t.teardown(async () => { await app.close() })
  await app.ready()
  return {
    app,
    store,
    ask: async (user, method, url, payload, headers = {}) => await app.inject({ method: method ?? 'GET', url, headers: { authorization: basic(user), ...headers }, ...payload !== undefined && { payload } }),
    async used (name) {
      const usage = await store.meta.usage(ownerAccount(name))
      return usage === undefined ? undefined : { bytes: usage.bytes, objects: usage.objects }
    }
  }
}

const basic = (user: string): string => `Basic ${Buffer.from(`${user}:secret`).toString('base64')}`
const object = { 'content-type': 'application/cdmi-object' }
const container = { 'content-type': 'application/cdmi-container' }
const bytes = (count: number): Buffer => Buffer.alloc(count, 'x')

t.test('the quota of a user: 507 with the figures, in the words of each door, and nothing is stored', async t => {
  const { ask, used, store } = await build(t, { quotas: { alice: { bytes: 1000, objects: 3 } } })
  t.equal((await ask('alice', 'PUT', '/a', bytes(600))).statusCode, 201)
  const refused = await ask('alice', 'PUT', '/b', bytes(401))
  t.match(refused.json(), { status: 507, code: 'CDMI_QUOTA_EXCEEDED', detail: 'The quota of alice is 1000 bytes, of which 600 are used; 401 more do not fit; nothing was changed' })
  t.equal((await ask('alice', 'GET', '/b')).statusCode, 404)
  t.equal((await ask('bob', 'PUT', '/b', bytes(5000))).statusCode, 201, 'others have theirs, or none')
  t.match((await ask('alice', 'PUT', '/c', JSON.stringify({ value: 'y'.repeat(401) }), object)).json(), { status: 507, detail: /401 more/ }, 'CDMI')
  const keyed = await ask('alice', 'POST', '/data/k', JSON.stringify({ value: 'y'.repeat(401) }), { 'content-type': 'application/json' })
  t.equal(keyed.statusCode, 507)
  t.match(keyed.json(), { error: /^The quota of alice is 1000 bytes, of which 600 are used; \d+ more do not fit; nothing was changed$/ }, 'keyed JSON')
  const form = '--X\r\ncontent-disposition: form-data; name="f"; filename="one"\r\n\r\n' + 'z'.repeat(250) + '\r\n--X\r\ncontent-disposition: form-data; name="f"; filename="two"\r\n\r\n' + 'z'.repeat(250) + '\r\n--X--\r\n'
  t.match((await ask('alice', 'POST', '/', form, { 'content-type': 'multipart/form-data; boundary=X' })).json(), { status: 507, detail: /500 more/ }, 'a form, all of its files together')
  t.equal((await ask('alice', 'PUT', '/b', bytes(6000))).statusCode, 204, 'an object that another has made is his')
  t.same([await used('alice'), await used('bob')], [{ bytes: 600, objects: 1 }, { bytes: 6000, objects: 1 }])
  for (const n of [1, 2]) t.equal((await ask('alice', 'PUT', `/o${n}/`, undefined)).statusCode, 201)
  t.match((await ask('alice', 'PUT', '/empty', '')).json(), { status: 507, detail: 'The quota of alice is 3 objects, of which 3 are used; 1 more do not fit; nothing was changed' })
  t.equal((await ask('alice', 'PUT', '/a', bytes(1000))).statusCode, 204, 'up to the very byte')
  t.equal((await ask('alice', 'PUT', '/a', bytes(1001))).statusCode, 507)
  t.equal((await ask('alice', 'DELETE', '/o1/')).statusCode, 204)
  t.equal((await ask('alice', 'PUT', '/empty', '')).statusCode, 201, 'room is there at once')
  await store.sweep()
  t.same(await store.meta.miscounts(), [])
})

t.test('whatever makes an object, or more of it, needs room for it', async t => {
  const { ask, used, store } = await build(t, { quotas: { '*': { bytes: 1000 }, boss: {} } })
  t.equal((await ask('boss', 'PUT', '/tree/')).statusCode, 201)
  t.equal((await ask('boss', 'PUT', '/tree/big', bytes(700))).statusCode, 201)
  t.equal((await ask('boss', 'PUT', '/tree/more', bytes(700))).statusCode, 201, 'no quota of its own is none')
  t.equal((await ask('alice', 'PUT', '/copy', JSON.stringify({ copy: '/tree/big' }), object)).statusCode, 201)
  t.same(await used('alice'), { bytes: 700, objects: 1 }, 'whoever copies has the copy')
  t.equal((await ask('alice', 'PUT', '/copy2', JSON.stringify({ copy: '/tree/big' }), object)).statusCode, 507)
  t.equal((await ask('alice', 'PUT', '/trees/', JSON.stringify({ copy: '/tree/' }), container)).statusCode, 507, 'of a tree, all or nothing')
  t.equal((await ask('alice', 'GET', '/trees/')).statusCode, 404)
  t.equal((await ask('alice', 'PUT', '/mine/', JSON.stringify({ move: '/tree/' }), container)).statusCode, 201, 'what is moved stays whose it is')
  t.same(await used('alice'), { bytes: 700, objects: 1 })
  t.equal((await ask('alice', 'PATCH', '/copy', bytes(100), { 'content-range': 'bytes 900-999/*' })).statusCode, 204, 'gaps count')
  t.same(await used('alice'), { bytes: 1000, objects: 1 })
  t.equal((await ask('alice', 'PATCH', '/copy', bytes(100), { 'content-range': 'bytes 0-99/*' })).statusCode, 204, 'what is replaced is no more')
  t.equal((await ask('alice', 'PATCH', '/copy', bytes(100), { 'content-range': 'bytes 950-1049/*' })).statusCode, 507)
  t.equal((await ask('alice', 'PUT', '/reference', JSON.stringify({ reference: '/mine/' }), object)).statusCode, 201, 'a reference is an object without bytes')
  t.equal((await ask('boss', 'PUT', '/s', 'v'.repeat(601))).statusCode, 201)
  t.equal((await ask('boss', 'PUT', '/serialization', JSON.stringify({ serialize: '/s' }), object)).statusCode, 201)
  t.equal((await ask('boss', 'DELETE', '/s')).statusCode, 204)
  const deserialized = await ask('carol', 'PUT', '/s', JSON.stringify({ deserialize: '/serialization' }), object)
  t.equal(deserialized.statusCode, 201, deserialized.body)
  t.same(await used('carol'), { bytes: 601, objects: 1 })
  t.equal((await ask('carol', 'PUT', '/rest', bytes(400))).statusCode, 507)
  t.same(await store.meta.miscounts(), [])
})

t.test('parts of a value that is not complete yet are on account of whoever sends them', async t => {
  const { ask, used, store } = await build(t, { quotas: { alice: { bytes: 1000 } } })
  const part = { 'x-cdmi-partial': 'true' }
  t.equal((await ask('alice', 'PUT', '/p', bytes(400), { ...part, 'content-range': 'bytes 0-399/*' })).statusCode, 202)
  t.same(await used('alice'), { bytes: 400, objects: 1 })
  t.equal((await ask('alice', 'PUT', '/p', bytes(700), { ...part, 'content-range': 'bytes 400-1099/*' })).statusCode, 507)
  t.same(await used('alice'), { bytes: 400, objects: 1 }, 'what has come stays')
  t.equal((await ask('alice', 'PUT', '/p', bytes(600), { 'x-cdmi-partial': 'false', 'content-range': 'bytes 400-999/*' })).statusCode, 201)
  t.same(await used('alice'), { bytes: 1000, objects: 1 })
  await store.sweep()
  t.same(await used('alice'), { bytes: 1000, objects: 1 })
  t.same(await store.meta.miscounts(), [])
})

t.test('an upload that does not fit ends as soon as that is known', async t => {
  const { app } = await build(t, { quotas: { alice: { bytes: 1000 } } })
  const port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
  const upload = (headers: Record<string, string>) => httpRequest({ port, method: 'PUT', path: '/v', headers: { authorization: basic('alice'), ...headers } })
  const status = async (sent: ReturnType<typeof upload>): Promise<number | undefined> => await new Promise((resolve, reject) => {
    sent.on('response', response => { resolve(response.resume().statusCode) }).on('error', reject)
  })
  const announced = upload({ 'content-length': '1001', expect: '100-continue' })
  let invited = false
  announced.on('continue', () => { invited = true })
  announced.flushHeaders()
  t.equal(await status(announced), 507)
  t.equal(invited, false, 'not a byte of it is asked for')
  announced.destroy()
  const streamed = upload({ 'transfer-encoding': 'chunked' })
  const answered = status(streamed)
  // It never ends by itself.
  streamed.write(bytes(1001))
  t.equal(await answered, 507)
  streamed.on('error', () => {}).destroy()
})

t.test('limits.children: a container takes so many, and not one more', async t => {
  const { ask, store } = await build(t, { limits: { children: 3 } })
  t.equal((await ask('a', 'PUT', '/c/')).statusCode, 201)
  for (const n of [1, 2, 3]) t.equal((await ask('a', 'PUT', `/c/${n}`, 'v')).statusCode, 201)
  const refused = await ask('a', 'PUT', '/c/4', 'v')
  t.match(refused.json(), { status: 507, code: 'CDMI_CONTAINER_FULL', detail: 'The container /c/ may have 3 children, the limit of this server (limits.children); it has 3, and this would make 1 more; nothing was changed' })
  t.equal((await ask('a', 'PUT', '/c/3', 'w')).statusCode, 204, 'what is there can be changed')
  t.equal((await ask('a', 'POST', '/c/', 'v', { 'content-type': 'text/plain' })).statusCode, 507)
  t.equal((await ask('a', 'PUT', '/c/sub/')).statusCode, 507)
  t.equal((await ask('a', 'PUT', '/other', 'v')).statusCode, 201)
  t.equal((await ask('a', 'PUT', '/c/moved', JSON.stringify({ move: '/other' }), object)).statusCode, 507)
  t.equal((await ask('a', 'PUT', '/c/renamed', JSON.stringify({ move: '/c/3' }), object)).statusCode, 201, 'a new name is no new child')
  t.equal((await ask('a', 'DELETE', '/c/1')).statusCode, 204)
  t.equal((await ask('a', 'PUT', '/c/moved', JSON.stringify({ move: '/other' }), object)).statusCode, 201)
  t.equal((await ask('a', 'PUT', '/copy/', JSON.stringify({ copy: '/c/' }), container)).statusCode, 201)
  const { record: { id } } = await store.meta.resolve(store.rootID, ['copy']).then(([, record]) => ({ record: record ?? { id: '' } }))
  t.match(await store.meta.usage(childrenAccount(id)), { objects: 3 })
  t.equal((await ask('a', 'PUT', '/copy/4', 'v')).statusCode, 507)
  t.same(await store.meta.miscounts(), [])
})

t.test('what was there before anybody set a quota counts, too, and metrics tell of it', async t => {
  const store = openMemoryStore()
  const before = Fastify()
  await before.register(cdmi, { store, users: () => true })
  await before.inject({ method: 'PUT', url: '/old', headers: { authorization: basic('alice') }, payload: bytes(300) })
  await before.close()
  const { ask, used } = await build(t, { quotas: { alice: { bytes: 500, objects: 10 } } }, store)
  t.same(await used('alice'), { bytes: 300, objects: 1 })
  t.equal((await ask('alice', 'PUT', '/new', bytes(201))).statusCode, 507)
  const families = await store.metrics?.collect() ?? []
  const samples = families.find(({ name }) => name === 'cdmi_quota_bytes')?.samples
  t.same(samples, [{ labels: { user: 'alice', state: 'used' }, values: [300] }, { labels: { user: 'alice', state: 'limit' }, values: [500] }])
})
