import fc from 'fast-check'
import t from 'tap'
import { boundaryOf, FormHeads, maxHeadBytes, PartHead } from '../../../routes/plain/form-heads.js'
import { filePart, formBody } from '../../helpers/forms.js'

function readInPieces (body: Buffer, sizes: readonly number[], boundary = 'xyz'): FormHeads {
  const heads = new FormHeads(boundary)
  for (let at = 0, n = 0; at < body.length; n++) {
    const size = sizes[n % sizes.length] ?? 1
    heads.push(body.subarray(at, at + size))
    at += size
  }
  return heads
}

t.test('HDO-04: the heads of parts are found in any values, however the stream is cut', async () => {
  // Values made of what delimiters are made of.
  const value = fc.array(fc.constantFrom('\r', '\n', '\r\n', '--', '-', 'x', 'xy', '\r\n--xy', '\r\n\r\n', 'a'), { maxLength: 12 })
    .map(pieces => pieces.join('')).filter(text => !`\r\n${text}\r\n`.includes('\r\n--xyz'))
  fc.assert(fc.property(fc.array(value, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }), (values, sizes) => {
    const body = formBody(values.map((text, n) => filePart(`f${n}`, text, `text/x-${n}`)))
    const heads = readInPieces(body, sizes)
    const types = values.map(() => heads.next()?.field('Content-Type'))
    return heads.begun === values.length && heads.next() === undefined && types.every((type, n) => type === `text/x-${n}`)
  }), { numRuns: 2000 })
})

t.test('CLI-32: parts whose head never ends are counted all the same, and heads beyond the limit are noticed', async t => {
  for (const sizes of [[1], [7], [100_000]]) {
    const headless = readInPieces(Buffer.from('--xyz\r\nno blank line\r\n--xyz\r\nA: b\r\n\r\nvalue\r\n--xyz\r\n--xyz--\r\nafter\r\n--xyz\r\n'), sizes)
    t.equal(headless.begun, 3)
    t.equal(headless.next()?.field('a'), 'b')
    t.equal(headless.next(), undefined)
    t.notOk(headless.overlong)
  }
  for (const [length, overlong] of [[maxHeadBytes - 20, false], [maxHeadBytes + 1, true]] as const) {
    const body = Buffer.from(`--xyz\r\nA: ${'x'.repeat(length)}\r\n\r\nvalue\r\n--xyz--\r\n`)
    for (const sizes of [[1000], [1_000_000]]) t.equal(readInPieces(body, sizes).overlong, overlong)
  }
})

t.test('CLI-30: fields of a head', async t => {
  const head = new PartHead('\r\ncontent-disposition: form-data;\r\n\tname="f";\r\n filename*=utf-8\'\'%c3%a9\r\nCONTENT-TYPE:text/plain')
  t.equal(head.field('Content-Type'), 'text/plain')
  t.equal(head.extendedFileName, 'é')
  for (const broken of ["filename*=utf-8''%FF", "filename*=utf-16''a", 'filename*=plain', 'filename=a']) {
    t.equal(new PartHead(`Content-Disposition: form-data; ${broken}`).extendedFileName, undefined, broken)
  }
  t.equal(new PartHead('').extendedFileName, undefined)
})

t.test('HCO-14: boundaries, quoted and not', async t => {
  t.equal(boundaryOf('multipart/form-data; boundary=abc'), 'abc')
  t.equal(boundaryOf('multipart/form-data; charset=utf-8; BOUNDARY="a b\\"c" ; x=y'), 'a b"c')
  t.equal(boundaryOf('multipart/form-data; boundary='), undefined)
  t.equal(boundaryOf('multipart/form-data'), undefined)
})
