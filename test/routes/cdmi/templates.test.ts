import t, { type Test } from 'tap'
import type { CdmiOptions } from '../../../index.js'
import { OptionError } from '../../../index.js'
import { build } from '../plain/build.js'

type App = Awaited<ReturnType<typeof build>>

const templates = {
  dataobject: { gold: { cdmi_latency: '10', cdmi_geographic_placement: ['DE', '!US'] }, silver: { cdmi_latency: '500' } },
  container: { gold: { cdmi_latency: '10' } }
} as const satisfies NonNullable<CdmiOptions['templates']>

const types = { object: { 'content-type': 'application/cdmi-object' }, container: { 'content-type': 'application/cdmi-container' } }
const gold = '/cdmi_capabilities/dataobject/gold/'
const silver = '/cdmi_capabilities/dataobject/silver/'
const plain = '/cdmi_capabilities/dataobject/'

interface Shown { capabilitiesURI: string, objectID: string, metadata: Record<string, unknown> }

async function offering (t: Test, options: CdmiOptions = {}): Promise<App> {
  return await build(t, { options: { templates, ...options } })
}

async function send (app: App, method: 'PUT' | 'PATCH' | 'POST', url: string, payload: object): Promise<{ status: number, body: Shown & { detail?: string } }> {
  const { statusCode, body } = await app.inject({ method, url, headers: url.endsWith('/') && method !== 'POST' ? types.container : types.object, payload })
  return { status: statusCode, body: body === '' ? {} : JSON.parse(body) }
}

/** Without what the server makes. */
async function shown (app: App, url: string): Promise<Pick<Shown, 'capabilitiesURI' | 'metadata'>> {
  const { capabilitiesURI, metadata } = (await app.inject({ url, headers: { accept: 'application/cdmi-object, application/cdmi-container' } })).json<Shown>()
  return { capabilitiesURI, metadata: Object.fromEntries(Object.entries(metadata).filter(([name]) => !/^cdmi_(size|[acm]time|[am]count)$/.test(name))) }
}

t.test('CSE-10: templates are capability objects below those of their class, and no client can make or change one', async t => {
  const app = await offering(t)
  const read = async (url: string): Promise<Record<string, unknown>> => (await app.inject({ url })).json()
  const ofClass = await read(plain)
  t.match(ofClass, { childrenrange: '0-1', children: ['gold/', 'silver/'], metadata: {} })
  const object = await read(gold)
  t.match(object, { objectName: 'gold/', parentURI: plain, parentID: ofClass['objectID'], capabilities: ofClass['capabilities'], childrenrange: '', children: [] })
  t.strictSame(object['metadata'], templates.dataobject.gold)
  t.strictSame(await read(`/cdmi_objectid/${String(object['objectID'])}/`), object)
  t.strictSame(await read(`/cdmi_objectid/${String(ofClass['objectID'])}/gold/`), object)
  t.equal((await app.inject({ url: gold.slice(0, -1) })).statusCode, 301)
  t.equal((await app.inject({ url: `${plain}bronze/` })).statusCode, 404)
  t.equal((await app.inject({ url: `${gold}gold/` })).statusCode, 404)
  for (const method of ['PUT', 'PATCH', 'DELETE'] as const) t.equal((await app.inject({ method, url: gold, headers: types.container, payload: {} })).statusCode, 400, method)
})

t.test('CSE-09: every capability object has metadata, before the range of its children, and only where templates are offered', async t => {
  const app = await offering(t)
  for (const path of ['', 'container/', 'dataobject/', 'domain/', 'queue/', 'container/gold/']) {
    const object = (await app.inject({ url: `/cdmi_capabilities/${path}` })).json<Record<string, unknown>>()
    t.strictSame(Object.keys(object).slice(-3), ['metadata', 'childrenrange', 'children'], path)
    if (!path.includes('gold')) t.strictSame(object['metadata'], {})
  }
  t.strictSame((await app.inject({ url: `${gold}?metadata=cdmi_l` })).json(), { metadata: { cdmi_latency: '10' } })
  const none = await build(t)
  const top = (await none.inject({ url: '/cdmi_capabilities/' })).json<{ capabilities: object }>()
  t.notHas(top, 'metadata')
  t.notHas(top.capabilities, 'cdmi_capabilities_templates')
  t.match((await app.inject({ url: '/cdmi_capabilities/' })).json(), { capabilities: { cdmi_capabilities_templates: 'true', cdmi_capabilities_exact_inherit: 'true' } })
})

t.test('CSE-01, CSE-02, CSE-07: a new object takes the data system metadata on, by PUT and POST, and says so', async t => {
  const app = await offering(t)
  const made = await send(app, 'PUT', '/x', { capabilitiesURI: gold, metadata: { own: '1' }, value: 'v' })
  t.match(made, { status: 201, body: { capabilitiesURI: gold, metadata: { ...templates.dataobject.gold, own: '1' } } })
  t.strictSame(await shown(app, '/x'), { capabilitiesURI: gold, metadata: { ...templates.dataobject.gold, own: '1' } })
  t.match(await send(app, 'POST', '/', { capabilitiesURI: silver }), { status: 201, body: { capabilitiesURI: silver, metadata: templates.dataobject.silver } })
  t.match(await send(app, 'POST', '/cdmi_objectid/', { capabilitiesURI: silver }), { status: 201, body: { capabilitiesURI: silver } })
  const c = await send(app, 'PUT', '/c/', { capabilitiesURI: '/cdmi_capabilities/container/gold/' })
  t.match(c, { status: 201, body: { capabilitiesURI: '/cdmi_capabilities/container/gold/', metadata: templates.container.gold } })
  await send(app, 'PUT', '/c/inside', {})
  t.strictSame(await shown(app, '/c/inside'), { capabilitiesURI: plain, metadata: templates.container.gold }, 'what is inside inherits the metadata, not the template')
  const { headers } = await app.inject({ method: 'PUT', url: '/m', headers: { 'content-type': 'multipart/mixed; boundary=b' }, payload: `--b\r\nContent-Type: application/cdmi-object\r\n\r\n{"capabilitiesURI":"${gold}"}\r\n--b\r\nContent-Type: text/plain\r\n\r\nvalue\r\n--b--` })
  t.ok(headers.location)
  t.match(await shown(app, '/m'), { capabilitiesURI: gold })
})

t.test('CSE-02: the template wins over what is inherited', async t => {
  const app = await offering(t)
  await send(app, 'PUT', '/c/', { metadata: { cdmi_latency: '1', cdmi_throughput: '2' } })
  await send(app, 'PUT', '/c/x', { capabilitiesURI: silver })
  t.strictSame(await shown(app, '/c/x'), { capabilitiesURI: silver, metadata: { cdmi_latency: '500', cdmi_throughput: '2' } })
})

t.test('CSE-03, CSE-07: items of the request win; the object is then none of the template', async t => {
  const app = await offering(t)
  t.match(await send(app, 'PUT', '/x', { capabilitiesURI: gold, metadata: { cdmi_latency: '11', cdmi_throughput: '3' } }), { status: 201, body: { capabilitiesURI: plain, metadata: { cdmi_latency: '11', cdmi_throughput: '3', cdmi_geographic_placement: ['DE', '!US'] } } })
  t.match(await send(app, 'PUT', '/y', { capabilitiesURI: gold, metadata: { cdmi_throughput: '3' } }), { body: { capabilitiesURI: gold } })
})

t.test('CSE-04, CSE-05: an update exchanges all data system metadata, but for what it names itself', async t => {
  const app = await offering(t)
  await send(app, 'PUT', '/x', { capabilitiesURI: gold, metadata: { own: '1', cdmi_throughput: '3', cdmi_owner: 'ann' } })
  t.match(await send(app, 'PATCH', '/x', { capabilitiesURI: silver }), { status: 204 })
  t.strictSame(await shown(app, '/x'), { capabilitiesURI: silver, metadata: { own: '1', cdmi_owner: 'ann', cdmi_latency: '500' } }, 'user metadata stays, and so does what is about the object itself')
  t.match(await send(app, 'PATCH', '/x', { capabilitiesURI: gold, metadata: { cdmi_throughput: '4', other: '2' } }), { status: 204 })
  t.strictSame(await shown(app, '/x'), { capabilitiesURI: gold, metadata: { ...templates.dataobject.gold, cdmi_throughput: '4', other: '2' } })
  t.match(await send(app, 'PATCH', '/x?capabilitiesURI&metadata=more', { capabilitiesURI: silver, metadata: { more: '3', no: '4' } }), { status: 204 })
  t.strictSame(await shown(app, '/x'), { capabilitiesURI: silver, metadata: { ...templates.dataobject.silver, other: '2', more: '3' } })
  t.match(await send(app, 'PATCH', '/x?metadata=more', { capabilitiesURI: gold, metadata: { more: '5' } }), { status: 204 }, 'what the URI does not name is left alone')
  t.match(await shown(app, '/x'), { capabilitiesURI: silver })
  t.match(await send(app, 'PUT', '/x', { capabilitiesURI: gold }), { status: 204 })
  t.match(await shown(app, '/x'), { capabilitiesURI: gold })

  await send(app, 'PUT', '/c/', { metadata: { cdmi_throughput: '3', own: '1' } })
  t.match(await send(app, 'PATCH', '/c/', { capabilitiesURI: '/cdmi_capabilities/container/gold/' }), { status: 204 })
  t.strictSame(await shown(app, '/c/'), { capabilitiesURI: '/cdmi_capabilities/container/gold/', metadata: { own: '1', cdmi_latency: '10' } })
})

t.test('CSE-04: without exact inheritance what the template does not have stays', async t => {
  const app = await offering(t, { withoutCapabilities: ['cdmi_capabilities_exact_inherit'] })
  await send(app, 'PUT', '/x', { metadata: { cdmi_throughput: '3', cdmi_latency: '1' } })
  await send(app, 'PATCH', '/x', { capabilitiesURI: silver })
  t.strictSame(await shown(app, '/x'), { capabilitiesURI: silver, metadata: { cdmi_throughput: '3', cdmi_latency: '500' } })
})

t.test('CSE-05: the capability object of the class takes a template away, and means nothing where there is none', async t => {
  const app = await offering(t)
  await send(app, 'PUT', '/x', { capabilitiesURI: gold, metadata: { own: '1' } })
  t.match(await send(app, 'PATCH', '/x', { capabilitiesURI: plain }), { status: 204 })
  t.strictSame(await shown(app, '/x'), { capabilitiesURI: plain, metadata: { own: '1' } })
  await send(app, 'PUT', '/y', { capabilitiesURI: plain, metadata: { cdmi_throughput: '3' } })
  t.match(await send(app, 'PATCH', '/y', { capabilitiesURI: plain }), { status: 204 })
  t.strictSame(await shown(app, '/y'), { capabilitiesURI: plain, metadata: { cdmi_throughput: '3' } }, 'sent back as it was read')
})

t.test('CSE-06: what is no template of the class is a 400, and nothing is changed', async t => {
  const app = await offering(t)
  await send(app, 'PUT', '/x', { metadata: { own: '1' } })
  const { body: { objectID } } = await send(app, 'PUT', '/other', {})
  const wrong = ['/cdmi_capabilities/dataobject/bronze/', '/cdmi_capabilities/container/gold/', '/cdmi_capabilities/container/', '/cdmi_capabilities/', '/cdmi_capabilities/queue/', '/cdmi_capabilities/domain/', '/', '/x', '/other', 'gold',
    'cdmi_capabilities/dataobject/gold/', '/cdmi_capabilities/dataobject/gold', '', '//', `${gold}?metadata`, `${gold}#x`, '/cdmi_capabilities/dataobject/%00/', '/cdmi_capabilities/dataobject/%zz/', 'https://other.example.org/cdmi_capabilities/dataobject/gold/',
    `/cdmi_objectid/${objectID}`, `/cdmi_objectid/${objectID}/`, '/cdmi_objectid/', '/cdmi_objectid/xyz/', '/cdmi_capabilities/dataobject/__proto__/', '/cdmi_capabilities/dataobject/constructor/', '/cdmi_capabilities/dataobject/gold/gold/', `/${'x/'.repeat(2000)}`]
  for (const capabilitiesURI of wrong) {
    for (const [method, url] of [['PUT', '/new'], ['PATCH', '/x'], ['POST', '/']] as const) {
      const { status, body } = await send(app, method, url, { capabilitiesURI, metadata: { own: '2' } })
      t.equal(status, 400, `${method} ${capabilitiesURI}`)
      t.match(body.detail, /./)
    }
  }
  for (const capabilitiesURI of [gold, plain, '/cdmi_capabilities/']) t.equal((await send(app, 'PUT', '/n/', { capabilitiesURI })).status, 400)
  for (const capabilitiesURI of [1, null, [], {}]) t.equal((await send(app, 'PATCH', '/x', { capabilitiesURI })).status, 400)
  t.equal((await app.inject({ url: '/new' })).statusCode, 404)
  t.equal((await app.inject({ url: '/n/' })).statusCode, 404)
  t.strictSame((await shown(app, '/x')).metadata, { own: '1' })
})

t.test('CSE-01: the URI may be absolute, have the prefix of the mount, or name the object by its ID', async t => {
  const app = await build(t, { prefix: '/root', options: { templates } })
  const { objectID } = (await app.inject({ url: `/root${gold}` })).json<Shown>()
  for (const capabilitiesURI of [gold, `/root${gold}`, `http://localhost:80/root${gold}`, `/cdmi_objectid/${objectID}/`, `/cdmi_objectid/${objectID.toLowerCase()}/`, '/cdmi_capabilities/%64ataobject/gold/']) {
    const { statusCode, body } = await app.inject({ method: 'POST', url: '/root/', headers: { ...types.object, host: 'localhost:80' }, payload: { capabilitiesURI } })
    t.equal(statusCode, 201, capabilitiesURI + body)
    t.equal((JSON.parse(body) as Shown).capabilitiesURI, gold)
  }
})

t.test('CSE-08: an object is none of the template any more when its metadata, or the configuration, has changed', async t => {
  const app = await offering(t)
  await send(app, 'PUT', '/x', { capabilitiesURI: gold })
  await send(app, 'PATCH', '/x', { metadata: { cdmi_latency: '10' } })
  t.match(await shown(app, '/x'), { capabilitiesURI: plain })
  await send(app, 'PATCH', '/x', { metadata: { ...templates.dataobject.gold, more: '1' } })
  t.match(await shown(app, '/x'), { capabilitiesURI: gold }, 'and again when it has')
  const { store } = app.cdmi
  const later = await build(t, { store, options: { templates: { dataobject: { silver: { cdmi_latency: '1' } } } } })
  t.strictSame(await shown(later, '/x'), { capabilitiesURI: plain, metadata: { ...templates.dataobject.gold, more: '1' } }, 'the metadata is its own')
})

t.test('CSE-01: without templates only the own capability object may be sent back', async t => {
  for (const options of [{}, { templates: {} }, { templates: { dataobject: {} } }, { templates, withoutCapabilities: ['cdmi_capabilities_templates'] }]) {
    const app = await build(t, { options })
    t.match(await send(app, 'PUT', '/x', { capabilitiesURI: plain }), { status: 201, body: { capabilitiesURI: plain } })
    t.match(await send(app, 'PATCH', '/x', { capabilitiesURI: gold }), { status: 400, body: { detail: /cdmi_capabilities_templates/ } })
  }
})

t.test('CSE-10: a template that cannot be is refused at start, with a sentence that names it', async t => {
  const refused = async (templates: unknown, pattern: RegExp): Promise<void> => {
    await t.rejects(build(t, { options: { templates } as CdmiOptions }), { name: OptionError.name, message: pattern })
  }
  await refused({ dataobject: { gold: { cdmi_size: '1' } } }, /"cdmi_size" in "gold"/)
  await refused({ dataobject: { gold: { cdmi_latency_provided: '1' } } }, /"cdmi_latency_provided" in "gold"/)
  await refused({ container: { gold: { cdmi_acl: 'x' } } }, /"cdmi_acl" in "gold"/)
  await refused({ dataobject: { gold: { colour: 'red' } } }, /templates\.dataobject\.gold/)
  await refused({ dataobject: { gold: { cdmi_latency: 5 } } }, /templates\.dataobject\.gold/)
  await refused({ dataobject: { 'a/b': {} } }, /templates\.dataobject/)
  await refused({ queue: {} }, /"templates\.queue"/)
  await refused([], /"templates"/)
})

t.test('CSE-07, PUP-15: an object that comes in parts takes on the template that one of them names', async t => {
  const app = await offering(t)
  const part = async (url: string, body: object, partial: string): Promise<number> =>
    (await app.inject({ method: 'PUT', url, headers: { ...types.object, 'x-cdmi-partial': partial }, payload: body })).statusCode
  const metadata = { ...templates.dataobject.gold, own: '1' }
  for (const [more, last] of [['true', 'false'], ['upload-id=a', 'upload-id=a;count=3']] as const) {
    t.equal(await part('/new', { capabilitiesURI: gold, metadata: { own: '1' }, value: 'a' }, more), 202)
    t.strictSame(await shown(app, '/new'), { capabilitiesURI: gold, metadata })
    t.equal(await part('/new', { value: 'b' }, more), 202)
    t.equal(await part('/new', { value: 'c' }, last), 201)
    t.strictSame(await shown(app, '/new'), { capabilitiesURI: gold, metadata }, 'of a new object at once')

    t.equal(await part('/new', { capabilitiesURI: silver, value: 'a' }, more.replace('=a', '=b')), 202)
    t.equal(await part('/new', { value: 'b' }, more.replace('=a', '=b')), 202)
    t.strictSame(await shown(app, '/new'), { capabilitiesURI: gold, metadata })
    t.equal(await part('/new', { value: 'c' }, last.replace('=a', '=b')), 204)
    t.strictSame(await shown(app, '/new'), { capabilitiesURI: silver, metadata: { ...templates.dataobject.silver, own: '1' } }, 'of another with the last part')

    t.equal(await part('/new', { capabilitiesURI: plain, value: 'a' }, more.replace('=a', '=c')), 202)
    t.equal(await part('/new', { value: 'b' }, more.replace('=a', '=c')), 202)
    t.equal(await part('/new', { value: 'c' }, last.replace('=a', '=c')), 204)
    t.strictSame(await shown(app, '/new'), { capabilitiesURI: plain, metadata: { own: '1' } }, 'or takes it off')
    await app.inject({ method: 'DELETE', url: '/new' })
  }
})
