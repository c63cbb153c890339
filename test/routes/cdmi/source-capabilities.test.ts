import t from 'tap'
import { build } from '../plain/build.js'
import { type Client, client } from './client.js'

type Send = (door: Client) => ReturnType<Client['put']>

const ways: ReadonlyArray<{ needs: readonly string[], send: Send }> = [
  { needs: ['cdmi_object_copy_from_local', 'cdmi_copy_dataobject'], send: async ({ put }) => await put('/d', { copy: '/c/o' }) },
  { needs: ['cdmi_object_copy_from_local', 'cdmi_copy_dataobject', 'cdmi_read_value_range'], send: async ({ put }) => await put('/e', { copy: '/c/o?value=0-0' }) },
  { needs: ['cdmi_object_copy_from_local', 'cdmi_copy_dataobject', 'cdmi_post_dataobject'], send: async ({ post }) => await post('/c/', { copy: '/c/o' }) },
  { needs: ['cdmi_object_copy_from_local', 'cdmi_copy_dataobject_by_ID'], send: async ({ post }) => await post('/cdmi_objectid/', { copy: '/c/o' }) },
  { needs: ['cdmi_object_copy_from_local', 'cdmi_modify_value', 'cdmi_modify_metadata'], send: async ({ patch }) => await patch('/c/p', { copy: '/c/o' }) },
  { needs: ['cdmi_object_copy_from_local', 'cdmi_modify_value'], send: async ({ patch }) => await patch('/c/p', { copy: '/c/o?value' }) },
  { needs: ['cdmi_object_copy_from_local', 'cdmi_copy_container'], send: async ({ put }) => await put('/t/', { copy: '/c/' }) },
  { needs: ['cdmi_object_copy_from_local', 'cdmi_copy_container', 'cdmi_modify_metadata'], send: async ({ patch }) => await patch('/c/e/', { copy: '/c/e2/' }) },
  { needs: ['cdmi_object_move_from_local', 'cdmi_move_dataobject'], send: async ({ put }) => await put('/m', { move: '/c/q' }) },
  { needs: ['cdmi_object_move_from_local', 'cdmi_move_dataobject', 'cdmi_post_dataobject'], send: async ({ post }) => await post('/', { move: '/c/q2' }) },
  { needs: ['cdmi_object_move_from_local', 'cdmi_move_container'], send: async ({ put }) => await put('/n/', { move: '/c/e3/' }) },
  { needs: ['cdmi_references', 'cdmi_create_reference'], send: async ({ put }) => await put('/r', { reference: '/c/o' }) },
  { needs: ['cdmi_references', 'cdmi_create_reference'], send: async ({ put }) => await put('/r2/', { reference: '/c/' }) },
  { needs: ['cdmi_references', 'cdmi_create_reference'], send: async ({ post }) => await post('/', { reference: '/c/' }) },
  { needs: ['cdmi_references', 'cdmi_create_reference_by_ID'], send: async ({ post }) => await post('/cdmi_objectid/', { reference: '/c/' }) },
  { needs: ['cdmi_object_move_from_local', 'cdmi_object_move_to_ID'], send: async ({ post }) => await post('/cdmi_objectid/', { move: '/c/q3' }) }
]

async function filled (door: Client): Promise<void> {
  await door.put('/c/')
  for (const name of ['e/', 'e2/', 'e3/']) await door.put(`/c/${name}`)
  for (const name of ['o', 'p', 'q', 'q2', 'q3']) await door.put(`/c/${name}`, { value: name })
}

t.test('GEN-01, CAP-10: whatever copies, moves and refers is advertised, and refused by its name when it is switched off; nothing else is', async t => {
  const offered = client(await build(t))
  const advertised = ['', 'container/', 'dataobject/'].map(async name => Object.keys((await offered.fields(`/cdmi_capabilities/${name}`))['capabilities'] as object))
  const names = new Set((await Promise.all(advertised)).flat())
  await filled(offered)
  for (const { needs, send } of ways) {
    for (const name of needs) t.ok(names.has(name), name)
    t.match(String((await send(offered)).statusCode), /^20[14]$/)
  }
  for (const name of new Set(ways.flatMap(({ needs }) => needs))) {
    const app = await build(t)
    await filled(client(app))
    const door = client(await build(t, { store: app.cdmi.store, options: { withoutCapabilities: [name] } }))
    for (const { needs, send } of ways) {
      const answer = await send(door)
      if (needs.includes(name)) t.match([answer.statusCode, answer.json().detail], [400, new RegExp(`${name} `)], `${name}: ${needs.join()}`)
      else t.match(String(answer.statusCode), /^20[14]$/, `${name} has nothing to do with ${needs.join()}: ${answer.body}`)
    }
  }
})

t.test('CMV-34: a move from an ID has a capability of its own', async t => {
  const app = await build(t)
  const { post } = client(app)
  const { objectID } = (await post('/cdmi_objectid/', { value: 'x' })).json()
  const move = `/cdmi_objectid/${objectID}`
  const without = client(await build(t, { store: app.cdmi.store, options: { withoutCapabilities: ['cdmi_object_move_from_ID'] } }))
  const refused = await without.put('/d', { move })
  t.match([refused.statusCode, refused.json().detail], [400, /cdmi_object_move_from_ID/])
  const others = client(await build(t, { store: app.cdmi.store, options: { withoutCapabilities: ['cdmi_object_move_from_local', 'cdmi_create_dataobject'] } }))
  t.equal((await others.put('/d', { move })).statusCode, 201)
})

t.test('without references new ones are refused; those that are there lead on', async t => {
  const app = await build(t)
  await client(app).put('/r', { reference: '/o' })
  const without = client(await build(t, { store: app.cdmi.store, options: { withoutCapabilities: ['cdmi_references'] } }))
  t.equal((await without.get('/r')).statusCode, 302)
  t.equal((await without.remove('/r')).statusCode, 204)
})

t.test('DOC-01, CAP-10: without cdmi_create_dataobject a value is refused before it is stored', async t => {
  const { put, post, plain } = client(await build(t, { options: { withoutCapabilities: ['cdmi_create_dataobject'] } }))
  for (const answer of [await put('/o', { value: 'x' }), await put('/o', {}), await plain('PUT', '/o', 'x'), await post('/', { value: 'x' })]) {
    t.match([answer.statusCode, answer.json().detail], [400, /cdmi_create_dataobject/])
  }
})
