import t from 'tap'
import { formatInstant, now } from '../../cdmi/instant.js'

t.test('GEN-32: instants have exactly six fraction digits and end in Z', async t => {
  t.equal(formatInstant(0), '1970-01-01T00:00:00.000000Z')
  t.equal(formatInstant(1_700_000_000_000_007), '2023-11-14T22:13:20.000007Z')
  t.match(formatInstant(now()), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
})

t.test('GEN-32: midnight is written as the following day, never as hour 24', async t => {
  t.equal(formatInstant(Date.UTC(2024, 11, 31, 24) * 1000), '2025-01-01T00:00:00.000000Z')
})

t.test('now() follows the clock in whole microseconds', async t => {
  const before = Date.now() * 1000
  const instant = now()
  t.ok(Number.isSafeInteger(instant))
  t.ok(Math.abs(instant - before) < 2_000_000)
})
