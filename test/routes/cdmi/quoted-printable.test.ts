import fc from 'fast-check'
import t from 'tap'
import { decodeQuotedPrintable } from '../../../routes/cdmi/quoted-printable.js'
import { chunkSizes, gather, inChunks } from './streams.js'

async function decode (text: string, sizes?: readonly number[]): Promise<string> {
  return (await gather(decodeQuotedPrintable(inChunks(Buffer.from(text, 'latin1'), sizes)))).toString('latin1')
}

t.test('any bytes come through quoted-printable, however the stream is cut', async () => {
  const bytes = fc.array(fc.oneof(fc.constantFrom(...'= \t\r\nab'.split('').map(text => text.charCodeAt(0))), fc.nat(255)), { maxLength: 60 }).map(list => Buffer.from(list))
  await fc.assert(fc.asyncProperty(bytes, chunkSizes, fc.integer({ min: 1, max: 20 }), fc.constantFrom('\r\n', ' \t\r\n', '\n'), async (bytes, sizes, width, end) => {
    const escaped = [...bytes].map(byte => byte > 0x20 && byte < 0x7f && byte !== 0x3d ? String.fromCharCode(byte) : `=${byte.toString(16).padStart(2, '0')}`)
    const lines: string[] = []
    for (let at = 0; at < escaped.length; at += width) lines.push(escaped.slice(at, at + width).join(''))
    return await decode(lines.join(`=${end}`), sizes) === bytes.toString('latin1')
  }), { numRuns: 1000 })
})

t.test('line breaks stay, blanks at the end of lines go', async t => {
  for (const sizes of [[Infinity], [1], [2, 3]]) {
    t.equal(await decode('a b \t\r\n  c=20\r\nd\n=3D=\r\ne =', sizes), 'a b\r\n  c \r\nd\n=e ')
    t.equal(await decode('', sizes), '')
  }
})

t.test('what is not quoted-printable is refused', async t => {
  for (const text of ['=4', '=zz', '==', 'a=b', 'caf\xe9', 'a\x00', 'a\rb', `${'x'.repeat(70_000)}`]) {
    for (const sizes of [[Infinity], [1]]) await t.rejects(decode(text + '.', sizes), { statusCode: 400, message: /quoted-printable/ }, JSON.stringify(text.slice(0, 10)))
  }
})

t.test('no text takes long to read', async () => {
  await decode(`${' '.repeat(60_000)}x`, [Infinity])
})
