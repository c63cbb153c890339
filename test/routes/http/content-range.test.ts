import fc from 'fast-check'
import t from 'tap'
import { formatContentRange, parseContentRange } from '../../../routes/http/content-range.js'

t.test('AMB-23: the forms of Content-Range that are taken', async t => {
  for (const header of ['bytes 21-24/37', 'bytes 21-24/*', 'bytes=21-24', '21-24', 'Bytes  21-24/37', ' bytes 21-24/37 ', 'bytes=21-24/37']) {
    t.same(parseContentRange(header), { offset: 21, length: 4 }, header)
  }
  t.equal(parseContentRange(undefined), undefined)
  t.equal(formatContentRange({ offset: 21, length: 4 }, 37), 'bytes 21-24/37')
})

t.test('CLI-23: a malformed Content-Range is refused', async t => {
  for (const header of ['', 'bytes', 'bytes */37', 'bytes 24-21/37', 'bytes 21-37/37', 'bytes 21-/37', 'bytes -5/37', 'bytes a-b/37', 'bytes 1-2,4-5/37', 'lines 1-2/3', 'bytes 0-1/1', '0x1-2', `bytes 0-${'9'.repeat(30)}/*`, `bytes ${'9'.repeat(400)}-${'9'.repeat(400)}/*`, 'bytes21-24']) {
    t.throws(() => parseContentRange(header), { code: 'CDMI_INVALID_RANGE', statusCode: 400 }, header)
  }
})

t.test('CLI-23: any range is read as it was written; any text is a range that lies in what can be counted, or refused with 400', async () => {
  const offset = fc.integer({ min: 0, max: 2 ** 52 })
  fc.assert(fc.property(offset, fc.integer({ min: 1, max: 2 ** 40 }), fc.nat(), (offset, length, more) =>
    JSON.stringify(parseContentRange(formatContentRange({ offset, length }, offset + length + more))) === JSON.stringify({ offset, length })))
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('bytes', ' ', '=', '-', '/', '*', '0', '7', '12', '9007199254740991', '99999999999999999999', ',', 'x') }), text => {
    try {
      const range = parseContentRange(text)
      return range !== undefined && range.offset >= 0 && range.length > 0 && Number.isSafeInteger(range.offset + range.length - 1)
    } catch (error) {
      return error instanceof Error && 'statusCode' in error && error.statusCode === 400
    }
  }), { numRuns: 400 })
})
