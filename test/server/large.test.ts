import t from 'tap'
import { once } from 'node:events'
import http from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type ServerProcess, startServer } from '../helpers/server-process.js'

/** An eighth of a GiB in the ordinary run; `LARGE_SIZE=10737418240 npm test -- build/test/server/large.test.js` is the whole proof. */
const size = Number(process.env['LARGE_SIZE'] ?? 128 * 1024 ** 2)
const allowedGrowth = 100 * 1024 ** 2
const chunkSize = 256 * 1024

const pattern = Buffer.alloc(chunkSize, 'fastify-cdmi streams; ')

/** Chunk number n of the value: no two alike, made without memory. */
function chunk (n: number): Buffer {
  const bytes = Buffer.from(pattern)
  bytes.writeDoubleBE(n, 0)
  return bytes.subarray(0, Math.min(chunkSize, size - n * chunkSize))
}

function * value (): Generator<Buffer> {
  for (let n = 0; n * chunkSize < size; n++) yield chunk(n)
}

function * form (): Generator<Buffer> {
  yield Buffer.from('--large\r\nContent-Disposition: form-data; name="file"; filename="form.bin"\r\nContent-Type: application/octet-stream\r\n\r\n')
  yield * value()
  yield Buffer.from('\r\n--large--\r\n')
}

async function upload (server: ServerProcess, method: string, path: string, headers: Record<string, string | number>, body: Iterable<Buffer>): Promise<number | undefined> {
  const request = http.request(server.origin + path, { method, headers: { authorization: server.authorization, ...headers } })
  const answered = once(request, 'response') as Promise<[http.IncomingMessage]>
  await pipeline(Readable.from(body, { objectMode: false, highWaterMark: chunkSize }), request)
  const [response] = await answered
  response.resume()
  await once(response, 'end')
  return response.statusCode
}

/** Downloads and compares on the fly; answers how many bytes were right before the first wrong one. */
async function download (server: ServerProcess, path: string): Promise<number> {
  const request = http.get(server.origin + path, { headers: { authorization: server.authorization } })
  const [response] = await once(request, 'response') as [http.IncomingMessage]
  let at = 0
  let expected = chunk(0)
  for await (const part of response as AsyncIterable<Buffer>) {
    for (let from = 0; from < part.length;) {
      const within = at % chunkSize
      if (within === 0) expected = chunk(at / chunkSize)
      const length = Math.min(part.length - from, expected.length - within)
      if (length === 0 || part.compare(expected, within, within + length, from, from + length) !== 0) return at
      at += length
      from += length
    }
  }
  return at
}

t.test(`an upload and download of ${size} bytes by PUT, chunked PUT and form costs less than 100 MiB of memory`, { timeout: 3_600_000 }, async t => {
  const server = await startServer(t, join(t.testdir(), 'store'), ['--log-level', 'error'])
  await upload(server, 'PUT', '/cdmi/2.0.0/c/', {}, [])
  await upload(server, 'PUT', '/cdmi/2.0.0/c/warm-up', {}, [Buffer.alloc(20_000_000)])
  const before = server.residentMemory()
  let peak = before
  const watch = setInterval(() => { peak = Math.max(peak, server.residentMemory()) }, 50)
  t.teardown(() => { clearInterval(watch) })

  t.equal(await upload(server, 'PUT', '/cdmi/2.0.0/c/length', { 'content-length': size }, value()), 201)
  t.equal(await download(server, '/cdmi/2.0.0/c/length'), size, 'with Content-Length')
  t.equal(await upload(server, 'PUT', '/cdmi/2.0.0/c/chunked', { 'transfer-encoding': 'chunked' }, value()), 201)
  t.equal(await download(server, '/cdmi/2.0.0/c/chunked'), size, 'chunked')
  t.equal(await upload(server, 'POST', '/cdmi/2.0.0/c/', { 'content-type': 'multipart/form-data; boundary=large', accept: 'application/json' }, form()), 201)
  t.equal(await download(server, '/cdmi/2.0.0/c/form.bin'), size, 'form')

  clearInterval(watch)
  t.ok(peak - before < allowedGrowth, `grew by ${Math.round((peak - before) / 1024 ** 2)} MiB`)
  t.equal(await server.stop(), 0)
})
