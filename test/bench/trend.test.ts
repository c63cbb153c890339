import t from 'tap'
import { randomFrom } from '../../bench/request-mix.js'
import { trendOf } from '../../bench/trend.js'

const samples = (count: number, at: (n: number) => number): number[] => Array.from({ length: count }, (_, n) => at(n))
const tolerance = { share: 0.1, least: 5 }

t.test('what stays as it is is flat, however much it trembles', async t => {
  const random = randomFrom(7)
  for (let round = 0; round < 20; round++) t.equal(trendOf(samples(48, () => 200 + 60 * random()), tolerance).flat, true)
})

t.test('what grows by more than is allowed is not, however much it trembles', async t => {
  const random = randomFrom(8)
  for (let round = 0; round < 20; round++) {
    const { flat, growth } = trendOf(samples(48, n => 200 + n + 20 * random()), tolerance)
    t.equal(flat, false)
    t.ok(growth > 30 && growth < 65, `${growth}`)
  }
})

t.test('a few high samples make no slope, and what falls is flat', async t => {
  t.match(trendOf([10, 10, 10, 900, 10, 10, 900, 10, 10, 10, 900], tolerance), { flat: true, growth: 0, median: 10, allowed: 5 })
  t.equal(trendOf(samples(48, n => 500 - 5 * n), tolerance).flat, true)
})

t.test('one sample, or none, grows by nothing', async t => {
  for (const few of [[], [3]]) t.match(trendOf(few, tolerance), { flat: true, growth: 0 })
})
