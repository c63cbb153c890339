import t from 'tap'
import fc from 'fast-check'
import { specificationVersion } from '../../../routes/cdmi/version-header.js'
import { anyText } from '../../helpers/any-text.js'

t.test('without the header there is no version', async t => {
  t.equal(specificationVersion(undefined), undefined)
})

t.test('the highest common version is chosen, as the client wrote it', async t => {
  const cases: [header: string, text: string, major: 1 | 2][] = [
    ['1.0.2', '1.0.2', 1],
    ['1.0', '1.0', 1],
    ['1.1', '1.1', 1],
    ['1.0.1h', '1.0.1h', 1],
    ['1.0.1, 1.0.1h ,1.0', '1.0.1h', 1],
    ['  1.0.2 ,\t1.1.1,1.0.1  ', '1.1.1', 1],
    ['1.1.1, 1.1.2, 1.2', '1.1.1', 1],
    ['0.9,1.0.2,3.0', '1.0.2', 1],
    ['2.0.0,1.1.1', '2.0.0', 2],
    ['1.1.1,2.0', '2.0', 2],
    ['nonsense,, 1.1', '1.1', 1]
  ]
  for (const [header, text, major] of cases) t.strictSame(specificationVersion(header), { text, major }, header)
  t.strictSame(specificationVersion(['1.0.2', '1.1']), { text: '1.1', major: 1 })
})

t.test('no version in common is refused with those that are served', async t => {
  for (const header of ['', ' ', ',', '0.9', '1.1.2', '1.2', '2.1', '3.0.0', '1', 'abc', '1.0.1.1', '1.0hh', 'v1.0', '-1.0', '1.٠']) {
    t.throws(() => specificationVersion(header), { statusCode: 400, message: /1\.0 to 1\.1\.1 and 2\.0\.0/ }, header)
  }
})

t.test('whatever stands in the header, it is never the server that fails', async () => {
  fc.assert(fc.property(anyText(), header => {
    try {
      return header.includes(specificationVersion(header)?.text ?? '')
    } catch (error) {
      return (error as { statusCode?: number }).statusCode === 400
    }
  }))
})
