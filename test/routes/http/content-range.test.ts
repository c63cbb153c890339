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
