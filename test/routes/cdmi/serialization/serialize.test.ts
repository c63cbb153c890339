import t from 'tap'
import type { JsonObject } from '../../../../storage/contract.js'
import { cdmiClient } from '../../../helpers/cdmi-client.js'
import { build } from '../../plain/build.js'

t.test('SER-08 DOC-36 COC-83: PUT and POST make data objects whose value is the serialization', async t => {
  const client = cdmiClient(await build(t))
  const { objectID } = await client.make('/o', { value: 'x', metadata: { colour: 'blue', cdmi_x: 1, cdmi_retention_id: 'r', cdmi_hold_id: ['h'], cdmi_versioning: 'all' } })
  await client.make('/c/')
  for (const [method, url] of [['PUT', '/put'], ['POST', '/c/'], ['POST', '/cdmi_objectid/']] as const) {
    const answer = await client.ask(method, url, { serialize: '/o' })
    t.equal(answer.status, 201)
    t.notOk('value' in answer.fields || 'serialize' in answer.fields)
    const made = await client.get(new URL(String(answer.headers['location'])).pathname)
    t.match(made, { mimetype: 'text/plain', valuetransferencoding: 'utf-8', metadata: { colour: 'blue', cdmi_x: 1 } })
    const { cdmi_retention_id: retention, cdmi_hold_id: hold, cdmi_versioning: versioning } = made['metadata'] as JsonObject
    t.same([retention, hold, versioning], [undefined, undefined, undefined], 'what is about the source alone is not carried')
    t.match(JSON.parse(String(made['value'])), { objectID, value: 'x' })
  }
})

t.test('SER-12 CMV-03 CMV-04: type and metadata of the request win', async t => {
  const client = cdmiClient(await build(t))
  await client.make('/o', { value: 'x', metadata: { colour: 'blue' } })
  const { mimetype, metadata } = await client.make('/s', { serialize: '/o', mimetype: 'Application/JSON', metadata: { shape: 'round' }, own: 1 })
  t.equal(mimetype, 'application/json')
  t.match(metadata, { shape: 'round' })
  t.notOk(Object.hasOwn(metadata as JsonObject, 'colour'))
  t.equal((await client.get('/s'))['own'], 1)
})

t.test('SER-08: an object that is there gets the serialization as its new value', async t => {
  const client = cdmiClient(await build(t))
  const { objectID } = await client.make('/o', { value: 'x' })
  t.equal((await client.ask('PUT', '/o', { serialize: '/o' })).status, 204)
  const { objectID: same, value } = await client.get('/o')
  t.equal(same, objectID)
  t.match(JSON.parse(String(value)), { objectID, value: 'x' })
})

t.test('SER-09 CMV-07 CMV-08: sources by path, by ID and by absolute URI; what cannot be read is a bad request', async t => {
  const app = await build(t, { prefix: '/cdmi/2.0.0' })
  const client = cdmiClient(app)
  const root = '/cdmi/2.0.0'
  const { objectID } = await client.make(`${root}/o p`.replace(' ', '%20'), { value: 'x' })
  await client.make(`${root}/c/`)
  const { objectID: containerID } = await client.get(`${root}/c/`)
  for (const uri of ['/o%20p', `${root}/o%20p`, `/cdmi_objectid/${objectID}`, `http://localhost:80${root}/o%20p`, `/cdmi_objectid/${containerID}/`, '/']) {
    const { status, text } = await client.ask('PUT', `${root}/s`, { serialize: uri })
    t.equal(status, 201, `${uri}: ${text}`)
    await client.remove(`${root}/s`)
  }
  const refused: [uri: string, message: RegExp][] = [
    ['/missing', /The source cannot be used: \/missing does not exist; nothing/],
    ['/missing/', /does not exist/],
    ['/no/where', /does not exist/],
    ['/c', /ends in "\/"/],
    ['/o%20p/', /is not a container/],
    ['o%20p', /begins with "\/"/],
    ['/%ff', /does not exist/],
    ['/cdmi_objectid/', /no object/],
    ['/cdmi_objectid/00', /object ID/],
    ['/cdmi_capabilities/', /Capability objects/],
    ['/o%20p?value', /names fields/],
    ['http://elsewhere.example/o', /another server/],
    ['ftp://localhost/o', /another server/]
  ]
  for (const [uri, message] of refused) {
    for (const field of ['serialize', 'deserialize']) {
      const { status, fields } = await client.ask('PUT', `${root}/s`, { [field]: uri })
      t.equal(status, 400, `${field} ${uri}`)
      t.match(fields['detail'], message)
    }
  }
  t.equal((await client.ask('GET', `${root}/s`)).status, 404)
})

t.test('CMV-20: an object whose value has not arrived whole is no source; in a container it has no value', async t => {
  const client = cdmiClient(await build(t))
  await client.make('/c/')
  t.equal((await client.ask('PUT', '/c/o', { value: 'x', metadata: { a: 1 } }, { 'x-cdmi-partial': 'true' })).status, 202)
  t.match(await client.ask('PUT', '/s', { serialize: '/c/o' }), { status: 400, fields: { detail: /completionStatus is Processing/ } })
  const serialization = await client.serialization('/c/')
  const [object] = serialization['children'] as JsonObject[]
  t.match(object, { completionStatus: 'Processing', metadata: { a: 1 }, valuerange: '' })
  t.notOk('value' in (object ?? {}))
  await client.remove('/c/')
  await client.make('/s', { value: JSON.stringify(serialization) })
  await client.make('/again/', { deserialize: '/s' })
  t.match(await client.get('/again/o'), { completionStatus: 'Processing', metadata: { a: 1 } })
})

t.test('CMV-01 CMV-06 DOC-80 COC-35 COC-87: what does not go with a source is refused, and nothing is made', async t => {
  const client = cdmiClient(await build(t))
  await client.make('/o', { value: 'x' })
  await client.make('/s', { serialize: '/o' })
  const wrong: JsonObject[] = [
    { serialize: '/o', value: 'x' }, { serialize: '/o', deserialize: '/s' }, { serialize: '/o', deserializevalue: '' }, { deserialize: '/s', deserializevalue: 'e30=' },
    { deserialize: '/s', value: 'x' }, { serialize: '/o', copy: '/o' }, { serialize: '/o', valuetransferencoding: 'utf-8' }, { deserialize: '/s', valuetransferencoding: 'utf-8' },
    { serialize: 5 }, { serialize: '' }, { deserialize: {} }, { deserializevalue: [] }, { deserializevalue: null }, { serialize: '/o', domainURI: '/cdmi_domains/x/' }
  ]
  for (const body of wrong) t.equal((await client.ask('PUT', '/d', body)).status, 400, JSON.stringify(body))
  for (const body of [{ deserialize: '/s', deserializevalue: '' }, { serialize: '/o' }, { deserialize: '/s', exports: { nfs: {} } }, { deserialize: '/s', snapshot: 'x' }]) t.equal((await client.ask('PUT', '/d/', body)).status, 400, JSON.stringify(body))
  t.equal((await client.ask('PUT', '/d?metadata', { serialize: '/o' })).status, 400)
  t.equal((await client.ask('PUT', '/d?value', { deserialize: '/s' })).status, 400)
  t.equal((await client.ask('PUT', '/d', { serialize: '/o' }, { 'x-cdmi-partial': 'true' })).status, 400)
  t.equal((await client.ask('PUT', '/d', { deserialize: '/s' }, { 'x-cdmi-partial': 'true' })).status, 400)
  t.match(await client.ask('PATCH', '/o', { serialize: '/s' }), { status: 400, fields: { detail: /PUT or POST/ } })
  t.same((await client.get('/'))['children'], ['o', 's'])
})

const switches: [capability: string, method: 'PUT' | 'PATCH' | 'POST', url: string, body: JsonObject][] = [
  ['cdmi_serialization_json', 'PUT', '/d', { serialize: '/o' }],
  ['cdmi_serialization_json', 'PUT', '/d', { deserialize: '/so' }],
  ['cdmi_serialize_dataobject', 'PUT', '/d', { serialize: '/o' }],
  ['cdmi_serialize_dataobject', 'POST', '/c/', { serialize: '/o' }],
  ['cdmi_serialize_container', 'PUT', '/d', { serialize: '/c/' }],
  ['cdmi_serialize_dataobject_to_ID', 'POST', '/cdmi_objectid/', { serialize: '/o' }],
  ['cdmi_serialize_container_to_ID', 'POST', '/cdmi_objectid/', { serialize: '/c/' }],
  ['cdmi_deserialize_dataobject', 'PUT', '/d', { deserialize: '/so' }],
  ['cdmi_deserialize_dataobject', 'POST', '/c/', { deserialize: '/so' }],
  ['cdmi_deserialize_container', 'PUT', '/d/', { deserialize: '/sc' }],
  ['cdmi_deserialize_dataobject_by_ID', 'POST', '/cdmi_objectid/', { deserialize: '/so' }],
  ['cdmi_modify_deserialize_dataobject', 'PATCH', '/o', { deserialize: '/so' }],
  ['cdmi_modify_deserialize_container', 'PATCH', '/c/', { deserialize: '/sc' }]
]

t.test('GEN-01 SER-08 SER-13 SER-17: what is switched off is refused by its name', async t => {
  for (const [capability, method, url, body] of switches) {
    const app = await build(t, { options: { withoutCapabilities: [capability] } })
    const client = cdmiClient(app)
    await client.make('/o', { value: 'x' })
    await client.make('/c/')
    for (const [name, source] of [['/so', '/o'], ['/sc', '/c/']] as const) await client.make(name, { value: JSON.stringify(await client.get(source)) })
    t.match(await client.ask(method, url, body), { status: 400, fields: { code: 'CDMI_CAPABILITY_MISSING', detail: new RegExp(`\\b${capability}\\b`) } }, `${method} ${url} ${JSON.stringify(body)}`)
    const inline = await client.ask(method, url, 'deserialize' in body ? { deserializevalue: 'e30=' } : body)
    t.match(inline.fields, { detail: new RegExp(`\\b${capability}\\b`) })
  }
})
