import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import t from 'tap'
import { measuredServer, unmeasurable } from '../../helpers/measured-server.js'

/** `CDMI_LARGE_MIB=1024` is the whole proof. */
const mebibytes = Number(process.env['CDMI_LARGE_MIB'] ?? 128)
const allowed = 100

async function send (url: string, headers: Record<string, string>, body: Iterable<Buffer>): Promise<number | undefined> {
  const request = httpRequest(url, { method: 'PUT', headers })
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  await pipeline(Readable.from(body), request)
  const [response] = await answered
  response.resume()
  await once(response, 'end')
  return response.statusCode
}

async function digestOf (url: string, accept: string): Promise<{ length: number, digest: string }> {
  const request = httpRequest(url, { headers: { accept } }).end()
  const [response] = await once(request, 'response') as [IncomingMessage]
  const hash = createHash('sha256')
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    hash.update(chunk)
    length += chunk.length
  }
  return { length, digest: hash.digest('hex') }
}

const mebibyte = 1024 ** 2
/** Three bytes are four characters: whole groups in each piece. */
const piece = Buffer.alloc(3 * mebibyte, 'CDMI values stream ')
const pieces = Math.floor(mebibytes / 3)
/** With something to escape. */
const textPiece = Buffer.from('Grüße, "CDMI"\n'.repeat(50_000))
const textEscaped = Buffer.from(JSON.stringify(textPiece.toString()).slice(1, -1))
const textPieces = Math.floor(mebibytes * mebibyte / textPiece.length)

t.test(`DOC-29, DOC-50: values of ${mebibytes} MiB are made from CDMI JSON and read as such with flat memory`, { skip: unmeasurable, timeout: 600_000 }, async t => {
  const { origin, resident } = await measuredServer(t)
  const type = { 'content-type': 'application/cdmi-object' }
  // Everything is loaded and has run once.
  t.equal(await send(`${origin}/first`, type, [Buffer.from(`{"valuetransferencoding":"base64","value":"${piece.toString('base64')}"}`)]), 201)
  await digestOf(`${origin}/first`, 'application/cdmi-object')
  const before = resident()
  let most = 0
  const timer = setInterval(() => { most = Math.max(most, resident() - before) }, 20)
  t.teardown(() => { clearInterval(timer) })

  const whole = createHash('sha256')
  for (let n = 0; n < pieces; n++) whole.update(piece)
  const expected = { length: pieces * piece.length, digest: whole.digest('hex') }
  const encoded = Buffer.from(piece.toString('base64'))
  function * base64 (head: string, tail: string): Generator<Buffer> {
    yield Buffer.from(head)
    for (let n = 0; n < pieces; n++) yield encoded
    yield Buffer.from(tail)
  }
  t.equal(await send(`${origin}/told-first`, type, base64('{"valuetransferencoding":"base64","value":"', '"}')), 201)
  t.same(await digestOf(`${origin}/told-first`, '*/*'), expected)
  t.equal(await send(`${origin}/told-last`, type, base64('{"value":"', '","valuetransferencoding":"base64"}')), 201, 'the encoding is said behind the value')
  t.same(await digestOf(`${origin}/told-last`, '*/*'), expected)

  function * text (): Generator<Buffer> {
    yield Buffer.from('{"value":"')
    for (let n = 0; n < textPieces; n++) yield textEscaped
    yield Buffer.from('","metadata":{"a":"b"}}')
  }
  const wholeText = createHash('sha256')
  for (let n = 0; n < textPieces; n++) wholeText.update(textPiece)
  t.equal(await send(`${origin}/text`, type, text()), 201)
  t.same(await digestOf(`${origin}/text`, '*/*'), { length: textPieces * textPiece.length, digest: wholeText.digest('hex') })

  const shown = createHash('sha256')
  for (let n = 0; n < pieces; n++) shown.update(encoded)
  for (const [path, units] of [['told-last', pieces * encoded.length], ['text', textPieces * textEscaped.length]] as const) {
    const { length } = await digestOf(`${origin}/${path}`, 'application/cdmi-object')
    t.ok(length > units && length < units + 2000, `${path}: ${length} bytes of JSON`)
  }
  const { length } = await digestOf(`${origin}/told-first`, 'multipart/mixed')
  t.ok(length > expected.length && length < expected.length + 2000, 'in parts')
  clearInterval(timer)
  t.comment(`${Math.round(most)} MiB more at most`)
  t.ok(most < allowed, `${Math.round(most)} MiB more at most`)
})
