import fc from 'fast-check'
import t from 'tap'
import type { Json, JsonObject } from '../../../../storage/contract.js'
import { cdmiClient, inBase64, withoutTimes } from '../../../helpers/cdmi-client.js'
import { smallStore } from '../../../helpers/model.js'
import { build } from '../../plain/build.js'

/** An object to be made: a container when it has children. */
interface Plan {
  readonly fields: JsonObject
  /** Bytes from there on are written afterwards: there is a gap when that is beyond the end. */
  readonly patch: { readonly at: number, readonly bytes: Uint8Array } | undefined
  readonly children: readonly (readonly [name: string, plan: Plan])[] | undefined
}

const text = fc.string({ unit: fc.oneof(fc.constantFrom('"', '\\', '/', '\n', '\u0000', '\u001f', '\u007f', 'a', 'é', '€', '😀', '\u2028'), fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme' })) })
const json: fc.Arbitrary<Json> = fc.letrec<{ json: Json }>(tie => ({
  json: fc.oneof({ depthSize: 'small' }, text, fc.integer(), fc.boolean(), fc.constant(null), fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(text, tie('json'), { maxKeys: 3, noNullPrototype: true }).map(object => object as JsonObject))
})).json.filter(json => !/"__proto__"|"constructor"/.test(JSON.stringify(json)))
const object = fc.dictionary(text, json, { maxKeys: 3, noNullPrototype: true }).map(object => object as JsonObject).filter(object => !/"__proto__"|"constructor"/.test(JSON.stringify(object)))
const name = fc.string({ minLength: 1, maxLength: 12, unit: fc.oneof(fc.constantFrom('"', '\\', '%', '#', '&', ' ', ';', '.', '_', 'é', '😀', 'a', 'b', '__proto__'), fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme' })) })
  .filter(name => /^[^\p{Cc}/?]+$/u.test(name) && !['.', '..', '-', 'constructor'].includes(name) && !name.startsWith('cdmi_'))
/** Names of fields that the standard does not know, of either kind of object. */
const ownFields = fc.dictionary(fc.constantFrom('own', 'exports2', 'x:y', '', 'mime type'), json, { maxKeys: 2, noNullPrototype: true })
const metadata = fc.dictionary(fc.oneof(fc.constantFrom('colour', 'cdmi_x', 'cdmi_versioning', 'a b'), text.filter(name => !name.startsWith('cdmi_') && !['__proto__', 'constructor'].includes(name))), json, { maxKeys: 3, noNullPrototype: true })
const common = fc.record({ metadata, own: ownFields }).map(({ metadata, own }): JsonObject => ({ ...own, metadata }))
const value = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map(bytes => ({ value: Buffer.from(bytes).toString('base64'), valuetransferencoding: 'base64' })),
  text.map(value => ({ value, valuetransferencoding: 'utf-8' })),
  object.map(value => ({ value, valuetransferencoding: 'json' })),
  fc.constant({})
)
const mimetype = fc.oneof(fc.constant({}), fc.constantFrom('image/x', 'Text/Plain; a=B', 'application/json').map(mimetype => ({ mimetype })))
const patch = fc.option(fc.record({ at: fc.nat(100), bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }) }), { nil: undefined, freq: 2 })
const plan = fc.letrec<{ plan: Plan }>(tie => ({
  plan: fc.oneof({ depthSize: 'small', withCrossShrink: true },
    fc.record({ common, value, mimetype, patch }).map(({ common, value, mimetype, patch }): Plan => ({ fields: { ...common, ...value, ...mimetype }, patch, children: undefined })),
    fc.record({ common, children: fc.uniqueArray(fc.tuple(name, tie('plan')), { maxLength: 4, selector: ([name]) => name }) })
      .map(({ common, children }): Plan => ({ fields: common, patch: undefined, children })))
})).plan

type Client = ReturnType<typeof cdmiClient>

async function make (client: Client, url: string, { fields, patch, children }: Plan): Promise<void> {
  await client.make(children === undefined ? url : `${url}/`, fields)
  if (patch !== undefined) await client.change(`${url}?value=${patch.at}-${patch.at + patch.bytes.length - 1}`, { value: Buffer.from(patch.bytes).toString('base64') })
  for (const [name, child] of children ?? []) await make(client, `${url}/${encodeURIComponent(name)}`, child)
}

/** `valuerange` tells of gaps; what was a gap is made again as zeros. */
function withoutGaps (json: Json): Json {
  if (Array.isArray(json)) return json.map(withoutGaps)
  if (typeof json !== 'object' || json === null) return json
  return Object.fromEntries(Object.entries(json).filter(([name]) => name !== 'valuerange').map(([name, value]) => [name, withoutGaps(value)]))
}

t.test('SER-01 SER-02 SER-07 SER-13 SER-14 COC-33: whatever a tree is, it is the same after it was serialized, removed and deserialized', async t => {
  const client = cdmiClient(await build(t, { store: smallStore() }))
  await fc.assert(fc.asyncProperty(plan, fc.boolean(), async (plan, inline) => {
    const url = plan.children === undefined ? '/top' : '/top/'
    await make(client, '/top', plan)
    const before = await client.tree(url)
    await client.make('/backup', { serialize: url })
    await client.remove(url)
    const serialization = String((await client.get('/backup'))['value'])
    const made = await client.make(url, inline ? { deserializevalue: inBase64(serialization) } : { deserialize: '/backup' })
    const after = await client.tree(url)
    t.equal(made['objectID'], before['objectID'])
    t.strictSame(withoutGaps(withoutTimes(after)), withoutGaps(withoutTimes(before)))
    // A second time, by an update of what is there.
    await client.change(url, { deserialize: '/backup' })
    t.strictSame(withoutGaps(withoutTimes(await client.tree(url))), withoutGaps(withoutTimes(before)))
    await client.remove(url)
    await client.remove('/backup')
  }), { numRuns: 30 })
})

t.test('SER-05: value and children are the last fields, and the rest is as a read shows it', async t => {
  const client = cdmiClient(await build(t))
  await client.make('/c/', { metadata: { colour: 'blue' } })
  await client.make('/c/o', { value: 'x', own: 1 })
  const { children, ...container } = await client.get('/c/')
  const serialization = await client.serialization('/c/')
  t.equal(Object.keys(serialization).at(-1), 'children')
  const [object] = serialization['children'] as JsonObject[]
  t.equal(Object.keys(object ?? {}).at(-1), 'value')
  t.same(withoutTimes({ ...serialization, children: [] }), withoutTimes({ ...container, children: [] }))
  t.same(children, ['o'])
  t.same(withoutTimes(object ?? {}), withoutTimes(await client.get('/c/o')))
})

t.test('SER-06: only the topmost object shows what it inherits', async t => {
  const client = cdmiClient(await build(t))
  await client.make('/a/', { metadata: { cdmi_x: 'a', cdmi_y: 'a', own: 'a' } })
  await client.make('/a/b/', { metadata: { cdmi_y: 'b' } })
  await client.make('/a/b/c', { metadata: { cdmi_z: 'c' } })
  const { metadata, children } = await client.serialization('/a/b/')
  t.match(metadata, { cdmi_x: 'a', cdmi_y: 'b' })
  t.notOk(Object.hasOwn(metadata as JsonObject, 'own'))
  const [below] = children as JsonObject[]
  t.same(Object.keys(below?.['metadata'] ?? {}).filter(name => /^cdmi_.$/.test(name)), ['cdmi_z'])
  t.match((await client.serialization('/a/b/c'))['metadata'], { cdmi_x: 'a', cdmi_y: 'b', cdmi_z: 'c' })
})

t.test('SER-02: the root container, with everything', async t => {
  const client = cdmiClient(await build(t))
  await client.make('/a/')
  await client.make('/a/o', { value: 'x' })
  const serialization = await client.serialization('/')
  t.equal(serialization['parentURI'], '')
  t.same((serialization['children'] as JsonObject[]).map(({ objectName }) => objectName), ['a/'])
  await client.remove('/a/')
  await client.make('/b', { value: 'b' })
  await client.change('/', { deserializevalue: inBase64(serialization) })
  t.same((await client.get('/'))['children'], ['a/'])
  t.equal((await client.get('/a/o'))['value'], 'x')
})

t.test('SER-02 SER-14 GEN-46: references in a tree are references again, to where they led', async t => {
  const app = await build(t)
  const client = cdmiClient(app)
  await client.make('/c/')
  await client.make('/c/r', { reference: '/c/missing' })
  await client.make('/c/s/', { reference: 'http://elsewhere.example/s/' })
  const { children } = await client.get('/c/')
  const serialization = await client.takeAway('/c/')
  t.match(serialization['children'], [{ objectName: 'r', reference: '/c/missing' }, { objectName: 's/', reference: 'http://elsewhere.example/s/' }])
  await client.make('/d/', { deserializevalue: inBase64(serialization) })
  for (let n = 0; n < 2; n++) {
    t.same((await client.get('/d/'))['children'], children)
    t.match(await client.ask('GET', '/d/r'), { status: 302, headers: { location: /\/c\/missing$/ } })
    t.match(await client.ask('GET', '/d/s/'), { status: 302, headers: { location: 'http://elsewhere.example/s/' } })
    await client.remove('/d/r')
    await client.change('/d/', { deserializevalue: inBase64(serialization) })
  }
  const [reference, ...others] = serialization['children'] as JsonObject[]
  for (const wrong of [{ reference: 5 }, { reference: 'x\ny' }, { reference: '/x', value: 'y' }, { reference: 'ftp://x/' }]) {
    t.equal((await client.ask('PATCH', '/d/', { deserializevalue: inBase64({ ...serialization, children: [{ ...reference, ...wrong }, ...others] }) })).status, 400, JSON.stringify(wrong))
  }
  t.equal((await client.ask('PUT', '/e', { deserializevalue: inBase64(reference ?? {}) })).status, 400)
  t.equal((await client.ask('PUT', '/e', { serialize: '/d/r' })).status, 400)
})

t.test('SER-14 CSE-07: an object that took on a template has it again', async t => {
  const client = cdmiClient(await build(t, { options: { templates: { dataobject: { safe: { cdmi_data_redundancy: '3' } } } } }))
  const { capabilitiesURI } = await client.make('/o', { value: 'x', capabilitiesURI: '/cdmi_capabilities/dataobject/safe/' })
  t.equal(capabilitiesURI, '/cdmi_capabilities/dataobject/safe/')
  const body = { deserializevalue: inBase64(await client.serialization('/o')) }
  await client.change('/o', { capabilitiesURI: '/cdmi_capabilities/dataobject/', metadata: {} })
  await client.change('/o', body)
  t.match(await client.get('/o'), { capabilitiesURI, metadata: { cdmi_data_redundancy: '3' } })
  await client.remove('/o')
  await client.make('/o', body)
  t.match(await client.get('/o'), { capabilitiesURI, metadata: { cdmi_data_redundancy: '3' } })
  t.equal((await client.ask('PATCH', '/o', { ...body, capabilitiesURI: '/cdmi_capabilities/dataobject/safe/' })).status, 400)
})
