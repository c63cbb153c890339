import fc from 'fast-check'
import t from 'tap'
import { base64Length, decodeBase64, encodeBase64 } from '../../../cdmi/codecs/base64.js'
import { chunkSizes, gather, inChunks } from '../../routes/cdmi/streams.js'

async function decode (text: string | Uint8Array, sizes?: readonly number[], lines = false): Promise<Buffer> {
  return await gather(decodeBase64(inChunks(text, sizes), { lines }))
}

t.test('any bytes survive the way through Base64, however the streams are cut', async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), chunkSizes, async (bytes, sizes) => {
    const text = Buffer.from(bytes).toString('base64')
    const encoded = await gather(encodeBase64(inChunks(bytes, sizes)))
    return encoded.toString() === text && base64Length(bytes.length) === text.length && (await decode(text, sizes)).equals(bytes)
  }), { numRuns: 1000 })
})

t.test('blocks of any size are coded', async t => {
  const bytes = Buffer.alloc(1_000_001, Buffer.from(Array.from({ length: 251 }, (_, n) => n)))
  const text = bytes.toString('base64')
  for (const sizes of [[Infinity], [65_537], [3, 500_000]]) {
    t.ok((await decode(text, sizes)).equals(bytes))
    t.equal((await gather(encodeBase64(inChunks(bytes, sizes)))).toString(), text)
    for (const size of [4, 100, 100_001, 2_000_000]) if (size > 1000 || sizes.length > 1) t.ok((await gather(encodeBase64(inChunks(bytes.subarray(0, size * 1000), sizes), Buffer.alloc(size)))).toString() === bytes.subarray(0, size * 1000).toString('base64'))
  }
})

t.test('whatever is not the Base64 of something is refused', async () => {
  const texts = fc.string({ maxLength: 12, unit: fc.constantFrom('A', 'Q', 'z', '9', '+', '/', '=', '-', '_', ' ', '\n', 'é') })
  await fc.assert(fc.asyncProperty(texts, chunkSizes, async (text, sizes) => {
    const valid = Buffer.from(text, 'base64').toString('base64') === text
    const decoded = await decode(text, sizes).catch((error: { statusCode?: number }) => error.statusCode)
    return valid ? Buffer.isBuffer(decoded) : decoded === 400
  }), { numRuns: 3000 })
})

t.test('a refusal says what is wrong', async t => {
  const cases: [text: string, message: RegExp][] = [
    ['QUJD QUJD', /At character 4 .* byte 0x20/],
    ['QUJDQUJD\n', /At character 8 .* byte 0x0a.*without line breaks/],
    ['QUJDQU-D', /At character 6 .* "-"/],
    ['QUJDQU_D', /At character 6 .* "_"/],
    ['QQ==QQ==', /At character 2 .* "=".*only at the end/],
    ['QQ=Q', /At character 2 .* "="/],
    ['QUJDQ', /middle of a group/],
    ['QUJDQU', /middle of a group/],
    ['QUJDQQ=', /middle of a group/],
    ['QUJDQQQ', /middle of a group/],
    ['QUJDQ===', /too much padding/],
    ['QUJDQQ==\u00e9', /At character 6/],
    ['====', /too much padding/],
    ['QR==', /bits that belong to no byte/]
  ]
  for (const [text, message] of cases) for (const sizes of [[Infinity], [1]]) await t.rejects(decode(text, sizes), { statusCode: 400, message }, text)
})

t.test('in MIME the lines of Base64 may be broken', async t => {
  t.equal((await decode('QUJD\r\nQUJD\r\nQQ==\r\n', [3], true)).toString(), 'ABCABCA')
  t.equal((await decode('\r\n', [1], true)).length, 0)
  await t.rejects(decode('QU*D', [3], true), { message: /"\*"/ })
})
