import t from 'tap'
import { openMemoryStore } from '../../../storage/memory/memory-store.js'
import { admin, childrenOf, exchange, fieldPart, filePart, formBody, openDoor, postForm } from '../../helpers/forms.js'

t.test('CLI-32: a file of exactly the longest size passes; one byte more is 413, and nothing is stored', async t => {
  // Inline values, one segment, several segments.
  for (const value of [10, 64, 65, 1000, 100_000]) {
    const store = openMemoryStore({ inlineLimit: 64, segmentSize: 512 })
    const { model, origin } = await openDoor(t, { store, limits: { value } })
    const fits = await postForm(`${origin}/c/`, formBody([filePart('a', 'x'.repeat(value)), filePart('b', 'y'.repeat(value))]))
    t.equal(fits.status, 201)
    t.match(fits.json.objects, [{ size: value }, { size: value }])
    for (const parts of [[filePart('c', 'x'), filePart('d', 'y'.repeat(value + 1))], [filePart('c', 'y'.repeat(value + 1)), filePart('d', 'x')]]) {
      const { status, text } = await postForm(`${origin}/c/`, formBody(parts))
      t.equal(status, 413)
      t.match(text, new RegExp(`${value} bytes`))
    }
    t.same(await childrenOf(model, '/c/'), ['a', 'b'])
  }
})

t.test('CLI-32: limits of the number of files and fields, and of the length of fields, are exact', async t => {
  for (const formFields of ['ignore', 'metadata'] as const) {
    const { model, origin } = await openDoor(t, { formFields, limits: { formFiles: 3, formFields: 2, formFieldSize: 100 } })
    const files = (count: number) => Array.from({ length: count }, (_, n) => filePart(`f${n}`, 'x'))
    const fields = (count: number) => Array.from({ length: count }, (_, n) => fieldPart(`n${n}`, 'x'))
    t.equal((await postForm(`${origin}/c/`, formBody([...files(3), ...fields(2)]))).status, 201)
    for (const [title, parts] of [
      ['one file too many', files(4)],
      ['many files too many', files(500)],
      ['one field too many', [...files(1), ...fields(3)]],
      ['fields too many, before the file', [...fields(30), ...files(1)]]
    ] as const) t.equal((await postForm(`${origin}/c/`, formBody(parts))).status, 413, title)
    t.equal((await postForm(`${origin}/c/`, formBody([fieldPart('n', 'x'.repeat(99)), filePart('f0', 'x')]))).status, 201)
    t.equal((await postForm(`${origin}/c/`, formBody([fieldPart('n', 'x'.repeat(101)), filePart('f0', 'x')]))).status, 413)
    t.equal((await childrenOf(model, '/c/')).length, 4)
  }
})

t.test('CLI-32: no limit of the framework on bodies stands in the way', async t => {
  const { origin } = await openDoor(t, { server: { bodyLimit: 100 } })
  t.match((await postForm(`${origin}/c/`, formBody([filePart('a', 'x'.repeat(3_000_000))]))).json.objects, [{ size: 3_000_000 }])
})

t.test('CLI-32: forms of 10,000 parts are refused; 1000 files pass in one commit', async t => {
  const { model, origin } = await openDoor(t)
  t.equal((await postForm(`${origin}/c/`, formBody(Array.from({ length: 10_000 }, () => filePart('same', 'x'))))).status, 413)
  t.equal((await postForm(`${origin}/c/`, formBody(Array.from({ length: 10_000 }, () => fieldPart('same', 'x'))))).status, 413)
  t.equal((await childrenOf(model, '/c/')).length, 0)
  const { status, json } = await postForm(`${origin}/c/`, formBody(Array.from({ length: 1000 }, () => filePart('same.txt', 'x'))))
  t.equal(status, 201)
  t.equal(new Set(json.objects.map(object => object['objectName'])).size, 1000)
  t.equal((await childrenOf(model, '/c/')).length, 1000)
})

t.test('CLI-32: one huge part head, one huge name of a field, many header lines', async t => {
  const { model, origin } = await openDoor(t)
  for (const head of [
    ['Content-Disposition: form-data; name="f"; filename="a"', `X-Long: ${'x'.repeat(1_000_000)}`],
    [`Content-Disposition: form-data; name="${'f'.repeat(1_000_000)}"; filename="a"`],
    ['Content-Disposition: form-data; name="f"; filename="a"', ...Array.from({ length: 50_000 }, () => 'X-Many: 1')]
  ]) {
    const { status } = await postForm(`${origin}/c/`, formBody([{ head, body: 'v' }, filePart('b', 'w')]))
    t.ok([201, 400].includes(status), `answered ${status}`)
    const names = await childrenOf(model, '/c/')
    t.ok(status === 201 ? names.length >= 2 : names.length === 0, 'all files or none')
    for (const name of names) await model.remove(admin, { from: undefined, names: ['c', name], slash: false })
  }
})

t.test('HCO-17: a reader gets 403, nobody 401, before the body is read', async t => {
  for (const [principal, expected] of [
    [{ ...admin, access: 'read' as const }, 403],
    [{ name: 'ANONYMOUS@', authentication: 'anonymous' as const, access: 'none' as const }, 401]
  ] as const) {
    const { port } = await openDoor(t, { principal })
    // The body never comes: the answer must not wait for it.
    const text = await exchange(port, 'POST /c/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=xyz\r\nContent-Length: 1000000\r\n\r\n')
    t.match(text, new RegExp(`^HTTP/1.1 ${expected} `))
  }
})
