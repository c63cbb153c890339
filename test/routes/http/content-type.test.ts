import fc from 'fast-check'
import t from 'tap'
import { contentTypeOf, formatMediaType, isCdmiType, parseMediaType, valueTypeOf } from '../../../routes/http/content-type.js'

t.test('HDO-03, AMB-09: the type is kept in lower case, parameters but charset=utf-8 with it', async t => {
  const kept = (header: string) => valueTypeOf(header)?.mimetype
  t.equal(kept('Text/PLAIN'), 'text/plain')
  t.equal(kept('text/plain;charset=utf-8'), 'text/plain')
  t.equal(kept('text/plain; Format=Flowed ;charset="UTF-8"; '), 'text/plain; format=Flowed')
  t.equal(kept('text/plain; charset=ISO-8859-1'), 'text/plain; charset=ISO-8859-1')
  t.equal(kept('multipart/mixed; boundary="a b\\"c"'), 'multipart/mixed; boundary="a b\\"c"')
  t.equal(kept('text/plain;'), 'text/plain')
  t.equal(valueTypeOf(undefined), undefined)
})

t.test('HDO-04, HDO-42: charset=utf-8 in any case and quoting gives utf-8, all else base64', async t => {
  const encoding = (header: string) => valueTypeOf(header)?.valuetransferencoding
  for (const header of ['text/plain;charset=utf-8', 'text/plain; CHARSET=UTF-8', 'application/json; charset="Utf-8"', 'text/plain; a=b; charset=utf-8']) t.equal(encoding(header), 'utf-8', header)
  for (const header of ['text/plain', 'text/plain; charset=us-ascii', 'text/plain; charset=utf8', 'application/json', 'text/plain; xcharset=utf-8', 'text/plain; charset=utf-16; charset=utf-8']) t.equal(encoding(header), 'base64', header)
})

t.test('HDO-08: a broken Content-Type is refused', async t => {
  for (const header of ['', 'text', 'text/', '/plain', 'text/plain x', 'text/plain; charset', 'text/plain; charset=', 'text/plain; =x', 'text/plain; a="b', 'text/pl ain', 'text/plain, text/html', 'text /plain', 'a/b; c="d"e', `a/${'b'.repeat(2000)}`]) {
    t.throws(() => valueTypeOf(header), { code: 'CDMI_INVALID_REQUEST' }, header)
  }
})

t.test('GEN-06: the media types of the standard', async t => {
  for (const type of ['object', 'container', 'domain', 'queue', 'capability']) {
    t.ok(isCdmiType(`application/cdmi-${type}`))
    t.ok(isCdmiType(`application/cdmi-${type}+json`))
  }
  for (const type of ['application/cdmi-objects', 'application/json', 'application/cdmi-object+xml', 'text/cdmi-object']) t.notOk(isCdmiType(type))
})

t.test('HDO-20: the type under which a value is sent', async t => {
  t.equal(contentTypeOf('text/plain', 'utf-8'), 'text/plain; charset=utf-8')
  t.equal(contentTypeOf('image/png', 'base64'), 'image/png')
  t.equal(contentTypeOf('application/json', 'json'), 'application/json')
  t.equal(contentTypeOf(undefined, undefined), 'application/octet-stream')
})

t.test('a media type survives being written and read', async t => {
  const name = fc.stringMatching(/^[a-z0-9!#$%&'*+.^_`|~-]{1,12}$/)
  const value = fc.string({ maxLength: 12 }).filter(text => /^[\t\x20-\x7e]*$/.test(text))
  fc.assert(fc.property(name, name, fc.array(fc.tuple(name, value), { maxLength: 4 }), (type, subtype, parameters) => {
    t.same(parseMediaType(formatMediaType({ type: `${type}/${subtype}`, parameters })), { type: `${type}/${subtype}`, parameters })
  }))
  fc.assert(fc.property(fc.string({ unit: 'binary-ascii' }), text => { parseMediaType(text) }), { numRuns: 500 })
})
