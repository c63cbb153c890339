import t, { type Test } from 'tap'
import { cdmiTypeOf, type Form, type Forms, mediaTypeOf, negotiateForm } from '../../../routes/cdmi/media-types.js'

t.test('the types of CDMI, with and without suffix and parameters', async t => {
  for (const kind of ['object', 'container', 'domain', 'queue', 'capability'] as const) {
    const type = mediaTypeOf(kind)
    t.equal(type, `application/cdmi-${kind}`)
    for (const header of [type, `${type}+json`, `${type}; charset=utf-8`, `${type}+json ;charset="UTF-8";x=y`, type.toUpperCase()]) t.equal(cdmiTypeOf(header), kind, header)
  }
  t.equal(cdmiTypeOf('multipart/mixed; boundary="a b"'), 'mixed')
  for (const header of [undefined, '', 'text/plain', 'application/json', 'application/cdmi-other', 'application/cdmi-object+xml', 'application/cdmi-object, text/plain', 'multipart/form-data; boundary=x', 'application/cdmi-objects', 'x']) t.equal(cdmiTypeOf(header), undefined, String(header))
})

const text: Forms = { kind: 'object', mixed: true, plain: ['text/plain'] }
const container: Forms = { kind: 'container', mixed: false, plain: ['text/html', 'application/json'] }
const queue: Forms = { kind: 'queue', mixed: true, plain: [] }

function decides (t: Test, forms: Forms, cases: [accept: string | undefined, form: Form | 406][], version = false): void {
  for (const [accept, form] of cases) {
    const message = `${forms.kind}: ${accept}`
    if (form === 406) t.throws(() => negotiateForm(accept, version, forms), { statusCode: 406, message: /Accept/ }, message)
    else t.equal(negotiateForm(accept, version, forms), form, message)
  }
}

t.test('a read is plain unless a CDMI type is named', async t => {
  decides(t, text, [
    [undefined, 'plain'],
    ['', 'plain'],
    ['*/*', 'plain'],
    ['text/plain', 'plain'],
    ['image/png', 'plain'],
    ['text/html,*/*;q=0.8', 'plain'],
    ['application/*', 'plain'],
    ['application/cdmi-object', 'cdmi'],
    ['application/cdmi-object+json', 'cdmi'],
    ['*/*, application/cdmi-object', 'cdmi'],
    ['text/plain, application/cdmi-object', 'cdmi'],
    ['text/plain, application/cdmi-object;q=0.9', 'plain'],
    ['text/plain;q=0.1, application/cdmi-object;q=0.9', 'cdmi'],
    ['application/cdmi-object;q=0, */*', 'plain']
  ])
  decides(t, container, [[undefined, 'plain'], ['*/*', 'plain'], ['text/html', 'plain'], ['application/cdmi-container', 'cdmi'], ['application/cdmi-object, application/cdmi-container;q=0.5', 'cdmi']])
})

t.test('when only other types are named, nothing is acceptable', async t => {
  decides(t, text, [
    ['application/cdmi-queue', 406],
    ['application/cdmi-queue, image/png', 406],
    ['application/cdmi-queue, text/plain', 'plain'],
    ['application/cdmi-queue, text/*', 'plain'],
    ['application/cdmi-queue, */*', 'cdmi'],
    ['application/cdmi-object;q=0, application/cdmi-queue', 406]
  ])
  decides(t, container, [['multipart/mixed', 406], ['application/cdmi-object', 406], ['multipart/mixed, application/cdmi-container;q=0.1', 'cdmi']])
})

t.test('what has no plain form is shown in that of CDMI', async t => {
  decides(t, queue, [[undefined, 'cdmi'], ['*/*', 'cdmi'], ['application/cdmi-queue+json, x/y', 'cdmi'], ['text/plain', 406], ['application/cdmi-object', 406], ['multipart/mixed', 'mixed']])
})

t.test('among the forms of CDMI the highest q, then the first listed', async t => {
  decides(t, text, [
    ['multipart/mixed', 'mixed'],
    ['multipart/mixed, application/cdmi-object', 'mixed'],
    ['application/cdmi-object, multipart/mixed', 'cdmi'],
    ['application/cdmi-object;q=0.5, multipart/mixed;q=0.6', 'mixed'],
    ['multipart/mixed;q=0.5, application/cdmi-object+json', 'cdmi'],
    ['multipart/mixed, */*', 'mixed']
  ])
})

t.test('the version header of CDMI 1.x asks for the CDMI form where Accept leaves it open', async t => {
  decides(t, text, [[undefined, 'cdmi'], ['*/*', 'cdmi'], ['text/html, image/gif, */*;q=0.2', 'cdmi'], ['text/plain', 'plain'], ['text/plain, */*;q=0.2', 'plain'], ['image/png', 'plain'], ['application/cdmi-object;q=0, */*', 'plain']], true)
  decides(t, container, [[undefined, 'cdmi'], ['*/*', 'cdmi'], ['text/html', 'plain']], true)
  decides(t, queue, [[undefined, 'cdmi'], ['text/plain', 406]], true)
})
