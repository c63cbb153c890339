import fc from 'fast-check'
import t from 'tap'
import { endOfRun } from '../../../cdmi/codecs/json-syntax.js'
import { pastPlain } from '../../../cdmi/codecs/plain-run.js'

t.test('the end of a run is found wherever it is, whatever stands around it', async () => {
  const text = fc.integer({ min: 0, max: 9000 }).map(length => Buffer.alloc(length, 'plain \u007f\u0080\u00a2\u00dc漢🎉'))
  fc.assert(fc.property(text, fc.nat(), fc.nat(), fc.option(fc.constantFrom(0x22, 0x5c, 0, 0x0a, 0x1f)), fc.nat(15), (bytes, place, start, ending, shift) => {
    // At any place in its memory, with what would end it before.
    const all = Buffer.concat([Buffer.alloc(shift, '"'), bytes])
    const text = all.subarray(shift)
    const end = ending === null || text.length === 0 ? text.length : place % text.length
    if (ending !== null && text.length > 0) text[end] = ending
    const from = start % (end + 1)
    const past = pastPlain(text, from)
    return endOfRun(text, from) === end && past >= from && past <= end && end - past <= 16
  }), { numRuns: 1000 })
})
