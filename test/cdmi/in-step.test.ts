import t from 'tap'
import { InStep } from '../../cdmi/in-step.js'

t.test('what begins in one turn goes on when the turn is over, step by step', async t => {
  const start = new InStep()
  const steps: string[] = []
  const all = ['a', 'b'].map(async name => {
    await start.join()
    steps.push(`${name}1`)
    await Promise.resolve()
    steps.push(`${name}2`)
  })
  for (let n = 0; n < 10; n++) await Promise.resolve()
  t.same(steps, [], 'others may come yet')
  await Promise.all(all)
  t.same(steps, ['a1', 'b1', 'a2', 'b2'])
})

t.test('sixteen do not wait for more; those behind them go on at the end of the turn', async t => {
  const start = new InStep()
  const gone: number[] = []
  const all = Array.from({ length: 33 }, async (_, n) => {
    await start.join()
    gone.push(n)
  })
  for (let n = 0; n < 10; n++) await Promise.resolve()
  t.same(gone, Array.from({ length: 32 }, (_, n) => n))
  await Promise.all(all)
  t.equal(gone.length, 33)
})
