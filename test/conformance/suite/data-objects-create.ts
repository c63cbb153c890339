/** DOC: data objects, created over CDMI. */
import { needing, type Case } from './case.js'
import { answers, fieldsIn, has, hasNot, holds, pairs, refuses, same, textIn } from './expect.js'
import { withJson } from './multipart.js'
import { base64, cdmi } from './target.js'

const byValue: readonly Case[] = [
  {
    id: 'DOC-20, DOC-40',
    text: 'A CDMI PUT answers 201 with the fields of the new object and without its value.',
    async run (target) {
      const answer = answers(await target.put('o', { value: 'x', metadata: { colour: 'blue' } }), 201)
      same(answer.type, cdmi.object, 'Content-Type')
      const { fields } = answer
      has(fields, 'objectID', 'capabilitiesURI', 'metadata')
      hasNot(fields, 'value', 'valuerange', 'valuetransferencoding')
      same([fields.objectType, fields.objectName, fields.parentURI, fields.parentID, fields.completionStatus, fields.mimetype], [cdmi.object, 'o', target.at(''), await target.objectID(''), 'Complete', 'text/plain'], 'objectType, objectName, parentURI, parentID, completionStatus, mimetype')
      same(fieldsIn(fields, 'metadata').colour, 'blue', 'the metadata')
      if ('percentComplete' in fields) same(fields.percentComplete, '100', 'percentComplete')
    }
  },
  {
    id: 'DOC-20, CMV-09',
    text: 'The container of a new object must exist.',
    async run (target) {
      for (const name of ['no/o', 'no/c/o']) answers(await target.put(name, { value: 'x' }), 404)
      await target.missing('no/')
      await target.make('o')
      answers(await target.put('o/below', { value: 'x' }), 404)
    }
  },
  {
    id: 'DOC-24',
    text: 'mimetype is text/plain when nothing is said, and is stored in lower case.',
    async run (target) {
      same((await target.make('a', { value: 'x' })).mimetype, 'text/plain', 'mimetype')
      same((await target.make('b', { value: 'x', mimetype: 'Application/X-Thing' })).mimetype, 'application/x-thing', 'mimetype')
      same(answers(await target.plain('GET', 'b'), 200).type, 'application/x-thing', 'Content-Type')
    }
  },
  {
    id: 'DOC-25',
    text: 'metadata becomes the user metadata of the object; without it there is none.',
    async run (target) {
      await target.make('with', { metadata: { colour: 'blue', list: ['a', { b: 'c' }] } })
      const metadata = fieldsIn(await target.fields('with'), 'metadata')
      same([metadata.colour, metadata.list], ['blue', ['a', { b: 'c' }]], 'metadata')
      await target.make('without')
      const own = Object.keys(fieldsIn(await target.fields('without'), 'metadata')).filter(name => !name.startsWith('cdmi_') && !name.includes('.'))
      same(own, [], 'names of user metadata')
    }
  },
  {
    id: 'DOC-27, DOC-04, DOC-29',
    text: 'A utf-8 value is the string, a base64 value its decoded bytes; the value is empty when none is given.',
    async run (target) {
      await target.make('text', { value: 'Grüße' })
      await target.make('bytes', { value: 'AAH/', valuetransferencoding: 'base64' })
      await target.make('none')
      for (const [name, value, encoding, hex, range] of [['text', 'Grüße', 'utf-8', '4772c3bcc39f65', '0-6'], ['bytes', 'AAH/', 'base64', '0001ff', '0-2'], ['none', '', 'utf-8', '', '']] as const) {
        const fields = await target.fields(name)
        same([fields.value, fields.valuetransferencoding, fields.valuerange], [value, encoding, range], `value, encoding and range of ${name}`)
        same((await target.bytes(name)).toString('hex'), hex, `bytes of ${name}`)
      }
    }
  },
  {
    id: 'DOC-29, GEN-35',
    needs: { dataobject: ['cdmi_size'] },
    text: 'cdmi_size counts the bytes of the value, decoded.',
    async run (target) {
      for (const [name, body, size] of [['text', { value: 'ü€' }, '5'], ['bytes', { value: 'AAH/', valuetransferencoding: 'base64' }, '3'], ['none', {}, '0']] as const) {
        same(fieldsIn(await target.make(name, body), 'metadata').cdmi_size, size, `cdmi_size of ${name}`)
      }
    }
  },
  {
    id: 'DOC-04, DOC-27, AMB-08, COC-80',
    needs: { system: ['cdmi_valuetransferencoding_json'] },
    text: 'A json value is a JSON object, and is given back as one.',
    async run (target) {
      const value = { a: [1, 2.5, null, true, { b: 'ü' }], '': {} }
      await target.make('o', { value, valuetransferencoding: 'json', mimetype: 'application/json' })
      const fields = await target.fields('o')
      same([fields.value, fields.valuetransferencoding], [value, 'json'], 'value and encoding')
      const plain: unknown = JSON.parse(await target.value('o'))
      same(plain, value, 'the plain value')
      for (const wrong of ['text', [1], 1, null]) answers(await target.put('bad', { value: wrong, valuetransferencoding: 'json' }), 400)
      await target.missing('bad')
    }
  },
  {
    id: 'DOC-28, DOC-27',
    text: 'A value that contradicts its transfer encoding, or an unknown encoding, is refused, and nothing is created.',
    async run (target) {
      const bad = [
        { value: 'no base64!', valuetransferencoding: 'base64' }, { value: 'AAA', valuetransferencoding: 'base64' }, { value: 'A===', valuetransferencoding: 'base64' },
        { value: { a: 1 } }, { value: 1 }, { value: ['x'], valuetransferencoding: 'utf-8' }, { value: {}, valuetransferencoding: 'base64' },
        { value: 'x', valuetransferencoding: 'utf-16' }, { value: 'x', valuetransferencoding: 7 }, { value: '\ud800' }
      ]
      for (const body of bad) answers(await target.put('o', body), 400, JSON.stringify(body))
      answers(await target.put('o', '{"value":"no base64!","valuetransferencoding":"base64"}'), 400, 'the value before its encoding')
      await target.missing('o')
    }
  },
  {
    id: 'DOC-30, CMV-01',
    text: 'At most one field says where the value comes from.',
    async run (target) {
      await target.make('source', { value: 'x' })
      const uri = target.at('source')
      const origins = { value: 'v', copy: uri, move: uri, reference: uri, serialize: uri, deserialize: uri, deserializevalue: base64('{}') }
      for (const body of pairs(origins)) answers(await target.put('o', body), 400, JSON.stringify(body))
      await target.missing('o')
      same(await target.value('source'), 'x', 'the source')
    }
  },
  {
    id: 'DOC-39',
    text: 'What is not JSON, no object, or has fields of wrong types is refused, and nothing is created.',
    async run (target) {
      const bad = [
        '{', '{"value":"x"', '{"value":"x"} trailing', '[]', '"text"', 'null', '{"value":"x",}', "{'value':'x'}", '{"value":"\n"}', '\ufeff{',
        '{"mimetype":1}', '{"metadata":"x"}', '{"metadata":["x"]}', '{"metadata":null}', '{"copy":1}', '{"deserializevalue":{}}'
      ]
      for (const body of bad) answers(await target.put('o', body), 400, body)
      await target.missing('o')
    }
  },
  {
    id: 'DOC-39, CLI-03, COC-21',
    text: 'A CDMI body that is empty is an empty object.',
    async run (target) {
      answers(await target.put('o', ''), 201)
      same((await target.fields('o')).value, '', 'value')
      answers(await target.put('c/', ''), 201)
      same((await target.fields('c/')).children, [], 'children')
    }
  },
  {
    id: 'DOC-03, COC-16, CMV-11',
    text: 'Fields that the standard does not know are kept as they are, and can be asked for.',
    async run (target) {
      const extra = { vendorField: 'x', 'org.example.list': [1, { a: null }] }
      await target.make('o', { value: 'v', ...extra })
      await target.make('c/', extra)
      for (const name of ['o', 'c/']) {
        const fields = await target.fields(name)
        same([fields.vendorField, fields['org.example.list']], Object.values(extra), `the fields of ${name}`)
        same(answers(await target.get(`${name}?vendorField`), 200).fields, { vendorField: 'x' }, `${name}?vendorField`)
      }
      await target.change('o', { vendorField: 'y' })
      same((await target.fields('o')).vendorField, 'y', 'the field after an update')
    }
  },
  {
    id: 'DOC-23, CMV-16, CMV-17, DOC-57, DOC-22',
    text: 'X-CDMI-Partial: true makes an object that is Processing and shows no value, until an update without it.',
    async run (target) {
      const answer = answers(await target.put('o', { value: 'half' }, { 'x-cdmi-partial': 'true' }), [201, 202])
      same(answer.fields.completionStatus, 'Processing', 'completionStatus')
      if (answer.status === 202) same(answer.header('location'), target.uri('o'), 'Location')
      hasNot(answers(await target.get('o'), [200, 202]).fields, 'value')
      answers(await target.patch('o', { value: 'whole' }), 204)
      same((await target.fields('o')).completionStatus, 'Complete', 'completionStatus')
    }
  },
  {
    id: 'DOC-09, CMV-12',
    text: 'An upload that is cut off leaves the object as it was, or absent.',
    async run (target) {
      await target.make('old', { value: 'before' })
      const { server } = target
      for (const name of ['old', 'new']) {
        await server.exchange(`${server.head('PUT', target.path(name), 'Content-Length: 100000')}\r\nonly the beginning`, { cut: true })
        await server.exchange(`${server.head('PUT', target.path(name), `Content-Type: ${cdmi.object}`, 'Content-Length: 100000')}\r\n{"value":"only`, { cut: true })
      }
      same(await target.value('old'), 'before', 'the value')
      await target.missing('new')
    }
  },
  {
    id: 'DOC-09, GEN-05',
    text: 'Readers see the old value or the new one, never a mixture.',
    async run (target) {
      const [a, b] = ['a'.repeat(200_000), 'b'.repeat(200_000)]
      await target.make('o', { value: a })
      const write = async (): Promise<void> => { for (const value of [b, a, b, a]) await target.change('o', { value }) }
      const read = async (): Promise<void> => {
        for (let turn = 0; turn < 6; turn++) {
          const value = await target.value('o')
          holds(value === a || value === b, `a reader got ${value.length} bytes that are neither value`)
        }
      }
      await Promise.all([write(), read(), read()])
    }
  },
  {
    id: 'DOC-20, AMB-02, CLI-04',
    text: 'A CDMI PUT on an existing object changes the fields given, and keeps its ID and the others.',
    async run (target) {
      const { objectID } = await target.make('o', { value: 'old', metadata: { colour: 'blue' }, mimetype: 'text/x' })
      answers(await target.put('o', { value: 'new' }), [200, 204])
      const fields = await target.fields('o')
      same([fields.value, fields.objectID, fields.mimetype, fieldsIn(fields, 'metadata').colour], ['new', objectID, 'text/x', 'blue'], 'value, objectID, mimetype, metadata')
    }
  },
  {
    id: 'DOC-26, COC-24',
    needs: { system: ['cdmi_domains'] },
    text: 'An object is of the domain of its container; a domain that does not exist is refused.',
    async run (target) {
      const { domainURI } = await target.fields('')
      same([(await target.make('o')).domainURI, (await target.make('c/')).domainURI], [domainURI, domainURI], 'domainURI')
      for (const name of ['p', 'd/']) refuses(await target.put(name, { domainURI: '/cdmi_domains/no such domain/' }))
      await target.missing('p')
    }
  }
]

const inParts = needing({ system: ['cdmi_multipart_mime'] }, [
  {
    id: 'DOC-38, DOC-06, DOC-24, DOC-27, DOC-29',
    text: 'In multipart the second part is the value, as it is, and gives mimetype and transfer encoding where the JSON does not.',
    async run (target) {
      const bytes = Buffer.from([0, 1, 255, 13, 10, 45, 45])
      answers(await target.parts('PUT', 'bytes', withJson({ metadata: { a: '1' } }, [{ headers: { 'Content-Type': 'Image/X', 'Content-Transfer-Encoding': 'binary' }, body: bytes }])), 201)
      const fields = await target.fields('bytes')
      same([fields.mimetype, fields.valuetransferencoding, fields.value, fieldsIn(fields, 'metadata').a], ['image/x', 'base64', bytes.toString('base64'), '1'], 'mimetype, encoding, value, metadata')
      answers(await target.parts('PUT', 'text', withJson({ mimetype: 'text/y' }, [{ headers: { 'Content-Type': 'text/x; charset=utf-8' }, body: 'ü' }])), 201)
      const text = await target.fields('text')
      same([text.mimetype, text.valuetransferencoding, text.value], ['text/y', 'utf-8', 'ü'], 'mimetype, encoding, value')
    }
  },
  {
    id: 'DOC-38, DOC-06',
    text: 'Value parts without a range are appended to each other; transfer encodings of parts are taken off.',
    async run (target) {
      const type = { 'Content-Type': 'text/plain' }
      answers(await target.parts('PUT', 'o', withJson({}, [
        { headers: type, body: 'one ' },
        { headers: { ...type, 'Content-Transfer-Encoding': 'base64' }, body: base64('two ') },
        { headers: { ...type, 'Content-Transfer-Encoding': 'quoted-printable' }, body: 'thr=65e' }
      ])), 201)
      same(await target.value('o'), 'one two three', 'the value')
    }
  },
  {
    id: 'DOC-38, DOC-06',
    needs: { container: ['cdmi_create_value_range'] },
    text: 'Value parts with Content-Range go where it says.',
    async run (target) {
      const part = (range: string, body: string): { headers: Record<string, string>, body: string } => ({ headers: { 'Content-Type': 'text/plain', 'Content-Range': range, 'Content-Length': String(body.length) }, body })
      answers(await target.parts('PUT', 'o', withJson({}, [part('bytes 6-8/9', 'end'), part('bytes 0-2/9', 'beg')])), 201)
      same(await target.value('o'), 'beg\0\0\0end', 'the value')
    }
  },
  {
    id: 'DOC-38, AMB-21',
    text: 'Multipart with one part, without the JSON first, with two values, or without its end is refused, and nothing is created.',
    async run (target) {
      const text = { headers: { 'Content-Type': 'text/plain' }, body: 'value' }
      const whole = withJson({}, [text])
      for (const [why, body] of [
        ['one part', withJson({}, [])], ['two values', withJson({ value: 'x' }, [text])], ['cut off', { ...whole, body: whole.body.subarray(0, -12) }],
        ['no JSON', { ...whole, body: Buffer.from(whole.body.toString().replace(cdmi.object, 'text/plain')) }], ['no boundary', { ...whole, type: 'multipart/mixed' }],
        ['another type', { ...whole, body: Buffer.from(whole.body.toString().replace(cdmi.object, cdmi.container)) }]
      ] as const) answers(await target.parts('PUT', 'o', body, { accept: cdmi.object }), 400, why)
      await target.missing('o')
    }
  }
])

const byPost = needing({ container: ['cdmi_create_dataobject', 'cdmi_post_dataobject'] }, [
  {
    id: 'COC-74, COC-78, COC-79, COC-81, COC-88',
    text: 'A CDMI POST to a container makes an object named by its ID, and answers with its URI and its fields, without the value.',
    async run (target) {
      const answer = answers(await target.post('', { value: 'x', mimetype: 'Text/X', metadata: { a: '1' } }), 201)
      const { fields } = answer
      same([answer.type, answer.header('location')], [cdmi.object, target.uri(textIn(fields, 'objectID'))], 'Content-Type and Location')
      same([fields.objectName, fields.parentURI, fields.mimetype, fields.completionStatus, fieldsIn(fields, 'metadata').a], [fields.objectID, target.at(''), 'text/x', 'Complete', '1'], 'objectName, parentURI, mimetype, completionStatus, metadata')
      hasNot(fields, 'value', 'valuerange', 'valuetransferencoding')
      same((await target.fields('')).children, [fields.objectID], 'children')
      has(fields, 'objectType', 'parentID', 'capabilitiesURI')
      const bare = await target.fields(answers(await target.post('', {}), 201).header('location'))
      same([bare.value, bare.mimetype, bare.valuetransferencoding], ['', 'text/plain', 'utf-8'], 'value, mimetype and encoding when none is given')
    }
  },
  {
    id: 'COC-76',
    needs: { system: ['cdmi_multipart_mime'] },
    text: 'POST takes multipart, too.',
    async run (target) {
      const body = withJson({}, [{ headers: { 'Content-Type': 'text/x; charset=utf-8' }, body: 'one ' }, { headers: { 'Content-Type': 'text/x; charset=utf-8' }, body: 'two' }])
      const fields = await target.fields(answers(await target.parts('POST', '', body), 201).header('location'))
      same([fields.value, fields.valuetransferencoding, fields.mimetype], ['one two', 'utf-8', 'text/x'], 'value, encoding, mimetype')
    }
  },
  {
    id: 'COC-76',
    needs: { system: ['cdmi_multipart_mime'], container: ['cdmi_create_value_range'] },
    text: 'In multipart POST value parts with Content-Range go where it says.',
    async run (target) {
      const part = (range: string, body: string): { headers: Record<string, string>, body: string } => ({ headers: { 'Content-Type': 'text/plain', 'Content-Range': range }, body })
      const location = answers(await target.parts('POST', '', withJson({}, [part('bytes 5-7/8', 'end'), part('bytes 0-2/8', 'beg')])), 201).header('location')
      same(await target.value(location), 'beg\0\0end', 'the value')
    }
  },
  {
    id: 'COC-77',
    needs: { system: ['cdmi_partial'] },
    text: 'X-CDMI-Partial on a CDMI POST leaves the object Processing and its value withheld, until a plain update without it.',
    async run (target) {
      const answer = answers(await target.post('', { value: 'one ' }, { 'x-cdmi-partial': 'true' }), [201, 202])
      const location = answer.header('location')
      same(answer.fields.completionStatus, 'Processing', 'completionStatus in the answer')
      const during = answers(await target.get(location, cdmi.object), [200, 202]).fields
      same(during.completionStatus, 'Processing', 'completionStatus')
      hasNot(during, 'value')
      answers(await target.plain('PATCH', location, 'two', { 'content-type': 'text/plain' }), 204)
      same((await target.fields(location)).completionStatus, 'Complete', 'completionStatus at the end')
    }
  },
  {
    id: 'COC-80',
    text: 'POST takes values in Base64.',
    async run (target) {
      const location = answers(await target.post('', { value: 'AP8=', valuetransferencoding: 'base64' }), 201).header('location')
      same([(await target.fields(location)).valuetransferencoding, (await target.bytes(location)).toString('hex')], ['base64', '00ff'], 'encoding and bytes')
    }
  },
  {
    id: 'COC-87, COC-80',
    text: 'POST refuses what PUT refuses: several origins, a value that contradicts its encoding, broken JSON, a missing container.',
    async run (target) {
      const uri = target.at('o')
      for (const body of [...pairs({ value: 'v', copy: uri, move: uri, reference: uri, serialize: uri, deserialize: uri, deserializevalue: base64('{}') }), { value: 'no base64!', valuetransferencoding: 'base64' }, { value: 'x', valuetransferencoding: 'none' }, '{']) answers(await target.post('', body), 400)
      answers(await target.post('missing/', {}), 404)
      same((await target.fields('')).children, [], 'children')
    }
  },
  {
    id: 'COC-94',
    text: 'POST of another CDMI type than those of objects and queues is refused; any other type is a plain value.',
    async run (target) {
      for (const type of [cdmi.container, cdmi.capability, cdmi.domain]) answers(await target.post('', {}, { 'content-type': type }), 400)
      same(await target.value(answers(await target.post('', '{}', { 'content-type': 'application/json' }), 201).header('location')), '{}', 'the value')
    }
  }
])

export const dataObjectsCreate: readonly Case[] = [...needing({ container: ['cdmi_create_dataobject'] }, byValue), ...inParts, ...byPost]
