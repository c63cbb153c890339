import t from 'tap'
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
