/** V1, CLI: what clients of CDMI 1.x expect, as soon as they say that they are. */
import type { Case } from './case.js'
import { answers, fieldsIn, has, hasNot, holds, listIn, matches, same } from './expect.js'
import { withJson } from './multipart.js'
import { base64, cdmi } from './target.js'

const header = 'x-cdmi-specification-version'
const value = 'This is the Value of this Data Object'

const cases: readonly Case[] = [
  {
    id: 'V1-01, CLI-01',
    text: 'Every answer to a request with a version header names the highest version that both sides know.',
    async run (target) {
      const client = target.as1x('1.0.2, 1.1.1')
      const seen = [
        await client.put('o', { value: 'x' }), await client.get('o'), await client.put('o', { value: 'y' }), await client.get('missing'), await client.put('bad', '{'),
        await client.put('c/'), await client.get('c'), await client.delete('c/'), await client.get('o', cdmi.queue), await client.put('no/o', {})
      ]
      same(seen.map(({ status }) => status), [201, 200, 204, 404, 400, 201, 301, 204, 406, 404], 'the statuses')
      for (const answer of seen) same(answer.header(header), '1.1.1', `the version after ${answer.request}`)
    }
  },
  {
    id: 'V1-01, CLI-01',
    text: 'Versions from 1.0 to 1.1.1 are known, alone, in lists with blanks, with a letter behind; where none is known the answer is 400 and names one that is.',
    async run (target) {
      await target.make('o')
      for (const [asked, chosen] of [['1.0', '1.0'], ['1.0.1', '1.0.1'], ['1.0.2', '1.0.2'], ['1.1', '1.1'], ['1.1.1', '1.1.1'], [' 1.0.1 ,1.0.2', '1.0.2'], ['1.0.1h', '1.0.1h'], ['1.1.1, 9.9', '1.1.1']] as const) {
        const answer = answers(await target.as1x(asked).get('o'), 200, asked)
        holds(answer.header(header).startsWith(chosen.replace(/[a-z]$/, '')), `the version for ${asked} is ${answer.header(header)}`)
      }
      matches(answers(await target.as1x('9.9').get('o'), 400).header(header), /^\d+\.\d+/, 'the version')
    }
  },
  {
    id: 'V1-02, CLI-02',
    text: 'The version header alone never makes a plain PUT a CDMI one.',
    async run (target) {
      const json = '{"value":"not taken apart"}'
      answers(await target.as1x().plain('PUT', 'o', json, { 'content-type': 'application/json' }), 201)
      same(await target.value('o'), json, 'the value')
    }
  },
  {
    id: 'CLI-02',
    text: 'With the version header, and without Accept or with */*, the answer is the CDMI form.',
    async run (target) {
      await target.make('o', { value })
      for (const [name, type] of [['o', cdmi.object], ['', cdmi.container], ['/cdmi_capabilities/', cdmi.capability]] as const) {
        for (const headers of [{}, { accept: '*/*' }]) {
          const answer = answers(await target.as1x().plain('GET', name, undefined, headers), 200)
          same([answer.type, answer.fields.objectType], [type, type], `type of ${name}`)
        }
      }
    }
  },
  {
    id: 'V1-03, CLI-05',
    needs: { dataobject: ['cdmi_read_value_range'], container: ['cdmi_list_children_range'] },
    text: 'Queries with semicolons and colons select fields, ranges, prefixes and children.',
    async run (target) {
      await target.make('o', { value, metadata: { colour: 'blue', shape: 'round' } })
      await target.make('p')
      const client = target.as1x()
      for (const [name, fields] of [
        ['o?objectName;metadata:col', { objectName: 'o', metadata: { colour: 'blue' } }], ['o?value:0-3', { value: base64('This') }], ['o?valuerange;value:0-3', { valuerange: '0-3', value: base64('This') }],
        ['?children:0-0', { children: ['o'] }], ['?objectType;childrenrange', { objectType: cdmi.container, childrenrange: '0-1' }], ['o?mimetype&objectName', { mimetype: 'text/plain', objectName: 'o' }]
      ] as const) same(answers(await client.get(name), 200).fields, fields, `the answer to ${name}`)
    }
  },
  {
    id: 'V1-03, CLI-05',
    text: 'Such queries narrow updates, too.',
    async run (target) {
      await target.make('o', { value, metadata: { keep: '1', change: '1', drop: '1' } })
      const client = target.as1x()
      answers(await client.put('o?metadata:change;metadata:drop', { metadata: { change: '2' } }), [200, 204])
      answers(await client.put('o?value:21-24', { value: base64('that') }), [200, 204])
      const { keep, change, drop } = fieldsIn(await target.fields('o'), 'metadata')
      same([keep, change, drop, await target.value('o')], ['1', '2', undefined, 'This is the Value of that Data Object'], 'metadata and value')
    }
  },
  {
    id: 'V1-04, CLI-04',
    text: 'PUT makes what is not there, and changes the fields given of what is; by ID it never creates.',
    async run (target) {
      const client = target.as1x()
      const { objectID } = answers(await client.put('o', { value, metadata: { a: '1' } }), 201).fields
      answers(await client.put('o', { metadata: { a: '2' } }), [200, 204])
      answers(await client.put(`/cdmi_objectid/${String(objectID)}`, { mimetype: 'text/x' }), [200, 204])
      const fields = await target.fields('o')
      same([fields.objectID, fields.value, fields.mimetype, fieldsIn(fields, 'metadata').a], [objectID, value, 'text/x', '2'], 'objectID, value, mimetype, metadata')
      answers(await client.put('/cdmi_objectid/00007ED90010D891022876A8DE0BC0FD', { value }), 404)
    }
  },
  {
    id: 'CLI-04',
    text: 'The form that was read may be put back whole; what is the server\'s in it is left alone.',
    async run (target) {
      await target.make('o', { value, metadata: { a: '1' } })
      await target.make('c/', { metadata: { a: '1' } })
      await target.make('c/child')
      const client = target.as1x()
      for (const name of ['o', 'c/']) {
        const before = answers(await client.get(name), 200).fields
        const written = { ...before, metadata: { ...fieldsIn(before, 'metadata'), a: '2' } }
        answers(await client.put(name, written), [200, 204])
        const after = await target.fields(name)
        for (const field of ['objectID', 'objectName', 'parentID', 'parentURI', 'completionStatus', 'capabilitiesURI', 'children', 'value']) same(after[field], before[field], `${field} of ${name}`)
        same(fieldsIn(after, 'metadata').a, '2', `metadata of ${name}`)
      }
    }
  },
  {
    id: 'V1-05',
    text: 'A plain PUT on an existing object replaces its value, or with Content-Range a part of it, and keeps ID and metadata.',
    async run (target) {
      const client = target.as1x()
      const { objectID } = await target.make('o', { value, metadata: { a: '1' } })
      answers(await client.plain('PUT', 'o', 'that', { 'content-range': 'bytes 21-24/37' }), 204)
      same(await target.value('o'), 'This is the Value of that Data Object', 'the value')
      answers(await client.plain('PUT', 'o', 'new'), 204)
      const fields = await target.fields('o')
      same([await target.value('o'), fields.objectID, fieldsIn(fields, 'metadata').a], ['new', objectID, '1'], 'value, objectID, metadata')
    }
  },
  {
    id: 'V1-06',
    text: 'PATCH does no harm: it works, or is refused.',
    async run (target) {
      await target.make('o', { value })
      const { status } = answers(await target.as1x().patch('o', { value: 'new' }), [204, 400, 405])
      same(await target.value('o'), status === 204 ? 'new' : value, 'the value')
    }
  },
  {
    id: 'GEN-45, V1-07',
    needs: { system: ['cdmi_valuetransferencoding_json'] },
    text: 'A json value is shown to clients of 1.x as utf-8, with its JSON as a string.',
    async run (target) {
      await target.make('o', { value: { a: [1, 'ü'] }, valuetransferencoding: 'json' })
      const { fields } = answers(await target.as1x().get('o'), 200)
      same(fields.valuetransferencoding, 'utf-8', 'valuetransferencoding')
      const text = matches(fields.value, /^\s*\{/, 'value')
      const parsed: unknown = JSON.parse(text)
      same(parsed, { a: [1, 'ü'] }, 'the JSON in value')
    }
  },
  {
    id: 'V1-08, V1-07',
    needs: { dataobject: ['cdmi_read_value_range'] },
    text: 'A range that is read is Base64; utf-8 is the transfer encoding when none is said.',
    async run (target) {
      const client = target.as1x()
      answers(await client.put('o', { value }), 201)
      same((await client.fields('o')).valuetransferencoding, 'utf-8', 'valuetransferencoding')
      same(answers(await client.get('o?value:0-3'), 200).fields.value, base64('This'), 'value')
    }
  },
  {
    id: 'V1-09',
    needs: { system: ['cdmi_multipart_mime'] },
    text: 'Multipart and IDs are there for clients of 1.x, too.',
    async run (target) {
      const client = target.as1x()
      answers(await client.parts('PUT', 'o', withJson({}, [{ headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: value }])), 201)
      const { objectID } = await client.fields('o')
      same((await client.fields(`/cdmi_objectid/${String(objectID)}`)).value, value, 'value by ID')
    }
  },
  {
    id: 'V1-09',
    needs: { system: ['cdmi_object_copy_from_local'], container: ['cdmi_copy_dataobject'] },
    text: 'Copies are there for clients of 1.x, too.',
    async run (target) {
      await target.make('o', { value })
      answers(await target.as1x().put('d', { copy: target.at('o') }), 201)
      same((await target.as1x().fields('d')).value, value, 'value of the copy')
    }
  },
  {
    id: 'V1-10, V1-13',
    text: 'Media types and names of capabilities are those of the standard.',
    async run (target) {
      const { fields } = answers(await target.as1x().get('/cdmi_capabilities/'), 200)
      for (const name of Object.keys(fieldsIn(fields, 'capabilities'))) matches(name, /^[A-Za-z]/, 'a capability')
      same(fields.objectType, cdmi.capability, 'objectType')
    }
  },
  {
    id: 'V1-11',
    text: 'If-None-Match: * keeps an existing object from being overwritten, If-Match: * a missing one from being made.',
    async run (target) {
      const client = target.as1x()
      answers(await client.put('o', { value }, { 'if-match': '*' }), 412)
      answers(await client.put('o', { value }, { 'if-none-match': '*' }), 201)
      answers(await client.put('o', { value: 'new' }, { 'if-none-match': '*' }), 412)
      same(await target.value('o'), value, 'the value')
    }
  },
  {
    id: 'CLI-03',
    text: 'A CDMI request without a body is one with an empty body; metadata may be booleans and numbers, which are kept.',
    async run (target) {
      const client = target.as1x()
      answers(await client.plain('PUT', 'o', undefined, { 'content-type': cdmi.object }), 201)
      answers(await client.plain('PUT', 'c/', undefined, { 'content-type': cdmi.container }), 201)
      answers(await client.put('o', { metadata: { yes: true, count: 7, none: null } }), [200, 204])
      const { yes, count } = fieldsIn(await client.fields('o'), 'metadata')
      same([yes, count], [true, 7], 'metadata')
      answers(await client.plain('DELETE', 'o', undefined, { 'content-type': cdmi.object, accept: cdmi.object }), 204)
    }
  }
]

const robust: readonly Case[] = [
  {
    id: 'CLI-06, COC-04',
    text: 'The root URI without its slash is a redirect to it.',
    async run (target) {
      const { rootPath, credentials, origin } = target.server
      same((await target.fields('/')).objectType, cdmi.container, 'objectType of the root')
      if (rootPath === '/') return
      const answer = answers(await target.server.send({ method: 'GET', path: `${rootPath.slice(0, -1)}?children`, headers: { ...credentials, accept: cdmi.container } }), 301)
      same(new URL(answer.header('location'), origin).href, `${origin}${rootPath}?children`, 'Location')
    }
  },
  {
    id: 'CLI-06',
    text: 'DELETE of a container without its slash removes all of it or nothing.',
    async run (target) {
      await target.make('c/')
      await target.make('c/o')
      const { status } = answers(await target.delete('c'), [204, 301, 404])
      if (status === 204) await target.missing('c/o')
      else same((await target.fields('c/')).children, ['o'], 'children')
    }
  },
  {
    id: 'CLI-06',
    text: 'Two slashes at the beginning of a path lead to the same object, or to nothing.',
    async run (target) {
      await target.make('o', { value })
      const { server } = target
      for (const path of [`/${target.path('o')}`, target.path('/') + target.at('o')]) {
        const answer = await server.send({ method: 'GET', path, headers: { ...server.credentials, accept: cdmi.object } })
        if (answer.status === 200) same(answer.fields.value, value, `the value at ${path}`)
        else holds(answer.status >= 300 && answer.status < 500, `${path} answered ${answer.status}`)
      }
    }
  },
  {
    id: 'CLI-07',
    text: 'What old clients take apart is always there: names of named objects, types of data objects, sizes and times.',
    async run (target) {
      await target.make('o', { value })
      await target.make('c/')
      for (const name of ['o', 'c/']) {
        const fields = await target.fields(name)
        has(fields, 'objectName')
        has(fieldsIn(fields, 'metadata'), 'cdmi_mtime', 'cdmi_size')
        same('mimetype' in fields, name === 'o', `mimetype of ${name}`)
      }
      same([...listIn(await target.fields(''), 'children')].sort(), ['c/', 'o'], 'children')
      const answer = answers(await target.get('o'), 200)
      matches(answer.header('content-length'), /^\d+$/, 'Content-Length')
      hasNot(answer.headers, 'transfer-encoding')
    }
  }
]

export const version1: readonly Case[] = [...cases.map(each => ({ ...each, version1: true as const })), ...robust]
