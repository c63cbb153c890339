import t from 'tap'
import type { JsonObject } from '../../../../storage/contract.js'
import { cdmiClient, inBase64, withoutTimes } from '../../../helpers/cdmi-client.js'
import { build } from '../../plain/build.js'

t.test('SER-13 SER-14 SER-22 DOC-37 COC-82: name and place come from the request, all else from the serialization', async t => {
  const client = cdmiClient(await build(t))
  await client.make('/c/')
  for (const [method, url, name] of [['PUT', '/c/n', '/c/n'], ['POST', '/c/', '/c/ID'], ['POST', '/cdmi_objectid/', '/cdmi_objectid/ID']] as const) {
    const { objectID } = await client.make('/o', { value: 'AAH/', valuetransferencoding: 'base64', mimetype: 'image/x', metadata: { colour: 'blue', cdmi_retention_period: 'P1Y' }, own: ['x'] })
    const serialization = await client.takeAway('/o')
    const answer = await client.ask(method, url, { deserializevalue: inBase64(serialization) })
    t.equal(answer.status, 201, answer.text)
    const path = new URL(String(answer.headers['location'])).pathname
    t.equal(path, name.replace('ID', String(objectID)))
    t.notOk('value' in answer.fields || 'deserializevalue' in answer.fields)
    t.match(await client.get(path), { objectID, value: 'AAH/', valuetransferencoding: 'base64', mimetype: 'image/x', own: ['x'], metadata: { colour: 'blue', cdmi_retention_period: 'P1Y' } })
    await client.remove(path)
  }
})

t.test('CMV-03 CMV-04 CMV-10: type, metadata and fields of the request win; a container is answered without its children', async t => {
  const client = cdmiClient(await build(t))
  await client.make('/c/', { metadata: { colour: 'blue' }, own: 1, other: 2 })
  await client.make('/c/o', { value: 'x', metadata: { colour: 'red' } })
  await client.make('/s', { serialize: '/c/' })
  await client.make('/so', { serialize: '/c/o' })
  await client.remove('/c/')
  const made = await client.make('/d/', { deserialize: '/s', metadata: { shape: 'round' }, own: 3 })
  t.match(made, { own: 3, other: 2, metadata: { shape: 'round' } })
  t.notOk(['children', 'childrenrange', 'deserialize'].some(name => name in made) || Object.hasOwn(made['metadata'] as JsonObject, 'colour'))
  t.match((await client.get('/d/o'))['metadata'], { colour: 'red' }, 'but of the topmost alone')
  await client.remove('/d/o')
  t.match(await client.make('/e', { deserialize: '/so', mimetype: 'Text/Y' }), { mimetype: 'text/y' })
  t.match(await client.ask('PUT', '/f', { deserialize: '/so', mimetype: 'no type' }), { status: 400 })
})

t.test('SER-16: what the server knows itself is made anew', async t => {
  const client = cdmiClient(await build(t))
  const { objectID } = await client.make('/o', { value: 'x' })
  await client.remove('/o')
  const metadata = { cdmi_size: '99', cdmi_ctime: '1999-01-01T00:00:00.000000Z', cdmi_mcount: '7', cdmi_hash: 'x', cdmi_value_hash_provided: 'x' }
  await client.make('/o', { deserializevalue: inBase64({ objectType: 'application/cdmi-object', objectID: String(objectID), metadata, value: 'abc' }) })
  const { metadata: shown } = await client.get('/o')
  t.match(shown, { cdmi_size: '3', cdmi_mcount: '0' })
  t.notMatch(shown, { cdmi_ctime: /1999/ })
  t.notOk('cdmi_hash' in (shown as JsonObject))
})

t.test('SER-15: exports of a serialized container are not applied', async t => {
  const client = cdmiClient(await build(t))
  await client.make('/c/')
  const serialization = { ...await client.takeAway('/c/'), exports: { nfs: { type: 'NFS' } }, snapshots: ['s'] }
  await client.make('/c/', { deserializevalue: inBase64(serialization) })
  const made = await client.get('/c/')
  t.notOk('exports' in made || 'snapshots' in made)
})

t.test('SER-14 CMV-12: no two objects get one ID, wherever the other one is', async t => {
  const client = cdmiClient(await build(t))
  await client.make('/c/')
  await client.make('/c/o', { value: 'x' })
  const byID = String((await client.ask('POST', '/cdmi_objectid/', { value: 'x' })).fields['objectID'])
  const serialization = await client.serialization('/c/')
  const [child] = serialization['children'] as JsonObject[]
  const { objectID: rootID } = await client.get('/')
  const { objectID: capabilityID } = (await client.ask('GET', '/cdmi_capabilities/', undefined, { accept: 'application/cdmi-capability' })).fields
  t.equal((await client.ask('PUT', '/d/', { deserializevalue: inBase64(serialization) })).status, 409, 'the container itself')
  t.equal((await client.ask('PUT', '/d', { deserializevalue: inBase64(child ?? {}) })).status, 409, 'a data object')
  await client.remove('/c/o')
  const { objectID: other } = await client.make('/other', { value: 'other' })
  for (const [taken, expected] of [[byID, 409], [other, 409], [rootID, 409], [capabilityID, 409], [serialization['objectID'], 400]] as const) {
    const { status, fields } = await client.ask('PATCH', '/c/', { deserializevalue: inBase64({ ...serialization, children: [{ ...child, objectID: String(taken) }] }) })
    t.equal(status, expected)
    t.match(fields['detail'], /[Nn]othing was changed/)
  }
  t.same((await client.get('/c/'))['children'], [])
  t.equal((await client.get('/other'))['value'], 'other')
})

t.test('SER-13: a removed container may come back at once, and before it was cleared up', async t => {
  const app = await build(t)
  const client = cdmiClient(app)
  await client.make('/a/')
  await client.make('/a/b/')
  await client.make('/a/b/o', { value: 'x' })
  const whole = await client.takeAway('/a/')
  const { children: _children, ...alone } = whole
  await client.make('/a/', { deserializevalue: inBase64(alone) })
  t.same((await client.get('/a/'))['children'], [], 'without children in the serialization there are none')
  await client.remove('/a/')
  const [b] = whole['children'] as JsonObject[]
  await client.make('/c/', { deserializevalue: inBase64(b ?? {}) })
  t.equal((await client.get('/c/o'))['value'], 'x')
  await client.remove('/c/')
  await client.make('/a/', { deserializevalue: inBase64(whole) })
  await app.cdmi.store.sweep()
  t.equal((await client.get('/a/b/o'))['value'], 'x', 'the sweeper leaves it alone')
})

t.test('SER-17 DOC-79 COC-65: an update takes the serialization of the same object alone', async t => {
  const client = cdmiClient(await build(t))
  const fields = await client.make('/o', { value: 'AAH/', valuetransferencoding: 'base64', mimetype: 'image/x', metadata: { colour: 'blue' }, own: 1 })
  const serialization = await client.serialization('/o')
  await client.change('/o', { value: 'new', valuetransferencoding: 'utf-8', mimetype: 'text/y', metadata: { colour: 'red' }, added: 2 })
  await client.change('/o', { deserializevalue: inBase64(serialization) })
  const restored = await client.get('/o')
  t.match(restored, { objectID: fields['objectID'], objectName: 'o', value: 'AAH/', valuetransferencoding: 'base64', mimetype: 'image/x', own: 1, metadata: { colour: 'blue' } })
  t.notOk('added' in restored)
  await client.make('/p', { value: 'p' })
  t.match(await client.ask('PATCH', '/p', { deserializevalue: inBase64(serialization) }), { status: 400, fields: { detail: /objectID/ } })
  t.match(await client.ask('PUT', '/p', { deserializevalue: inBase64(serialization) }), { status: 400 }, 'PUT on an object that is there is an update, too')
  t.equal((await client.ask('PUT', '/o', { deserializevalue: inBase64(serialization) })).status, 204)
  t.equal((await client.get('/p'))['value'], 'p')
  t.equal((await client.ask('PATCH', '/missing', { deserializevalue: inBase64(serialization) })).status, 404)
  t.equal((await client.ask('PATCH', '/missing/', { deserializevalue: inBase64(serialization) })).status, 404)
  const { value: _value, ...withoutValue } = serialization
  await client.change('/o', { value: 'kept', valuetransferencoding: 'utf-8' })
  await client.change('/o', { deserializevalue: inBase64({ ...withoutValue, metadata: {} }) })
  t.match(await client.get('/o'), { value: 'kept', valuetransferencoding: 'utf-8' }, 'without a value in the serialization the value stays')
})

t.test('SER-17: preconditions hold for updates by a serialization', async t => {
  const client = cdmiClient(await build(t))
  await client.make('/o', { value: 'x' })
  const body = { deserializevalue: inBase64(await client.serialization('/o')) }
  t.equal((await client.ask('PATCH', '/o', body, { 'if-match': '"other"' })).status, 412)
  t.equal((await client.ask('PUT', '/o', body, { 'if-none-match': '*' })).status, 412)
  const { headers } = await client.ask('GET', '/o')
  t.equal((await client.ask('PATCH', '/o', body, { 'if-match': String(headers['etag']) })).status, 204)
})

t.test('SER-18 COC-65: a container becomes what its serialization says, with everything below it', async t => {
  const app = await build(t)
  const client = cdmiClient(app)
  await client.make('/c/', { metadata: { colour: 'blue' } })
  await client.make('/c/kept', { value: 'old' })
  await client.make('/c/lost', { value: 'lost' })
  await client.make('/c/d/')
  await client.make('/c/d/e/')
  await client.make('/c/d/e/o', { value: 'deep' })
  const before = await client.tree('/c/')
  const serialization = await client.serialization('/c/')
  const { children: _children, ...alone } = serialization

  await client.change('/c/', { metadata: {} })
  await client.change('/c/kept', { value: 'new' })
  await client.remove('/c/lost')
  await client.make('/c/added', { value: 'x' })
  await client.make('/c/more/')
  await client.make('/c/more/below', { value: 'x' })
  await client.change('/c/', { deserializevalue: inBase64(alone) })
  const { children, metadata } = await client.get('/c/')
  t.match(metadata, { colour: 'blue' })
  t.same(children, ['added', 'd/', 'kept', 'more/'], 'without children in the serialization the children stay')
  t.equal((await client.get('/c/kept'))['value'], 'new')

  await client.change('/c/', { deserializevalue: inBase64(serialization) })
  t.same(withoutTimes(await client.tree('/c/')), withoutTimes(before))
  await app.cdmi.store.sweep()
  t.same(withoutTimes(await client.tree('/c/')), withoutTimes(before))

  await client.change('/c/', { deserializevalue: inBase64({ ...serialization, children: [] }) })
  t.same((await client.get('/c/'))['children'], [], 'an empty list removes them all')
})

t.test('SER-18: objects of the tree come back to their places, also where others have taken their names', async t => {
  const app = await build(t)
  const client = cdmiClient(app)
  await client.make('/c/')
  await client.make('/c/a', { value: 'a' })
  await client.make('/c/b', { value: 'b' })
  await client.make('/c/x/')
  await client.make('/c/x/y/')
  await client.make('/c/x/y/o', { value: 'o' })
  const now = await client.tree('/c/')
  const serialization = await client.serialization('/c/')
  const [a, b, x] = serialization['children'] as JsonObject[]
  const [y] = x?.['children'] as JsonObject[]
  // a and b change their names, y and x their places: y was in x, and x is to be in y.
  await client.change('/c/', {
    deserializevalue: inBase64({
      ...serialization,
      children: [{ ...a, objectName: 'b' }, { ...b, objectName: 'a' }, { ...y, objectName: 'up/', children: [{ ...x, children: [] }] }]
    })
  })
  t.equal((await client.get('/c/a'))['value'], 'b')
  t.equal((await client.get('/c/b'))['value'], 'a')
  t.same((await client.get('/c/up/'))['children'], ['x/'])
  t.equal((await client.ask('GET', '/c/up/o')).status, 404)
  await app.cdmi.store.sweep()
  await client.change('/c/', { deserializevalue: inBase64(serialization) })
  await app.cdmi.store.sweep()
  t.same(withoutTimes(await client.tree('/c/')), withoutTimes(now))
})

t.test('SER-13 SER-19: the type of the request must be that of the serialization', async t => {
  const client = cdmiClient(await build(t))
  await client.make('/c/')
  await client.make('/o', { value: 'x' })
  const container = inBase64(await client.takeAway('/c/'))
  const object = inBase64(await client.takeAway('/o'))
  t.match(await client.ask('PUT', '/d', { deserializevalue: container }), { status: 400, fields: { detail: /one of a container, but the request is for a data object/ } })
  t.match(await client.ask('PUT', '/d/', { deserializevalue: object }), { status: 400 })
  t.match(await client.ask('POST', '/', { deserializevalue: container }), { status: 400 })
  await client.make('/o', { value: 'in the way' })
  t.match(await client.ask('PUT', '/o/', { deserializevalue: container }), { status: 409 })
  t.match(await client.ask('PUT', '/none/d/', { deserializevalue: container }), { status: 404 })
  t.match(await client.ask('PUT', '/none/d', { deserializevalue: object }), { status: 404 })
  t.same((await client.get('/'))['children'], ['o'])
})

t.test('CMV-13: the change log has an entry for each object', async t => {
  const app = await build(t)
  const client = cdmiClient(app)
  await client.make('/c/')
  await client.make('/c/o', { value: 'x' })
  await client.make('/c/p', { value: 'x' })
  const serialization = inBase64(await client.serialization('/c/'))
  await client.remove('/c/o')
  await client.make('/c/q', { value: 'x' })
  const { meta } = app.cdmi.store
  const last = await meta.lastSequence()
  await client.change('/c/', { deserializevalue: serialization })
  const events = (await meta.events(last, 10)).map(({ event }) => `${event['operation']} ${event['parentURI']}${event['objectName']}`)
  t.same(events.toSorted(), ['create /c/o', 'delete /c/q', 'modify /c', 'modify /c/p'])
})

t.test('SER-20 DOC-37 COC-82: in parts, deserializevalue is the boundary', async t => {
  const client = cdmiClient(await build(t))
  const { objectID } = await client.make('/o', { value: 'x', metadata: { colour: 'blue' } })
  const whole = await client.takeAway('/o')
  const { value: _value, valuerange: _range, valuetransferencoding: _encoding, ...rest } = whole
  const type = { 'content-type': 'multipart/mixed; boundary="bound"' }
  const body = (first: string, ...parts: [head: string, body: string | Buffer][]): Buffer => Buffer.concat([
    Buffer.from(`--bound\r\ncontent-type: application/cdmi-object\r\n\r\n${first}\r\n`),
    ...parts.flatMap(([head, body]) => [Buffer.from(`--bound\r\n${head}\r\n`), Buffer.from(body), Buffer.from('\r\n')]),
    Buffer.from('--bound--\r\n')
  ])
  const first = '{"deserializevalue":"bound"}'
  const json = JSON.stringify(rest)
  const answer = await client.ask('PUT', '/o', body(first, ['', json], ['content-type: image/x\r\n', Buffer.from([0, 1, 255])]), type)
  t.match(answer, { status: 201, fields: { objectID, metadata: { colour: 'blue' } } }, answer.text)
  t.match(await client.get('/o'), { value: 'AAH/', valuetransferencoding: 'base64' })
  await client.remove('/o')
  t.equal((await client.ask('PUT', '/o', body(first, ['content-transfer-encoding: base64\r\n', inBase64(whole)]), type)).status, 201)
  t.match(await client.get('/o'), { value: 'x', valuetransferencoding: 'utf-8' })
  await client.remove('/o')
  t.equal((await client.ask('POST', '/cdmi_objectid/', body(first, ['', json], ['content-type: text/plain; charset=utf-8\r\n', 'é']), type)).status, 201)
  t.match(await client.get(`/cdmi_objectid/${objectID}`), { value: 'é', valuetransferencoding: 'utf-8' })
  await client.remove(`/cdmi_objectid/${objectID}`)

  const wrong: Buffer[] = [
    body(first),
    body('{"deserializevalue":"other"}', ['', json]),
    body(`{"deserializevalue":"${inBase64(whole)}"}`, ['', json]),
    body(first, ['', JSON.stringify(whole)], ['', 'y']),
    body(first, ['', json], ['', 'y'], ['', 'z']),
    body(first, ['', '{}'], ['', 'y']),
    body(first, ['', JSON.stringify({ ...rest, valuetransferencoding: 'utf-8' })], ['', Buffer.from([0xff])]),
    body(first, ['', JSON.stringify({ ...rest, valuetransferencoding: 'json' })], ['', '[1]']),
    body('{"deserializevalue":"bound","value":"x"}', ['', json]),
    body('{"deserialize":"/x"}', ['', 'y'])
  ]
  for (const [index, bytes] of wrong.entries()) t.equal((await client.ask('PUT', '/o', bytes, type)).status, 400, String(index))
  t.same((await client.get('/'))['children'], [])
  t.equal((await client.ask('PUT', '/o', body(first, ['', JSON.stringify({ ...rest, valuetransferencoding: 'json' })], ['', '{"a":1}']), type)).status, 201)
  t.match(await client.get('/o'), { value: { a: 1 }, valuetransferencoding: 'json' })
})

t.test('SER-13: readers see the old tree or the new one while it is brought back again and again', async t => {
  const app = await build(t)
  const client = cdmiClient(app)
  await client.make('/c/')
  for (const name of ['a', 'b']) await client.make(`/c/${name}`, { value: 'old' })
  const old = inBase64(await client.serialization('/c/'))
  for (const name of ['a', 'b']) await client.change(`/c/${name}`, { value: 'new' })
  const young = inBase64(await client.serialization('/c/'))
  for (let n = 0; n < 40; n++) {
    const [, a, b] = await Promise.all([client.change('/c/', { deserializevalue: n % 2 === 0 ? old : young }), client.get('/c/a'), client.get('/c/b')])
    for (const { value } of [a, b]) t.match(value, /^(old|new)$/)
    const [shown] = (await client.serialization('/c/'))['children'] as JsonObject[]
    t.equal(shown?.['value'], n % 2 === 0 ? 'old' : 'new')
  }
  const bodies = await Promise.all([old, young, old, young].map(async value => await client.ask('PATCH', '/c/', { deserializevalue: value })))
  t.same(bodies.map(({ status }) => status), [204, 204, 204, 204])
  t.equal((await client.get('/c/a'))['value'], (await client.get('/c/b'))['value'])
})

t.test('SER-14, PUP-12: parts that had come for an object are gone with it: one that gets its ID back by a serialization begins without them', async t => {
  const client = cdmiClient(await build(t))
  const parts: ReadonlyArray<readonly [url: string, header: string]> = [['/c/o', 'true'], ['/c/p', 'upload-id=a;count=2']]
  await client.make('/c/')
  for (const [url, header] of parts) {
    await client.make(url, { value: 'old' })
    t.equal((await client.ask('PATCH', url, { value: 'stale ' }, { 'x-cdmi-partial': header })).status, 202)
  }
  const serialization = await client.serialization('/c/')
  await client.remove('/c/')
  await client.make('/c/', { deserializevalue: inBase64(serialization) })
  t.equal((await client.get('/c/o'))['completionStatus'], 'Complete')
  await client.change('/c/o', { value: 'new' })
  t.equal((await client.get('/c/o'))['value'], 'new')
  t.equal((await client.ask('PATCH', '/c/p', { value: 'first, ' }, { 'x-cdmi-partial': 'upload-id=a;count=2' })).status, 202)
  t.equal((await client.ask('PATCH', '/c/p', { value: 'second' }, { 'x-cdmi-partial': 'upload-id=a;count=2' })).status, 204)
  t.equal((await client.get('/c/p'))['value'], 'first, second')
})
