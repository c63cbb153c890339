import t from 'tap'
import { build } from '../plain/build.js'

type App = Awaited<ReturnType<typeof build>>

const locations = ['Hall 3', 'Höfe/2']

const put = async (app: App, url: string, metadata: object): Promise<Record<string, unknown>> => {
  const { body } = await app.inject({ method: 'PUT', url, headers: { 'content-type': `application/cdmi-${url.endsWith('/') ? 'container' : 'object'}` }, payload: { metadata } })
  return (JSON.parse(body) as { metadata: Record<string, unknown> }).metadata
}

const capabilities = async (app: App, kind: string): Promise<object> => (await app.inject({ url: `/cdmi_capabilities/${kind}/?capabilities` })).json().capabilities

t.test('AFF-01: the locations are listed in the capability objects, and nothing is where none are configured', async t => {
  const app = await build(t, { options: { locations } })
  for (const kind of ['dataobject', 'container']) t.strictSame((await capabilities(app, kind) as Record<string, unknown>)['cdmi_data_affinity'], locations)
  for (const options of [{}, { locations: [] }, { locations, withoutCapabilities: ['cdmi_data_affinity'] }]) {
    const without = await build(t, { options })
    for (const kind of ['dataobject', 'container']) t.notHas(await capabilities(without, kind), 'cdmi_data_affinity')
    t.notHas(await put(without, '/x', { cdmi_data_affinity: ['Hall 3'] }), 'cdmi_data_affinity_provided')
  }
})

t.test('AFF-02: the wish is kept as it is written, inherited, and may be another below', async t => {
  const app = await build(t, { options: { locations } })
  await put(app, '/c/', { cdmi_data_affinity: ['Hall 3'] })
  t.strictSame((await put(app, '/c/x', {}))['cdmi_data_affinity'], ['Hall 3'])
  for (const wish of [['Höfe/2'], ['nowhere'], [], ['Hall 3', 'Hall 3']]) {
    await app.inject({ method: 'DELETE', url: '/c/y' })
    t.strictSame((await put(app, '/c/y', { cdmi_data_affinity: wish }))['cdmi_data_affinity'], wish)
  }
})

t.test('AFF-02: what is no list of strings is refused, where there are locations to be asked for', async t => {
  const app = await build(t, { options: { locations } })
  const without = await build(t)
  for (const wish of ['Hall 3', {}, [1], [['Hall 3']], null, true]) {
    for (const [url, type] of [['/x', 'object'], ['/c/', 'container']] as const) {
      const request = { method: 'PUT', url, headers: { 'content-type': `application/cdmi-${type}` }, payload: { metadata: { cdmi_data_affinity: wish } } } as const
      const { statusCode, body } = await app.inject(request)
      t.equal(statusCode, 400, JSON.stringify(wish))
      t.match(body, /cdmi_data_affinity.* must be an array of strings/)
      t.equal((await without.inject(request)).statusCode < 300, true, 'kept: it means nothing there')
    }
  }
})

t.test('AFF-03: where an object is stored is said when somebody has a wish, and cannot be set', async t => {
  const app = await build(t, { options: { locations } })
  await put(app, '/c/', { cdmi_data_affinity: ['Hall 3'] })
  for (const metadata of [{}, { cdmi_data_affinity: ['nowhere'] }, { cdmi_data_affinity_provided: ['nowhere'] }]) {
    await app.inject({ method: 'DELETE', url: '/c/x' })
    t.strictSame((await put(app, '/c/x', metadata))['cdmi_data_affinity_provided'], locations)
  }
  for (const metadata of [{}, { cdmi_data_affinity: [] }, { cdmi_data_affinity_provided: ['nowhere'] }]) {
    await app.inject({ method: 'DELETE', url: '/x' })
    t.notHas(await put(app, '/x', metadata), 'cdmi_data_affinity_provided', 'the system decides')
  }
})

t.test('locations are names, each once', async t => {
  for (const wrong of [[''], ['a', 'a'], [1], 'a']) await t.rejects(build(t, { options: { locations: wrong as string[] } }), /locations/)
})
