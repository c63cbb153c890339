import fc from 'fast-check'
import t from 'tap'
import { parseRange, selectRanges } from '../../../routes/http/range.js'

const overhead = 150

t.test('GEN-14: first-last, first- and -count; the last byte is clipped to the size', async t => {
  const one = (header: string, size = 37) => selectRanges(header, size, overhead)
  t.same(one('bytes=0-9'), [{ offset: 0, length: 10 }])
  t.same(one('bytes=30-'), [{ offset: 30, length: 7 }])
  t.same(one('bytes=-5'), [{ offset: 32, length: 5 }])
  t.same(one('bytes=-500'), [{ offset: 0, length: 37 }])
  t.same(one('bytes=30-500'), [{ offset: 30, length: 7 }])
  t.same(one('BYTES = 1-2 , '), [{ offset: 1, length: 2 }])
  t.same(one(`bytes=0-${'9'.repeat(400)}`), [{ offset: 0, length: 37 }])
})

t.test('GEN-14: a range outside of the value, of no bytes, or of an empty value cannot be satisfied', async t => {
  for (const header of ['bytes=37-', 'bytes=37-40', 'bytes=-0', `bytes=${'9'.repeat(400)}-`]) t.same(selectRanges(header, 37, overhead), [], header)
  for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) t.same(selectRanges(header, 0, overhead), [], header)
  t.same(selectRanges('bytes=40-50,1-2', 37, overhead), [{ offset: 1, length: 2 }], 'what can be satisfied is')
})

t.test('CLI-22: an invalid Range is ignored', async t => {
  for (const header of ['', 'bytes', 'bytes=', 'bytes=,', 'bytes=5-4', 'bytes=a-b', 'bytes=1-2,x', 'bytes=--1', 'bytes=1', 'lines=1-2', '1-2', 'bytes=-', 'bytes=0x1-2', 'bytes=1-2;3-4', 'bytes=1.0-2', 'bytes=٣-٤']) {
    t.equal(selectRanges(header, 37, overhead), undefined, header)
  }
})

t.test('CLI-22: ranges that overlap are joined, others keep their order', async t => {
  t.same(selectRanges('bytes=10-20,0-3', 100, overhead), [{ offset: 10, length: 11 }, { offset: 0, length: 4 }])
  t.same(selectRanges('bytes=10-20,0-3,15-30', 100, overhead), [{ offset: 0, length: 4 }, { offset: 10, length: 21 }])
  t.same(selectRanges('bytes=0-3,4-7', 100, overhead), [{ offset: 0, length: 4 }, { offset: 4, length: 4 }], 'neighbours stay apart')
  t.same(selectRanges('bytes=' + '0-,'.repeat(10_000), 100, overhead), [{ offset: 0, length: 100 }])
  t.equal(selectRanges('bytes=' + Array.from({ length: 50 }, (_, n) => `${n * 2}-${n * 2}`).join(), 100, overhead), undefined, 'all of it is cheaper')
})

t.test('CLI-22: any set of ranges sends the bytes asked for, none twice, and at most twice the value', async () => {
  const specs = fc.array(fc.oneof(
    fc.tuple(fc.nat(3000), fc.nat(3000)).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    fc.nat(3000).map(a => `${a}-`),
    fc.nat(3000).map(n => `-${n}`)
  ), { minLength: 1, maxLength: 40 })
  fc.assert(fc.property(specs, fc.integer({ min: 0, max: 2500 }), (list, size) => {
    const header = 'bytes=' + list.join(', ')
    const asked = new Set<number>()
    for (const { first, last } of parseRange(header) ?? []) {
      const from = first ?? Math.max(0, size - (last ?? 0))
      const to = first === undefined ? size - 1 : Math.min(size - 1, last ?? Infinity)
      for (let byte = from; byte <= to; byte++) asked.add(byte)
    }
    const ranges = selectRanges(header, size, overhead)
    if (ranges === undefined) return list.length > 4
    const sent: number[] = []
    for (const { offset, length } of ranges) {
      if (length < 1 || offset < 0 || offset + length > size) return false
      for (let byte = offset; byte < offset + length; byte++) sent.push(byte)
    }
    const cost = sent.length + (ranges.length > 4 ? ranges.length * overhead : 0)
    return sent.length === asked.size && sent.every(byte => asked.has(byte)) && new Set(sent).size === sent.length && cost <= 2 * size
  }))
})
