import { fork } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { filePart, formBody, postForm } from '../../../helpers/forms.js'

const skip = process.platform === 'linux' ? false : 'resident memory is read from /proc'

interface Server {
  readonly origin: string
  /** MiB that the work needs, at most, more than before. */
  growth (work: () => Promise<void>): Promise<number>
}

async function startServer (t: Test): Promise<Server> {
  const child = fork(fileURLToPath(new URL('../../../helpers/embedded-server.js', import.meta.url)), [t.testdir()])
  t.teardown(async () => {
    const exited = once(child, 'exit')
    child.disconnect()
    await exited
  })
  const [origin] = await once(child, 'message') as [string]
  const resident = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024
  return {
    origin,
    async growth (work) {
      const before = resident()
      let most = 0
      const timer = setInterval(() => { most = Math.max(most, resident() - before) }, 20)
      try {
        await work()
      } finally {
        clearInterval(timer)
      }
      return Math.max(most, resident() - before)
    }
  }
}

async function send (method: 'PUT' | 'PATCH' | 'DELETE', url: string, body?: object | Readable, type = url.endsWith('/') ? 'application/cdmi-container' : 'application/cdmi-object'): Promise<void> {
  const { statusCode, body: answer } = await request(url, { method, headers: body === undefined ? {} : { 'content-type': type }, body: body === undefined || body instanceof Readable ? body ?? null : JSON.stringify(body), headersTimeout: 0, bodyTimeout: 0 })
  const text = await answer.text()
  if (statusCode >= 300) throw new Error(`${method} ${url}: ${statusCode} ${text}`)
}

async function hashOf (url: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of (await request(url)).body) hash.update(chunk)
  return hash.digest('hex')
}

t.test('SER-08 SER-13: a value of 200 MiB is serialized and deserialized with flat memory', { skip, timeout: 500_000 }, async t => {
  const { origin, growth } = await startServer(t)
  // Everything is loaded and has run once.
  await send('PUT', `${origin}/c/`, {})
  await send('PUT', `${origin}/c/small`, Readable.from([randomBytes(20_000_000)]), 'application/octet-stream')
  await send('PUT', `${origin}/first`, { serialize: '/c/' })
  await send('PATCH', `${origin}/c/`, { deserialize: '/first' })
  const chunk = randomBytes(1024 * 1024)
  function * value (): Generator<Buffer> { for (let n = 0; n < 200; n++) yield chunk }
  await send('PUT', `${origin}/c/o`, Readable.from(value()), 'application/octet-stream')
  const before = await hashOf(`${origin}/c/o`)

  const written = await growth(async () => { await send('PUT', `${origin}/s`, { serialize: '/c/' }) })
  t.ok(written < 150, `${Math.round(written)} MiB more at most to serialize`)
  await send('DELETE', `${origin}/c/`)
  const read = await growth(async () => { await send('PUT', `${origin}/d/`, { deserialize: '/s' }) })
  t.ok(read < 150, `${Math.round(read)} MiB more at most to deserialize`)
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
  t.ok(sent < 150, `${Math.round(sent)} MiB more at most to deserialize what the request brings`)
  t.equal(await hashOf(`${origin}/d/o`), before)
  t.comment(`${Math.round(written)}, ${Math.round(read)}, ${Math.round(sent)} MiB`)
})

t.test('SER-02 SER-18: a container of 20,000 objects is serialized, removed, made again and brought back', { skip, timeout: 500_000 }, async t => {
  const { origin, growth } = await startServer(t)
  await send('PUT', `${origin}/c/`, {})
  const form = formBody(Array.from({ length: 1000 }, () => filePart('', 'x')))
  for (let n = 0; n < 20; n++) t.equal((await postForm(`${origin}/c/`, form)).status, 201)
  const written = await growth(async () => { await send('PUT', `${origin}/s`, { serialize: '/c/' }) })
  t.ok(written < 150, `${Math.round(written)} MiB more at most to serialize`)
  await send('DELETE', `${origin}/c/`)
  for (const method of ['PUT', 'PATCH'] as const) await send(method, `${origin}/d/`, { deserialize: '/s' })
  const { body } = await request(`${origin}/d/?childrenrange`, { headers: { accept: 'application/cdmi-container' } })
  t.same(await body.json(), { childrenrange: '0-19999' })
})
