import t from 'tap'
import { createHash } from 'node:crypto'
import { openMemoryStore } from '../../../index.js'
import { type Client, client } from './client.js'
import { build } from '../plain/build.js'
import { allowing, otherServer, otherStore, taking } from '../../helpers/other-server.js'

async function capabilityObject ({ app }: Client): Promise<{ objectID: string, capabilities: object }> {
  return (await app.inject({ url: '/cdmi_capabilities/', headers: { accept: 'application/cdmi-capability' } })).json()
}

const example = { value: 'AAH/', valuetransferencoding: 'base64', mimetype: 'image/x', metadata: { colour: 'blue', cdmi_retention_id: 'r' }, own: ['x'] }

t.test('without remote sources a URI of another server is refused with the name of the capability, which is not advertised', async t => {
  const plain = client(await build(t))
  const { put } = plain
  for (const source of ['copy', 'move']) {
    for (const path of ['/d', '/c/']) {
      const answer = await put(path, { [source]: 'http://other.example/x' })
      t.equal(answer.statusCode, 400)
      t.match(answer.json().detail, `cdmi_object_${source}_from_remote`)
    }
    t.notOk(`cdmi_object_${source}_from_remote` in (await capabilityObject(plain)).capabilities)
  }
  const switched = await taking(t, { ...allowing('http://127.0.0.1:1'), withoutCapabilities: ['cdmi_object_copy_from_remote'] })
  t.match((await switched.put('/d', { copy: 'http://127.0.0.1:1/x' })).json().detail, 'cdmi_object_copy_from_remote')
  const { capabilities } = await capabilityObject(switched)
  t.notOk('cdmi_object_copy_from_remote' in capabilities)
  t.match(capabilities, { cdmi_object_move_from_remote: 'true' })
})

t.test('CMV-27: a copy from another server has all of its source but ID, place, times and what holds it', async t => {
  const other = await otherStore(t)
  const { put, post, fields, plain } = await taking(t, allowing(other.origin))
  const source = (await other.put('/s', example)).json()
  const answer = await put('/d', { copy: `${other.origin}/s` })
  t.equal(answer.statusCode, 201)
  const created = answer.json()
  t.not(created.objectID, source.objectID)
  t.match(created, { objectName: 'd', parentURI: '/', own: ['x'], completionStatus: 'Complete', mimetype: 'image/x' })
  for (const name of ['copy', 'value']) t.notOk(name in created)
  const copied = await fields('/d')
  t.match(copied, { value: 'AAH/', valuetransferencoding: 'base64', metadata: { colour: 'blue', cdmi_mcount: '0' } })
  t.notOk('cdmi_retention_id' in (copied['metadata'] as object))
  for (const [value, valuetransferencoding] of [['text äöü', 'utf-8'], [{ a: 1 }, 'json'], ['', 'utf-8']] as const) {
    await other.put('/v', { value, valuetransferencoding })
    t.equal((await put('/v', { copy: `${other.origin}/v` })).statusCode, 201)
    t.match(await fields('/v'), { value, valuetransferencoding, mimetype: 'text/plain' })
    await plain('DELETE', '/v')
    await other.plain('DELETE', '/v')
  }
  await put('/c/')
  const posted = (await post('/c/', { copy: `${other.origin}/cdmi_objectid/${source.objectID}`, metadata: { a: '1' }, mimetype: 'x/y' })).json()
  const read = await fields(`/c/${posted.objectID}`)
  t.match(read, { value: 'AAH/', mimetype: 'x/y', metadata: { a: '1' } })
  t.notOk('colour' in (read['metadata'] as object))
  t.equal((await put('/d', { copy: `${other.origin}/missing` })).statusCode, 400)
  t.equal((await put('/none', { copy: `${other.origin}/missing` })).statusCode, 400)
  t.equal((await plain('GET', '/none')).statusCode, 404)
})

t.test('CMV-27: fields and ranges that either URI names are taken alone', async t => {
  const other = await otherStore(t)
  const { put, patch, fields, get } = await taking(t, allowing(other.origin))
  await other.put('/s', { value: '0123ä6789', mimetype: 'text/x', metadata: { colour: 'blue', cold: '1' }, own: 1 })
  const uri = `${other.origin}/s`
  for (const [name, query, source] of [['a', '', `${uri}?metadata`], ['b', '?metadata', uri]] as const) {
    t.equal((await put(`/${name}${query}`, { copy: source })).statusCode, 201)
    const { value, mimetype, own, metadata } = await fields(`/${name}`)
    t.same([value, mimetype, own], ['', 'text/plain', undefined])
    t.match(metadata, { colour: 'blue' })
  }
  await put('/c', { copy: `${uri}?value` })
  t.match(await fields('/c'), { value: '0123ä6789', mimetype: 'text/plain', valuetransferencoding: 'utf-8' })
  for (const [range, encoding, value] of [['2-5', 'utf-8', '23ä'], ['2-4', 'base64', Buffer.from('23\xc3', 'latin1').toString('base64')], ['-2', 'utf-8', '89']]) {
    await put('/r', { copy: `${uri}?value=${range}` })
    t.match(await fields('/r'), { value, valuetransferencoding: encoding }, String(range))
  }
  await patch('/a', { copy: `${uri}?mimetype` })
  t.match(await fields('/a'), { mimetype: 'text/x', value: '', metadata: { colour: 'blue' } })
  await put('/m', { copy: `${uri}?metadata=col` })
  t.match(await fields('/m'), { metadata: { colour: 'blue', cold: '1' } })
  await patch('/m', { copy: uri })
  t.match(await fields('/m'), { value: '0123ä6789', own: 1, mimetype: 'text/x' })
  for (const wrong of [`${uri}?value=50-60`, `${uri}?value=x`, `${uri}?value=0-1&value=3-4`, `${uri}?values=2`]) t.equal((await put('/e', { copy: wrong })).statusCode, 400, wrong)
  t.equal((await put('/e?value', { copy: `${uri}?value` })).statusCode, 400)
  t.equal((await get('/e')).statusCode, 404)
})

t.test('CMV-07, CMV-27: the place is checked before the other server is asked', async t => {
  let asked = 0
  const origin = await otherServer(t, (_request, response) => {
    asked++
    response.end('x')
  })
  const { put, patch, fields } = await taking(t, allowing(origin))
  t.equal((await put('/no/d', { copy: origin })).statusCode, 404)
  t.equal((await patch('/no', { copy: origin })).statusCode, 404)
  t.equal((await put('/d', { copy: origin }, { 'if-match': '"x"' })).statusCode, 412)
  t.equal((await put('/c/', { copy: origin })).statusCode, 400)
  await put('/there')
  t.equal((await put('/there', { move: origin })).statusCode, 409)
  const readers = await taking(t, { ...allowing(origin), anonymous: 'read' })
  t.equal((await readers.put('/d', { copy: origin })).statusCode, 401)
  t.equal(asked, 0)
  t.equal((await put('/d', { copy: origin })).statusCode, 201)
  t.match(await fields('/d'), { value: 'eA==', mimetype: 'application/octet-stream' })
  t.equal(asked, 1)
})

t.test('what a server without CDMI has is a value with a type; its URIs may have a query of their own', async t => {
  const origin = await otherServer(t, ({ url, headers }, response) => {
    t.equal(headers['accept-encoding'], 'identity')
    response.setHeader('content-type', url === '/bad' ? 'text/plain; charset=utf-8' : 'Text/HTML; charset=UTF-8')
    response.end(url === '/bad' ? Buffer.from([0xff]) : `ä ${url}`)
  })
  const { put, patch, fields } = await taking(t, allowing(origin))
  t.equal((await put('/d', { copy: `${origin}/page?version=2&download` })).statusCode, 201)
  t.match(await fields('/d'), { value: 'ä /page?version=2&download', valuetransferencoding: 'utf-8', mimetype: 'text/html' })
  await put('/b', { copy: `${origin}/bad` })
  t.match(await fields('/b'), { value: '/w==', valuetransferencoding: 'base64', mimetype: 'text/plain' })
  await patch('/d', { metadata: { kept: '1' }, own: 1 })
  t.equal((await patch('/d', { copy: `${origin}/x` })).statusCode, 204)
  t.match(await fields('/d'), { value: 'ä /x', metadata: { kept: '1' }, own: 1 })
  t.equal((await put('/v?mimetype', { copy: `${origin}/x` })).statusCode, 201)
  t.match(await fields('/v'), { value: '', mimetype: 'text/html' })
  for (const query of ['value', 'metadata=a', 'value=0-1']) t.equal((await put('/e', { copy: `${origin}/x?${query}` })).statusCode, 400)
  t.equal((await put('/e', { move: `${origin}/x` })).statusCode, 400)
})

t.test('CMV-27: whatever the other server does wrong is 400, and nothing is made', async t => {
  const type = 'application/cdmi-object'
  const json = (text: string, headers: Record<string, string> = {}) => ({ body: text, headers: { 'content-type': type, ...headers } })
  const answers: Record<string, { status?: number, headers?: Record<string, string>, body?: string }> = {
    '/garbage': json('{"value": nonsense}'),
    '/cut': json('{"mimetype": "text/plain", "value": "abc'),
    '/array': json('[]'),
    '/types': json('{"metadata": 3, "value": "x"}'),
    '/items': json(`{"metadata": {"a": "${'x'.repeat(2000)}"}, "value": "x"}`),
    '/utf8': { headers: { 'content-type': type }, body: '\xff' },
    '/base64': json('{"valuetransferencoding": "base64", "value": "*"}'),
    '/json': json('{"valuetransferencoding": "json", "value": "text"}'),
    '/type': json('{"mimetype": "no type", "value": "text"}'),
    '/twice': json('{"copy": 3, "value": ""}'),
    '/valueless': json('{"mimetype": "text/plain"}'),
    '/processing': json('{"completionStatus": "Processing"}'),
    '/container': { headers: { 'content-type': 'application/cdmi-container' }, body: '{}' },
    '/queue': { headers: { 'content-type': 'application/cdmi-queue+json' }, body: '{}' },
    '/gzip': { headers: { 'content-encoding': 'gzip' }, body: 'x' },
    '/long': { body: 'x'.repeat(101) },
    '/longjson': json(`{"value": "${'x'.repeat(101)}"}`),
    '/401': { status: 401 },
    '/403': { status: 403 },
    '/404': { status: 404 },
    '/410': { status: 410 },
    '/500': { status: 500 },
    '/204': { status: 204 },
    '/304': { status: 304 },
    '/nowhere': { status: 302 },
    '/badtype': { headers: { 'content-type': 'no' }, body: 'x' }
  }
  const origin = await otherServer(t, ({ url = '' }, response) => {
    if (url === '/lies') {
      response.writeHead(200, { 'content-length': '50' })
      return response.write('short', () => { response.destroy() })
    }
    if (url === '/resets') return response.destroy()
    if (url === '/nonsense') return response.socket?.end('this is not HTTP\r\n\r\n')
    if (url === '/chunked') return response.write('x', () => { response.destroy() })
    const { status = 200, headers = {}, body = '' } = answers[url] ?? {}
    response.writeHead(status, headers).end(Buffer.from(body, 'latin1'))
  })
  const store = openMemoryStore()
  const { put, patch, fields, get } = await taking(t, { ...allowing(origin), limits: { value: 100, metadataItemSize: 1000 } }, { store })
  await put('/there', { value: 'old', metadata: { a: '1' } })
  const before = JSON.stringify(await fields('/there?value;metadata=a;mimetype'))
  for (const path of [...Object.keys(answers), '/lies', '/resets', '/nonsense', '/chunked']) {
    for (const source of ['copy', 'move']) {
      const answer = await put('/d', { [source]: origin + path })
      t.equal(answer.statusCode, 400, `${source} ${path}`)
      const { detail } = answer.json()
      t.match(detail, /[Tt]he source/, path)
      t.notMatch(detail, /127\.0\.0\.1|ECONN|UND_|stored/, path)
    }
    t.equal((await patch('/there', { copy: origin + path })).statusCode, 400, path)
  }
  t.equal((await get('/d')).statusCode, 404)
  t.equal(JSON.stringify(await fields('/there?value;metadata=a;mimetype')), before)
})

t.test('CMV-37: an object moves from another server with its ID, and is gone there', async t => {
  const other = await otherStore(t)
  const { put, post, fields } = await taking(t, allowing(other.origin))
  const { objectID } = (await other.put('/s', example)).json()
  const answer = await put('/d', { move: `${other.origin}/s`, more: 1 })
  t.equal(answer.statusCode, 201)
  t.match(answer.json(), { objectID, objectName: 'd' })
  t.match(await fields(`/cdmi_objectid/${objectID}`), { objectID, value: 'AAH/', mimetype: 'image/x', own: ['x'], more: 1, metadata: { colour: 'blue', cdmi_retention_id: 'r' } })
  t.equal((await other.get('/s')).statusCode, 404)
  await other.put('/t', { value: 'x' })
  await put('/c/')
  const posted = (await post('/c/', { move: `${other.origin}/t`, metadata: { a: '1' } })).json()
  t.match(await fields(`/c/${posted.objectID}`), { value: 'x', metadata: { a: '1' } })
  await other.put('/u', { value: 'y' })
  const free = await post('/cdmi_objectid/', { move: `${other.origin}/u` })
  t.equal(free.statusCode, 201)
  t.equal(free.json().objectName, undefined)
  t.match(await fields(`/cdmi_objectid/${free.json().objectID}`), { value: 'y' })
})

t.test('CMV-37: a move whose ID is taken here leaves both as they are', async t => {
  const store = openMemoryStore()
  const other = await otherStore(t)
  const here = await taking(t, allowing(other.origin), { store })
  const { put, get } = here
  const { objectID, ...object } = (await put('/own', { value: 'own' })).json()
  const foreign = await otherServer(t, (_request, response) => {
    response.setHeader('content-type', 'application/cdmi-object')
    response.end(JSON.stringify({ ...object, objectID, value: 'x' }))
  })
  const more = await taking(t, allowing(foreign), { store })
  t.match((await more.put('/d', { move: foreign })).json(), { status: 400, detail: 'already' })
  const { objectID: reserved } = await capabilityObject(here)
  for (const id of [reserved, 'nonsense', undefined, 7]) {
    const origin = await otherServer(t, (_request, response) => {
      response.setHeader('content-type', 'application/cdmi-object')
      response.end(JSON.stringify({ objectID: id, value: 'x' }))
    })
    const one = await taking(t, allowing(origin), { store })
    t.equal((await one.put('/d', { move: origin })).statusCode, 400, String(id))
  }
  for (const query of ['?value', '?metadata']) t.equal((await put('/d', { move: `${other.origin}/own${query}` })).statusCode, 400)
  t.equal((await get('/d')).statusCode, 404)
})

t.test('CMV-37: an object that was moved here and removed with its container may be moved here again', async t => {
  const other = await otherStore(t)
  const { objectID } = (await other.put('/s', { value: 'x' })).json()
  const origin = await otherServer(t, ({ method }, response) => {
    response.writeHead(method === 'DELETE' ? 204 : 200, { 'content-type': 'application/cdmi-object' }).end(method === 'DELETE' ? '' : JSON.stringify({ objectID, value: 'x' }))
  })
  const { put, remove, fields } = await taking(t, allowing(origin))
  for (const path of ['/c/', '/c/again/']) {
    await put('/c/')
    if (path !== '/c/') await put(path)
    t.equal((await put(`${path}d`, { move: origin })).statusCode, 201)
    t.match(await fields(`${path}d`), { objectID, value: 'x' })
    await remove('/c/')
  }
})

t.test('CMV-37: what the other server does not delete does not stay here', async t => {
  const other = await otherStore(t)
  const { objectID } = (await other.put('/s', { value: 'x' })).json()
  for (const status of [204, 200, 404, 403, 412, 302, 500, 0]) {
    for (const after of [200, 404, 500]) {
      let deleted = false
      const origin = await otherServer(t, ({ method, headers }, response) => {
        if (method === 'DELETE') {
          t.equal(headers['if-match'], '"1"')
          deleted = true
          return status === 0 ? response.destroy() : response.writeHead(status, { location: '/' }).end()
        }
        response.writeHead(deleted ? after : 200, { 'content-type': 'application/cdmi-object', etag: '"1"' }).end(JSON.stringify({ objectID, value: 'x' }))
      })
      const { put, get, plain } = await taking(t, allowing(origin))
      const answer = await put('/d', { move: origin })
      const unclear = status === 500 || status === 0
      const gone = unclear ? after === 404 : [204, 200, 404].includes(status)
      const name = `${status}, then ${after}`
      t.equal(answer.statusCode, gone ? 201 : 400, name)
      // What may be nowhere else is not thrown away.
      const stays = gone || (unclear && after === 500)
      t.equal((await get('/d')).statusCode, stays ? 200 : 404, name)
      if (!gone && stays) t.match(answer.json().detail, 'The object is here now')
      await plain('DELETE', '/d')
    }
  }
})

t.test('a reference on another server is followed to where it may lead', async t => {
  const target = await otherStore(t)
  const other = await otherStore(t)
  await target.put('/s', { value: 'x' })
  await other.put('/r', { reference: `${target.origin}/s` })
  const both = await taking(t, allowing(other.origin, target.origin))
  t.equal((await both.put('/d', { copy: `${other.origin}/r` })).statusCode, 201)
  t.match(await both.fields('/d'), { value: 'x' })
  const one = await taking(t, allowing(other.origin))
  t.equal((await one.put('/d', { copy: `${other.origin}/r` })).statusCode, 400)
})

t.test('a client that leaves ends the transfer', async t => {
  let ended: () => void = () => {}
  const closed = new Promise<void>(resolve => { ended = resolve })
  let began: () => void = () => {}
  const sending = new Promise<void>(resolve => { began = resolve })
  const origin = await otherServer(t, (_request, response) => {
    response.once('close', ended)
    response.write('x', began)
  })
  const here = await otherStore(t, { options: allowing(origin) })
  const controller = new AbortController()
  const answer = fetch(`${here.origin}/d`, { method: 'PUT', headers: { 'content-type': 'application/cdmi-object' }, body: JSON.stringify({ copy: origin }), signal: controller.signal })
  await sending
  controller.abort()
  await t.rejects(answer)
  await closed
  t.equal((await here.get('/d')).statusCode, 404)
})

t.test('values of many segments come whole, in every encoding', async t => {
  const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i * 7 % 251))
  const text = 'äöü€'.repeat(100)
  const other = await otherStore(t)
  await other.put('/bytes', { value: bytes.toString('base64'), valuetransferencoding: 'base64' })
  await other.put('/text', { value: text })
  const plain = await otherServer(t, (_request, response) => { response.end(bytes) })
  const { app, put, fields } = await taking(t, allowing(other.origin, plain), { store: openMemoryStore({ inlineLimit: 4, segmentSize: 64 }) })
  const read = async (path: string): Promise<Buffer> => (await app.inject({ url: path })).rawPayload
  await put('/c/', { metadata: { cdmi_value_hash: 'SHA256' } })
  for (const [name, source, wanted] of [['a', `${other.origin}/bytes`, bytes], ['b', `${other.origin}/text`, Buffer.from(text)], ['p', plain, bytes], ['r', `${other.origin}/bytes?value=100-899`, bytes.subarray(100, 900)]] as const) {
    for (const path of [`/${name}`, `/c/${name}`]) {
      t.equal((await put(path, { copy: source })).statusCode, 201, path)
      t.ok(wanted.equals(await read(path)), path)
    }
    t.match(await fields(`/c/${name}`), { metadata: { cdmi_hash: createHash('sha256').update(wanted).digest('hex').toUpperCase() } })
  }
  const { metadata } = await fields('/c/b') as { metadata: { cdmi_hash: string } }
  t.equal((await put('/moved', { move: `${other.origin}/text` })).statusCode, 201)
  t.equal(createHash('sha256').update(await read('/moved')).digest('hex').toUpperCase(), metadata.cdmi_hash)
})
