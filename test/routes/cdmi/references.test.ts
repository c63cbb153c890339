import t, { type Test } from 'tap'
import { build, type BuildOptions } from '../plain/build.js'
import { type Client, client } from './client.js'

const root = '/cdmi/2.0.0'
/** In ASCII, for names of assertions. */
const escape = (text: string): string => encodeURI(text.toWellFormed())
const origin = 'http://localhost:80/cdmi/2.0.0'

async function begin (t: Test, options: BuildOptions = {}): Promise<Client> {
  return client(await build(t, { prefix: root, ...options }), root)
}

t.test('GEN-46, GEN-48, CMV-39, CMV-41, HDO-23, DOC-35, DOC-59, DOC-83, HDO-45: every request but a delete is sent on', async t => {
  const { put, patch, post, get, plain } = await begin(t)
  await put('/o', { value: 'x' })
  const away = 'https://elsewhere.example/cdmi/2.0.0/c/o?value=0-3'
  for (const [name, uri, location] of [['far', away, away], ['near', '/o', `${origin}/o`], ['rooted', `${root}/o?value`, `${origin}/o?value`], ['dangling', '/no/such/', `${origin}/no/such/`]] as const) {
    const created = await put(`/${name}`, { reference: uri })
    t.equal(created.statusCode, 201)
    t.match(created.json(), { objectType: 'application/cdmi-object', objectID: /^[0-9A-F]{48}$/, objectName: name, parentURI: '/', completionStatus: 'Complete', metadata: {} })
    for (const field of ['reference', 'value', 'mimetype']) t.notOk(field in created.json(), field)
    t.equal(created.headers.location, `${origin}/${name}`)
    const path = `/${name}`
    const answers = [
      await get(path), await get(`${path}?value=0-1`), await patch(path, { value: 'y' }), await put(path, { value: 'y' }), await put(path, {}), await post(path, { value: 'y' }),
      await plain('GET', path), await plain('HEAD', path), await plain('PUT', path, 'y'), await plain('PATCH', path, 'y', { 'content-type': 'text/plain' }), await plain('POST', path, 'y', { 'content-type': 'text/plain' }),
      await plain('GET', path, undefined, { range: 'bytes=0-1' }), await plain('GET', `/cdmi_objectid/${created.json().objectID}`)
    ]
    for (const [index, answer] of answers.entries()) t.same([answer.statusCode, answer.headers.location, answer.body], [302, location, ''], `${name} ${index}`)
  }
  t.equal((await get('/o')).json().value, 'x', 'nobody followed')
})

t.test('RFC 9110 section 13.1.2: who makes something only where nothing is, learns by 412 that there is something', async t => {
  const { put, children } = await begin(t)
  for (const path of ['/c/', '/c/inner/', '/s/']) t.equal((await put(path)).statusCode, 201)
  for (const path of ['/o', '/r']) t.equal((await put(path, path === '/r' ? { reference: '/o' } : {})).statusCode, 201)
  const before = await children('/')
  for (const path of ['/o', '/r']) {
    t.equal((await put(path, { reference: '/s/' }, { 'if-none-match': '*' })).statusCode, 412, `a reference at ${path}`)
    t.equal((await put(path, { reference: '/s/' })).statusCode, 409, `without the condition, at ${path}`)
  }
  t.equal((await put('/new', { reference: '/s/' }, { 'if-match': '*' })).statusCode, 412)
  t.same(await children('/'), before)
  t.equal((await put('/new', { reference: '/s/' }, { 'if-none-match': '*' })).statusCode, 201)
})

t.test('GEN-47, CMV-40, COC-32, COC-86: a reference stands alone', async t => {
  const { put, patch, post, children, app } = await begin(t)
  for (const more of [{ metadata: {} }, { mimetype: 'text/x' }, { value: 'x' }, { own: 1 }, { valuetransferencoding: 'utf-8' }, { copy: '/o' }, { objectName: 'r' }]) {
    t.equal((await put('/r', { reference: '/o', ...more })).statusCode, 400, JSON.stringify(more))
    t.equal((await post('/', { reference: '/o', ...more })).statusCode, 400)
  }
  for (const more of [{ metadata: {} }, { exports: {} }, { own: 1 }]) t.equal((await put('/r/', { reference: '/c/', ...more })).statusCode, 400)
  t.equal((await put('/r?metadata', { reference: '/o' })).statusCode, 400)
  t.same(await children('/'), [])
  t.equal((await put('/o')).statusCode, 201)
  t.equal((await patch('/o', { reference: '/o' })).statusCode, 400)
  t.equal((await patch('/', { reference: '/o' })).statusCode, 400)
  const parts = ['--b', 'Content-Type: application/cdmi-object', '', '{"reference":"/o"}', '--b', '', 'value', '--b--', ''].join('\r\n')
  t.equal((await app.inject({ method: 'PUT', url: `${root}/r`, headers: { 'content-type': 'multipart/mixed; boundary=b' }, payload: parts })).statusCode, 400)
})

t.test('GEN-49, GEN-50, CMV-43, COC-73: a delete takes the reference alone; it can be made anew, but not changed', async t => {
  const { put, get, remove, children } = await begin(t)
  await put('/c/')
  await put('/c/o', { value: 'x' })
  await put('/r', { reference: '/c/o' })
  await put('/rc/', { reference: '/c/' })
  for (const [path, body] of [['/r', { reference: '/other' }], ['/rc/', { reference: '/other/' }], ['/rc', { reference: '/o' }], ['/c/o', { reference: '/other' }], ['/c/', { reference: '/other/' }], ['/r', { copy: '/c/o' }], ['/rc/', { move: '/c/' }], ['/r/', { reference: '/c/' }]] as const) {
    const answer = await put(path, body)
    // A container's URI without its slash is a redirect to the right one, whatever is sent there.
    t.equal(answer.statusCode, path === '/rc' ? 301 : 409, `${path} ${JSON.stringify(body)} ${answer.body}`)
  }
  t.equal((await get('/r')).headers.location, `${origin}/c/o`)
  const { objectID } = (await put('/byid', { reference: '/c/o' })).json()
  t.equal((await remove(`/cdmi_objectid/${objectID}`)).statusCode, 204)
  t.equal((await remove('/r')).statusCode, 204)
  t.equal((await remove('/rc/')).statusCode, 204)
  t.same(await children('/'), ['c/'])
  t.equal((await get('/c/o')).json().value, 'x')
  t.equal((await put('/r', { reference: '/other' })).statusCode, 201)
  t.equal((await get('/r')).headers.location, `${origin}/other`)
})

t.test('GEN-51, CMV-42, COC-51, COC-57, COC-59: references to containers, and how all of them are listed', async t => {
  const { put, get, patch, plain, children, remove, fields } = await begin(t)
  await put('/c/')
  const created = (await put('/rc/', { reference: '/c/' })).json()
  t.match(created, { objectType: 'application/cdmi-container', objectName: 'rc/', parentURI: '/' })
  for (const field of ['children', 'childrenrange']) t.notOk(field in created)
  await put('/r', { reference: '/o' })
  for (const answer of [await get('/rc/'), await patch('/rc/', { metadata: {} }), await put('/rc/', { metadata: {} }), await plain('GET', '/rc/'), await plain('PUT', '/rc/'), await plain('POST', '/rc/', 'x', { 'content-type': 'text/plain' }), await get('/rc/?children=0-1')]) {
    t.same([answer.statusCode, answer.headers.location], [302, `${origin}/c/`])
  }
  t.same([(await get('/rc')).statusCode, (await get('/r/')).statusCode, (await get('/rc/x')).statusCode, (await put('/rc/x', { value: 'x' })).statusCode, (await plain('PUT', '/r/x', 'x')).statusCode], [301, 404, 404, 404, 404])
  t.same(await children('/'), ['c/', 'r?', 'rc/?'])
  t.equal((await fields('/?childrenrange'))['childrenrange'], '0-2')
  t.same((await plain('GET', '/', undefined, { accept: 'application/json' })).json().children, ['c/', 'r?', 'rc/?'])
  const page = (await plain('GET', '/', undefined, { accept: 'text/html' })).body
  t.match(page, '<a href="r">r?</a></td><td>reference</td>')
  t.match(page, '<a href="rc/">rc/?</a></td><td>reference</td>')
  t.same((await plain('GET', '/?limit=1&after=r?', undefined, { accept: 'application/json' })).json().children, ['rc/?'])
  t.same((await plain('GET', '/?limit=9&after=rc/?', undefined, { accept: 'application/json' })).json().children, [])
  t.equal((await remove('/rc')).statusCode, 301)
  t.equal((await remove('/')).statusCode, 409)
})

t.test('CMV-44, GEN-52, AMB-05, COC-86: references that the server names, in a container or without a path', async t => {
  const { put, post, plain, fields, remove } = await begin(t)
  await put('/c/')
  const named = await post('/c/', { reference: '/o' })
  t.equal(named.statusCode, 201)
  t.equal(named.headers.location, `${origin}/c/${named.json().objectID}`)
  t.equal((await plain('GET', `/c/${named.json().objectID}`)).headers.location, `${origin}/o`)
  t.same((await fields('/c/'))['children'], [`${named.json().objectID}?`])
  const flat = await post('/cdmi_objectid/', { reference: '/o' })
  t.equal(flat.headers.location, `${origin}/cdmi_objectid/${flat.json().objectID}`)
  for (const name of ['objectName', 'parentURI', 'parentID']) t.notOk(name in flat.json())
  const path = `/cdmi_objectid/${flat.json().objectID}`
  t.equal((await plain('GET', path)).headers.location, `${origin}/o`)
  t.equal((await remove(path)).statusCode, 204)
  t.equal((await plain('GET', path)).statusCode, 404)
})

t.test('no target can break an answer: what cannot stand in a header is refused or escaped', async t => {
  const { put, get, remove } = await begin(t)
  const refused = [
    'https://a.example/\r\nSet-Cookie: x=1', '/o\r\nx: y', '/o\n', '/\u0000', '/\u0085', 'https://a.example/\u2028', 'https://a.example/ä', 'https://a.example/a b', 'https://a.example/<script>', 'https://a.example/"',
    'javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'http://', 'https:///x', 'http://[x/', 'o', 'c/o', '', '/../o', '/a//b', '//elsewhere.example/x', '/%0d%0ax', '/a?\ud800', '/\udc00', `/${'x'.repeat(9000)}`, `https://a.example/${'x'.repeat(9000)}`
  ]
  for (const reference of refused) t.equal((await put('/r', { reference })).statusCode, 400, escape(reference).slice(0, 60))
  for (const [reference, location] of [
    ['/ä b/100%/%41/"<>', `${origin}/%C3%A4%20b/100%25/%41/%22%3C%3E`], ['/o?value=0-1;metadata=ü "', `${origin}/o?value=0-1;metadata=%C3%BC%20%22`], ['/o#x', `${origin}/o%23x`],
    ['HTTPS://A.example:8443/x/../y?z#f', 'HTTPS://A.example:8443/x/../y?z#f'], ['/', `${origin}/`], ['/cdmi_objectid/00007ED90010D891022876A8DE0BC0FD', `${origin}/cdmi_objectid/00007ED90010D891022876A8DE0BC0FD`]
  ] as const) {
    t.equal((await put('/r', { reference })).statusCode, 201, escape(reference))
    t.equal((await get('/r')).headers.location, location)
    await remove('/r')
  }
})

t.test('chains and circles of references are not followed', async t => {
  const { put, get, post } = await begin(t)
  await put('/a', { reference: '/b' })
  await put('/b', { reference: '/a' })
  await put('/self', { reference: '/self' })
  t.equal((await get('/a')).headers.location, `${origin}/b`)
  t.equal((await get('/self')).headers.location, `${origin}/self`)
  for (const body of [{ copy: '/a' }, { move: '/a' }]) t.equal((await post('/', body)).statusCode, 400)
})

t.test('KEY-01, KEY-02: the keyed door has no redirects: a reference is no record there', async t => {
  const app = await build(t, { options: { keyed: true } })
  const { put, children } = client(app)
  await app.inject({ method: 'POST', url: '/data/real', headers: { 'content-type': 'application/json' }, payload: '{}' })
  await put('/data/r', { reference: '/data/real' })
  await put('/data/rc/', { reference: '/data/' })
  t.same((await app.inject({ url: '/data' })).json(), ['real'])
  for (const method of ['GET', 'PUT', 'PATCH', 'POST', 'DELETE'] as const) {
    for (const key of ['r', 'rc']) {
      const answer = await app.inject({ method, url: `/data/${key}`, ...(method === 'GET' || method === 'DELETE' ? {} : { headers: { 'content-type': 'application/json' }, payload: '{}' }) })
      t.equal(answer.statusCode, 409, `${method} ${key}`)
      t.type(answer.json().error, 'string')
    }
  }
  t.same(await children('/data/'), ['r?', 'rc/?', 'real'])
  await app.inject({ method: 'DELETE', url: '/data/', headers: { accept: 'application/cdmi-container' } })
  await put('/data/', { reference: '/elsewhere/' })
  t.same((await app.inject({ url: '/data' })).json(), [])
  t.equal((await app.inject({ url: '/data/x' })).statusCode, 404)
  t.equal((await app.inject({ method: 'POST', url: '/data/x', headers: { 'content-type': 'application/json' }, payload: '{}' })).statusCode, 409)
  t.ok(await build(t, { store: app.cdmi.store, options: { keyed: true } }), 'an application starts over it all the same')
})

t.test('HCO-14: an uploaded file does not take the place of a reference, nor go through one', async t => {
  const { put, app, children } = await begin(t)
  await put('/c/')
  await put('/c/a.txt', { reference: '/o' })
  await put('/rc/', { reference: '/c/' })
  const payload = ['--b', 'Content-Disposition: form-data; name="f"; filename="a.txt"', '', 'x', '--b--', ''].join('\r\n')
  const upload = async (path: string): Promise<number> => (await app.inject({ method: 'POST', url: root + path, headers: { 'content-type': 'multipart/form-data; boundary=b' }, payload })).statusCode
  t.equal(await upload('/rc/'), 302)
  t.equal(await upload('/c/'), 201)
  t.match(await children('/c/'), [/^a-[0-9A-F]+\.txt$/, 'a.txt?'])
})
