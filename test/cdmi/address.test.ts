import fc from 'fast-check'
import t from 'tap'
import { formatAddress, formatPath, objectIDRoot, parseAddress } from '../../cdmi/address.js'
import { mintObjectID } from '../../cdmi/object-id.js'
import { at } from '../helpers/model.js'
import { refuses } from '../helpers/refuses.js'

t.test('GEN-17: percent-escapes in a path are decoded before the names are used', async t => {
  t.same(at('/%40MyContainer/a%20b'), { from: undefined, names: ['@MyContainer', 'a b'], slash: false })
  t.same(at('/%E4%BD%A0/%C3%A9/').names, ['你', 'é'])
  t.same(at('/').names, [])
})

t.test('HDO-10: a trailing slash means a container, none a data object', async t => {
  t.equal(at('/a/b').slash, false)
  t.equal(at('/a/b/').slash, true)
})

t.test('GEN-22: names never contain / or ?, also not percent-encoded; nor control characters, nor are they . or ..', async t => {
  const bad = ['/a%2Fb', '/a%2fb', '/a%3Fb', '/a/../b', '/..', '/./a', '/%2e%2e/a', '/a%00', '/a%0A', '/a%7F', '/a//b', '//a', '/%FF', '/%zz', '/%', '/%C3', '/' + 'x'.repeat(1025), '/' + 'é'.repeat(513)]
  for (const path of bad) await refuses(t, 400, () => parseAddress(path), path)
  t.same(at('/' + 'é'.repeat(512)).names[0]?.length, 512, 'exactly 1024 bytes pass')
})

t.test('GEN-23, GEN-24, GEN-30: objects below /cdmi_objectid/, the ID in either case', async t => {
  const id = mintObjectID(1)
  t.same(at(`/cdmi_objectid/${id.toLowerCase()}/a/b`), { from: id, names: ['a', 'b'], slash: false })
  t.same(at(`/cdmi_objectid/${id}/`), { from: id, names: [], slash: true })
  t.equal(parseAddress('/cdmi_objectid/'), objectIDRoot)
})

t.test('GEN-31: a malformed object ID is refused with 400', async t => {
  await refuses(t, 400, () => parseAddress('/cdmi_objectid/0000706D0010374085EF1A5C7018D774'))
  await refuses(t, 400, () => parseAddress('/cdmi_objectid/nonsense'))
})

t.test('GEN-18: paths are written with each name escaped, and read back the same', async t => {
  for (const names of [['@a', 'b c', 'd%e', 'ü', ';x=1&y', '#']]) {
    t.same(at(formatPath(names, true)).names, names)
    t.same(at(formatPath(names, false)), { from: undefined, names, slash: false })
  }
  const byID = at(`/cdmi_objectid/${mintObjectID(1)}/x y`)
  t.same(at(formatAddress(byID, false)), byID)
})

t.test('GEN-17, GEN-22: any names survive their way through a path; any path is an address of names that can be, or refused with 400', async () => {
  const name = fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom('a', 'Z', '0', '%', '+', '&', '=', ';', ' ', '#', ':', '@', '.', 'é', '你', '😀', '\\', '"') }).filter(text => text !== '.' && text !== '..')
  fc.assert(fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), fc.boolean(), (names, slash) =>
    JSON.stringify(parseAddress('/' + names.map(encodeURIComponent).join('/') + (slash ? '/' : ''))) === JSON.stringify({ from: undefined, names, slash })))
  fc.assert(fc.property(fc.array(fc.constantFrom('/', '.', '..', '%2e', '%2F', '%5c', '%00', '%0d%0a', '%C0%AF', '%ED%A0%80', '%FF', '%', '%zz', '?', '%3F', 'a', 'é', '\u00ff', '\ud800', 'cdmi_objectid', '/cdmi_objectid/', '00007ED90010D891022876A8DE0BC0FD')), parts => {
    try {
      const address = parseAddress('/' + parts.join(''))
      return address === objectIDRoot || address.names.every(name => !['', '.', '..'].includes(name) && /^[^/?\p{Cc}]+$/u.test(name) && name.isWellFormed())
    } catch (error) {
      return error instanceof Error && 'statusCode' in error && error.statusCode === 400
    }
  }), { numRuns: 400 })
})
