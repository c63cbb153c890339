import fc from 'fast-check'
import t from 'tap'
import { maxPartHead, readMultipartMixed } from '../../../routes/cdmi/multipart-mixed.js'
import { multipartAnswer } from '../../../routes/http/multipart-answer.js'
import { chunkSizes, endless, gather, inChunks } from './streams.js'

interface Part {
  readonly headers: Record<string, string>
  readonly body: string
}

async function read (body: string | Uint8Array, sizes?: readonly number[], boundary = 'xyz'): Promise<Part[]> {
  const parts: Part[] = []
  for await (const { headers, body: source } of readMultipartMixed(inChunks(typeof body === 'string' ? Buffer.from(body, 'latin1') : body, sizes), `multipart/mixed; boundary=${boundary}`)) {
    parts.push({ headers: Object.fromEntries(headers), body: (await gather(source)).toString('latin1') })
  }
  return parts
}

// Values made of what delimiters are made of, and of lines that only begin like one.
const value = fc.array(fc.constantFrom('\r', '\n', '\r\n', '--', '-', 'x', 'xy', '\r\n--xy', '\r\n--xyzz', '\r\n--xyz \t.', '\r\n\r\n', '--xyz', 'a', ':'), { maxLength: 12 })
  .map(pieces => pieces.join('')).filter(text => !/\r\n--xyz(?:--|[\t ]*\r\n)/.test(`\r\n${text}\r\n`))

t.test('parts of any content are found, however the stream is cut', async () => {
  const parts = fc.array(fc.record({ headers: fc.constantFrom<Record<string, string>>({}, { 'Content-Type': 'text/plain' }, { 'content-range': 'bytes 0-1/2', 'X-Y': '' }), body: value }), { minLength: 1, maxLength: 5 })
  await fc.assert(fc.asyncProperty(parts, chunkSizes, fc.constantFrom('', 'preamble\r\n', '\r\n', '--xy\r\n'), fc.constantFrom('', '\r\n', '\r\nepilogue\r\n--xyz\r\n\r\nno part'), fc.constantFrom('', ' \t '), async (parts, sizes, preamble, epilogue, padding) => {
    const text = preamble + parts.map(({ headers, body }) => `--xyz${padding}\r\n${Object.entries(headers).map(([name, value]) => `${name}:${value}\r\n`).join('')}\r\n${body}\r\n`).join('') + '--xyz--' + epilogue
    const expected = parts.map(({ headers, body }) => ({ headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])), body }))
    return JSON.stringify(await read(text, sizes)) === JSON.stringify(expected)
  }), { numRuns: 500 })
})

t.test('what is sent in parts is read as them', async () => {
  const bytes = fc.uint8Array({ maxLength: 50 })
  await fc.assert(fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 4 }), chunkSizes, async (bodies, sizes) => {
    const { contentType, pieces, length } = multipartAnswer('mixed', bodies.map((body, n) => ({ headers: { 'Content-Type': `text/x-${n}`, 'Content-Transfer-Encoding': 'binary' }, body })))
    const answer = Buffer.concat(pieces.map(piece => piece instanceof Uint8Array ? piece : Buffer.alloc(0)))
    const parts: Buffer[] = []
    for await (const { headers, body } of readMultipartMixed(inChunks(answer, sizes), contentType)) {
      if (headers.get('content-type') !== `text/x-${parts.length}`) return false
      parts.push(await gather(body))
    }
    return answer.length === length && parts.length === bodies.length && parts.every((part, n) => part.equals(bodies[n] ?? Buffer.alloc(0)))
  }))
})

t.test('bodies may be empty, and heads, too', async t => {
  for (const sizes of [[Infinity], [1]]) {
    t.strictSame(await read('--xyz\r\nA: b\r\n\r\n--xyz\r\n\r\n--xyz\r\nA: c\r\n\r\n\r\n--xyz--', sizes), [{ headers: { a: 'b' }, body: '' }, { headers: {}, body: '' }, { headers: { a: 'c' }, body: '' }])
    t.strictSame(await read('--xyz--', sizes), [])
  }
})

t.test('heads are read with folded and repeated lines', async t => {
  t.strictSame(await read('--xyz\r\nContent-Type: text/plain;\r\n\tcharset=utf-8\r\nX:1\r\nx: 2 \r\n\r\n--xyz--'), [{ headers: { 'content-type': 'text/plain; charset=utf-8', x: '1, 2' }, body: '' }])
})

t.test('any boundary will do', async t => {
  for (const [parameter, boundary] of [['"a b?=:"', 'a b?=:'], ['----WebKitFormBoundary', '----WebKitFormBoundary'], ['"==\\"=="', '=="=='], ['x; charset=utf-8', 'x']] as const) {
    t.equal((await read(`--${boundary}\r\n\r\nvalue\r\n--${boundary}--`, [3], parameter))[0]?.body, 'value', parameter)
  }
  for (const type of ['multipart/mixed', 'multipart/mixed; boundary=', 'multipart/mixed; boundary=""', 'multipart/mixed; charset=x']) {
    await t.rejects(readMultipartMixed(inChunks(''), type).next(), { statusCode: 400, message: /boundary/ }, type)
  }
})

t.test('the transfer encoding of a part is taken off', async t => {
  const one = async (encoding: string, body: string): Promise<string | undefined> => (await read(`--xyz\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}\r\n--xyz--`, [5]))[0]?.body
  for (const encoding of ['binary', '8bit', '7bit', 'BINARY ']) t.equal(await one(encoding, 'a=3D\xe9'), 'a=3D\xe9', encoding)
  t.equal(await one('Base64', 'QUJD\r\nREVG\r\n'), 'ABCDEF')
  t.equal(await one('quoted-printable', 'a=3D=\r\nb\r\nc'), 'a=b\r\nc')
  await t.rejects(one('uuencode', 'x'), { statusCode: 400, message: /uuencode/ })
  await t.rejects(one('base64', 'QUJ'), { statusCode: 400, message: /Base64/ })
  await t.rejects(one('quoted-printable', '=x'), { statusCode: 400, message: /quoted-printable/ })
})

t.test('the Content-Length of a part is held against it', async t => {
  const one = async (length: string, body: string): Promise<string | undefined> => (await read(`--xyz\r\nContent-Length: ${length}\r\n\r\n${body}\r\n--xyz--`, [2]))[0]?.body
  t.equal(await one('5', 'value'), 'value')
  t.equal(await one('0', ''), '')
  for (const [length, body] of [['4', 'value'], ['6', 'value'], ['1', ''], ['0', 'v']] as const) await t.rejects(one(length, body), { statusCode: 400, code: 'CDMI_INCOMPLETE_BODY' }, `${length}: ${body}`)
  for (const length of ['', '-1', 'x', '5, 5', '1e3']) await t.rejects(one(length, 'value'), { statusCode: 400, code: 'CDMI_INVALID_REQUEST' }, length)
})

t.test('a body that was cut off is never taken for a whole one', async t => {
  const whole = '--xyz\r\nContent-Type: text/plain\r\n\r\nvalue\r\n--xyz \r\n\r\nother\r\n--xyz--'
  for (let length = 0; length < whole.length; length++) {
    for (const sizes of [[Infinity], [1]]) await t.rejects(read(whole.slice(0, length), sizes), { statusCode: 400, code: 'CDMI_INCOMPLETE_BODY' }, whole.slice(0, length))
  }
  await t.rejects(read(whole.replaceAll('\r\n', '\n')), { statusCode: 400, message: /CR LF/ })
})

t.test('broken and overlong heads are refused', async t => {
  for (const head of ['no colon', 'A: b\r\n--xyz', ': x', 'A b: c', ' folded: first']) {
    for (const sizes of [[Infinity], [1]]) await t.rejects(read(`--xyz\r\n${head}\r\n\r\nvalue\r\n--xyz--`, sizes), { statusCode: 400, message: /Name: value/ }, head)
  }
  for (const sizes of [[Infinity], [1000]]) {
    t.equal((await read(`--xyz\r\nA: ${'x'.repeat(maxPartHead - 5)}\r\n\r\nvalue\r\n--xyz--`, sizes)).length, 1)
    await t.rejects(read(`--xyz\r\nA: ${'x'.repeat(maxPartHead - 4)}\r\n\r\nvalue\r\n--xyz--`, sizes), { statusCode: 400, message: /longer than/ })
    await t.rejects(read(`--xyz\r\n${'x'.repeat(100_000)}`, sizes), { statusCode: 400, message: /longer than/ })
  }
})

t.test('a body that nobody reads is stepped over, and one that is late is empty', async t => {
  const source = inChunks('--xyz\r\n\r\nfirst value\r\n--xyz\r\n\r\nsecond\r\n--xyz--', [4])
  const parts = readMultipartMixed(source, 'multipart/mixed; boundary=xyz')
  const first = (await parts.next()).value
  for await (const chunk of first?.body ?? []) if (chunk.length > 0) break
  const second = (await parts.next()).value
  t.equal((await gather(first?.body ?? inChunks('missing'))).length, 0)
  t.equal((await gather(second?.body ?? inChunks(''))).toString(), 'second')
  t.equal((await parts.next()).done, true)
})

t.test('what cuts a body off is not forgotten when the reader of the part does', async t => {
  const parts = readMultipartMixed(inChunks('--xyz\r\n\r\nfirst'), 'multipart/mixed; boundary=xyz')
  const first = (await parts.next()).value
  await t.rejects(gather(first?.body ?? inChunks('')), { code: 'CDMI_INCOMPLETE_BODY', statusCode: 400 })
  await t.rejects(parts.next(), { code: 'CDMI_INCOMPLETE_BODY', statusCode: 400 })
})

t.test('whoever stops early lets go of the source', async t => {
  const { source, released } = endless('--xyz\r\n\r\nvalue\r\n')
  for await (const part of readMultipartMixed(source, 'multipart/mixed; boundary=xyz')) if (part.headers.size === 0) break
  t.equal(await released, undefined)
})

t.test('headers of parts that would break out of them are not sent', async t => {
  t.throws(() => multipartAnswer('mixed', [{ headers: { 'Content-Type': 'text/plain\r\nX: y' }, body: new Uint8Array(0) }]), TypeError)
})
