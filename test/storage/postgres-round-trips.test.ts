import t from 'tap'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openStore } from '../../index.js'
import { client } from '../routes/cdmi/client.js'
import { build } from '../routes/plain/build.js'
import { noErrors, quickDirectory } from './embedded-driver.js'
import { postgresServer } from './postgres-server.js'
import { tapTo } from './statement-tap.js'

interface Operation {
  readonly what: string
  /** Nothing else may be asked; each is a round trip, but for those with a plus, which are not waited for one after the other. */
  readonly asks: string
  /** Called with 0, 1, 2. */
  readonly operate: (n: number) => Promise<{ readonly statusCode: number }>
  readonly answers?: number
}

/** Done now and then, whatever is being done. */
const background = new Set(['renewLeases', 'noteAccesses', 'log_hint'])

const json = { 'content-type': 'application/json' }
const large = 'x'.repeat(100_000)

const server = await postgresServer()
if (server === undefined) t.pass('PostgreSQL is not installed', { skip: true })
else {
  const line = await tapTo(t, server.freshSchema(t))
  const blobs = pathToFileURL(join(await quickDirectory(t), 'blobs')).href
  const store = await openStore({ meta: line.url, blobs, sweepInterval: 0 }, noErrors)
  t.teardown(async () => { await store.close() })
  const app = await build(t, { store, options: { keyed: true } })
  const { put, patch, post, get, plain, remove, fields } = client(app)

  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  const deep = `/${names.join('/')}`
  for (const [depth] of names.entries()) await put(`/${names.slice(0, depth + 1).join('/')}/`)
  await plain('PUT', '/data/')
  await plain('POST', '/data/k', '{}', json)
  await plain('PUT', '/large', large)
  for (const n of Array(20).keys()) {
    await plain('PUT', `${deep}/old${n}`, 'x')
    await plain('POST', `/data/old${n}`, '{}', json)
    await put(`/old${n}/`)
  }
  const { objectID: id } = await fields(`${deep}/old0`)
  const byID = `/cdmi_objectid/${String(id)}`

  const operations: readonly Operation[] = [
    // A path of nine segments is one statement, and so are the ancestors of an ID.
    { what: 'read by path', asks: 'resolve', operate: async () => await plain('GET', `${deep}/old0`) },
    { what: 'read by ID', asks: 'lineage', operate: async () => await plain('GET', byID) },
    { what: 'read of what is not there', asks: 'resolve', operate: async () => await plain('GET', `${deep}/no`), answers: 404 },
    { what: 'read of a value in segments', asks: 'resolve segments', operate: async () => await plain('GET', '/large') },
    { what: 'read of a range of it', asks: 'resolve segments', operate: async () => await plain('GET', '/large', undefined, { range: 'bytes=5-9' }), answers: 206 },
    // The accesses, and whether parts of a new value are coming, are not in the record, which they would change all the time.
    { what: 'read in the CDMI form', asks: 'resolve accesses+get', operate: async () => await get(`${deep}/old0`) },
    { what: 'read in the CDMI form by ID', asks: 'lineage accesses+get', operate: async () => await get(byID) },
    { what: 'list page', asks: 'resolve names', operate: async () => await plain('GET', `${deep}/?limit=5`) },
    { what: 'list page in the CDMI form', asks: 'resolve accesses names', operate: async () => await get(`${deep}/?children=0-9`) },

    { what: 'create', asks: 'resolve commit', operate: async n => await plain('PUT', `${deep}/new${n}`, 'x'), answers: 201 },
    { what: 'create in the CDMI form', asks: 'resolve commit', operate: async n => await put(`${deep}/cdmi${n}`, { value: 'x' }), answers: 201 },
    { what: 'create under a name of the server', asks: 'resolve commit', operate: async () => await post(`${deep}/`, { value: 'x' }), answers: 201 },
    // Files must know that nobody has taken this server for dead.
    { what: 'create with a value in segments', asks: 'resolve leaseIsOpen commit', operate: async n => await plain('PUT', `${deep}/large${n}`, large), answers: 201 },
    // The set of parts that a write of the whole value ends is another record, and decides what the body is before it is read.
    { what: 'replace', asks: 'resolve get commit', operate: async () => await plain('PUT', `${deep}/old0`, 'y'), answers: 204 },
    { what: 'replace by ID', asks: 'lineage get commit', operate: async () => await plain('PUT', byID, 'y'), answers: 204 },
    { what: 'PATCH of metadata', asks: 'resolve get commit', operate: async n => await patch(`${deep}/old0`, { metadata: { a: String(n) } }), answers: 204 },
    { what: 'PATCH of metadata by ID', asks: 'lineage get commit', operate: async n => await patch(byID, { metadata: { a: String(n) } }), answers: 204 },
    { what: 'delete', asks: 'resolve commit', operate: async n => await plain('DELETE', `${deep}/old${n + 1}`), answers: 204 },

    { what: 'container: create', asks: 'resolve commit', operate: async n => await plain('PUT', `${deep}/c${n}/`), answers: 201 },
    // It is looked for before the body, and again when that has come.
    { what: 'container: create in the CDMI form', asks: 'resolve resolve commit', operate: async n => await put(`${deep}/d${n}/`), answers: 201 },
    { what: 'container: PATCH of metadata', asks: 'resolve resolve commit', operate: async n => await patch(`${deep}/`, { metadata: { a: String(n) } }), answers: 204 },
    { what: 'container: delete', asks: 'resolve commit', operate: async n => await remove(`/old${n}/`), answers: 204 },

    { what: 'record: create', asks: 'resolve commit', operate: async n => await plain('POST', `/data/new${n}`, '{}', json), answers: 201 },
    { what: 'record: read', asks: 'resolve', operate: async () => await plain('GET', '/data/k') },
    { what: 'record: replace', asks: 'resolve commit', operate: async () => await plain('PUT', '/data/k', '{}', json) },
    { what: 'record: merge', asks: 'resolve commit', operate: async () => await plain('PATCH', '/data/k', '{"a":1}', json) },
    { what: 'record: delete', asks: 'resolve commit', operate: async n => await plain('DELETE', `/data/old${n}`), answers: 204 },
    // The log's end is the list's tag.
    { what: 'records: list', asks: 'log_last resolve names', operate: async () => await plain('GET', '/data?prefix=k') }
  ]

  for (const { what, asks, operate, answers = 200 } of operations) {
    await t.test(`${what} asks the database: ${asks}`, async t => {
      const wanted = asks.split(/[ +]/)
      let heard: string[] = []
      // The first may open a connection; and whatever runs beside may be heard once, but not every time.
      for (const again of [0, 1, 2]) {
        line.take()
        t.equal((await operate(again)).statusCode, answers)
        heard = line.take().filter(name => !background.has(name))
        if (heard.length === wanted.length) break
      }
      // What is asked side by side comes in any order.
      t.same(heard.sort(), wanted.sort())
    })
  }
}
