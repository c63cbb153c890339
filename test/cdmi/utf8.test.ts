import t from 'tap'
import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { Utf8Check } from '../../cdmi/utf8.js'
import { anyText } from '../helpers/any-text.js'

function check (bytes: Uint8Array, cuts: readonly number[]): boolean {
  const utf8 = new Utf8Check()
  let from = 0
  for (const cut of [...cuts.map(cut => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    utf8.push(bytes.subarray(from, cut))
    from = cut
  }
  return utf8.end()
}

t.test('AMB-11: UTF-8 is recognised however the stream is cut', async () => {
  fc.assert(fc.property(anyText(), fc.array(fc.nat(200)), (text, cuts) => {
    return check(Buffer.from(text.toWellFormed()), cuts)
  }))
})

t.test('AMB-11: whatever is not UTF-8 is found, as the whole buffer would have it', async t => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), fc.array(fc.nat(40)), (bytes, cuts) => check(bytes, cuts) === isUtf8(bytes)), { numRuns: 2000 })
  t.equal(check(Buffer.from('é').subarray(0, 1), []), false, 'a character cut off at the end')
})
