/** What a read costs: no more than what it shows. */
import t from 'tap'
import { newContainer } from '../../../cdmi/container-record.js'
import { openMemoryStore, type Store } from '../../../index.js'
import { mintObjectID } from '../../../storage/object-id.js'
import { build, listen } from '../plain/build.js'
import { open } from '../plain/converse.js'

/** A store that counts calls of one of its methods. */
function counting (part: 'meta' | 'blobs', method: string): { store: Store, calls: () => number } {
  let calls = 0
  const store = openMemoryStore()
  const counted = new Proxy(store[part], {
    get (target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (name === method) calls++
      return typeof member === 'function' ? member.bind(target) : member
    }
  })
  return { store: new Proxy(store, { get: (target, name) => name === part ? counted : Reflect.get(target, name, target) }), calls: () => calls }
}

t.test('COC-54: the first children of a container are listed without a look at all the others', async t => {
  const { store, calls } = counting('meta', 'names')
  const app = await build(t, { store })
  const root = await store.meta.get(store.rootID)
  if (root === undefined) throw new Error('no root')
  for (let n = 0; n < 3100; n += 100) {
    const put = Array.from({ length: 100 }, (_, index) => newContainer(mintObjectID(), root, `o${String(n + index).padStart(4, '0')}`))
    await store.meta.commit({ expect: [], put, events: [] })
  }
  const costOf = async (query: string): Promise<number> => {
    const before = calls()
    const { childrenrange, children } = (await app.inject({ url: `/?childrenrange&children=${query}`, headers: { accept: 'application/cdmi-container' } })).json()
    const [first = 0, last = 0] = String(childrenrange).split('-').map(Number)
    t.equal(children.length, last - first + 1)
    t.equal(children[0], `o${String(first).padStart(4, '0')}/`)
    return calls() - before
  }
  t.equal(await costOf('0-9'), 1)
  t.equal(await costOf('2500-2509'), 2)
  t.equal(await costOf('5-99999999999999999999999'), 2, 'all of them where all are wanted')
  t.equal(await costOf('-3'), 2)
})

t.test('MET-16: a hash is made where it is shown, and once for all who look at the same time', async t => {
  const { store, calls } = counting('blobs', 'get')
  const app = await build(t, { store })
  const headers = { accept: 'application/cdmi-object', 'content-type': 'application/cdmi-object' }
  await app.inject({ method: 'PUT', url: '/o', payload: Buffer.alloc(300_000, 'x') })
  await app.inject({ method: 'PATCH', url: '/o', headers, payload: { metadata: { cdmi_value_hash: 'SHA256', colour: 'red' } } })
  for (const query of ['metadata=colour', 'percentComplete', 'objectName', 'metadata=cdmi_size']) t.equal((await app.inject({ url: `/o?${query}`, headers })).statusCode, 200)
  t.equal(calls(), 0)
  const answers = await Promise.all(Array.from({ length: 10 }, async () => (await app.inject({ url: '/o?metadata=cdmi_hash', headers })).json()))
  for (const { metadata } of answers) t.match(metadata.cdmi_hash, /^[0-9a-f]{64}$/i)
  t.equal(calls(), 1)
})

t.test('a gap of a terabyte in a value stops nobody else, and what is made of it for a client that has left is given up', async t => {
  const store = openMemoryStore()
  let [begun, ended] = [(): void => {}, (): void => {}]
  const hasBegun = new Promise<void>(resolve => { begun = resolve })
  const hasEnded = new Promise<void>(resolve => { ended = resolve })
  const whole = await build(t, { store })
  await whole.inject({ method: 'PUT', url: '/o', headers: { 'content-range': 'bytes 1099511627775-1099511627775/*' }, payload: 'x' })
  const blobs: Store['blobs'] = new Proxy(store.blobs, {
    get (target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (name !== 'put') return typeof member === 'function' ? member.bind(target) : member
      return async (_lease: string, source: AsyncIterable<Uint8Array>) => {
        begun()
        let size = 0
        for await (const { length } of source) size += length
        return { blob: 'never committed', size }
      }
    }
  })
  const lease: Store['lease'] = () => {
    const taken = store.lease()
    return { id: taken.id, release () { taken.release(); ended() } }
  }
  const app = await build(t, { store: new Proxy(store, { get: (target, name) => name === 'blobs' ? blobs : name === 'lease' ? lease : Reflect.get(target, name, target) }) })
  const socket = await open((await listen(app)).port)
  const body = '{"serialize":"/o"}'
  socket.write(`PUT /s HTTP/1.1\r\nHost: h\r\nContent-Type: application/cdmi-object\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  await hasBegun
  t.equal((await whole.inject({ url: '/s' })).statusCode, 404, 'meanwhile others are served')
  socket.destroy()
  await hasEnded
  t.equal((await whole.inject({ url: '/s' })).statusCode, 404)
})
