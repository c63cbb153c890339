import t from 'tap'
import { admin, childrenOf, exchange, openDoor } from '../../helpers/forms.js'

async function post (url: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(url, { method: 'POST', body: Buffer.from(body), headers, redirect: 'manual' })
}

t.test('HCO-10, HCO-11: POST to a container makes a data object named by its ID, at an absolute Location', async t => {
  for (const prefix of ['', '/cdmi/2.0.0']) {
    const { model, origin } = await openDoor(t, { prefix })
    const response = await post(`${origin}${prefix}/c/`, 'value', { 'content-type': 'text/x-Thing' })
    t.equal(response.status, 201)
    t.equal(await response.text(), '')
    const location = response.headers.get('location') ?? ''
    const [name = ''] = await childrenOf(model, '/c/')
    t.match(name, /^00007ED90018[0-9A-F]{36}$/)
    t.equal(location, `${origin}${prefix}/c/${name}`)
    for (const url of [location, `${origin}${prefix}/cdmi_objectid/${name}`]) {
      const read = await fetch(url)
      t.equal(await read.text(), 'value')
      t.equal(read.headers.get('content-type'), 'text/x-thing', 'HCO-12')
      t.equal(read.headers.get('etag'), response.headers.get('etag'))
    }
    const root = await post(`${origin}${prefix}/`, 'in the root')
    t.match(root.headers.get('location') ?? '', new RegExp(`^${origin}${prefix}/[0-9A-F]{48}$`))
  }
})

t.test('HCO-10: Location has the host that the client used, behind a proxy by trustProxy, and escaped names', async t => {
  const { model, origin, port } = await openDoor(t, { server: { trustProxy: true } })
  await model.containers.create(admin, { from: undefined, names: ['a b ü%'], slash: true })
  const response = await post(`${origin}/a%20b%20%C3%BC%25/`, 'v', { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'store.example:8443' })
  t.match(response.headers.get('location'), /^https:\/\/store\.example:8443\/a%20b%20%C3%BC%25\/[0-9A-F]{48}$/)
  t.match(await exchange(port, 'POST /c/ HTTP/1.1\r\nHost: me.example\r\nConnection: close\r\nContent-Length: 1\r\n\r\nv'), /\r\nlocation: http:\/\/me\.example\/c\//i)
  t.match(await exchange(port, 'POST /c/ HTTP/1.0\r\nContent-Length: 1\r\n\r\nv'), new RegExp(`\r\nlocation: http://127\\.0\\.0\\.1:${port}/c/`, 'i'))
  const distrustful = await openDoor(t)
  t.match((await post(`${distrustful.origin}/c/`, 'v', { 'x-forwarded-host': 'evil.example' })).headers.get('location'), new RegExp(`^${distrustful.origin}/`))
})

t.test('HCO-10: a container below an ID takes POST, too', async t => {
  const { model, origin } = await openDoor(t)
  const { object } = await model.containers.list(admin, { from: undefined, names: ['c'], slash: true })
  const response = await post(`${origin}/cdmi_objectid/${object.record.id}/`, 'v')
  t.match(response.headers.get('location'), new RegExp(`^${origin}/c/[0-9A-F]{48}$`))
  t.equal(await (await fetch(response.headers.get('location') ?? '')).text(), 'v')
})

t.test('HCO-12: Content-Type becomes mimetype and transfer encoding', async t => {
  const { model, origin } = await openDoor(t)
  for (const [type, mimetype, encoding] of [
    ['text/plain; charset=UTF-8', 'text/plain', 'utf-8'],
    ['TEXT/HTML', 'text/html', 'base64'],
    ['application/json', 'application/json', 'base64']
  ] as const) {
    const id = (await post(`${origin}/c/`, 'ü', { 'content-type': type })).headers.get('location')?.slice(-48) ?? ''
    t.match((await model.store.meta.get(id))?.attributes, { mimetype, valuetransferencoding: encoding })
  }
  const bare = await fetch(`${origin}/c/`, { method: 'POST' })
  t.equal(bare.status, 201, 'no body, no type')
  t.match((await model.store.meta.get(bare.headers.get('location')?.slice(-48) ?? ''))?.attributes, { mimetype: 'application/octet-stream' })
  t.equal((await post(`${origin}/c/`, new Uint8Array([0xff]), { 'content-type': 'text/plain;charset=utf-8' })).status, 400)
})

t.test('HCO-13: X-CDMI-Partial leaves the object in Processing until a write without it', async t => {
  const { origin } = await openDoor(t)
  const location = (await post(`${origin}/c/`, '01234', { 'x-cdmi-partial': 'true', 'content-range': 'bytes 0-4/10' })).headers.get('location') ?? ''
  const early = await fetch(location)
  t.equal(early.status, 202)
  t.equal(await early.text(), '')
  t.equal((await fetch(location, { method: 'PATCH', headers: { 'content-range': 'bytes 5-9/10' }, body: '56789' })).status, 204)
  t.equal(await (await fetch(location)).text(), '0123456789')
})

t.test('HCO-15, GEN-25: POST to /cdmi_objectid/ makes an object that has only an ID', async t => {
  const { origin } = await openDoor(t, { prefix: '/x' })
  const response = await post(`${origin}/x/cdmi_objectid/`, 'flat')
  t.equal(response.status, 201)
  const location = response.headers.get('location') ?? ''
  t.match(location, new RegExp(`^${origin}/x/cdmi_objectid/[0-9A-F]{48}$`))
  t.equal(await (await fetch(location)).text(), 'flat')
  const moved = await post(`${origin}/x/cdmi_objectid`, 'flat')
  t.same([moved.status, moved.headers.get('location')], [301, '/x/cdmi_objectid/'])
})

t.test('HCO-16: Content-Range places the bytes; what is before reads as zeros', async t => {
  const { origin } = await openDoor(t)
  const location = (await post(`${origin}/c/`, 'abc', { 'content-range': 'bytes 4-6/*' })).headers.get('location') ?? ''
  t.same(Buffer.from(await (await fetch(location)).arrayBuffer()), Buffer.from('\0\0\0\0abc'))
  for (const range of ['bytes 4-9/*', 'bytes 9-4/10', 'nonsense']) t.equal((await post(`${origin}/c/`, 'abc', { 'content-range': range })).status, 400, range)
})

t.test('HCO-17: what POST refuses', async t => {
  const { model, origin } = await openDoor(t, { limits: { value: 10 } })
  await post(`${origin}/c/`, 'v')
  const [name = ''] = await childrenOf(model, '/c/')
  const cases: [string, number, string, Record<string, string>][] = [
    ['a missing container', 404, '/missing/', {}],
    ['a missing container without a slash', 404, '/missing', {}],
    ['a data object', 405, `/c/${name}`, {}],
    ['a data object with a slash', 404, `/c/${name}/`, {}],
    ['a container without its slash', 301, '/c', {}],
    ['a content coding', 415, '/c/', { 'content-encoding': 'gzip' }],
    ['a broken type', 400, '/c/', { 'content-type': 'nonsense' }],
    ['a broken escape', 400, '/%zz/', {}],
    ['a name with NUL', 400, '/c%00/', {}]
  ]
  for (const [title, status, path, headers] of cases) t.equal((await post(origin + path, 'value', headers)).status, status, title)
  t.equal((await post(`${origin}/c/`, 'x'.repeat(11))).status, 413)
  t.equal((await childrenOf(model, '/c/')).length, 1)
})
