import t from 'tap'
import { childrenOf, fieldPart, filePart, formBody, openDoor, postForm } from '../../helpers/forms.js'
import { valueOf } from '../../helpers/model.js'

t.test('HCO-14, CLI-31: each file of a form becomes a data object, in the order of the form', async t => {
  const { model, origin } = await openDoor(t)
  const body = formBody([filePart('b.txt', 'bee', 'text/plain; charset=utf-8'), fieldPart('note', 'not a value'), filePart('a.bin', Buffer.from([0, 255, 13, 10]), 'Application/X-Thing')])
  const { status, json, headers } = await postForm(`${origin}/c/`, body)
  t.equal(status, 201)
  t.match(json.objects, [
    { objectName: 'b.txt', parentURI: '/c/', location: `${origin}/c/b.txt`, mimetype: 'text/plain', valuetransferencoding: 'utf-8', size: 3 },
    { objectName: 'a.bin', parentURI: '/c/', location: `${origin}/c/a.bin`, mimetype: 'application/x-thing', valuetransferencoding: 'base64', size: 4 }
  ])
  t.equal(json.objects.length, 2)
  t.equal(headers.get('location'), `${origin}/c/b.txt`, 'CLI-32: Location is that of the first')
  t.same(await childrenOf(model, '/c/'), ['a.bin', 'b.txt'], 'AMB-21: text fields become nothing')
  t.same(await valueOf(model, '/c/a.bin'), Buffer.from([0, 255, 13, 10]))
  const first = await fetch(headers.get('location') ?? '')
  t.equal(await first.text(), 'bee', 'CLI-32: Location can be fetched')
  t.equal(first.headers.get('content-type'), 'text/plain; charset=utf-8')
})

t.test('HCO-14: charset=utf-8 of a file that is not UTF-8 is not believed', async t => {
  const { origin } = await openDoor(t)
  const { json } = await postForm(`${origin}/c/`, formBody([filePart('latin', Buffer.from([0xe9]), 'text/plain;charset=UTF-8')]))
  t.match(json.objects, [{ mimetype: 'text/plain', valuetransferencoding: 'base64', size: 1 }])
})

t.test('HCO-14: a file without a type, or with a broken one, is bytes', async t => {
  const { origin } = await openDoor(t)
  const bare = { head: ['Content-Disposition: form-data; name="f"; filename="bare"'], body: 'x' }
  const { json } = await postForm(`${origin}/c/`, formBody([bare, filePart('broken', 'x', 'text plain;;=')]))
  t.match(json.objects, [{ mimetype: 'application/octet-stream' }, { mimetype: 'application/octet-stream' }])
})

t.test('CLI-31: the same name twice, or one that is taken, gives objects of their own', async t => {
  const { model, origin } = await openDoor(t)
  const same = formBody([filePart('a.txt', '1'), filePart('a.txt', '2')])
  const first = (await postForm(`${origin}/c/`, same)).json.objects
  const second = (await postForm(`${origin}/c/`, same)).json.objects
  t.equal(first[0]?.['objectName'], 'a.txt')
  const others = [first[1], ...second]
  for (const other of others) t.equal(other?.['objectName'], `a-${String(other?.['objectID'])}.txt`)
  t.equal((await childrenOf(model, '/c/')).length, 4)
  t.equal((await valueOf(model, '/c/a.txt')).toString(), '1', 'never overwritten')
  for (const [index, { location }] of [...first, ...second].entries()) t.equal(await (await fetch(String(location))).text(), String(index % 2 + 1))
})

t.test('CLI-31: a name is not taken by those that begin with it', async t => {
  const { model, origin } = await openDoor(t)
  const upload = async (...names: string[]): Promise<unknown[]> => (await postForm(`${origin}/c/`, formBody(names.map(name => filePart(name, name))))).json.objects.map(({ objectName }) => objectName)
  t.same(await upload('a.txt2', 'a.txt-', 'é2'), ['a.txt2', 'a.txt-', 'é2'])
  t.same(await upload('a.txt', 'a', 'é'), ['a.txt', 'a', 'é'])
  t.notMatch(await upload('a.txt', 'a', 'é'), ['a.txt', 'a', 'é'])
  t.equal((await childrenOf(model, '/c/')).length, 9)
})

t.test('CLI-31: many forms at once with one file name lose nothing', async t => {
  const { model, origin } = await openDoor(t)
  const answers = await Promise.all(Array.from({ length: 20 }, async (_, n) => await postForm(`${origin}/c/`, formBody([filePart('same', String(n)), filePart('same', String(n))]))))
  t.ok(answers.every(({ status }) => status === 201))
  t.equal((await childrenOf(model, '/c/')).length, 40)
})

t.test('HCO-14: a file input that was left empty is no file; an empty file is', async t => {
  const { model, origin } = await openDoor(t)
  const { json } = await postForm(`${origin}/c/`, formBody([filePart('', '', 'application/octet-stream'), filePart('empty', '')]))
  t.match(json.objects, [{ objectName: 'empty', size: 0 }])
  t.equal(json.objects.length, 1)
  for (const parts of [[filePart('', '')], [fieldPart('a', 'b')], []]) {
    const { status } = await postForm(`${origin}/c/`, formBody(parts))
    t.equal(status, 400, 'a form without a file')
  }
  t.same(await childrenOf(model, '/c/'), ['empty'])
})

t.test('HCO-15: a form to /cdmi_objectid/ makes objects without a path', async t => {
  const { origin } = await openDoor(t, { prefix: '/cdmi/2.0.0' })
  const { status, json } = await postForm(`${origin}/cdmi/2.0.0/cdmi_objectid/`, formBody([filePart('a', '1'), filePart('b', '2')]))
  t.equal(status, 201)
  for (const object of json.objects) {
    t.equal(object['location'], `${origin}/cdmi/2.0.0/cdmi_objectid/${String(object['objectID'])}`)
    t.notOk('objectName' in object)
    t.notOk('parentURI' in object)
  }
  t.equal(await (await fetch(String(json.objects[1]?.['location']))).text(), '2')
})

t.test('HCO-17: a form to a missing container, a data object, a container without its slash', async t => {
  const { model, origin } = await openDoor(t)
  const body = formBody([filePart('a', '1')])
  t.equal((await postForm(`${origin}/missing/`, body)).status, 404)
  t.equal((await postForm(`${origin}/missing`, body)).status, 404)
  const moved = await postForm(`${origin}/c?x=1`, body)
  t.equal(moved.status, 301)
  t.equal(moved.headers.get('location'), '/c/?x=1')
  t.same(await childrenOf(model, '/c/'), [])
  await postForm(`${origin}/c/`, body)
  const refused = await postForm(`${origin}/c/a`, body)
  t.equal(refused.status, 405)
  t.notMatch(refused.headers.get('allow'), /POST/)
})

t.test('CLI-31: formFields "metadata" keeps text fields with each object', async t => {
  const { model, origin } = await openDoor(t, { formFields: 'metadata' })
  const json = { head: ['Content-Disposition: form-data; name="json"', 'Content-Type: application/json'], body: '{"a":[1,true]}' }
  const { status } = await postForm(`${origin}/c/`, formBody([fieldPart('farbe', 'grün'), filePart('a', '1'), fieldPart('tag', 'x'), json, fieldPart('tag', 'y'), filePart('b', '2'), fieldPart('_charset_', 'utf-8'), fieldPart('', 'nameless')]))
  t.equal(status, 201)
  for await (const page of (await model.containers.list({ name: 'admin', authentication: 'basic', access: 'write' }, { from: undefined, names: ['c'], slash: true })).pages) {
    for (const { id } of page) {
      const record = await model.store.meta.get(id)
      t.same(record?.attributes['metadata'], { farbe: 'grün', tag: ['x', 'y'], json: { a: [1, true] } })
    }
  }
})

t.test('CLI-31, GEN-34: fields that cannot be metadata refuse the form', async t => {
  const { model, origin } = await openDoor(t, { formFields: 'metadata', limits: { formFieldSize: 1000 } })
  const jsonField = (body: string) => ({ head: ['Content-Disposition: form-data; name="j"', 'Content-Type: application/json'], body })
  const cases: [string, number, ReturnType<typeof fieldPart>[]][] = [
    ['cdmi_ belongs to the standard', 400, [fieldPart('cdmi_size', '1')]],
    ['__proto__', 400, [fieldPart('__proto__', 'x')]],
    ['constructor', 400, [fieldPart('constructor', 'x')]],
    ['invalid JSON', 400, [jsonField('{')]],
    ['JSON with __proto__', 400, [jsonField('{"__proto__":{"x":1}}')]],
    ['JSON cut off at the limit', 400, [jsonField(`"${'x'.repeat(1000)}"`)]],
    ['all fields together', 413, [fieldPart('a', 'x'.repeat(600)), fieldPart('b', 'x'.repeat(600))]]
  ]
  for (const [title, expected, fields] of cases) t.equal((await postForm(`${origin}/c/`, formBody([filePart('a', '1'), ...fields]))).status, expected, title)
  t.same(await childrenOf(model, '/c/'), [])
  t.equal(({} as Record<string, unknown>)['x'], undefined)
  const deep = await openDoor(t, { formFields: 'metadata' })
  t.equal((await postForm(`${deep.origin}/c/`, formBody([filePart('a', '1'), jsonField('['.repeat(30_000) + ']'.repeat(30_000))]))).status, 400)
})

t.test('whatever is logged, the Authorization header of a form is not', async t => {
  const log: string[] = []
  const { origin } = await openDoor(t, { server: { logger: { level: 'trace', stream: { write: (line: string) => { log.push(line) } } } } })
  const authorization = `Basic ${Buffer.from('ann:Right-Secret').toString('base64')}`
  t.equal((await postForm(`${origin}/c/`, formBody([filePart('a', 'x')]), { headers: { authorization } })).status, 201)
  t.ok(log.length > 0)
  t.notOk(log.join('').includes(authorization.slice(6)))
})
