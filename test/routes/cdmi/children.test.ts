import t, { type Test } from 'tap'
import { openStore } from '../../../index.js'
import type { Json, Store } from '../../../storage/contract.js'
import { openMemoryStore } from '../../../storage/memory/memory-store.js'
import { newContainer } from '../../../cdmi/container-record.js'
import { mintObjectID } from '../../../storage/object-id.js'
import { build, listen } from '../plain/build.js'

type App = Awaited<ReturnType<typeof build>>

const container = { accept: 'application/cdmi-container' }
const typed = { 'content-type': 'application/cdmi-object' }

async function read (app: App, url: string, headers: Record<string, string> = container): Promise<{ status: number, body: { [name: string]: Json }, text: string }> {
  const { statusCode, body } = await app.inject({ method: 'GET', url, headers })
  return { status: statusCode, body: JSON.parse(body), text: body }
}

async function children (app: App, path: string, selection: string): Promise<Json | undefined> {
  const { status, body, text } = await read(app, `${path}?children=${selection}`)
  if (status !== 200) throw new Error(text)
  return body['children']
}

async function put (app: App, url: string, payload: string | object = '', headers: Record<string, string> = {}): Promise<void> {
  const { statusCode, body } = await app.inject({ method: 'PUT', url, headers, payload })
  if (statusCode >= 300) throw new Error(body)
}

/** `/c/` with `a`, `b/` (with `d`, `e/`, which is empty) and `f`. */
async function tree (t: Test, options: Parameters<typeof build>[1] = {}): Promise<App> {
  const app = await build(t, options)
  for (const url of ['/c/', '/c/b/', '/c/b/e/']) await put(app, url)
  await put(app, '/c/a', 'first', { 'content-type': 'text/plain;charset=utf-8' })
  await put(app, '/c/b/d', 'deep')
  await put(app, '/c/f', { value: 'w"ö', metadata: { colour: 'red', 'a/b': 'slash', nested: { x: { y: 'z' }, list: ['1'] } } }, typed)
  return app
}

t.test('ECL-01: each child is an array with its fields, in the order asked for; by path and by ID, raw or escaped', async t => {
  const app = await tree(t)
  const expected = [['a', 'application/cdmi-object', '5'], ['b/', 'application/cdmi-container', '0'], ['f', 'application/cdmi-object', '4']]
  t.strictSame(await children(app, '/c/', '[objectName,objectType,metadata/cdmi_size]'), expected)
  t.strictSame(await children(app, '/c/', '%5BobjectName%2CobjectType%2Cmetadata%2Fcdmi_size%5D'), expected)
  const { body } = await read(app, '/c/?objectID')
  t.strictSame(await children(app, `/cdmi_objectid/${String(body['objectID'])}/`, '[objectName,objectType,metadata/cdmi_size]'), expected)
  t.strictSame(await children(app, '/c/', '[objectName,objectName]'), [['a', 'a'], ['b/', 'b/'], ['f', 'f']], 'a field may come twice')
})

t.test('ECL-01: every field is what the child itself shows', async t => {
  const app = await tree(t)
  await app.inject({ method: 'PATCH', url: '/c/', headers: { 'content-type': 'application/cdmi-container' }, payload: { metadata: { cdmi_latency: '7', own: 'mine' } } })
  await put(app, '/c/j', { valuetransferencoding: 'json', value: { k: { l: [1, 2] } }, 'x-field': { y: 'z' } }, typed)
  await put(app, '/c/g', 'bytes', { 'content-range': 'bytes 5-9/*' })
  for (const name of ['a', 'f', 'j', 'g', 'b/']) {
    const { body: own } = await read(app, `/c/${name}`, { accept: name.endsWith('/') ? 'application/cdmi-container' : 'application/cdmi-object' })
    const fields = [...Object.keys(own), 'valuerange', 'none']
    const all = await children(app, '/c/', `[${fields.join(',')}]`) as Json[][]
    const shown = all.find(child => child[fields.indexOf('objectName')] === name) ?? []
    // Reading it was an access.
    const same = (metadata: Json | undefined): object => ({ ...metadata as object, cdmi_atime: '', cdmi_acount: '' })
    for (const [index, field] of fields.entries()) {
      if (field === 'metadata') t.strictSame(same(shown[index]), same(own[field]), `${field} of ${name}`)
      else t.strictSame(shown[index], own[field] ?? null, `${field} of ${name}`)
    }
    t.match(own['metadata'], { cdmi_latency: '7' })
  }
  await put(app, '/c/p', 'half', { 'x-cdmi-partial': 'true' })
  const partial = (await children(app, '/c/', '[objectName,value,completionStatus,valuerange]') as Json[][]).find(([name]) => name === 'p')
  t.strictSame(partial, ['p', null, 'Processing', ''], 'a value that is being written is withheld')
})

t.test('ECL-02: "/" leads into a field, "\\/" is part of a name', async t => {
  const app = await tree(t)
  const last = async (field: string): Promise<Json | undefined> => (await children(app, '/c/', `[${field}]`) as Json[][]).at(-1)?.[0]
  t.equal(await last('metadata/colour'), 'red')
  t.equal(await last('metadata/a%5C/b'), 'slash')
  t.equal(await last('metadata/nested/x/y'), 'z')
  t.strictSame(await last('metadata/nested/list'), ['1'])
  for (const field of ['metadata/a/b', 'metadata/none', 'metadata/colour/length', 'metadata/nested/list/0', 'metadata/__proto__', 'metadata/toString', 'constructor', 'objectName/x', 'value/x', 'valuerange/x', 'children', 'childrenrange']) {
    t.equal(await last(field), null, field)
  }
  await put(app, '/c/z', { valuetransferencoding: 'json', value: { k: { l: [1, 2] } } }, typed)
  t.strictSame(await last('value/k/l'), [1, 2], 'a JSON value has fields, too')
  t.equal(await last('value/k/m'), null)
})

t.test('ECL-03: what a child does not have is null', async t => {
  const app = await tree(t)
  t.strictSame(await children(app, '/c/', '[objectName,mimetype,childrenrange,children,none]'), [
    ['a', 'text/plain', null, null, null], ['b/', null, '0-1', ['d', 'e/'], null], ['f', 'text/plain', null, null, null]
  ])
  t.strictSame(await children(app, '/c/b/e/', '[objectName]'), [])
})

t.test('ECL-04: "!" lists containers with all that is in them', async t => {
  const app = await tree(t)
  t.strictSame(await children(app, '/c/', '!'), ['a', 'b/', ['d', 'e/', []], 'f'])
  t.strictSame(await children(app, '/c/b/e/', '!'), [])
})

t.test('ECL-05: a range counts the children of the container itself', async t => {
  const app = await tree(t)
  t.strictSame(await children(app, '/c/', '!1-1'), ['b/', ['d', 'e/', []]])
  t.strictSame(await children(app, '/c/', '!1-'), ['b/', ['d', 'e/', []], 'f'])
  t.strictSame(await children(app, '/c/', '![objectName]0-1'), [['a'], ['b/'], [['d'], ['e/'], []]])
  t.strictSame(await children(app, '/c/', '[objectName]2-9'), [['f']])
  t.strictSame(await children(app, '/c/', '!7-9'), [])
})

t.test('ECL-06: both together', async t => {
  const app = await tree(t)
  t.strictSame(await children(app, '/c/', '![objectName,metadata/cdmi_size,parentURI]'), [
    ['a', '5', '/c/'], ['b/', '0', '/c/'], [['d', '4', '/c/b/'], ['e/', '0', '/c/b/'], []], ['f', '4', '/c/']
  ])
})

t.test('ECL-06: below, metadata is inherited as it is by every reader', async t => {
  const app = await tree(t)
  for (const [url, latency] of [['/c/', '1'], ['/c/b/', '2']]) await app.inject({ method: 'PATCH', url: url ?? '', headers: { 'content-type': 'application/cdmi-container' }, payload: { metadata: { cdmi_latency: latency, user: 'x' } } })
  t.strictSame(await children(app, '/c/', '![objectName,metadata/cdmi_latency,metadata/user]'), [
    ['a', '1', null], ['b/', '2', 'x'], [['d', '2', null], ['e/', '2', null], []], ['f', '1', null]
  ])
})

t.test('ECL-07: other fields combine as usual', async t => {
  const app = await tree(t)
  const { body } = await read(app, '/c/?parentURI&childrenrange&children=![objectName]1-')
  t.strictSame(body, { parentURI: '/', childrenrange: '1-2', children: [['b/'], [['d'], ['e/'], []], ['f']] })
  t.strictSame(Object.keys((await read(app, '/c/?children=!')).body), ['children'])
  const head = await app.inject({ method: 'HEAD', url: '/c/?children=!', headers: container })
  t.match(head, { statusCode: 200, body: '' })
})

t.test('ECL-09: what is malformed, or not offered, is a 400 that says so', async t => {
  const app = await tree(t)
  for (const wrong of ['[', '[]', '[objectName', '[,]', '[a,,b]', '[a,]', '[metadata/]', '[/x]', '![', '!!', '!x', '[a]x', '[a]5-2', ']', '[a][b]', '0-1!', '[a%5C']) {
    const { status, body } = await read(app, `/c/?children=${wrong}`)
    t.equal(status, 400, wrong)
    t.match(body, { detail: /./ })
  }
  for (const [name, selections] of [['cdmi_list_children_extended', ['[objectName]', '![objectName]']], ['cdmi_list_children_recursive', ['!', '![objectName]', '!0-1']], ['cdmi_list_children_range', ['!0-1', '[objectName]0-1']]] as const) {
    const without = await tree(t, { options: { withoutCapabilities: [name] } })
    for (const selection of selections) t.match(await read(without, `/c/?children=${selection}`), { status: 400, body: { code: 'CDMI_CAPABILITY_MISSING', detail: new RegExp(name) } })
    const { body } = await read(without, '/cdmi_capabilities/container/?capabilities', {})
    t.notHas(body['capabilities'], name)
  }
  t.match((await read(app, '/cdmi_capabilities/container/?capabilities', {})).body['capabilities'], { cdmi_list_children_extended: 'true', cdmi_list_children_recursive: 'true' })
})

t.test('a container of 10,000 children shows a field of each in well under a second', async t => {
  const store = await openStore({ directory: t.testdir() })
  t.teardown(async () => { await store.close() })
  const app = await build(t, { store })
  const parent = await filled(store, 10_000)
  const began = process.cpuUsage()
  const all = await children(app, '/many/', '[objectName,metadata/cdmi_size]') as Json[][]
  const { user, system } = process.cpuUsage(began)
  const took = (user + system) / 1000
  t.equal(all.length, 10_000)
  t.strictSame(all[9999], ['n09999', '0'])
  t.ok(took < 1000, `${took} ms of the processor`)
  t.ok(parent)
})

/** `/many/` with so many empty containers in it, made without a door. */
async function filled (store: Store, count: number): Promise<string> {
  const root = await store.meta.get(store.rootID)
  if (root === undefined) throw new Error('no root')
  const many = newContainer(mintObjectID(), root, 'many')
  await store.meta.commit({ expect: [], put: [many], events: [] })
  for (let at = 0; at < count; at += 1000) {
    const put = Array.from({ length: Math.min(1000, count - at) }, (_, index) => ({ ...newContainer(mintObjectID(), many, `n${String(at + index).padStart(5, '0')}`), type: 'd' }))
    await store.meta.commit({ expect: [], put, events: [] })
  }
  return many.id
}

t.test('a tree may be as deep as it likes', async t => {
  const store = openMemoryStore()
  const app = await build(t, { store })
  const depth = 5_000
  let above = await store.meta.get(store.rootID)
  for (let level = 0; level < depth && above !== undefined; level++) {
    const below = newContainer(mintObjectID(), above, 'x')
    await store.meta.commit({ expect: [], put: [below, newContainer(mintObjectID(), above, 'y')], events: [] })
    above = below
  }
  for (const [selection, deepest] of [['!', '"x/",['], ['![objectName]', '["x/"],[']] as const) {
    const { statusCode, body } = await app.inject({ method: 'GET', url: `/?children=${selection}`, headers: container })
    t.equal(statusCode, 200)
    t.ok(body.startsWith(`{"children":[${deepest.repeat(depth)}]`), selection)
    t.equal(body.split('"y/"').length - 1, depth)
    t.equal(body.split('[').length, body.split(']').length)
  }
})

t.test('a listing of 50,000 children streams', async t => {
  const store = openMemoryStore()
  const app = await build(t, { store })
  await filled(store, 50_000)
  const { origin } = await listen(app)
  for (const selection of ['!', '[objectName,objectID]', '![objectName]']) {
    const answer = await fetch(`${origin}/many/?children=${selection}`, { headers: container })
    let largest = 0
    let length = 0
    let count = -1
    let end = ''
    for await (const chunk of answer.body ?? []) {
      largest = Math.max(largest, chunk.length)
      length += chunk.length
      for (const byte of chunk) if (byte === 0x6e) count++
      end = (end + Buffer.from(chunk).toString('latin1')).slice(-40)
    }
    t.match(end, /\]\}$/)
    t.equal(count, 50_000)
    t.ok(length > 450_000)
    t.ok(largest < 256 * 1024, `${largest}`)
  }
})

t.test('a value of any length is shown, and what is not valid is not hidden', async t => {
  const app = await tree(t)
  const { origin } = await listen(app)
  const long = Buffer.alloc(3 * 1024 * 1024, 'ä"')
  for (const [name, type] of [['bytes', 'application/octet-stream'], ['text', 'text/plain;charset=utf-8']] as const) await put(app, `/c/b/e/${name}`, long.toString(), { 'content-type': type })
  const answer = await fetch(`${origin}/c/b/e/?children=[objectName,value,valuerange]`, { headers: container })
  const { children: all } = JSON.parse(await answer.text()) as { children: string[][] }
  t.strictSame(all.map(([name, , range]) => [name, range]), [['bytes', `0-${long.length - 1}`], ['text', `0-${long.length - 1}`]])
  t.ok(Buffer.from(all[0]?.[1] ?? '', 'base64').equals(long))
  t.ok(all[1]?.[1] === long.toString())
})

t.test('a child that goes while it is listed is shown with nulls', async t => {
  const store = openMemoryStore()
  const { getMany } = store.meta
  store.meta.getMany = async ids => (await getMany.call(store.meta, ids)).map((record, index) => index === 0 ? undefined : record)
  const app = await tree(t, { store })
  t.strictSame(await children(app, '/c/', '[objectName,value,metadata]0-0'), [['a', null, null]])
})

t.test('ECL-01, DOC-82: a child of which parts are coming is shown as the child itself shows it', async t => {
  const app = await build(t)
  const fields = ['objectName', 'completionStatus', 'percentComplete', 'valuerange', 'value']
  const processing = [['n', 'Processing', null, '', null], ['o', 'Processing', null, '', null], ['p', 'Complete', '100', '0-2', 'old']]
  await put(app, '/c/')
  for (const name of ['o', 'p']) await put(app, `/c/${name}`, 'old', { 'content-type': 'text/plain;charset=utf-8' })
  for (const name of ['n', 'o']) await put(app, `/c/${name}`, 'new', { 'x-cdmi-partial': 'true' })
  await put(app, '/c/p', 'new', { 'x-cdmi-partial': 'upload-id=a' })
  t.strictSame(await children(app, '/c/', `[${fields.join(',')}]`), processing)
  t.strictSame(await children(app, '/c/', `[${fields.slice(0, 3).join(',')}]`), processing.map(child => child.slice(0, 3)), 'also where the records would say it all')
  t.strictSame(await children(app, '/', `![${fields.slice(0, 2).join(',')}]`), [['c/', 'Complete'], processing.map(child => child.slice(0, 2))])
  for (const name of ['n', 'o']) {
    const { body } = await read(app, `/c/${name}`, { accept: 'application/cdmi-object' })
    t.strictSame(fields.map(field => body[field] ?? null), processing.find(([child]) => child === name))
    await put(app, `/c/${name}`, '')
  }
  t.strictSame(await children(app, '/c/', '[completionStatus,value]'), [['Complete', 'bmV3'], ['Complete', 'new'], ['Complete', 'old']])
})
