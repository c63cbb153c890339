import fc from 'fast-check'
import t from 'tap'
import { PartReader } from '../../../routes/http/part-reader.js'
import { maxHeadBytes } from '../../../routes/plain/form-parts.js'
import { boundaryOf, PartHead } from '../../../routes/plain/part-head.js'
import { filePart, formBody } from '../../helpers/forms.js'

async function * inPieces (body: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, n = 0; at < body.length; n++) {
    const size = sizes[n % sizes.length] ?? 1
    yield body.subarray(at, at + size)
    at += size
  }
}

/** Heads and bodies; with `skip`, bodies are left unread. */
async function read (body: Buffer, sizes: readonly number[], skip = false): Promise<[head: string, body: string][]> {
  const reader = new PartReader(inPieces(body, sizes), 'xyz', maxHeadBytes)
  const parts: [string, string][] = []
  for (let head = await reader.head(); head !== undefined; head = await reader.head()) {
    let value = ''
    if (!skip) for (let piece = await reader.piece(); piece !== undefined; piece = await reader.piece()) value += Buffer.from(piece).toString('latin1')
    parts.push([head, value])
  }
  return parts
}

t.test('HDO-04: heads and bodies of parts are found in any values, however the stream is cut', async () => {
  // Values made of what delimiters are made of.
  const value = fc.array(fc.constantFrom('\r', '\n', '\r\n', '--', '-', 'x', 'xy', '\r\n--xy', '\r\n\r\n', 'a'), { maxLength: 12 })
    .map(pieces => pieces.join('')).filter(text => !`\r\n${text}\r\n`.includes('\r\n--xyz'))
  await fc.assert(fc.asyncProperty(fc.array(value, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }), fc.boolean(), async (values, sizes, skip) => {
    const body = formBody(values.map((text, n) => filePart(`f${n}`, text, `text/x-${n}`)))
    const parts = await read(body, sizes, skip)
    return parts.length === values.length && parts.every(([head, body], n) => new PartHead(head).field('Content-Type') === `text/x-${n}` && body === (skip ? '' : values[n]))
  }), { numRuns: 1000 })
})

t.test('CLI-32: a head that never ends is none, and one beyond the limit is refused', async t => {
  for (const sizes of [[1000], [1_000_000]]) {
    const [[head = ''] = []] = await read(Buffer.from('--xyz\r\nno blank line\r\n--xyz\r\nA: b\r\n\r\nvalue\r\n--xyz--\r\n'), sizes)
    t.notOk(new PartHead(head).readable)
    for (const [length, fits] of [[maxHeadBytes - 20, true], [maxHeadBytes + 1, false]] as const) {
      const reading = read(Buffer.from(`--xyz\r\nA: ${'x'.repeat(length)}\r\n\r\nvalue\r\n--xyz--\r\n`), sizes)
      await (fits ? reading : t.rejects(reading, /head is longer than/))
    }
  }
})

t.test('CLI-30: fields of a head', async t => {
  const [[text = ''] = []] = await read(Buffer.from('--xyz\r\ncontent-disposition: form-data;\r\n\tname="f\\"\xc3\xa9";\r\n filename*=utf-8\'\'%c3%a9\r\nCONTENT-TYPE:Text/Plain;charset="utf-8"\r\n\r\n\r\n--xyz--', 'latin1'), [3])
  const head = new PartHead(text)
  t.ok(head.readable)
  t.equal(head.field('Content-Type'), 'Text/Plain;charset="utf-8"')
  t.equal(head.type, 'text/plain')
  t.equal(head.charset, 'utf-8')
  t.equal(head.name, 'f"é')
  t.equal(head.fileName, 'é')
  for (const broken of ["filename*=utf-8''%FF", "filename*=utf-16''a", 'filename*=plain', 'filename=a']) {
    t.equal(new PartHead(`Content-Disposition: form-data; ${broken}`).extendedFileName, undefined, broken)
    t.type(new PartHead(`Content-Disposition: form-data; ${broken}`).fileName, 'string', 'it is a file all the same')
  }
  t.equal(new PartHead("Content-Disposition: form-data; filename=b; filename*=utf-8''%FF").fileName, 'b')
  t.equal(new PartHead('Content-Disposition: form-data; name="a; filename=b"').fileName, undefined)
  for (const unreadable of ['', 'Content-Type: text/plain', 'Content-Disposition: attachment; filename=a', 'Content-Disposition: form-data; name=a\r\nno colon', 'Content-Disposition: form-data; name="a\nb"', 'Content-Disposition: form-datax']) {
    t.notOk(new PartHead(unreadable).readable, JSON.stringify(unreadable))
  }
})

t.test('HCO-14: boundaries, quoted and not', async t => {
  t.equal(boundaryOf('multipart/form-data; boundary=abc'), 'abc')
  t.equal(boundaryOf('multipart/form-data; charset=utf-8; BOUNDARY="a b\\"c" ; x=y'), 'a b"c')
  t.equal(boundaryOf('multipart/form-data; boundary='), undefined)
  t.equal(boundaryOf('multipart/form-data'), undefined)
})
