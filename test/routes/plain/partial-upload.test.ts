import t from 'tap'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { Cdmi } from '../../../cdmi/model.js'
import { openMemoryStore } from '../../../storage/memory/memory-store.js'
import { build, type BuildOptions } from './build.js'

interface Part { readonly method?: 'PUT' | 'PATCH' | 'POST', readonly url?: string, readonly body?: string | Buffer, readonly partial?: string, readonly range?: string, readonly type?: string, readonly more?: Record<string, string> }

const part = async (app: FastifyInstance, { method = 'PUT', url = '/o', body = '', partial, range, type, more = {} }: Part): Promise<LightMyRequestResponse> => await app.inject({
  method,
  url,
  body,
  headers: { ...more, ...partial === undefined ? {} : { 'x-cdmi-partial': partial }, ...range === undefined ? {} : { 'content-range': range }, ...type === undefined ? {} : { 'content-type': type } }
})

/** An application, and short ways to send parts and to look. Small values in segments, as large ones are. */
async function open (t: Parameters<typeof build>[0], options: BuildOptions = {}) {
  const store = options.store ?? openMemoryStore({ inlineLimit: 8, segmentSize: 16, trashGrace: 0 })
  const app = await build(t, { ...options, store })
  return {
    app,
    store,
    send: async (one: Part): Promise<number> => (await part(app, one)).statusCode,
    get: async (url = '/o'): Promise<string | number> => {
      const answer = await app.inject({ url })
      return answer.statusCode === 200 ? answer.body : answer.statusCode
    },
    status: async (url = '/o'): Promise<string> => (await app.inject({ url: `${url}?completionStatus`, headers: { accept: 'application/cdmi-object' } })).json().completionStatus
  }
}

t.test('PUP-01, PUP-02, PUP-03, PUP-13: parts without a place follow each other; one with false, or without the header, ends the series', async t => {
  for (const last of ['false', undefined]) {
    const { send, get, status } = await open(t)
    t.equal(await send({ body: 'one, ', partial: 'true' }), 202)
    t.same([await get(), await status()], [202, 'Processing'])
    t.equal(await send({ body: 'two, ', partial: 'true' }), 202)
    t.equal(await get(), 202)
    t.equal(await send({ body: 'and three', ...last === undefined ? {} : { partial: last } }), 201)
    t.same([await get(), await status()], ['one, two, and three', 'Complete'])
    t.equal(await send({ body: 'whole', ...last === undefined ? {} : { partial: last } }), 204, 'and the next write is one of its own')
    t.equal(await get(), 'whole')
  }
})

t.test('PUP-01: false, with nothing to end, is an ordinary write', async t => {
  const { app, send, get } = await open(t)
  t.equal(await send({ body: 'first', partial: 'false' }), 201)
  t.equal(await send({ body: 'second', partial: 'false', method: 'PATCH' }), 204)
  t.equal(await get(), 'second')
  t.equal((await app.inject({ url: '/o' })).headers['content-type'], 'application/octet-stream')
})

t.test('PUP-03: parts with a place go there; an empty one with false ends the series, gaps read as zeros', async t => {
  const { send, get } = await open(t)
  t.equal(await send({ body: 'world', partial: 'true', range: 'bytes 6-10/11' }), 202)
  t.equal(await send({ body: 'Hello', partial: 'true', range: '0-4' }), 202)
  t.equal(await send({ partial: 'false' }), 201)
  t.equal(await get(), 'Hello\0world')
})

t.test('PUP-03: a part without a place goes behind all that have come', async t => {
  const { send, get } = await open(t)
  t.equal(await send({ body: 'cd', partial: 'true', range: '2-3' }), 202)
  t.equal(await send({ body: 'ef', partial: 'true' }), 202)
  t.equal(await send({ body: 'gh', partial: 'true' }), 202)
  t.equal(await send({ body: 'ab', partial: 'false', range: '0-1' }), 201)
  t.equal(await get(), 'abcdefgh')
})

t.test('PUP-04, PUP-05, PUP-14: sets of different IDs are independent, and an existing object stays as it was until one is complete', async t => {
  const { app, send, get, status } = await open(t)
  await send({ body: 'before', type: 'text/x' })
  const { etag } = (await app.inject({ url: '/o' })).headers
  t.equal(await send({ body: 'from a, ', partial: 'upload-id=a', type: 'text/a' }), 202)
  t.equal(await send({ body: 'from b', partial: 'upload-id=b', method: 'PATCH' }), 202)
  t.equal(await send({ body: 'from null', partial: 'true' }), 202)
  t.equal(await send({ body: 'and a', partial: 'upload-id=a' }), 202)
  const read = await app.inject({ url: '/o' })
  t.same([read.body, read.headers.etag, read.headers['content-type']], ['before', etag, 'text/x'])
  t.equal(await send({ partial: 'upload-id=b', method: 'PATCH', type: 'text/b' }), 204)
  t.same([await get(), await status()], ['from b', 'Processing'], 'of the null upload ID there is more to come')
  t.equal(await send({ partial: 'upload-id=a' }), 204)
  t.equal(await get(), 'from a, and a')
  t.equal((await app.inject({ url: '/o' })).headers['content-type'], 'text/a')
  t.equal(await send({ partial: 'false' }), 204)
  t.same([await get(), await status()], ['from null', 'Complete'])
})

t.test('PUP-05: a new object is there after the first part of an upload ID, and created with the last', async t => {
  const { send, get, status } = await open(t)
  t.equal(await send({ body: 'one ', partial: 'upload-id=a' }), 202)
  t.same([await get(), await status()], [202, 'Processing'])
  t.equal(await send({ body: 'two', partial: 'upload-id=a' }), 202)
  t.equal(await send({ partial: 'upload-id=a', type: 'text/plain' }), 201)
  t.equal(await get(), 'one two')
})

t.test('PUP-05: an empty request under an ID without parts is refused, so that nothing is emptied after a time-out', async t => {
  const { send, get } = await open(t)
  t.equal(await send({ partial: 'upload-id=a' }), 400)
  t.equal(await get(), 404)
  await send({ body: 'old' })
  t.equal(await send({ partial: 'upload-id=a' }), 400)
  t.equal(await get(), 'old')
})

t.test('PUP-06: count=<n> is complete with its n-th part; more are refused, before and after', async t => {
  const { send, get } = await open(t)
  t.equal(await send({ body: 'one ', partial: 'upload-id=a;count=3' }), 202)
  t.equal(await send({ partial: 'upload-id=a;count=3' }), 202, 'no bytes are no part')
  t.equal(await send({ body: 'two ', partial: 'upload-id=a' }), 202)
  t.equal(await send({ body: 'three', partial: 'upload-id=a; count=3' }), 201)
  t.equal(await get(), 'one two three')
  for (const partial of ['upload-id=a;count=3', 'upload-id=a', 'upload-id=a;range=0-3']) {
    t.equal(await send({ body: 'four', partial }), 400, partial)
  }
  t.equal(await get(), 'one two three')
  for (const body of ['1', '2', '3']) t.equal(await send({ url: '/p', body, partial: 'upload-id=a' }), 202, 'the same ID on another object is another set')
  t.equal(await send({ url: '/p', partial: 'upload-id=a;count=2' }), 400, 'three have come')
  t.equal(await send({ url: '/p', partial: 'upload-id=a;count=3' }), 201, 'a condition may come last')
  t.equal(await get('/p'), '123')
})

t.test('PUP-06: one part may be all', async t => {
  const { send, get } = await open(t)
  t.equal(await send({ body: 'all', partial: 'upload-id=a;count=1' }), 201)
  t.equal(await send({ body: 'other', partial: 'upload-id=b;count=1', method: 'PATCH' }), 204)
  t.equal(await get(), 'other')
  t.equal(await send({ body: 'x', partial: 'upload-id=a;count=1' }), 400)
})

t.test('PUP-07, PUP-09: range=<range> is complete when all of it is there; any request may say so', async t => {
  const { send, get } = await open(t)
  t.equal(await send({ body: 'world', partial: 'upload-id=a', range: '6-10' }), 202)
  t.equal(await send({ body: 'Hel', partial: 'upload-id=a;range=0-10', range: 'bytes 0-2/11' }), 202)
  t.equal(await send({ body: '!!', partial: 'upload-id=a', range: '11-12' }), 202, 'what lies beyond it is taken, too')
  t.equal(await send({ body: 'lo ', partial: 'upload-id=a', range: '3-5' }), 201)
  t.equal(await get(), 'Hello world!!')
})

t.test('PUP-08: replace=true makes the value of the parts alone, replace=false puts them into the old one; without it places decide', async t => {
  for (const old of ['01234567', '0123456789012345678901234567890123456789']) {
    const { send, get } = await open(t)
    const cases: ReadonlyArray<[string, string | undefined, string]> = [
      ['replace=true', '2-3', '\0\0xy'],
      ['replace=false', '2-3', `01xy${old.slice(4)}`],
      ['replace=false', undefined, `xy${old.slice(2)}`],
      ['', '2-3', `01xy${old.slice(4)}`],
      ['', undefined, 'xy']
    ]
    for (const [index, [replace, range, value]] of cases.entries()) {
      const url = `/o${index}`
      await send({ url, body: old })
      t.equal(await send({ url, body: 'xy', partial: `upload-id=a;count=1${replace === '' ? '' : `;${replace}`}`, ...range === undefined ? {} : { range } }), 204)
      t.equal(await get(url), value, `${replace} ${range}`)
    }
  }
})

t.test('PUP-08: replace=false applies to the object as it is when the set is complete', async t => {
  const { send, get } = await open(t)
  await send({ body: 'aaaaaaaaaa' })
  t.equal(await send({ body: 'XX', partial: 'upload-id=a;replace=false', range: '2-3' }), 202)
  t.equal(await send({ body: 'YY', partial: 'upload-id=a', range: '12-13' }), 202)
  await send({ body: 'bbbbbbbbbbbbbbbbbbbb' })
  t.equal(await send({ partial: 'upload-id=a' }), 204)
  t.equal(await get(), 'bbXXbbbbbbbbYYbbbbbb')
})

t.test('PUP-09: a condition or a flag that differs from an earlier one is refused, and changes nothing', async t => {
  const { send, get } = await open(t)
  t.equal(await send({ body: 'one ', partial: 'upload-id=a;count=2;replace=true' }), 202)
  for (const partial of ['upload-id=a;count=3', 'upload-id=a;range=0-9', 'upload-id=a;count=2;replace=false', 'upload-id=a;replace=false']) t.equal(await send({ body: 'x', partial }), 400, partial)
  t.equal(await send({ body: 'two', partial: 'upload-id=a;count=2;replace=true' }), 201)
  t.equal(await get(), 'one two')
})

t.test('PUP-10, PUP-11: the same range again replaces its part and is not counted; one that overlaps is refused', async t => {
  const { send, get } = await open(t)
  const partial = 'upload-id=a;count=2'
  t.equal(await send({ body: 'wrong ', partial, range: '0-5' }), 202)
  t.equal(await send({ body: 'Hello ', partial, range: '0-5' }), 202)
  for (const range of ['3-7', '0-4', '5-5', '0-10', '4-5']) {
    const [first = 0, last = 0] = range.split('-').map(Number)
    t.equal(await send({ body: 'x'.repeat(last - first + 1), partial, range }), 400, range)
  }
  t.equal(await send({ body: 'world', partial, range: '6-10' }), 201)
  t.equal(await get(), 'Hello world')
  t.equal(await send({ url: '/p', body: 'abc', partial: 'true' }), 202)
  t.equal(await send({ url: '/p', body: 'abc', partial: 'true', range: '0-2' }), 400, 'nor over one that has no place of its own')
})

t.test('PUP, PUP-11: a range is as long as its body', async t => {
  const { send, get } = await open(t)
  t.equal(await send({ body: 'x'.repeat(17), partial: 'upload-id=a;range=0-36', range: '22-36' }), 400)
  t.equal(await send({ body: 'x'.repeat(20), partial: 'upload-id=a;range=0-36', range: '0-21' }), 400)
  t.equal(await get(), 404)
})

t.test('PUP-12: parts for which no others came in time are as if they had not come', async t => {
  const { send, get, store } = await open(t)
  await send({ body: 'old', url: '/p' })
  await send({ body: 'lost ', partial: 'upload-id=a' })
  await send({ body: 'lost', partial: 'upload-id=a', url: '/p' })
  t.equal(await new Cdmi(store, { partialTimeout: -1 }).partialUploads.expire(), 2)
  t.equal(await send({ partial: 'upload-id=a', url: '/p' }), 400)
  t.equal(await get('/p'), 'old')
  t.equal(await get(), 404, 'there is no value')
  t.equal(await send({ body: 'new ', partial: 'upload-id=a' }), 202)
  t.equal(await send({ body: 'parts', partial: 'upload-id=a;count=2' }), 201)
  t.equal(await get(), 'new parts')
})

t.test('PUP-15, HCO-13, COC-77: POST makes the object; the others go to its Location', async t => {
  const { app, send, get, status } = await open(t)
  for (const url of ['/', '/cdmi_objectid/']) {
    for (const [first, next, last] of [['true', 'true', undefined], ['upload-id=a', 'upload-id=a', 'upload-id=a;count=3']] as const) {
      const posted = await part(app, { method: 'POST', url, body: 'one ', partial: first })
      t.equal(posted.statusCode, 202)
      const at = new URL(posted.headers.location ?? '').pathname
      t.same([await get(at), await status(at)], [202, 'Processing'])
      t.equal(await send({ url: at, body: 'two ', partial: next, method: 'PATCH' }), 202)
      t.equal(await send({ url: at, body: 'three', ...last === undefined ? {} : { partial: last }, method: 'PATCH' }), 204)
      t.equal(await get(at), 'one two three')
    }
  }
  t.equal((await part(app, { method: 'POST', url: '/', body: 'x', partial: 'upload-id=a;count=1' })).statusCode, 201)
})

t.test('PUP-16, CAP-10: what is switched off is refused by name, and nothing is made', async t => {
  const cases = { cdmi_partial: 'true', cdmi_partial_uploadid: 'upload-id=a', cdmi_partial_count: 'upload-id=a;count=2', cdmi_partial_range: 'upload-id=a;range=0-9', cdmi_partial_replace: 'upload-id=a;replace=true' }
  const { app } = await open(t, { options: { withoutCapabilities: Object.keys(cases) } })
  for (const [name, partial] of Object.entries(cases)) {
    const { app } = await open(t, { options: { withoutCapabilities: [name] } })
    const refused = await part(app, { body: 'x', partial })
    t.equal(refused.statusCode, 400)
    t.match(refused.json().detail, `The capability ${name} `)
    t.equal((await app.inject({ url: '/o' })).statusCode, 404)
  }
  t.equal((await part(app, { body: 'x', partial: 'false' })).statusCode, 201, 'false asks for nothing')
  const shown = async (app: FastifyInstance): Promise<Record<string, string>> => (await app.inject({ url: '/cdmi_capabilities/', headers: { accept: 'application/cdmi-capability' } })).json().capabilities
  t.notMatch(Object.keys(await shown(app)), ['cdmi_partial'])
  const { app: all } = await open(t, { limits: { partialTimeout: 60 } })
  t.match(await shown(all), { cdmi_partial: 'true', cdmi_partial_uploadid: 'true', cdmi_partial_count: 'true', cdmi_partial_range: 'true', cdmi_partial_replace: 'true', cdmi_partial_timeout: '60' })
})

t.test('PUP-16: a header that means nothing makes nothing', async t => {
  const { send, get } = await open(t)
  for (const partial of ['', 'yes', 'upload-id=', 'upload-id=a;count=0', 'upload-id=a;count=1;range=0-1', 'upload-id=a;colour=red']) t.equal(await send({ body: 'x', partial }), 400, partial)
  t.equal(await get(), 404)
})

t.test('the limit of a value holds for the sum of its parts', async t => {
  const { send, get } = await open(t, { limits: { value: 10 } })
  t.equal(await send({ body: '123456', partial: 'true' }), 202)
  t.equal(await send({ body: '78901', partial: 'true' }), 413)
  t.equal(await send({ body: '78901', partial: 'false' }), 413)
  t.equal(await send({ body: 'x', partial: 'true', range: '10-10' }), 413)
  t.equal(await send({ body: 'x', partial: 'upload-id=a;range=0-10' }), 413, 'what can never be complete is not begun')
  t.equal(await send({ body: '7890', partial: 'false' }), 201)
  t.equal(await get(), '1234567890')
})

t.test('conditions are those of the object, which parts do not change', async t => {
  const { app, send, get } = await open(t)
  const { etag = '' } = (await part(app, { body: 'old' })).headers
  t.equal(await send({ body: 'new ', partial: 'upload-id=a', more: { 'if-match': String(etag) } }), 202)
  t.equal(await send({ body: 'value', partial: 'upload-id=a;count=2', more: { 'if-match': '"other"' } }), 412)
  t.equal(await send({ body: 'value', partial: 'upload-id=a;count=2', more: { 'if-match': String(etag) } }), 204)
  t.equal(await get(), 'new value')
  t.equal(await send({ body: 'x', partial: 'true', more: { 'if-none-match': '*' } }), 412)
})

t.test('what was deleted takes its parts with it', async t => {
  const { app, send, get, store } = await open(t)
  await app.inject({ method: 'PUT', url: '/c/' })
  for (const url of ['/o', '/c/o']) t.equal(await send({ url, body: 'lost ', partial: 'upload-id=a' }), 202)
  t.equal((await app.inject({ method: 'DELETE', url: '/o' })).statusCode, 204)
  t.equal((await app.inject({ method: 'DELETE', url: '/c/' })).statusCode, 204)
  t.equal(await send({ body: 'kept', partial: 'upload-id=a;count=1' }), 201, 'another object, another set')
  t.equal(await get(), 'kept')
  t.equal(await new Cdmi(store).partialUploads.expire(), 2)
  t.equal(await get(), 'kept')
})

t.test('HDO-04: text in parts is text, however its characters are cut; what is not becomes bytes', async t => {
  const { app, send } = await open(t)
  const type = 'text/plain; charset=utf-8'
  const [first, second] = [Buffer.from('ü').subarray(0, 1), Buffer.from('ü').subarray(1)]
  t.equal(await send({ body: first, partial: 'true', type }), 202)
  t.equal(await send({ body: second, type }), 201)
  t.equal((await app.inject({ url: '/o' })).headers['content-type'], type)
  t.equal(await send({ url: '/long', body: 'ü'.repeat(20), partial: 'true', type }), 202)
  t.equal(await send({ url: '/long', body: 'ö'.repeat(20) }), 201)
  const long = await app.inject({ url: '/long' })
  t.same([long.body, long.headers['content-type']], ['ü'.repeat(20) + 'ö'.repeat(20), type])
  t.equal(await send({ url: '/bytes', body: first, partial: 'true', type }), 202)
  t.equal(await send({ url: '/bytes', body: first, type }), 201)
  t.equal((await app.inject({ url: '/bytes' })).headers['content-type'], 'text/plain')
})
