import fc from 'fast-check'
import t from 'tap'
import { checkPreconditions, type Preconditions } from '../../../cdmi/preconditions.js'
import { ifRangeHolds, parseEntityTags, preconditionsOf } from '../../../routes/http/conditional.js'
import { formatHttpDate, parseHttpDate } from '../../../routes/http/http-date.js'
import type { StoredRecord } from '../../../storage/contract.js'

t.test('CLI-22: lists of entity tags', async t => {
  t.equal(parseEntityTags('If-Match', ' * '), '*')
  t.same(parseEntityTags('If-Match', '"a", W/"b" ,,"c,d"'), ['"a"', 'W/"b"', '"c,d"'])
  for (const text of ['', ' ', ',', 'a', '"a', '"a" "b"', '*, "a"', 'w/"a"', '"a b"']) t.throws(() => parseEntityTags('If-Match', text), { code: 'CDMI_INVALID_REQUEST' }, text)
})

t.test('CLI-22: the headers of conditions', async t => {
  t.equal(preconditionsOf({ accept: '*/*' }), undefined)
  t.same(preconditionsOf({ 'if-none-match': '*', 'if-modified-since': 'Sun, 06 Nov 1994 08:49:37 GMT', 'if-unmodified-since': 'yesterday' }),
    { ifMatch: undefined, ifNoneMatch: '*', ifModifiedSince: 784111777, ifUnmodifiedSince: undefined })
})

t.test('CLI-22: HTTP dates in all three forms', async t => {
  const now = Date.UTC(2026, 0, 1)
  for (const text of ['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994']) t.equal(parseHttpDate(text, now), 784111777, text)
  t.equal(parseHttpDate('Wednesday, 01-Jan-76 00:00:00 GMT', now), Date.UTC(2076, 0, 1) / 1000, '50 years ahead is the future')
  t.equal(parseHttpDate('Friday, 01-Jan-77 00:00:00 GMT', now), Date.UTC(1977, 0, 1) / 1000, '51 years ahead is the past')
  for (const text of ['', 'Sun, 06 Nov 1994 08:49:37', 'Sun, 06 Nov 1994 08:49:37 +0000', 'Sun, 31 Feb 1994 08:49:37 GMT', 'Sun, 06 Foo 1994 08:49:37 GMT', 'Sun, 06 Nov 1994 24:49:37 GMT', '1994-11-06T08:49:37Z', '784111777']) {
    t.equal(parseHttpDate(text, now), undefined, text)
  }
  t.equal(formatHttpDate(784111777), 'Sun, 06 Nov 1994 08:49:37 GMT')
  t.equal(formatHttpDate(0), 'Thu, 01 Jan 1970 00:00:00 GMT')
})

t.test('CLI-22: If-Range takes strong validators only', async t => {
  const record = (version: number): StoredRecord => ({ id: '00007ED9', version, type: 'd', parentID: undefined, name: undefined, size: 0, inline: undefined, attributes: { modified: 784111777_500_000, created: 0 } })
  const late = 784111787_000
  t.ok(ifRangeHolds(undefined, record(1)))
  t.ok(ifRangeHolds('"00007ED9.1"', record(1)))
  t.notOk(ifRangeHolds('"00007ED9.1"', record(2)))
  t.notOk(ifRangeHolds('W/"00007ED9.1"', record(1)))
  t.ok(ifRangeHolds('Sun, 06 Nov 1994 08:49:37 GMT', record(2), late))
  t.notOk(ifRangeHolds('Sun, 06 Nov 1994 08:49:38 GMT', record(2), late), 'equal, not later')
  t.notOk(ifRangeHolds('Sun, 06 Nov 1994 08:49:37 GMT', record(2), 784111778_000), 'it may have changed twice in that second')
  t.ok(ifRangeHolds('Sun, 06 Nov 1994 08:49:37 GMT', record(1), 784111778_000), 'it never changed')
  t.notOk(ifRangeHolds('nonsense', record(1), late))
})

const opaque = fc.string({ unit: fc.constantFrom('a', 'b', ',', '*', '!', '/', '\\', '\x80', '\xff'), maxLength: 4 })
const tag = fc.tuple(fc.boolean(), opaque).map(([weak, text]) => `${weak ? 'W/' : ''}"${text}"`)

t.test('CLI-22: any list of entity tags is read as it was written; any text is a list, or refused with 400', async () => {
  fc.assert(fc.property(fc.array(tag, { minLength: 1, maxLength: 5 }), fc.constantFrom(',', ', ', ' ,\t', ',,', ' , ,'), fc.constantFrom('', ' ', ','), (tags, separator, around) =>
    JSON.stringify(parseEntityTags('If-Match', around + tags.join(separator) + around)) === JSON.stringify(tags)))
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('"', 'W/', 'w/', ',', ' ', '\t', '*', 'a', '\\', '\x7f', '\xff', '""') }), text => {
    try {
      const tags = parseEntityTags('If-Match', text)
      return tags === '*' || tags.every(one => /^(?:W\/)?"[^" ]*"$/.test(one) && text.includes(one))
    } catch (error) {
      return error instanceof Error && 'statusCode' in error && error.statusCode === 400
    }
  }), { numRuns: 400 })
})

t.test('CLI-22: any second is written as an HTTP date that is read as that second; any text is a date, or none', async () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) / 1000 }), seconds => parseHttpDate(formatHttpDate(seconds)) === seconds))
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('Sun, ', 'Sunday, ', 'Sun ', '06', ' 6', '31', '99', ' Nov ', '-Nov-', ' Feb ', '1994', '0000', '94', ' 08:49:37', ' 24:60:61', ' GMT', ' ', ':') }), text => {
    const seconds = parseHttpDate(text)
    return seconds === undefined || Number.isSafeInteger(seconds)
  }), { numRuns: 400 })
})

t.test('CLI-22: conditions are weighed in the order of RFC 9110 §13.2.2, whichever come together', async () => {
  const modified = 1000
  const now = '"00007ED9.3"'
  const record: StoredRecord = { id: '00007ED9', version: 3, type: 'd', parentID: undefined, name: undefined, size: 0, inline: undefined, attributes: { modified: modified * 1_000_000 + 500_000, created: 0 } }
  const tags = fc.option(fc.oneof(fc.constant('*' as const), fc.array(fc.constantFrom(now, `W/${now}`, '"00007ED9.2"', '"x"'), { minLength: 1, maxLength: 3 })), { nil: undefined })
  const time = fc.option(fc.constantFrom(modified - 1, modified, modified + 1), { nil: undefined })
  const conditions: fc.Arbitrary<Preconditions> = fc.record({ ifMatch: tags, ifNoneMatch: tags, ifModifiedSince: time, ifUnmodifiedSince: time })
  /** The steps of the section, as they stand there. */
  const expected = ({ ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince }: Preconditions, exists: boolean, reading: boolean): number => {
    if (ifMatch !== undefined) {
      if (!exists || !(ifMatch === '*' || ifMatch.includes(now))) return 412
    } else if (ifUnmodifiedSince !== undefined && exists && modified > ifUnmodifiedSince) return 412
    if (ifNoneMatch !== undefined) {
      const matches = exists && (ifNoneMatch === '*' || ifNoneMatch.some(one => one === now || one === `W/${now}`))
      if (matches) return reading ? 304 : 412
    } else if (reading && ifModifiedSince !== undefined && exists && modified <= ifModifiedSince) return 304
    return 200
  }
  fc.assert(fc.property(conditions, fc.boolean(), fc.boolean(), (conditions, exists, reading) => {
    let status: unknown = 200
    try {
      checkPreconditions(conditions, exists ? record : undefined, reading)
    } catch (error) {
      status = error instanceof Error && 'statusCode' in error ? error.statusCode : error
    }
    return status === expected(conditions, exists, reading)
  }), { numRuns: 400 })
})
