import fc from 'fast-check'
import t from 'tap'
import { build, listen } from './build.js'
import { converse } from './converse.js'

const methods = ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'POST'] as const

t.test('GEN-22, GEN-17: names that cannot be are refused, whatever the method, and nothing is made', async t => {
  const app = await build(t)
  await app.inject({ method: 'PUT', url: '/a/' })
  const bad = ['/a/%2F', '/a/x%2fy', '/%2F', '/x%3Fy', '/%00', '/a/%0a', '/%C3%28', '/%FF', '/%zz', '/%', '/a/%2', '/..%2f', '/' + 'x'.repeat(5000), '/a//b', '/a//', '/%ED%A0%80', '/%7f', '/x%5Cy%2F..']
  for (const url of bad) {
    for (const method of methods) {
      const refused = await app.inject({ method, url, ...(method === 'PUT' || method === 'PATCH' ? { body: 'x' } : {}) })
      t.equal(refused.statusCode, 400, `${method} ${url.slice(0, 30)}`)
      t.notMatch(refused.body, /node_modules|\.ts:|\.js:/)
    }
  }
  t.notMatch((await app.inject({ url: '/', headers: { accept: 'application/json' } })).body, /x/)
})

t.test('GEN-22: reserved names', async t => {
  const app = await build(t)
  for (const url of ['/cdmi_anything', '/cdmi_objectid/xyz', '/-', '/-/']) t.equal((await app.inject({ method: 'PUT', url })).statusCode, 400, url)
})

t.test('GEN-17, GEN-18: names with every character that may be escaped are kept as they are', async t => {
  const app = await build(t, { prefix: '/cdmi/2.0.0' })
  for (const name of ['@MyContainer', 'ä ö', '100%', 'a+b', 'a&b=c;d', '%2F', '#', '你好', '__proto__', 'constructor', "it's", 'x:y', '\u{1F600}', '...', 'a\\b', 'é'.repeat(512)]) {
    const url = '/cdmi/2.0.0/' + encodeURIComponent(name)
    t.equal((await app.inject({ method: 'PUT', url, body: name })).statusCode, 201, name)
    t.equal((await app.inject({ url })).body, name)
  }
  const { children } = (await app.inject({ url: '/cdmi/2.0.0/', headers: { accept: 'application/json' } })).json<{ children: unknown[] }>()
  t.equal(children.length, 16)
  t.match(JSON.stringify(children), '@MyContainer')
})

t.test('GEN-31: an ID that cannot be one', async t => {
  const app = await build(t)
  for (const id of ['00007ED90010D891022876A8DE0BC0FE', '0', 'zz', '00', 'F'.repeat(80), '00007ED90010D891022876A8DE0BC0FD0', '%30']) {
    for (const method of methods) t.equal((await app.inject({ method, url: `/cdmi_objectid/${id}` })).statusCode, 400, `${method} ${id}`)
  }
})

t.test('GEN-05, CLI-06: what cannot be sent by a well-behaved client', async t => {
  const app = await build(t)
  await app.inject({ method: 'PUT', url: '/a/' })
  await app.inject({ method: 'PUT', url: '/a/object', body: 'secret' })
  const { port } = await listen(app)
  const status = async (target: string, method = 'GET', more = '') => Number((await converse(port, `${method} ${target} HTTP/1.1\r\nHost: h\r\n${more}Connection: close\r\n\r\n`)).split(' ')[1])
  t.equal(await status('http://h/a/object'), 200, 'absolute form')
  t.equal(await status(`HTTP://127.0.0.1:${port}/a/object?x`), 200)
  t.equal(await status('http://h'), 200, 'the root, absolute')
  t.equal(await status('http://h/a'), 301)
  for (const target of ['//a/object', '//', '/a/../a/object', '/a/%2e%2e/a/object', '/%2E%2e', '/a/./object', '/../../etc/passwd', '/a/object\\..', 'a/object', '*', 'ftp://h/a/object', '/a\u00ff', '/a/object#x', '/a/%c0%ae%c0%ae/']) {
    const answered = await status(target)
    t.ok(answered >= 400 && answered < 500, `${target}: ${answered}`)
  }
  t.match(await converse(port, 'GET //evil.example/..%2f HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'), /^HTTP\/1.1 400/)
  for (const more of [`Range: bytes=${'0-0,'.repeat(3000)}\r\n`, `Range: bytes=${'9'.repeat(10_000)}-\r\n`, `If-None-Match: ${'"x",'.repeat(3000)}\r\n`, `Accept: ${'a/b;q=0.1,'.repeat(1200)}\r\n`, `Range: bytes=${'0-0,'.repeat(10_000)}\r\n`]) {
    const answered = await status('/a/object', 'GET', more)
    t.ok(answered < 500, `${more.slice(0, 30)}: ${answered}`)
  }
})

t.test('no header makes a 5xx', async t => {
  const app = await build(t)
  await app.inject({ method: 'PUT', url: '/object', body: 'value' })
  const name = fc.constantFrom('range', 'if-range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'accept', 'content-type', 'content-range', 'x-cdmi-partial', 'x-cdmi-specification-version', 'content-encoding')
  const text = fc.oneof(
    fc.stringMatching(/^[\x20-\x7e]{0,30}$/),
    fc.array(fc.constantFrom('bytes', '=', '-', ',', '0', '9', '*', '"a"', 'W/', ';', 'q=', '/', ' ', 'text', 'application/cdmi-object', 'charset=utf-8', 'Sun, 06 Nov 1994 08:49:37 GMT', '99999999999999999999'), { maxLength: 8 }).map(parts => parts.join(''))
  )
  await fc.assert(fc.asyncProperty(fc.constantFrom(...methods), fc.dictionary(name, text, { maxKeys: 4 }), async (method, headers) => {
    const answer = await app.inject({ method, url: '/object', headers, ...(method === 'PUT' || method === 'PATCH' ? { body: 'x' } : {}) })
    return answer.statusCode < 500
  }), { numRuns: 300 })
})
