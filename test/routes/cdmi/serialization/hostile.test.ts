import t, { type Test } from 'tap'
import type { Json, JsonObject } from '../../../../storage/contract.js'
import { mintObjectID } from '../../../../storage/object-id.js'
import { type CdmiClient, cdmiClient, inBase64 } from '../../../helpers/cdmi-client.js'
import { build, type BuildOptions } from '../../plain/build.js'

const object = (fields: JsonObject = {}): JsonObject => ({ objectType: 'application/cdmi-object', objectID: mintObjectID(), objectName: 'o', metadata: {}, value: 'x', ...fields })
const container = (children: Json[], fields: JsonObject = {}): JsonObject => ({ objectType: 'application/cdmi-container', objectID: mintObjectID(), objectName: 'c/', ...fields, children })

interface Stand {
  readonly client: CdmiClient
  /** Expects a refusal, and that nothing has changed. */
  refused (url: string, serialization: Json, message?: RegExp, status?: number): Promise<void>
}

async function stand (t: Test, options: BuildOptions = {}): Promise<Stand> {
  const app = await build(t, options)
  const client = cdmiClient(app)
  const { meta } = app.cdmi.store
  return {
    client,
    async refused (url, serialization, message = /The serialization cannot be used/, status = 400) {
      const before = await meta.lastSequence()
      const { status: is, fields } = await client.ask('PUT', url, { deserializevalue: inBase64(serialization) })
      const name = (typeof serialization === 'string' ? serialization : JSON.stringify(serialization)).slice(0, 120)
      t.equal(is, status, name)
      t.match(fields['detail'], message, name)
      t.equal(await meta.lastSequence(), before, 'nothing was changed')
    }
  }
}

t.test('SER-19: a serialization that is cut off anywhere is refused, and nothing is made', async t => {
  const { client, refused } = await stand(t)
  const text = JSON.stringify(container([object({ value: { a: '\u00e9' }, valuetransferencoding: 'json' }), container([], { objectName: 'd/' })]))
  for (let length = 1; length < text.length; length++) await refused('/c/', text.slice(0, length))
  t.match(await client.ask('PUT', '/c/', { deserializevalue: '' }), { status: 400, fields: { detail: /it is empty/ } })
  for (const wrong of ['no base64!', 'e30', 'e30=e30=', ' e30=', 'e3-_']) t.match(await client.ask('PUT', '/c/', { deserializevalue: wrong }), { status: 400, fields: { detail: /Base64/ } })
  // In the request itself, too.
  const body = `{"deserializevalue":"${inBase64(text)}"}`
  for (let length = 1; length < body.length; length += 7) t.equal((await client.ask('PUT', '/c/', body.slice(0, length))).status, 400)
  t.equal((await client.ask('PUT', '/c/', body)).status, 201)
})

t.test('SER-19: a field of the wrong type is refused, wherever it stands', async t => {
  const { refused } = await stand(t)
  const values: Json[] = [null, true, 7, -0, 1e300, 'x', '', [], ['x'], {}, { a: 1 }]
  const fine: Record<string, (value: Json) => boolean> = {
    objectType: () => false,
    objectID: () => false,
    objectName: value => value === 'x',
    parentURI: value => typeof value === 'string',
    parentID: value => typeof value === 'string',
    capabilitiesURI: value => typeof value === 'string',
    domainURI: () => false,
    completionStatus: () => false,
    percentComplete: value => typeof value === 'string',
    mimetype: () => false,
    metadata: value => typeof value === 'object' && value !== null && !Array.isArray(value),
    valuerange: value => value === '',
    valuetransferencoding: () => false,
    value: value => typeof value === 'string'
  }
  for (const [name, allowed] of Object.entries(fine)) {
    for (const value of values.filter(value => !allowed(value))) {
      await refused('/c/', container([object({ [name]: value })]), /The serialization cannot be used|cdmi_domains/)
      if (name !== 'objectName') await refused('/o', object({ [name]: value }), /./)
    }
  }
  for (const value of values) if (!Array.isArray(value) || value.length > 0) await refused('/c/', { ...container([]), children: value }, /"children" must be a list|ends|where/)
  for (const name of ['copy', 'move', 'serialize', 'deserialize', 'deserializevalue']) await refused('/o', object({ [name]: '/x' }), /field of requests/)
})

t.test('SER-13 SER-19: what else is wrong with an object is said', async t => {
  const { client, refused } = await stand(t)
  const one = object()
  await refused('/c/', container([one, { ...one, objectName: 'p' }]), /two objects have the objectID/)
  await refused('/c/', { ...container([one]), objectID: one['objectID'] ?? '' }, /two objects have the objectID/)
  await refused('/c/', container([object(), object()]), /same "objectName"/)
  await refused('/c/', container([object(), container([], { objectName: 'o/' })]), /same "objectName"/)
  await refused('/c/', container([object({ objectName: 'a/b' })]), /at "a\/b": A name must not contain "\/"/)
  await refused('/c/', container([container([object({ objectName: '..' })], { objectName: 'd/' })]), /at "d\/\.\."/)
  for (const objectName of ['', '.', 'cdmi_x', 'a?b', 'a\nb', 'o/', 'x'.repeat(1025)]) await refused('/c/', container([object({ objectName })]))
  const nameless = object()
  delete nameless['objectName']
  await refused('/c/', container([nameless]), /"objectName" is missing/)
  for (const objectID of ['', 'x', '00', mintObjectID().slice(2), `${mintObjectID().slice(0, -1)}G`, 'F'.repeat(48)]) await refused('/o', object({ objectID }), /objectID/)
  for (const name of ['objectID', 'objectType']) {
    const lacking = object()
    delete lacking[name]
    await refused('/o', lacking, /is missing/)
  }
  await refused('/o', object({ objectType: 'application/cdmi-capability' }), /"objectType"/)
  await refused('/o', object({ objectType: 'application/cdmi-queue' }), /cdmi_queues/)
  await refused('/c/', container([object({ objectType: 'application/cdmi-domain' })]), /cdmi_domains/)
  await refused('/o', object({ domainURI: '/cdmi_domains/x/' }), /cdmi_domains/)
  await refused('/o', object({ valuerange: '5-9' }), /"valuerange"/)
  await refused('/o', object({ valuetransferencoding: 'base64', value: '!' }), /Base64/)
  await refused('/o', object({ valuetransferencoding: 'json' }), /JSON object/)
  await refused('/o', object({ value: {} }), /"json"/)
  await refused('/o', object({ valuetransferencoding: 'base64', value: {} }), /"base64"/)
  await refused('/o', object({ mimetype: 'no type' }), /media type/)
  await refused('/c/', container([], { value: 'x' }), /no "value"/)
  await refused('/c/', { value: 'x', ...container([]) }, /no "value"/)
  await refused('/o', { children: [], ...object() }, /"objectType" must stand before/)
  await refused('/c/', container([object({ metadata: { x: 'y'.repeat(70_000) } })]), /cdmi_metadata_maxsize/)
  await refused('/o', object({ metadata: Object.fromEntries(Array.from({ length: 1025 }, (_, n) => [String(n), 1])) }), /cdmi_metadata_maxitems/)
  t.same((await client.get('/'))['children'], [])
})

t.test('SER-19: texts that are no JSON, or could hurt, are refused', async t => {
  const { refused } = await stand(t)
  const text = JSON.stringify(object())
  for (const wrong of ['[]', '7', 'null', '"x"', `${text},`, `${text}${text}`, `\ufeff${text}`, `[${text}]`, text.replace('{', '{,'), text.replace(':', '='), '{"a":1}', text.replace('"x"', '"\\ud800"'), text.replace('"x"', '"\u0001"')]) await refused('/o', wrong)
  await refused('/o', text.replace('"metadata":{}', '"metadata":{"__proto__":{"a":1}}'), /__proto__/)
  await refused('/o', text.replace('"metadata":{}', '"__proto__":{"a":1}'), /__proto__/)
  await refused('/o', text.replace('"metadata":{}', '"metadata":{"constructor":{"prototype":{}}}'), /prototype/)
  await refused('/o', text.replace('"metadata":{}', '"metadata":{},"metadata":{}'), /more than once/)
  await refused('/o', text.replace('{', '{"value":"y",'), /more than once/)
  await refused('/c/', JSON.stringify(container([])).replace('"children":[]', '"children":[],"children":[]'), /more than once/)
  await refused('/o', text.replace('"metadata":{}', `"metadata":{"a":${'['.repeat(600)}${']'.repeat(600)}}`), /nested/)
  await refused('/o', text.replace('"metadata":{}', '"metadata":{"a":01}'))
  await refused('/c/', '{"objectType":"application/cdmi-container","children":['.repeat(100_000), /levels of containers/)
  await refused('/o', '['.repeat(100_000))
  await refused('/o', text.replace('"metadata":{}', `"own":"${'x'.repeat(1_100_000)}"`), /1048576 bytes/, 413)
  t.notOk('a' in {}, 'no prototype was touched')
})

t.test('SER-14: any order of the fields will do, and fields that are long are no matter', async t => {
  const { client } = await stand(t)
  const sorted = (json: Json): Json => {
    if (Array.isArray(json)) return json.map(sorted)
    if (typeof json !== 'object' || json === null) return json
    return Object.fromEntries(Object.entries(json).sort(([a], [b]) => a < b ? 1 : -1).map(([name, value]) => [name, sorted(value)]))
  }
  const long = 'AAH/'.repeat(300_000)
  const tree = container([object({ value: long, valuetransferencoding: 'base64' }), container([object({ metadata: { big: 1.7e308, small: -5e-324 } })], { objectName: 'd' })])
  for (const one of [tree, sorted(tree), sorted(sorted(tree))]) {
    const { status, text } = await client.ask('PUT', '/c/', { deserializevalue: inBase64(one) })
    t.ok(status === 201 || status === 204, text)
    t.equal((await client.get('/c/o'))['value'], long)
    t.equal((await client.get('/c/d/o'))['value'], 'x')
  }
})

t.test('limits.treeObjects: a tree of that many objects passes, one of one more does not', async t => {
  const { client, refused } = await stand(t, { limits: { treeObjects: 5 } })
  const tree = (count: number): JsonObject => container(Array.from({ length: count }, (_, n) => object({ objectName: String(n) })))
  await refused('/c/', tree(5), /more than 5 objects/, 413)
  const fits = tree(4)
  await client.make('/c/', { deserializevalue: inBase64(fits) })
  t.equal((await client.ask('PATCH', '/c/', { deserializevalue: inBase64({ ...fits, children: [] }) })).status, 204, 'one changed, four removed')
  await client.make('/c/0')
  for (let n = 1; n < 5; n++) await client.make(`/c/${n}`)
  t.match(await client.ask('PATCH', '/c/', { deserializevalue: inBase64({ ...fits, children: [] }) }), { status: 413, fields: { detail: /treeObjects/ } })
  t.equal(((await client.get('/c/'))['children'] as Json[]).length, 5)
})

t.test('SER-02: trees that are too deep to be read again are not written', async t => {
  const { client } = await stand(t)
  let url = '/'
  for (let depth = 0; depth < 200; depth++) {
    url += 'd/'
    await client.make(url)
  }
  t.equal((await client.ask('PUT', '/s', { serialize: '/d/' })).status, 201)
  t.match(await client.ask('PUT', '/s2', { serialize: '/' }), { status: 400, fields: { detail: /200 levels/ } })
  await client.remove('/d/')
  await client.make('/e/', { deserialize: '/s' })
  t.same((await client.get(url.replace('d', 'e')))['children'], [])
})

t.test('GEN-01 SER-19: JSON values need their capability here, too', async t => {
  const { refused } = await stand(t, { options: { withoutCapabilities: ['cdmi_valuetransferencoding_json'] } })
  await refused('/c/', container([object({ value: {}, valuetransferencoding: 'json' })]), /cdmi_valuetransferencoding_json/)
})
