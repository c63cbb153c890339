import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { Readable } from 'node:stream'
import t from 'tap'
import { measuredServer, unmeasurable } from '../../helpers/measured-server.js'
import { filePart, formBody, postForm } from '../../helpers/forms.js'

t.test('HCO-14: a form of 300 MiB grows the resident memory of the server by less than 150 MiB', { skip: unmeasurable, timeout: 170_000 }, async t => {
  const { origin, resident } = await measuredServer(t)
  // Everything is loaded and has run once.
  t.equal((await postForm(`${origin}/`, formBody([filePart('first', 'x'.repeat(20_000_000))]))).status, 201)
  const before = resident()
  let most = 0
  const timer = setInterval(() => { most = Math.max(most, resident() - before) }, 20)
  t.teardown(() => { clearInterval(timer) })
  const chunk = Buffer.alloc(1024 * 1024, 'x')
  const mebibytes = 150
  async function * body (): AsyncGenerator<Uint8Array> {
    const [head, tail] = formBody([filePart('a', '@'), filePart('b', '@')]).toString().split('@\r\n--xyz--')
    const [first, second] = String(head).split('@')
    for (const text of [first, second]) {
      yield Buffer.from(String(text))
      for (let n = 0; n < mebibytes; n++) yield chunk
    }
    yield Buffer.from(`\r\n--xyz--${tail}`)
  }
  const request = httpRequest(`${origin}/`, { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=xyz' } })
  Readable.from(body()).pipe(request)
  const [response] = await once(request, 'response') as [AsyncIterable<Buffer> & { statusCode: number }]
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part)
  clearInterval(timer)
  t.equal(response.statusCode, 201)
  t.match(JSON.parse(Buffer.concat(parts).toString()), { objects: [{ objectName: 'a', size: mebibytes * 1024 ** 2 }, { objectName: 'b', size: mebibytes * 1024 ** 2 }] })
  t.comment(`${Math.round(most)} MiB more at most`)
  t.ok(most < 150, `${Math.round(most)} MiB more at most`)
})

t.test('HCO-03: 100,000 children of an embedded store are listed with flat memory', { skip: unmeasurable, timeout: 170_000 }, async t => {
  const { origin, resident } = await measuredServer(t)
  const form = formBody(Array.from({ length: 1000 }, () => filePart('', 'x')))
  for (let n = 0; n < 100; n++) t.equal((await postForm(`${origin}/`, form)).status, 201)
  for (const accept of ['text/html', 'application/json']) {
    await (await fetch(`${origin}/`, { headers: { accept } })).text()
    const before = resident()
    const text = await (await fetch(`${origin}/`, { headers: { accept } })).text()
    t.equal(text.match(/[0-9A-F]{48}["<]/g)?.length, accept === 'text/html' ? 200_000 : 100_001)
    t.ok(resident() - before < 50, `${accept}: ${Math.round(resident() - before)} MiB more`)
  }
})
