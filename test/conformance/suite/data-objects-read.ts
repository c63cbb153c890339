/** DOC: data objects, read over CDMI. */
import { needing, type Case } from './case.js'
import { answers, fieldsIn, has, hasNot, holds, same } from './expect.js'
import { partsOf } from './multipart.js'
import { base64, cdmi } from './target.js'

const value = 'This is the Value of this Data Object'

const whole: readonly Case[] = [
  {
    id: 'DOC-50, DOC-51',
    text: 'A CDMI read gives all fields, each of its JSON type.',
    async run (target) {
      await target.make('o', { value })
      const fields = await target.fields('o')
      has(fields, 'objectType', 'objectID', 'objectName', 'parentURI', 'parentID', 'capabilitiesURI', 'completionStatus', 'mimetype', 'metadata', 'valuerange', 'valuetransferencoding', 'value')
      for (const [name, found] of Object.entries(fields)) if (name !== 'metadata') same(typeof found, 'string', `the type of ${name}`)
      fieldsIn(fields, 'metadata')
      same([fields.value, fields.valuerange, fields.valuetransferencoding, fields.completionStatus], [value, '0-36', 'utf-8', 'Complete'], 'value, valuerange, encoding, completionStatus')
    }
  },
  {
    id: 'DOC-10, AMB-25',
    text: 'valuerange and value are the last two fields, in this order.',
    async run (target) {
      await target.make('o', { value, own: 'x' })
      same(Object.keys(await target.fields('o')).slice(-2), ['valuerange', 'value'], 'the last fields')
      same(Object.keys(answers(await target.get('o?value&valuerange&mimetype'), 200).fields).slice(-2), ['valuerange', 'value'], 'the last fields of those asked for')
    }
  },
  {
    id: 'DOC-02, DOC-53, GEN-26, AMB-04',
    text: 'A query of fields gives exactly these, and leaves out what does not exist.',
    async run (target) {
      await target.make('o', { value, mimetype: 'text/x' })
      for (const [query, fields] of [
        ['mimetype', { mimetype: 'text/x' }], ['value', { value }], ['objectName&valuerange', { objectName: 'o', valuerange: '0-36' }],
        ['mimetype&percentage', { mimetype: 'text/x' }], ['no_such_field', {}], ['valuetransferencoding&objectType', { valuetransferencoding: 'utf-8', objectType: cdmi.object }]
      ] as const) same(answers(await target.get(`o?${query}`), 200).fields, fields, `the answer to ?${query}`)
    }
  },
  {
    id: 'DOC-54',
    needs: { dataobject: ['cdmi_read_metadata'] },
    text: 'metadata=<prefix> gives the items whose names begin with it; several prefixes add up.',
    async run (target) {
      await target.make('o', { metadata: { colour: 'blue', column: '2', shape: 'round', size: '3' } })
      for (const [query, metadata] of [
        ['metadata=col', { colour: 'blue', column: '2' }], ['metadata=col&metadata=shape', { colour: 'blue', column: '2', shape: 'round' }], ['metadata=none', {}]
      ] as const) same(answers(await target.get(`o?${query}`), 200).fields, { metadata }, `the answer to ?${query}`)
      const { mimetype, metadata } = answers(await target.get('o?mimetype&metadata=shape'), 200).fields
      same([mimetype, metadata], ['text/plain', { shape: 'round' }], 'mimetype and metadata')
    }
  },
  {
    id: 'DOC-60, DOC-50',
    text: 'What is missing is 404, also when it is asked for by fields.',
    async run (target) {
      for (const name of ['missing', 'missing?value', 'missing?value=0-3', 'no/missing']) answers(await target.get(name), 404)
      await target.make('missing')
      answers(await target.get('missing?value'), 200)
    }
  },
  {
    id: 'CLI-03, HDO-28',
    text: 'The Content-Type of a GET means nothing.',
    async run (target) {
      await target.make('o', { value })
      same(answers(await target.plain('GET', 'o', undefined, { 'content-type': cdmi.container, accept: cdmi.object }), 200).fields.value, value, 'value')
      same(answers(await target.plain('GET', 'o', undefined, { 'content-type': cdmi.object }), 200).text, value, 'the plain value')
    }
  }
]

const ranges = needing({ dataobject: ['cdmi_read_value_range'] }, [
  {
    id: 'DOC-55, DOC-05, GEN-16, AMB-19',
    text: 'value=<range> gives Base64 of these bytes, valuerange says which, clipped at the end.',
    async run (target) {
      await target.make('o', { value })
      for (const [range, text, given] of [['0-3', 'This', '0-3'], ['12-16', 'Value', '12-16'], ['33-99', 'ject', '33-36'], ['33-', 'ject', '33-36'], ['-4', 'ject', '33-36']] as const) {
        const { fields } = answers(await target.get(`o?valuerange&value=${range}`), 200)
        same([fields.value, fields.valuerange], [base64(text), given], `value and valuerange of ${range}`)
      }
      same(answers(await target.get('o?valuetransferencoding&value=0-3'), 200).fields.valuetransferencoding, 'utf-8', 'the stored encoding')
    }
  },
  {
    id: 'DOC-55, AMB-17',
    text: 'A range that is no range is 400, one beyond the value 416.',
    async run (target) {
      await target.make('o', { value })
      for (const range of ['abc', '10-5', '1-2-3', '--1', '-', 'bytes']) answers(await target.get(`o?value=${range}`), 400, range)
      answers(await target.get('o?value=100-200'), 416)
      await target.make('empty')
      const { fields } = answers(await target.get('empty?value&valuerange'), 200)
      same([fields.value, fields.valuerange], ['', ''], 'value and valuerange of nothing')
    }
  },
  {
    id: 'DOC-56, AMB-06',
    needs: { dataobject: ['cdmi_modify_value_range', 'cdmi_size'] },
    text: 'A gap reads as zeros and counts in cdmi_size; valuerange runs to the gap, or to the end.',
    async run (target) {
      await target.make('o', { value: 'head' })
      answers(await target.patch('o?value=8-11', { value: base64('tail') }), 204)
      const fields = await target.fields('o')
      same([fields.value, fieldsIn(fields, 'metadata').cdmi_size], [base64('head\0\0\0\0tail'), '12'], 'value and cdmi_size')
      holds(fields.valuerange === '0-3' || fields.valuerange === '0-11', `valuerange is ${JSON.stringify(fields.valuerange)}`)
      same(answers(await target.get('o?value=3-8'), 200).fields.value, base64('d\0\0\0\0t'), 'a range across the gap')
    }
  }
])

const inParts = needing({ system: ['cdmi_multipart_mime'] }, [
  {
    id: 'DOC-58, DOC-06, DOC-57',
    text: 'Accept: multipart/mixed gives the JSON without value, then the value as it is.',
    async run (target) {
      await target.make('o', { value: 'AP8NCi0t', valuetransferencoding: 'base64', mimetype: 'image/x' })
      const [json, bytes, ...more] = partsOf(answers(await target.get('o', 'multipart/mixed'), 200))
      holds(json !== undefined && bytes !== undefined && more.length === 0, 'there are not two parts')
      same(json.headers.get('content-type')?.replace(/;.*/, ''), cdmi.object, 'type of the first part')
      const fields: unknown = JSON.parse(json.body.toString())
      holds(typeof fields === 'object' && fields !== null && 'objectID' in fields && !('value' in fields), `the first part is ${json.body.toString()}`)
      same([bytes.headers.get('content-type'), bytes.headers.get('content-transfer-encoding'), bytes.body.toString('hex')], ['image/x', 'binary', '00ff0d0a2d2d'], 'type, transfer encoding and body of the second part')
    }
  },
  {
    id: 'DOC-58, GEN-16',
    needs: { dataobject: ['cdmi_read_value_range'] },
    text: 'In multipart several ranges may be asked for: one part each, with its Content-Range.',
    async run (target) {
      await target.make('o', { value })
      const [, ...parts] = partsOf(answers(await target.get('o?mimetype&value=0-3&value=33-36', 'multipart/mixed'), 200))
      same(parts.map(({ headers, body }) => [headers.get('content-range'), body.toString()]), [['bytes 0-3/37', 'This'], ['bytes 33-36/37', 'ject']], 'ranges and bodies')
      answers(await target.get('o?value=0-3&value=2-5', 'multipart/mixed'), 400, 'ranges that overlap')
    }
  },
  {
    id: 'DOC-58, AMB-18',
    text: 'Of a CDMI type and multipart/mixed the one that is wanted more is given.',
    async run (target) {
      await target.make('o', { value })
      for (const [accept, type] of [[`${cdmi.object}, multipart/mixed;q=0.5`, cdmi.object], [`${cdmi.object};q=0.5, multipart/mixed`, 'multipart/mixed']] as const) same(answers(await target.get('o', accept), 200).type, type, `Content-Type for ${accept}`)
    }
  }
])

const processing: readonly Case[] = [
  {
    id: 'DOC-57, DOC-22',
    needs: { dataobject: ['cdmi_read_value_range'] },
    text: 'While an object is Processing neither the whole value nor a range of it is shown.',
    async run (target) {
      answers(await target.put('o', { value: 'half' }, { 'x-cdmi-partial': 'true' }), [201, 202])
      for (const query of ['', '?value', '?value=0-1', '?completionStatus&value']) hasNot(answers(await target.get(`o${query}`), [200, 202]).fields, 'value')
      same(answers(await target.get('o?completionStatus'), [200, 202]).fields, { completionStatus: 'Processing' }, 'the answer')
      const plain = answers(await target.plain('GET', 'o'), [200, 202, 204, 404, 409])
      holds(!plain.text.includes('half'), 'plain HTTP shows the unfinished value')
    }
  }
]

export const dataObjectsRead: readonly Case[] = [...needing({ dataobject: ['cdmi_read_value'] }, whole), ...ranges, ...inParts, ...processing]
