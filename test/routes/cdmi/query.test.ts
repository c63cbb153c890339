import fc from 'fast-check'
import t from 'tap'
import { type CdmiQuery, parseCdmiQuery } from '../../../routes/cdmi/query.js'
import { anyText } from '../../helpers/any-text.js'

const nothing: CdmiQuery = { fields: [], values: [], metadata: [], children: undefined, queueValues: undefined }
const names = { recursive: false, fields: undefined, range: undefined }

t.test('a query names fields and narrows some of them', async t => {
  t.strictSame(parseCdmiQuery(''), nothing)
  t.strictSame(parseCdmiQuery('?'), nothing)
  t.strictSame(parseCdmiQuery('?objectName&metadata=%40user'), { ...nothing, fields: ['objectName', 'metadata'], metadata: ['@user'] })
  t.strictSame(parseCdmiQuery('?valuerange&value=0-10&value=20-30&value=40-&value=-5'), {
    ...nothing,
    fields: ['valuerange', 'value'],
    values: [{ first: 0, last: 10 }, { first: 20, last: 30 }, { first: 40, last: undefined }, { first: undefined, last: 5 }]
  })
  t.strictSame(parseCdmiQuery('?childrenrange&children=0-2'), { ...nothing, fields: ['childrenrange', 'children'], children: { ...names, range: { first: 0, last: 2 } } })
  t.strictSame(parseCdmiQuery('?mimetype&values=2'), { ...nothing, fields: ['mimetype', 'values'], queueValues: { count: 2 } })
  t.strictSame(parseCdmiQuery('?values=3-7').queueValues, { first: 3, last: 7 })
})

t.test('";" and ":" work beside "&" and "="', async t => {
  t.strictSame(parseCdmiQuery('?objectName;metadata:prefix'), parseCdmiQuery('?objectName&metadata=prefix'))
  t.strictSame(parseCdmiQuery('?valuerange;value:0-10&metadata=a;metadata:b'), parseCdmiQuery('?valuerange&value=0-10&metadata=a&metadata=b'))
  t.strictSame(parseCdmiQuery('?children:0-2'), parseCdmiQuery('?children=0-2'))
})

t.test('the first separator splits, and escapes are decoded after that', async t => {
  t.strictSame(parseCdmiQuery('?metadata=a:b=c%26d%3Be%25').metadata, ['a:b=c&d;e%'])
  t.strictSame(parseCdmiQuery('?metadata:a=b:c').metadata, ['a=b:c'])
  t.strictSame(parseCdmiQuery('?com.example%3Afield%3D&x+y').fields, ['com.example:field=', 'x+y'])
  t.strictSame(parseCdmiQuery('?m%65tadata=%C3%A9').metadata, ['é'])
})

t.test('any names survive the way through a query', async () => {
  const names = fc.uniqueArray(anyText({ minLength: 1 }).map(text => text.toWellFormed()), { maxLength: 5 })
  fc.assert(fc.property(names, names, fc.constantFrom('&', ';'), fc.constantFrom('=', ':'), (fields, metadata, separator, assignment) => {
    const query = '?' + [...fields.map(encodeURIComponent), ...metadata.map(name => `metadata${assignment}${encodeURIComponent(name)}`)].join(separator)
    const parsed = parseCdmiQuery(query)
    const expected = metadata.length === 0 || fields.includes('metadata') ? fields : [...fields, 'metadata']
    return JSON.stringify([parsed.fields, parsed.metadata]) === JSON.stringify([expected, metadata])
  }))
})

t.test('to name something twice is no error', async t => {
  t.strictSame(parseCdmiQuery('?value&value=0-1&metadata=a&metadata=a&children=0-1&children=0-1&&'), {
    ...nothing, fields: ['value', 'metadata', 'children'], values: [{ first: 0, last: 1 }], metadata: ['a'], children: { ...names, range: { first: 0, last: 1 } }
  })
  t.throws(() => parseCdmiQuery('?children=0-1&children=2-3'), { statusCode: 400, message: /two different arguments for "children"/ })
})

t.test('malformed arguments are refused', async t => {
  for (const query of ['value=abc', 'value=10-5', 'value=', 'value=1', 'value=-', 'value=0-1,3-4', 'value=0x1-2', 'value= 0-1', 'children=10-5', 'children=', 'children=abc', 'children=!x',
    'values=abc', 'values=5-2', 'values=-1', 'values=', 'values=1-']) {
    t.throws(() => parseCdmiQuery(`?${query}`), { statusCode: 400, code: 'CDMI_INVALID_RANGE' }, query)
  }
  for (const query of ['=x', '&:x', 'mimetype=text', 'unknown:1', '%zz', 'metadata=%ff', 'metadata=%']) {
    t.throws(() => parseCdmiQuery(`?${query}`), { statusCode: 400, code: 'CDMI_INVALID_REQUEST' }, query)
  }
})

t.test('numbers beyond all values are only large', async t => {
  const { values } = parseCdmiQuery(`?value=0-18446744073709551615&value=0-${'9'.repeat(400)}`)
  t.ok(values.every(({ first, last = 0 }) => first === 0 && last > Number.MAX_SAFE_INTEGER))
})

t.test('children with fields of theirs, and their children', async t => {
  const children = (argument: string) => parseCdmiQuery(`?children=${argument}`).children
  t.strictSame(children('[objectName,metadata/cdmi_size]'), { ...names, fields: [['objectName'], ['metadata', 'cdmi_size']] })
  t.strictSame(children('%5BobjectName%2Cmetadata%2Fcdmi_size%5D'), children('[objectName,metadata/cdmi_size]'))
  t.strictSame(children('!'), { ...names, recursive: true })
  t.strictSame(children('%210-2'), { ...names, recursive: true, range: { first: 0, last: 2 } })
  t.strictSame(children('![objectName]'), { ...names, recursive: true, fields: [['objectName']] })
  t.strictSame(children('![a]1-'), { recursive: true, fields: [['a']], range: { first: 1, last: undefined } })
  t.strictSame(children('[metadata/a%5C/b%5C,c%5C]%5C%5Cd%5Ce]'), { ...names, fields: [['metadata', 'a/b,c]\\d\\e']] }, 'separators that are part of a name')
})

t.test('a malformed list is refused', async t => {
  for (const argument of ['[', '[a', '[]', '[a,]', '[,a]', '[a//b]', '[/a]', '[a/]', '![', '[a%5C]']) {
    t.throws(() => parseCdmiQuery(`?children=${argument}`), { statusCode: 400, message: /list of fields/ }, argument)
  }
  for (const argument of ['[a]x', '[a]]', '!!', 'a]']) t.throws(() => parseCdmiQuery(`?children=${argument}`), { statusCode: 400, message: /does not select children/ }, argument)
})

t.test('any names of fields come through a list', async () => {
  const name = fc.string({ minLength: 1, unit: fc.constantFrom('a', '/', ',', '[', ']', '\\', '!', 'é', '&') })
  fc.assert(fc.property(fc.array(fc.array(name, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }), fields => {
    const list = fields.map(path => path.map(name => name.replace(/[\\/,[\]]/g, '\\$&')).join('/')).join()
    const parsed = parseCdmiQuery(`children=${encodeURIComponent(`[${list}]`)}`)
    return JSON.stringify(parsed.children?.fields) === JSON.stringify(fields)
  }))
})
