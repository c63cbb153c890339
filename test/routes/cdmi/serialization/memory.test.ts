import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { request } from 'undici'
import { eventually } from '../../../helpers/eventually.js'
import { fillStore, measuredServer, scale, unmeasurable as skip } from '../../../helpers/measured-server.js'

/** Of the value: what was in memory whole would be more than `least` more, in any of its forms. */
const mebibytes = 64 * scale
const least = 50

async function send (method: 'PUT' | 'PATCH' | 'DELETE', url: string, body?: object | Readable, type = url.endsWith('/') ? 'application/cdmi-container' : 'application/cdmi-object'): Promise<void> {
  const { statusCode, body: answer } = await request(url, { method, headers: body === undefined ? {} : { 'content-type': type }, body: body === undefined || body instanceof Readable ? body ?? null : JSON.stringify(body), headersTimeout: 0, bodyTimeout: 0 })
  const text = await answer.text()
  if (statusCode >= 300) throw new Error(`${method} ${url}: ${statusCode} ${text}`)
  // What takes long on a busy machine is answered before it is done.
  if (statusCode === 202) await eventually(`${url} is complete`, async () => await completionStatus(url) === 'Complete', 400_000)
}

async function completionStatus (url: string): Promise<unknown> {
  const { statusCode, body } = await request(`${url}?completionStatus`, { headers: { accept: url.endsWith('/') ? 'application/cdmi-container' : 'application/cdmi-object' } })
  const { completionStatus: status } = await body.json() as { completionStatus?: unknown }
  if (statusCode !== 200 || status === 'Error') throw new Error(`${url}: ${statusCode} ${String(status)}`)
  return status
}

async function hashOf (url: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of (await request(url)).body) hash.update(chunk)
  return hash.digest('hex')
}

t.test(`SER-08 SER-13: a value of ${mebibytes} MiB is serialized and deserialized with flat memory`, { skip, timeout: 500_000 }, async t => {
  const { origin, growth } = await measuredServer(t)
  // Everything is loaded and has run once.
  await send('PUT', `${origin}/c/`, {})
  await send('PUT', `${origin}/c/small`, Readable.from([randomBytes(10_000_000)]), 'application/octet-stream')
  await send('PUT', `${origin}/first`, { serialize: '/c/' })
  await send('PATCH', `${origin}/c/`, { deserialize: '/first' })
  const chunk = randomBytes(1024 * 1024)
  function * value (): Generator<Buffer> { for (let n = 0; n < mebibytes; n++) yield chunk }
  await send('PUT', `${origin}/c/o`, Readable.from(value()), 'application/octet-stream')
  const before = await hashOf(`${origin}/c/o`)

  const written = await growth(async () => { await send('PUT', `${origin}/s`, { serialize: '/c/' }) })
  t.ok(written < least, `${Math.round(written)} MiB more at most to serialize`)
  await send('DELETE', `${origin}/c/`)
  const read = await growth(async () => { await send('PUT', `${origin}/d/`, { deserialize: '/s' }) })
  t.ok(read < least, `${Math.round(read)} MiB more at most to deserialize`)
  t.equal(await hashOf(`${origin}/d/o`), before)

  async function * inline (): AsyncGenerator<Buffer> {
    yield Buffer.from('{"deserializevalue":"')
    let rest = Buffer.alloc(0)
    for await (const piece of (await request(`${origin}/s`)).body) {
      const bytes = Buffer.concat([rest, piece as Buffer])
      const end = bytes.length - bytes.length % 3
      rest = bytes.subarray(end)
      yield Buffer.from(bytes.toString('base64', 0, end))
    }
    yield Buffer.from(`${rest.toString('base64')}"}`)
  }
  const sent = await growth(async () => { await send('PATCH', `${origin}/d/`, Readable.from(inline())) })
  t.ok(sent < least, `${Math.round(sent)} MiB more at most to deserialize what the request brings`)
  t.equal(await hashOf(`${origin}/d/o`), before)
  t.comment(`${Math.round(written)}, ${Math.round(read)}, ${Math.round(sent)} MiB`)
})

t.test('SER-02 SER-18: a container of thousands of objects is serialized, removed, made again and brought back', { skip, timeout: 500_000 }, async t => {
  const objects = 5000 * scale
  const directory = join(t.testdir(), 'store')
  await fillStore(directory, '/c/', objects)
  const { origin } = await measuredServer(t, directory)
  await send('PUT', `${origin}/s`, { serialize: '/c/' })
  await send('DELETE', `${origin}/c/`)
  for (const method of ['PUT', 'PATCH'] as const) await send(method, `${origin}/d/`, { deserialize: '/s' })
  const { body } = await request(`${origin}/d/?childrenrange`, { headers: { accept: 'application/cdmi-container' } })
  t.same(await body.json(), { childrenrange: `0-${objects - 1}` })
})
