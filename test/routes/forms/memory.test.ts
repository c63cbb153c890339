import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { fillStore, measuredServer, scale, unmeasurable as skip } from '../../helpers/measured-server.js'
import { filePart, formBody, postForm } from '../../helpers/forms.js'

/** Of each of two files. */
const mebibytes = 50 * scale

t.test(`HCO-14: a form of ${2 * mebibytes} MiB grows the resident memory of the server by less than 50 MiB`, { skip, timeout: 170_000 }, async t => {
  const { origin, growth } = await measuredServer(t)
  // Everything is loaded and has run once.
  t.equal((await postForm(`${origin}/`, formBody([filePart('first', 'x'.repeat(20_000_000))]))).status, 201)
  const chunk = Buffer.alloc(1024 * 1024, 'x')
  async function * body (): AsyncGenerator<Uint8Array> {
    const [head, tail] = formBody([filePart('a', '@'), filePart('b', '@')]).toString().split('@\r\n--xyz--')
    const [first, second] = String(head).split('@')
    for (const text of [first, second]) {
      yield Buffer.from(String(text))
      for (let n = 0; n < mebibytes; n++) yield chunk
    }
    yield Buffer.from(`\r\n--xyz--${tail}`)
  }
  const most = await growth(async () => {
    const request = httpRequest(`${origin}/`, { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=xyz' } })
    Readable.from(body()).pipe(request)
    const [response] = await once(request, 'response') as [AsyncIterable<Buffer> & { statusCode: number }]
    const parts: Buffer[] = []
    for await (const part of response) parts.push(part)
    t.equal(response.statusCode, 201)
    t.match(JSON.parse(Buffer.concat(parts).toString()), { objects: [{ objectName: 'a', size: mebibytes * 1024 ** 2 }, { objectName: 'b', size: mebibytes * 1024 ** 2 }] })
  })
  t.comment(`${Math.round(most)} MiB more at most`)
  t.ok(most < 50, `${Math.round(most)} MiB more at most`)
})

t.test('HCO-03: tens of thousands of children of an embedded store are listed with flat memory', { skip, timeout: 170_000 }, async t => {
  const children = 60_000 * scale
  const directory = join(t.testdir(), 'store')
  await fillStore(directory, '/', children)
  const { origin, growth } = await measuredServer(t, directory)
  for (const accept of ['text/html', 'application/json']) {
    const list = async (): Promise<string> => await (await fetch(`${origin}/`, { headers: { accept } })).text()
    t.equal((await list()).match(/[0-9A-F]{48}["<]/g)?.length, accept === 'text/html' ? 2 * children : children + 1)
    const most = await growth(async () => { await list() })
    t.comment(`${accept}: ${Math.round(most)} MiB more at most`)
    t.ok(most < 20, `${accept}: ${Math.round(most)} MiB more`)
  }
})
