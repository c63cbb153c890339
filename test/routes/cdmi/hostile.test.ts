import t from 'tap'
import fc from 'fast-check'
import { build } from '../plain/build.js'

const object = 'application/cdmi-object'
const container = 'application/cdmi-container'
const deep = '{"metadata":{"a":' + '['.repeat(100_000) + ']'.repeat(100_000) + '}}'

t.test('no body of a CDMI request makes a 5xx, and a refused one changes nothing', async t => {
  const app = await build(t)
  await app.inject({ method: 'PUT', url: '/o', headers: { 'content-type': object }, body: '{"value":"kept","metadata":{"k":"v"}}' })
  await app.inject({ method: 'PUT', url: '/c/', headers: { 'content-type': container }, body: '{"metadata":{"k":"v"}}' })
  const bodies = ['{', '[]', '"x"', 'null', '0', '{"value":}', '{"value":1}', '{"value":null}', '{"value":[]}', '{"value":true}', '{"value":{}}', '{"value":"a","value":"b"}', '{"metadata":1}', '{"metadata":[]}',
    '{"metadata":"x"}', '{"metadata":null}', '{"mimetype":1}', '{"mimetype":""}', '{"mimetype":"nonsense"}', '{"mimetype":"text/plain\\r\\nX: y"}', '{"mimetype":"text/pl\\u00e4in"}', '{"valuetransferencoding":"utf-16"}',
    '{"valuetransferencoding":"json","value":"x"}', '{"valuetransferencoding":"base64","value":"*"}', '{"valuetransferencoding":"base64","value":{}}', '{"value":"\\ud800"}', '{"__proto__":{"a":1}}', '{"metadata":{"__proto__":{"a":1}}}',
    '{"constructor":{"prototype":{}}}', deep, '{"value":"x"} trailing', '\ufeff{}', '{"copy":"/o","move":"/o"}', '{"copy":1}', '{"reference":""}', '{"domainURI":"/cdmi_domains/x/"}', '{"capabilitiesURI":"/nowhere/"}',
    '{"deserializevalue":"!"}', '{"snapshot":"x"}', '{"exports":{"NFS":{}}}', `{"metadata":{"a":"${'x'.repeat(70_000)}"}}`, `{"x":"${'x'.repeat(2 ** 20 + 10)}"}`,
    JSON.stringify({ metadata: Object.fromEntries(Array.from({ length: 1025 }, (_, n) => [`k${n}`, ''])) })]
  for (const [url, type] of [['/o', object], ['/new', object], ['/c/', container], ['/new/', container]] as const) {
    for (const method of ['PUT', 'PATCH'] as const) {
      for (const body of bodies) {
        const { statusCode } = await app.inject({ method, url, headers: { 'content-type': type }, body })
        const harmless = statusCode === 204 || statusCode === 201
        t.ok(statusCode >= 400 ? statusCode < 500 : harmless, `${method} ${url} ${body.slice(0, 60)}: ${statusCode}`)
        if (statusCode === 201) await app.inject({ method: 'DELETE', url })
        if (statusCode === 204) {
          const whole = url === '/o' ? '{"value":"kept","valuetransferencoding":"utf-8","metadata":{"k":"v"}}' : '{"metadata":{"k":"v"}}'
          await app.inject({ method: 'PUT', url, headers: { 'content-type': type }, body: whole })
        }
      }
    }
  }
  t.match((await app.inject({ url: '/o', headers: { accept: object } })).json(), { value: 'kept', metadata: { k: 'v' } })
  t.match((await app.inject({ url: '/c/', headers: { accept: container } })).json(), { metadata: { k: 'v' }, children: [] })
})

t.test('no URI of a CDMI request makes a 5xx or names what it should not', async t => {
  const app = await build(t, { prefix: '/cdmi/2.0.0' })
  const S = '/cdmi/2.0.0'
  await app.inject({ method: 'PUT', url: `${S}/o`, body: 'x' })
  const uris = ['/../o', '/..%2Fo', '/%2e%2e/o', '/a%2Fb', '/a%00b', '/%ff', '/%zz', '//o', '/o//', '/o?value=', '/o?value=abc', '/o?value=5-1', '/o?value=0-0&value=0-0', '/o?metadata=%ff', '/o?=x', '/o?children=[', '/o?children=[]',
    '/cdmi_objectid/x', '/cdmi_objectid/', '/cdmi_objectid/00007ED90010D891022876A8DE0BC0FD', '/cdmi_capabilities', '/cdmi_capabilities/x/', '/cdmi_capabilities/dataobject/x', '/cdmi_domains/', '/cdmi_snapshots/', `/${'n'.repeat(5000)}`,
    '/?children=[a', '/?children=![', '/?children=[,]', '/?children=9-1', '/?children=99999999999999999999-', '/?__proto__', '/?constructor&toString', '/o?value=99999999999999999999-999999999999999999999']
  for (const uri of uris) {
    for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE'] as const) {
      for (const type of [object, container]) {
        if (method === 'DELETE' && uri.startsWith('/o')) continue
        const { statusCode } = await app.inject({ method, url: S + uri, headers: method === 'GET' || method === 'HEAD' ? { accept: type } : { 'content-type': type }, ...method === 'GET' || method === 'HEAD' ? {} : { body: '{}' } })
        t.ok(statusCode < 500, `${method} ${uri.slice(0, 60)}: ${statusCode}`)
      }
    }
  }
  const children = (await app.inject({ url: `${S}/`, headers: { accept: container } })).json().children as string[]
  t.same(children.filter(name => name !== 'o' && !/^[0-9A-F]{48}$/.test(name)), [], 'nothing else was made but by POST to the root')
})

t.test('any header that a CDMI request may have is answered below 500', async t => {
  const app = await build(t)
  await app.inject({ method: 'PUT', url: '/o', body: 'x' })
  const text = fc.oneof(fc.constantFrom('', '*/*', object, `${object};q=`, 'multipart/mixed', 'application/cdmi-', 'true', 'upload-id=', 'bytes 0-1/2', 'bytes=0-', '"', '1.1.1', '9.9', ','), fc.string({ unit: 'grapheme-ascii', maxLength: 40 }))
  const headers = fc.record({ accept: text, 'content-type': text, 'x-cdmi-specification-version': text, 'x-cdmi-partial': text, 'content-range': text, 'if-match': text, 'if-none-match': text, range: text }, { requiredKeys: [] })
  await fc.assert(fc.asyncProperty(fc.constantFrom('GET', 'HEAD', 'PUT', 'PATCH', 'POST'), fc.constantFrom('/o', '/', '/x', '/cdmi_objectid/'), headers, async (method, url, given) => {
    const cleaned = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value.replace(/[^\x20-\x7e]/g, '')]))
    const { statusCode } = await app.inject({ method: method as 'GET', url, headers: cleaned, ...method === 'GET' || method === 'HEAD' ? {} : { body: '{"value":"x"}' } })
    if (statusCode >= 500) throw new Error(`${method} ${url} ${JSON.stringify(cleaned)}: ${statusCode}`)
  }), { numRuns: 400 })
})

t.test('DOC-03, AMB-20: fields that are called like a property of every object of the language are fields like others', async t => {
  const app = await build(t)
  for (const [url, type] of [['/o', object], ['/c/', container]] as const) {
    const send = async (path: string, body: object) => await app.inject({ method: path === url ? 'PUT' : 'PATCH', url: path, headers: { 'content-type': type }, payload: body })
    await send(url, { constructor: 'x', toString: 'y', valueOf: 'z' })
    const shown = async () => (await app.inject({ url: `${url}?constructor&toString&valueOf`, headers: { accept: type } })).json()
    t.strictSame(Object.entries(await shown()), [['constructor', 'x'], ['toString', 'y'], ['valueOf', 'z']])
    t.equal((await send(`${url}?constructor&toString`, {})).statusCode, 204)
    t.strictSame(Object.entries(await shown()), [['valueOf', 'z']])
  }
})

t.test('what could not be given back as it came is refused', async t => {
  const app = await build(t)
  for (const body of ['{"metadata":{"a":1e400}}', '{"x":[{"y":-1e999}]}']) {
    const refused = await app.inject({ method: 'PUT', url: '/o', headers: { 'content-type': object }, body })
    t.equal(refused.statusCode, 400)
    t.match(refused.json().detail, /a number that is larger/)
  }
  t.equal((await app.inject({ url: '/o' })).statusCode, 404)
})

t.test('a refusal says where the mistake is', async t => {
  const app = await build(t)
  await app.inject({ method: 'PUT', url: '/o', headers: { 'content-type': object }, body: '{"value":"0123456789"}' })
  const parts = '--x\r\nContent-Type: application/cdmi-object\r\n\r\n{}\r\n--x\r\nContent-Type: none\r\n\r\ny\r\n--x--\r\n'
  const cases = [
    ['PUT', '/o', { 'content-type': object }, '{"mimetype":"none"}', /^The field "mimetype" is not a media type/],
    ['PUT', '/new', { 'content-type': 'multipart/mixed; boundary=x' }, parts, /^The Content-Type of the part with the value is not/],
    ['PUT', '/o', { 'content-type': `${object}; x` }, '{}', /none of CDMI: .*parameters are broken/],
    ['PUT', '/o', { 'content-type': 'multipart/mixed; boundary="' }, parts, /parameters are broken/],
    ['PATCH', `/o?value=${'9'.repeat(400)}-${'9'.repeat(400)}`, { 'content-type': object }, '{"value":"YQ=="}', /numbers of the range of "value" are too large/],
    ['PATCH', '/o?value=5-99999999999999999999', { 'content-type': object }, '{"value":"YQ=="}', /too large/],
    ['PATCH', '/o', { 'content-type': object, 'content-range': 'bytes 2-3/10' }, '{"value":"ab"}', /a range of the value is named in the URI/],
    ['PATCH', '/', { 'content-type': 'text/plain' }, 'x', /application\/cdmi-container/]
  ] as const
  for (const [method, url, headers, body, message] of cases) {
    const refused = await app.inject({ method, url, headers, body })
    t.equal(refused.statusCode, 400, refused.body)
    t.match(refused.json().detail, message)
  }
  t.equal((await app.inject({ url: '/o' })).body, '0123456789', 'nothing was changed')
})
