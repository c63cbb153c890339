import fc from 'fast-check'
import t from 'tap'
import { keyOf, keyOfSegment, listQueryOf, maxPage, pathOf } from '../../../routes/keyed/target.js'

const refused = (work: () => unknown): boolean => {
  try {
    work()
    return true
  } catch (error) {
    return error instanceof Error && 'statusCode' in error && error.statusCode === 400
  }
}
const name = fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom('a', 'Z', '0', '%', '+', '&', '=', ';', ' ', '#', ':', '.', 'é', '你', '😀', '\\', '"') }).filter(text => text !== '.' && text !== '..')

t.test('KEY-10: any key survives its way through a URL; any segment is a key, or refused with 400', async () => {
  fc.assert(fc.property(name, fc.constantFrom('', 'http://host', 'https://host:1'), fc.constantFrom('', '?x', '?a/b'), (key, origin, query) => keyOf(`${origin}/data/${encodeURIComponent(key)}${query}`, 2) === key))
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('%', '%2F', '%2', '%c3', '%a9', '%00', '%ed%a0%80', '/', '.', '..', '\u00ff', '?', '#', 'a', 'cdmi_') }), text => refused(() => keyOfSegment(text)) && refused(() => pathOf(text))), { numRuns: 400 })
})

t.test('KEY-01: any selection of a list survives its way through a query; any query is a selection, or refused with 400', async () => {
  const selection = fc.record({ prefix: name, after: name, limit: fc.integer({ min: 1, max: 20_000 }) }, { requiredKeys: [] })
  fc.assert(fc.property(selection, fc.boolean(), (wanted, plus) => {
    const query = Object.entries(wanted).map(([field, value]) => `${field}=${plus ? encodeURIComponent(value).replaceAll('%20', '+') : encodeURIComponent(value)}`).join('&')
    const { prefix, after, limit } = listQueryOf(query)
    return prefix === wanted.prefix && after === wanted.after && limit === (wanted.limit === undefined ? undefined : Math.min(wanted.limit, maxPage))
  }))
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('prefix', 'after', 'limit', '=', '&', '%', '%2F', '%ff', '%00', '+', '..', '0', '1', '-', '__proto__', 'x', '\u00ff') }), text => refused(() => listQueryOf(text))), { numRuns: 400 })
})
