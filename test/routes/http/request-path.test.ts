import fc from 'fast-check'
import t from 'tap'
import { requestTarget, uriOf } from '../../../routes/http/request-path.js'

t.test('GEN-17, GEN-19: the CDMI path is what follows the prefix, not decoded', async t => {
  const path = (url: string, prefix: string) => requestTarget(url, prefix).path
  t.equal(path('/a/b', ''), '/a/b')
  t.equal(path('/a/b', '/'), '/a/b')
  t.equal(path('/cdmi/2.0.0/a%2Fb?x=/', '/cdmi/2.0.0'), '/a%2Fb')
  t.equal(path('/cdmi/2.0.0/', '/cdmi/2.0.0'), '/')
  t.equal(path('/cdmi/2.0.0//a', '/cdmi/2.0.0'), '//a')
  t.equal(path('//a', ''), '//a')
  t.equal(path('/%63dmi/2%2e0.0/a', '/cdmi/2.0.0'), '/a', 'the router has matched it')
  t.equal(path('/tenants/x/a/b', '/tenants/:tenant'), '/a/b')
})

t.test('GEN-05: the absolute form of a request target', async t => {
  t.same(requestTarget('http://host:80/cdmi/a?b', '/cdmi'), { base: '/cdmi', path: '/a', query: '?b' })
  t.same(requestTarget('HTTPS://host', ''), { base: '', path: '/', query: '' })
  t.same(requestTarget('http://host?b', ''), { base: '', path: '/', query: '?b' })
})

t.test('CLI-06: the root URI without its slash', async t => {
  for (const url of ['/cdmi/2.0.0', '/cdmi/2.0.0?x', 'http://h/cdmi/2.0.0', '/%63dmi/2.0.0']) t.throws(() => requestTarget(url, '/cdmi/2.0.0'), { name: 'MissingSlash', path: '/' }, url)
  t.equal(requestTarget('', '').path, '/')
  t.throws(() => requestTarget('/a#b', ''), { code: 'CDMI_INVALID_NAME' })
})

t.test('a target splits without loss', async () => {
  const segment = fc.stringMatching(/^[a-z0-9%._~!$&'()*+,;=:@-]{0,8}$/)
  fc.assert(fc.property(fc.array(segment, { maxLength: 5 }), fc.constantFrom('', '/', '/x', '/x/y'), segment, (segments, prefix, query) => {
    const rest = '/' + segments.join('/')
    const base = prefix === '/' ? '' : prefix
    const target = requestTarget(`${base}${rest}?${query}`, prefix)
    return target.base === base && target.path === rest && uriOf(target, target.path) === `${base}${rest}?${query}`
  }))
})
