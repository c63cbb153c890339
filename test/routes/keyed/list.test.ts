import t from 'tap'
import type { Response } from 'light-my-request'
import { request } from 'undici'
import { namePageOf } from '../../../storage/name-page.js'
import { adminHeader, keyedApp, listeningApp } from '../../helpers/keyed-app.js'
import { at, writer } from '../../helpers/model.js'

const headers = { authorization: adminHeader }

t.test('KEY-01: the whole list streams in order, however long; memory holds one page', async t => {
  const { app, store, cdmi, url } = await listeningApp(t)
  await cdmi.containers.create(writer, at('/data/'))
  // A container of a million children, made up as it is read.
  const total = 1_000_000
  let largest = 0
  const nameOf = (n: number): string => `key-${String(n).padStart(7, '0')}-${'x'.repeat(40)}`
  store.meta.names = async (_id, { after, limit }) => {
    const from = after === undefined ? 0 : Number(after.slice(4, 11)) + 1
    const length = Math.min(limit, 1000, total - from)
    return namePageOf(Array.from({ length }, (_, n) => ({ name: nameOf(from + n), type: 'd' })), from + length < total)
  }
  const before = process.memoryUsage().rss
  const { body, statusCode } = await request(`${url}/data`, { headers })
  t.equal(statusCode, 200)
  let bytes = 0
  let tail = ''
  let head = ''
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (head === '') head = chunk.toString('utf8', 0, 60)
    bytes += chunk.length
    tail = (tail + chunk.toString('utf8')).slice(-100)
    largest = Math.max(largest, process.memoryUsage().rss)
  }
  t.equal(bytes, total * (nameOf(0).length + 3) + 1)
  t.ok(head.startsWith(`["${nameOf(0)}"`))
  t.ok(tail.endsWith(`"${nameOf(total - 1)}"]`))
  t.ok(largest - before < 150 * 1024 * 1024, `grew by ${Math.round((largest - before) / 1024 / 1024)} MiB`)
  await app.close()
})

t.test('KEY-01: a reader that goes away in the middle of the list ends the reading of the store', async t => {
  const { store, cdmi, url } = await listeningApp(t)
  await cdmi.containers.create(writer, at('/data/'))
  let n = 0
  const original = cdmi.keyed.list.bind(cdmi.keyed)
  const ended = new Promise<void>(resolve => {
    cdmi.keyed.list = async (...parameters) => {
      const pages = await original(...parameters)
      return (async function * () { try { yield * pages } finally { resolve() } })()
    }
  })
  store.meta.names = async () => namePageOf(Array.from({ length: 1000 }, () => ({ name: `key-${++n}`, type: 'd' })), true)
  const { body } = await request(`${url}/data`, { headers })
  for await (const chunk of body as AsyncIterable<Buffer>) if (chunk.length > 0) break
  await ended
  t.pass('the iteration was ended')
})

t.test('ours: GET /data?prefix=&limit=&after= pages with Link rel="next"', async t => {
  const { app, cdmi } = await keyedApp(t, { prefix: '/p' })
  const keys = ['a', 'b 1', 'b 2', 'b 3', 'b&=4', 'c']
  for (const key of keys) await cdmi.keyed.create(writer, key, Buffer.from('{}'))
  await cdmi.containers.create(writer, at('/data/b%20container/'))
  const seen: string[] = []
  let url: string | undefined = '/p/data?prefix=b&limit=2'
  let pages = 0
  while (url !== undefined) {
    const { statusCode, headers: { link, etag }, body }: Response = await app.inject({ url, headers })
    t.equal(statusCode, 200)
    t.ok(etag)
    seen.push(...JSON.parse(body))
    t.ok(JSON.parse(body).length <= 2)
    pages++
    url = /^<([^>]+)>; rel="next"$/.exec(String(link ?? ''))?.[1]
  }
  t.same(seen, ['b 1', 'b 2', 'b 3', 'b&=4'])
  t.equal(pages, 2, 'no empty page at the end')
  t.same((await app.inject({ url: '/p/data?after=b+3', headers })).json(), ['b&=4', 'c'])
  t.same((await app.inject({ url: '/p/data?prefix=', headers })).json(), keys)
  t.same((await app.inject({ url: '/p/data?limit=100', headers })).headers.link, undefined)
})

t.test('ours: bad parameters of the list are 400 with a reason', async t => {
  const { app } = await keyedApp(t)
  for (const query of ['limit=0', 'limit=-1', 'limit=x', 'limit=1.5', 'limit=', 'limit=1&limit=2', 'limt=1', 'prefix=%ff', 'after=%00', 'prefix=a%0a', 'after=a%2fb', 'limit=99999999999999999']) {
    const { statusCode, body } = await app.inject({ url: `/data?${query}`, headers })
    t.equal(statusCode, 400, query)
    t.type(JSON.parse(body).error, 'string')
  }
})

t.test('a store that is away is a 503 or 500 before the first byte of a list, with a request ID and nothing of the inside', async t => {
  const { app, store, cdmi } = await keyedApp(t)
  await cdmi.containers.create(writer, at('/data/'))
  store.meta.names = async () => { throw new Error('/var/lib/secret is gone') }
  const { statusCode, body } = await app.inject({ url: '/data', headers })
  t.equal(statusCode, 500)
  t.notMatch(body, 'secret')
  t.match(JSON.parse(body).error, /request req-/)
})
