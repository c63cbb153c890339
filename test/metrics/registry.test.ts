import t from 'tap'
import { counter, gauge, merged, sample } from '../../metrics/family.js'
import { Registry } from '../../metrics/registry.js'
import { textOf } from '../../metrics/text.js'
import { numbersOf } from '../helpers/scrape.js'

t.test('the text is that of Prometheus: names in order, buckets that add up, labels escaped', async t => {
  const registry = new Registry()
  registry.counter({ name: 'b_total', help: 'Two\nlines and a \\.' }, { kind: 'a "b"\\\n' }).add(2)
  const histogram = registry.histogram({ name: 'a_seconds', help: 'How long.' }, [0.1, 1], { door: 'x' })
  for (const value of [0.05, 0.1, 0.5, 7]) histogram.observe(value)
  registry.read(() => [gauge({ name: 'c', help: 'A gauge.' }, 1.5)])
  registry.read(() => [gauge({ name: 'd', help: 'Nothing.' }, [])])
  const text = textOf(await registry.collect())
  t.equal(text, [
    '# HELP a_seconds How long.',
    '# TYPE a_seconds histogram',
    'a_seconds_bucket{door="x",le="0.1"} 2',
    'a_seconds_bucket{door="x",le="1"} 3',
    'a_seconds_bucket{door="x",le="+Inf"} 4',
    'a_seconds_sum{door="x"} 7.65',
    'a_seconds_count{door="x"} 4',
    '# HELP b_total Two\\nlines and a \\\\.',
    '# TYPE b_total counter',
    'b_total{kind="a \\"b\\"\\\\\\n"} 2',
    '# HELP c A gauge.',
    '# TYPE c gauge',
    'c 1.5',
    ''
  ].join('\n'))
  t.equal(numbersOf(text).size, 7)
})

t.test('a counter of one name and the same labels is one and the same', async t => {
  const registry = new Registry()
  const described = { name: 'x_total', help: 'X.' }
  registry.counter(described, { a: '1' }).add()
  registry.counter(described, { a: '1' }).add()
  registry.counter(described, { a: '2' }).add()
  t.same((await registry.collect())[0]?.samples, [sample(2, { a: '1' }), sample(1, { a: '2' })])
})

t.test('numbers of several processes become one: counters and histograms add up, what all see counts once', t => {
  const registries = [1, 2].map(number => {
    const registry = new Registry()
    registry.counter({ name: 'n_total', help: 'N.' }).add(number)
    registry.histogram({ name: 's', help: 'S.' }, [1], { of: String(number) }).observe(number)
    registry.histogram({ name: 't', help: 'T.' }, [1]).observe(number)
    registry.read(() => [gauge({ name: 'all', help: 'All.' }, 10 * number, 'max'), gauge({ name: 'each', help: 'Each.' }, number), counter({ name: 'read_total', help: 'Read.' }, number)])
    return registry
  })
  return Promise.all(registries.map(async registry => await registry.collect())).then(snapshots => {
    const numbers = Object.fromEntries(numbersOf(textOf(merged(snapshots))))
    t.same(numbers, {
      all: 20,
      each: 3,
      n_total: 3,
      read_total: 3,
      's_bucket{of="1",le="1"}': 1,
      's_bucket{of="1",le="+Inf"}': 1,
      's_sum{of="1"}': 1,
      's_count{of="1"}': 1,
      's_bucket{of="2",le="1"}': 0,
      's_bucket{of="2",le="+Inf"}': 1,
      's_sum{of="2"}': 2,
      's_count{of="2"}': 1,
      't_bucket{le="1"}': 1,
      't_bucket{le="+Inf"}': 2,
      t_sum: 3,
      t_count: 2
    })
  })
})

t.test('what fails, and what does not answer, is left out; the one that hangs is not asked again meanwhile', async t => {
  const registry = new Registry()
  let asked = 0
  let answer: () => void = () => {}
  const hung = new Promise<void>(resolve => { answer = resolve })
  registry.read(() => { throw new Error('away') })
  registry.read(async () => { throw new Error('away') })
  registry.read(async () => {
    asked++
    await hung
    return [gauge({ name: 'late', help: 'Late.' }, 1)]
  })
  registry.read(() => [gauge({ name: 'here', help: 'Here.' }, 1)])
  const names = async (): Promise<string[]> => (await registry.collect()).map(({ name }) => name)
  const began = performance.now()
  t.same(await names(), ['here'])
  t.ok(performance.now() - began < 5000)
  const second = names()
  t.equal(asked, 1)
  answer()
  t.same(await second, ['late', 'here'])
})
