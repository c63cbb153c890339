import t from 'tap'
import { ClockLeaps } from '../../storage/clock-leaps.js'

const day = 86_400_000

/** A clock that can be set, and one that cannot. */
function clocks (): { readonly leaps: ClockLeaps, pass (milliseconds: number): void, set (by: number): void } {
  let steady = 0
  let set = 1e12
  return {
    leaps: new ClockLeaps(() => set + steady, () => steady),
    pass (milliseconds) { steady += milliseconds },
    set (by) { set += by }
  }
}

t.test('a clock that is never set leaps never, and may drift', async t => {
  const { leaps, pass, set } = clocks()
  for (let n = 0; n < 100; n++) {
    pass(60_000)
    set(500)
    t.equal(leaps.within(day), 0)
  }
})

t.test('a leap forward counts for what was written down before it, until that has really become so old', async t => {
  const { leaps, pass, set } = clocks()
  set(day)
  t.equal(leaps.within(5000), day)
  pass(4000)
  t.equal(leaps.within(5000), day)
  pass(2000)
  t.equal(leaps.within(5000), 0)
  t.equal(leaps.within(60_000), day)
})

t.test('a clock that is set back makes nothing older', async t => {
  const { leaps, set } = clocks()
  set(-day)
  t.equal(leaps.within(day), 0)
})

t.test('there and back, and there again: the most that something may look too old', async t => {
  const { leaps, pass, set } = clocks()
  for (const by of [day, -day, 2 * day]) {
    set(by)
    pass(1000)
    leaps.within(0)
  }
  t.equal(leaps.within(10 * day), 2 * day, 'of what is from before all of them, and of what was written between the last two')
  set(-2 * day)
  t.equal(leaps.within(10 * day), 0, 'back at the time that it is')
})

t.test('thousands of leaps need no more memory than a hundred, and add up', async t => {
  const { leaps, pass, set } = clocks()
  for (let n = 0; n < 5000; n++) {
    pass(1)
    set(2000)
    leaps.within(0)
  }
  t.equal(leaps.within(day), 5000 * 2000)
})
