import t from 'tap'
import { build, listen } from '../plain/build.js'
import { fieldPart, filePart, formBody, postForm } from '../../helpers/forms.js'

const cdmi = { accept: 'application/cdmi-object' }
const typed = { 'content-type': 'application/cdmi-object' }

t.test('a keyed record is a CDMI object with json encoding, and what CDMI writes the keyed door reads at once', async t => {
  const app = await build(t, { options: { keyed: true } })
  t.equal((await app.inject({ method: 'POST', url: '/data/alice', headers: { 'content-type': 'application/json' }, body: '{"age":30}' })).statusCode, 201)
  const object = (await app.inject({ url: '/data/alice', headers: cdmi })).json()
  t.match(object, { objectName: 'alice', parentURI: '/data/', mimetype: 'application/json', valuetransferencoding: 'json', value: { age: 30 } })
  t.equal((await app.inject({ method: 'PATCH', url: '/data/alice', headers: typed, body: '{"value":{"age":31},"metadata":{"by":"CDMI"}}' })).statusCode, 204)
  t.same((await app.inject({ url: '/data/alice' })).json(), { age: 31 })
  t.equal((await app.inject({ method: 'PATCH', url: '/data/alice', headers: { 'content-type': 'application/json' }, body: '{"name":"A"}' })).statusCode, 200)
  t.match((await app.inject({ url: `/cdmi_objectid/${object.objectID}`, headers: cdmi })).json(), { objectID: object.objectID, metadata: { by: 'CDMI', cdmi_mcount: '2' }, value: { age: 31, name: 'A' } })
  t.equal((await app.inject({ method: 'PUT', url: '/data/bob', headers: typed, body: '{"mimetype":"application/json","valuetransferencoding":"json","value":{"b":1}}' })).statusCode, 201)
  t.same((await app.inject({ url: '/data' })).json(), ['alice', 'bob'])
  t.same((await app.inject({ url: '/data/bob' })).json(), { b: 1 })
})

t.test('an array that the keyed door has written is a record until another door writes a value, and no other door shows that it is known to be one', async t => {
  const app = await build(t, { options: { keyed: true } })
  const json = { 'content-type': 'application/json' }
  const keyed = async (): Promise<number> => (await app.inject({ url: '/data/list' })).statusCode
  for (const [title, change] of [
    ['another value', { method: 'PUT', url: '/data/list', headers: typed, body: '{"mimetype":"application/json","value":"[1,"}' }],
    ['a range of it', { method: 'PATCH', url: '/data/list?value=0-0', headers: typed, body: '{"value":"eA=="}' }]
  ] as const) {
    await app.inject({ method: 'DELETE', url: '/data/list' })
    t.equal((await app.inject({ method: 'POST', url: '/data/list', headers: json, body: '[1,2]' })).statusCode, 201)
    t.equal(await keyed(), 200)
    const object = (await app.inject({ url: '/data/list', headers: cdmi })).json()
    t.match(object, { valuetransferencoding: 'utf-8', value: '[1,2]' })
    t.notOk(JSON.stringify(object).includes('"keyed"'))
    t.equal((await app.inject({ method: 'PATCH', url: '/data/list', headers: typed, body: '{"metadata":{"by":"CDMI"}}' })).statusCode, 204)
    t.equal(await keyed(), 200, 'the value is the same')
    t.equal((await app.inject(change)).statusCode, 204, title)
    t.equal(await keyed(), 409, title)
  }
})

t.test('the file of a form is a CDMI object with the fields of the form as its metadata', async t => {
  const app = await build(t, { options: { formFields: 'metadata' } })
  const { origin } = await listen(app)
  const form = formBody([fieldPart('colour', 'red'), filePart('a.txt', 'hello', 'text/plain; charset=utf-8')])
  t.equal((await postForm(`${origin}/`, form)).status, 201)
  t.match((await app.inject({ url: '/a.txt', headers: cdmi })).json(), { mimetype: 'text/plain', metadata: { colour: 'red', cdmi_size: '5' }, valuetransferencoding: 'utf-8', value: 'hello' })
})

t.test('a CDMI object is a plain one with the right type, tag and ranges', async t => {
  const app = await build(t)
  const made = await app.inject({ method: 'PUT', url: '/o', headers: typed, body: '{"mimetype":"Text/HTML","value":"0123456789"}' })
  const plain = await app.inject({ url: '/o' })
  t.equal(plain.headers['content-type'], 'text/html; charset=utf-8')
  t.equal(plain.headers.etag, made.headers.etag)
  const part = await app.inject({ url: '/o', headers: { range: 'bytes=2-4', 'if-range': String(made.headers.etag) } })
  t.equal(part.statusCode, 206)
  t.equal(part.body, '234')
  t.equal((await app.inject({ url: '/o', headers: { 'if-none-match': String(made.headers.etag) } })).statusCode, 304)
  t.equal((await app.inject({ method: 'PATCH', url: '/o?metadata=k', headers: { ...typed, 'if-match': String(made.headers.etag) }, body: '{"metadata":{"k":"v"}}' })).statusCode, 204)
  t.equal((await app.inject({ url: '/o', headers: { 'if-none-match': String(made.headers.etag) } })).statusCode, 200, 'every change makes another tag')
  t.equal((await app.inject({ method: 'PATCH', url: '/o', headers: { ...typed, 'if-match': String(made.headers.etag) }, body: '{"value":"x"}' })).statusCode, 412)
  t.equal((await app.inject({ method: 'PUT', url: '/o', headers: { 'content-type': 'image/png' }, body: Buffer.from([0x89, 0xff]) })).statusCode, 204)
  t.match((await app.inject({ url: '/o', headers: cdmi })).json(), { mimetype: 'image/png', metadata: { k: 'v' }, valuetransferencoding: 'base64', value: 'if8=' })
})

t.test('containers that any door makes are the same, and a listing for people lists them', async t => {
  const app = await build(t)
  t.equal((await app.inject({ method: 'PUT', url: '/plain/' })).statusCode, 201)
  t.equal((await app.inject({ method: 'PUT', url: '/typed/', headers: { 'content-type': 'application/cdmi-container' }, body: '{"metadata":{"a":"b"}}' })).statusCode, 201)
  for (const name of ['plain', 'typed']) {
    t.match((await app.inject({ url: `/${name}/`, headers: { accept: 'application/cdmi-container' } })).json(), { objectName: `${name}/`, children: [] })
    t.match((await app.inject({ url: '/', headers: { accept: 'text/html' } })).body, `>${name}/</a>`)
  }
})
