import t from 'tap'
import { namesCdmi, preferredType } from '../../../routes/http/accept.js'

const forms = ['text/html', 'application/json'] as const

t.test('GEN-09: the most wanted form, the first of equals', async t => {
  t.equal(preferredType(undefined, forms), 'text/html')
  t.equal(preferredType('', forms), 'text/html')
  t.equal(preferredType('*/*', forms), 'text/html')
  t.equal(preferredType('application/json', forms), 'application/json')
  t.equal(preferredType('text/*;q=0.5, application/json; q=0.8', forms), 'application/json')
  t.equal(preferredType('text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', forms), 'text/html')
  t.equal(preferredType('*/*, text/html;q=0', forms), 'application/json', 'the most specific range decides')
  t.equal(preferredType('image/png', forms), undefined)
  t.equal(preferredType('garbage, ;;, text', forms), undefined)
  t.equal(preferredType('TEXT/HTML;level=1;Q=0.4', forms), 'text/html')
})

t.test('GEN-06, GEN-09: a CDMI type in Accept is seen', async t => {
  t.ok(namesCdmi('application/cdmi-object'))
  t.ok(namesCdmi('text/html, Application/CDMI-Container+json;q=0.1'))
  t.notOk(namesCdmi('application/cdmi-object;q=0'))
  t.notOk(namesCdmi('*/*'))
})
