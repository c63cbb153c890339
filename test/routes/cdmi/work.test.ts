/** What a read costs: no more than what it shows. */
import t from 'tap'
import { newContainer } from '../../../cdmi/container-record.js'
import { openMemoryStore, type Store } from '../../../index.js'
import { mintObjectID } from '../../../storage/object-id.js'
import { build } from '../plain/build.js'

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
  const { store, calls } = counting('meta', 'children')
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
  t.equal(await costOf('1000-1009'), 2)
  t.equal(await costOf('5-99999999999999999999999'), 4, 'all of them where all are wanted')
  t.equal(await costOf('-3'), 4)
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
