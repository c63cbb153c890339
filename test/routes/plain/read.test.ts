import t from 'tap'
import { openMemoryStore } from '../../../storage/memory/memory-store.js'
import { build } from './build.js'

const value = 'This is the Value of this Data Object'

async function withValue (t: Parameters<typeof build>[0], options?: Parameters<typeof build>[1]) {
  const app = await build(t, options)
  const put = await app.inject({ method: 'PUT', url: '/object', body: value, headers: { 'content-type': 'text/plain' } })
  const get = (headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') => app.inject({ method, url: '/object', headers })
  return { app, get, etag: String(put.headers.etag) }
}

t.test('HDO-20, GEN-12, CLI-22: the bytes, their type and exact length, and validators', async t => {
  const { get, etag } = await withValue(t)
  const read = await get()
  t.equal(read.statusCode, 200)
  t.equal(read.body, value)
  t.match(read.headers, { 'content-type': 'text/plain', 'content-length': '37', etag, 'accept-ranges': 'bytes', 'x-content-type-options': 'nosniff', 'cache-control': 'no-cache', vary: 'Accept' })
  t.match(etag, /^"[0-9A-F]{48}\.1"$/, 'a strong tag')
  t.ok(Math.abs(Date.parse(String(read.headers['last-modified'])) - Date.now()) < 5000)
})

t.test('GEN-05: HEAD mirrors GET without a body and ignores Range', async t => {
  const { app, get } = await withValue(t)
  const { date: _, ...ofGet } = (await get()).headers
  for (const headers of [{}, { range: 'bytes=0-3' }]) {
    const head = await get(headers, 'HEAD')
    const { date: __, ...ofHead } = head.headers
    t.equal(head.statusCode, 200)
    t.equal(head.body, '')
    t.same(ofHead, ofGet)
  }
  t.equal((await app.inject({ method: 'HEAD', url: '/missing' })).statusCode, 404)
})

t.test('HDO-21, GEN-14: one range', async t => {
  for (const inlineLimit of [1024, 4]) {
    const { get } = await withValue(t, { store: openMemoryStore({ inlineLimit, segmentSize: 8 }) })
    for (const [range, content, body] of [['0-3', '0-3', 'This'], ['32-', '32-36', 'bject'], ['-6', '31-36', 'Object'], ['31-99', '31-36', 'Object'], ['0-', '0-36', value], ['5-25', '5-25', value.slice(5, 26)]]) {
      const read = await get({ range: `bytes=${range}` })
      t.equal(read.statusCode, 206)
      t.equal(read.headers['content-range'], `bytes ${content}/37`)
      t.equal(read.headers['content-type'], 'text/plain')
      t.equal(read.headers['content-length'], String(read.rawPayload.length))
      t.equal(read.body, body)
    }
  }
})

t.test('HDO-21, CLI-22: several ranges come as multipart/byteranges of exact length', async t => {
  const { get, etag } = await withValue(t)
  const read = await get({ range: 'bytes=5-6, 0-3' })
  t.equal(read.statusCode, 206)
  const boundary = /^multipart\/byteranges; boundary=([\w-]+)$/.exec(String(read.headers['content-type']))?.[1] ?? t.fail('no boundary')
  t.equal(read.headers['content-length'], String(read.rawPayload.length))
  t.equal(read.headers['content-range'], undefined)
  t.equal(read.headers.etag, etag)
  t.equal(read.body, [`--${String(boundary)}`, 'Content-Type: text/plain', 'Content-Range: bytes 5-6/37', '', 'is', `--${String(boundary)}`, 'Content-Type: text/plain', 'Content-Range: bytes 0-3/37', '', 'This', `--${String(boundary)}--`, ''].join('\r\n'))
  const joined = await get({ range: 'bytes=0-3,2-6' })
  t.equal(joined.headers['content-range'], 'bytes 0-6/37', 'what overlaps is one range')
  t.equal(joined.body, 'This is')
})

t.test('GEN-14, CLI-22: 416 names the length; an invalid Range is ignored', async t => {
  const { app, get } = await withValue(t)
  for (const range of ['bytes=37-', 'bytes=100-200,300-', 'bytes=-0']) {
    const read = await get({ range })
    t.equal(read.statusCode, 416)
    t.equal(read.headers['content-range'], 'bytes */37')
    t.match(read.headers['content-type'], 'json')
  }
  for (const range of ['bytes=3-1', 'bytes=x', 'items=0-1', 'bytes']) {
    const read = await get({ range })
    t.equal(read.statusCode, 200)
    t.equal(read.body, value)
  }
  await app.inject({ method: 'PUT', url: '/empty' })
  for (const range of ['bytes=0-', 'bytes=-1', 'bytes=0-0']) {
    const read = await app.inject({ url: '/empty', headers: { range } })
    t.equal(read.statusCode, 416)
    t.equal(read.headers['content-range'], 'bytes */0')
  }
})

t.test('HDO-20: an empty value', async t => {
  const app = await build(t)
  t.equal((await app.inject({ method: 'PUT', url: '/empty', headers: { 'content-type': 'text/plain;charset=utf-8' } })).statusCode, 201)
  for (const method of ['GET', 'HEAD'] as const) {
    const read = await app.inject({ method, url: '/empty' })
    t.equal(read.statusCode, 200)
    t.equal(read.headers['content-length'], '0')
    t.equal(read.headers['content-type'], 'text/plain; charset=utf-8')
    t.equal(read.body, '')
  }
})

t.test('CLI-22: hundreds of ranges never cost more than twice the object', async t => {
  const app = await build(t, { store: openMemoryStore({ inlineLimit: 100 }) })
  await app.inject({ method: 'PUT', url: '/object', body: Buffer.alloc(5000, 'x') })
  for (const spec of ['0-,', '0-0,', '-1,', '0-4999,1-4998,', ...[2, 40, 300].map(step => Array.from({ length: 1000 }, (_, n) => `${n * step}-${n * step + 1},`).join(''))]) {
    const range = 'bytes=' + spec.repeat(spec.length > 100 ? 1 : 1000)
    const read = await app.inject({ url: '/object', headers: { range } })
    t.ok(read.statusCode === 200 || read.statusCode === 206)
    t.ok(read.rawPayload.length <= 10_000, spec.slice(0, 20))
    t.equal(read.headers['content-length'], String(read.rawPayload.length))
  }
})

t.test('CLI-22: conditions of reads, in the order of RFC 9110 §13.2.2', async t => {
  const { get, etag } = await withValue(t)
  const modified = String((await get()).headers['last-modified'])
  const at = (seconds: number) => new Date(Date.parse(modified) + seconds * 1000).toUTCString()
  const rfc850 = modified.replace(/^(\w+), (\d\d) (\w+) \d\d(\d\d)/, (_, day: string, date: string, month: string, year: string) => `${({ Sun: 'Sunday', Mon: 'Monday', Tue: 'Tuesday', Wed: 'Wednesday', Thu: 'Thursday', Fri: 'Friday', Sat: 'Saturday' })[day] ?? ''}, ${date}-${month}-${year}`)
  const other = '"other"'
  const cases: [Record<string, string>, number][] = [
    [{ 'if-none-match': etag }, 304],
    [{ 'if-none-match': `${other}, W/${etag}` }, 304],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': other }, 200],
    [{ 'if-none-match': other, 'if-modified-since': at(5) }, 200],
    [{ 'if-modified-since': modified }, 304],
    [{ 'if-modified-since': rfc850 }, 304],
    [{ 'if-modified-since': at(-1) }, 200],
    [{ 'if-modified-since': 'never' }, 200],
    [{ 'if-match': etag }, 200],
    [{ 'if-match': '*' }, 200],
    [{ 'if-match': other }, 412],
    [{ 'if-match': `W/${etag}` }, 412],
    [{ 'if-match': etag, 'if-unmodified-since': at(-5) }, 200],
    [{ 'if-unmodified-since': at(-1) }, 412],
    [{ 'if-unmodified-since': modified }, 200],
    [{ 'if-match': other, 'if-none-match': etag }, 412],
    [{ 'if-match': etag, 'if-none-match': etag }, 304],
    [{ 'if-none-match': etag, range: 'bytes=99-' }, 304],
    [{ 'if-match': other, range: 'bytes=99-' }, 412],
    [{ 'if-none-match': 'unquoted' }, 400]
  ]
  for (const [headers, status] of cases) {
    for (const method of ['GET', 'HEAD'] as const) {
      const read = await get(headers, method)
      t.equal(read.statusCode, status === 400 ? 400 : status, `${method} ${JSON.stringify(headers)}`)
      if (status !== 304) continue
      t.equal(read.body, '')
      t.match(read.headers, { etag, 'last-modified': modified, vary: 'Accept', 'cache-control': 'no-cache' })
      t.equal(read.headers['content-type'], undefined)
    }
  }
})

t.test('CLI-22: If-Range gives the range of the same value or all of another, and means nothing alone', async t => {
  const { app, get, etag } = await withValue(t)
  const modified = String((await get()).headers['last-modified'])
  const status = async (ifRange: string) => (await get({ range: 'bytes=0-3', 'if-range': ifRange })).statusCode
  t.equal(await status(etag), 206)
  t.equal(await status(modified), 206)
  t.equal(await status(`W/${etag}`), 200)
  t.equal(await status('"other"'), 200)
  t.equal(await status('Sun, 06 Nov 1994 08:49:37 GMT'), 200)
  t.equal((await get({ range: 'bytes=99-', 'if-range': '"other"' })).statusCode, 200)
  t.equal((await get({ 'if-range': '"other"' })).statusCode, 200)
  await app.inject({ method: 'PUT', url: '/object', body: 'other' })
  t.equal(await status(etag), 200)
})

t.test('GEN-06, GEN-09, GEN-10: an Accept that names the CDMI form gives it, unless another one is liked better; a type that this is not is refused', async t => {
  const { get } = await withValue(t)
  const typeOf = async (accept: string) => (await get({ accept })).headers['content-type']
  for (const accept of ['*/*', 'text/plain', 'image/png', 'garbage', 'application/cdmi-object;q=0, text/html', 'application/cdmi-object;q=0.1, text/*', 'text/plain, application/cdmi-object;q=0.9']) {
    t.equal(await typeOf(accept), 'text/plain', accept)
  }
  for (const accept of ['application/cdmi-object', 'application/cdmi-object+json', 'APPLICATION/CDMI-OBJECT; q=0.5', 'application/cdmi-object, image/png', 'application/cdmi-object, */*;q=0.1', 'text/*, application/cdmi-object']) {
    t.equal(await typeOf(accept), 'application/cdmi-object', accept)
  }
  for (const method of ['GET', 'HEAD'] as const) t.equal((await get({ accept: 'application/cdmi-queue' }, method)).statusCode, 406)
})

t.test('GEN-43, GEN-44, CLI-01: the version that a client names comes back in every answer, and never without its asking', async t => {
  const { app, get } = await withValue(t)
  const named = { 'x-cdmi-specification-version': '1.0.1, 1.1, 1.1.1' }
  t.equal((await get({ accept: 'application/cdmi-object' })).headers['x-cdmi-specification-version'], undefined)
  for (const [accept, status] of [['application/cdmi-object', 200], ['text/plain', 200], ['application/cdmi-queue', 406]] as const) {
    const read = await get({ accept, ...named })
    t.equal(read.statusCode, status)
    t.equal(read.headers['x-cdmi-specification-version'], '1.1.1')
  }
  t.equal((await app.inject({ url: '/missing', headers: named })).headers['x-cdmi-specification-version'], '1.1.1')
  for (const version of ['0.9', '3.0', 'nonsense', '']) t.equal((await get({ 'x-cdmi-specification-version': version })).statusCode, 400, version)
})

t.test('AMB-03: fields in a query without a CDMI Accept give the plain value', async t => {
  const { app } = await withValue(t)
  for (const query of ['?value', '?objectName&metadata=x', '?value:0-3;metadata', '?', '?%zz', '?a=/../']) {
    const read = await app.inject({ url: '/object' + query })
    t.equal(read.statusCode, 200, query)
    t.equal(read.body, value)
  }
})

t.test('CLI-02: the version header without an Accept gives the CDMI form; it also makes sense of the query', async t => {
  const { app } = await withValue(t)
  for (const headers of [{}, { accept: '*/*' }]) {
    const read = await app.inject({ url: '/object?objectName;value:0-3', headers: { ...headers, 'x-cdmi-specification-version': '1.0.1h, nonsense' } })
    t.equal(read.headers['x-cdmi-specification-version'], '1.0.1h')
    t.same(Object.keys(read.json()), ['objectName', 'value'])
  }
})

t.test('CLI-26: stored HTML is served as HTML, sandboxed unless the option allows it to be live', async t => {
  for (const activeContent of [undefined, 'sandbox', 'allow'] as const) {
    const app = await build(t, { options: activeContent === undefined ? {} : { activeContent } })
    for (const type of ['text/html', 'application/xhtml+xml', 'image/svg+xml', 'text/xml', 'text/javascript', 'application/octet-stream']) {
      await app.inject({ method: 'PUT', url: '/object', body: '<script>', headers: { 'content-type': type } })
      for (const headers of [{}, { range: 'bytes=0-1' }]) {
        const read = await app.inject({ url: '/object', headers })
        t.equal(read.headers['content-type'], type)
        t.equal(read.headers['content-security-policy'], activeContent === 'allow' ? undefined : 'sandbox', type)
        t.equal(read.headers['x-content-type-options'], 'nosniff')
      }
    }
  }
})

t.test('CLI-26: by option what could be active is offered as a file; all else is shown as ever', async t => {
  const app = await build(t, { options: { activeContent: 'download' } })
  const disposition = async (type: string, headers = {}): Promise<unknown> => {
    await app.inject({ method: 'PUT', url: '/object', body: '<script>', headers: { 'content-type': type } })
    const read = await app.inject({ url: '/object', headers })
    t.equal(read.headers['content-security-policy'], 'sandbox', type)
    return read.headers['content-disposition']
  }
  for (const type of ['text/html', 'Text/HTML; charset=utf-8', 'application/xhtml+xml', 'image/svg+xml', 'text/xml', 'application/xml', 'application/atom+xml', 'text/javascript', 'application/x-javascript', 'application/pdf', 'multipart/related', 'message/rfc822']) {
    t.equal(await disposition(type), 'attachment', type)
    t.equal(await disposition(type, { range: 'bytes=0-1' }), 'attachment', type)
  }
  for (const type of ['text/plain', 'image/png', 'application/json', 'application/octet-stream', 'text/css', 'video/mp4']) t.equal(await disposition(type), undefined, type)
})

t.test('HDO-28, GEN-13: what is missing', async t => {
  const { app } = await withValue(t)
  for (const url of ['/missing', '/missing/', '/object/', '/object/below', '/no/where', '/cdmi_objectid/00007ED90010D891022876A8DE0BC0FD']) {
    const read = await app.inject({ url })
    t.equal(read.statusCode, 404, url)
    t.ok(read.headers['content-type'])
  }
})
