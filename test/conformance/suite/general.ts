/** GEN: conformance, content negotiation, status codes, names, identifiers, time, metadata. */
import { Readable } from 'node:stream'
import type { Case } from './case.js'
import { answers, fieldsIn, has, hasNot, holds, listIn, matches, refuses, same, textIn } from './expect.js'
import { base64, cdmi } from './target.js'

const byID = { system: ['cdmi_object_access_by_ID'] }
const instant = /^\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/

export const general: readonly Case[] = [
  {
    id: 'GEN-03, DOC-01',
    text: 'Data objects, containers and capability objects name their own media type in objectType and in Content-Type.',
    async run (target) {
      await target.make('o')
      for (const [name, type] of [['o', cdmi.object], ['', cdmi.container], ['/cdmi_capabilities/', cdmi.capability]] as const) {
        const answer = answers(await target.get(name), 200)
        same([answer.type, answer.fields.objectType], [type, type], `type of ${name}`)
      }
    }
  },
  {
    id: 'GEN-02, DOC-01',
    text: 'A data object and a container have every mandatory field.',
    async run (target) {
      await target.make('o')
      has(await target.fields('o'), 'objectType', 'objectID', 'capabilitiesURI', 'completionStatus', 'mimetype', 'metadata', 'valuerange', 'valuetransferencoding', 'value')
      has(await target.fields(''), 'objectType', 'objectID', 'capabilitiesURI', 'completionStatus', 'metadata', 'childrenrange', 'children')
    }
  },
  {
    id: 'GEN-04, COC-07',
    text: 'Containers nest, and carry metadata as data objects do.',
    async run (target) {
      await target.make('a/', { metadata: { level: '1' } })
      await target.make('a/b/', { metadata: { level: '2' } })
      await target.make('a/b/o', { metadata: { level: '3' } })
      for (const [name, level] of [['a/', '1'], ['a/b/', '2'], ['a/b/o', '3']] as const) same(fieldsIn(await target.fields(name), 'metadata').level, level, `metadata of ${name}`)
      same((await target.fields('a/')).children, ['b/'], 'children of a/')
    }
  },
  {
    id: 'GEN-05',
    text: 'HEAD answers as GET does, without the body.',
    async run (target) {
      await target.store('o', 'twelve bytes', 'text/plain')
      const [get, head] = [answers(await target.plain('GET', 'o'), 200), answers(await target.plain('HEAD', 'o'), 200)]
      same(head.text, '', 'the body after HEAD')
      same(head.header('content-type'), get.header('content-type'), 'Content-Type after HEAD')
      same(head.header('content-length'), '12', 'Content-Length after HEAD')
      answers(await target.plain('HEAD', 'missing'), 404)
    }
  },
  {
    id: 'GEN-05, CLI-21',
    text: 'A body in chunks, of no announced length, is taken whole.',
    async run (target) {
      answers(await target.plain('PUT', 'o', Readable.from(['in ', 'three ', 'chunks'].map(chunk => Buffer.from(chunk)))), 201)
      same(await target.value('o'), 'in three chunks', 'the value')
    }
  },
  {
    id: 'GEN-05',
    text: 'Expect: 100-continue is answered with 100 before the body, then with the final status.',
    async run (target) {
      const { server } = target
      const head = server.head('PUT', target.path('o'), 'Connection: close', 'Content-Length: 5', 'Expect: 100-continue')
      matches(await server.exchange(`${head}\r\n`, { afterwards: 'value' }), /^HTTP\/1\.1 100 [^]*HTTP\/1\.1 201 /, 'the conversation')
      same(await target.value('o'), 'value', 'the value')
    }
  },
  {
    id: 'GEN-05',
    text: 'Every answer is dated.',
    async run (target) {
      for (const answer of [await target.get(''), await target.get('missing'), await target.plain('PUT', 'o', 'x'), await target.delete('o')]) matches(answer.header('date'), /GMT$/, `Date of ${answer.request}`)
    }
  },
  {
    id: 'GEN-05',
    text: 'A method that a resource lacks is answered with 405 and the list of those that it has.',
    async run (target) {
      await target.store('o', 'x')
      const answer = answers(await target.plain('POST', 'o', 'x'), 405)
      for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) holds(answer.header('allow').split(/\s*,\s*/).includes(method), `Allow lacks ${method}: ${answer.header('allow')}`)
    }
  },
  {
    id: 'GEN-05',
    text: 'An entity tag, where one is given, holds as a condition: 304 for what is known, 412 for what is no more so, and nothing is changed then.',
    async run (target) {
      await target.store('o', 'one')
      const etag = (await target.plain('GET', 'o')).headers.etag
      same(await target.value('o'), 'one', 'the value')
      if (etag === undefined) return
      answers(await target.plain('GET', 'o', undefined, { 'if-none-match': etag }), 304)
      answers(await target.plain('PUT', 'o', 'two', { 'if-match': etag }), 204)
      answers(await target.plain('PUT', 'o', 'three', { 'if-match': etag }), 412)
      answers(await target.plain('DELETE', 'o', undefined, { 'if-match': etag }), 412)
      same(answers(await target.plain('GET', 'o', undefined, { 'if-none-match': etag }), 200).text, 'two', 'the value')
    }
  },
  {
    id: 'GEN-06',
    text: 'One URI is one resource: what plain HTTP writes CDMI reads, and the other way round.',
    async run (target) {
      await target.store('plain', 'by HTTP', 'text/plain; charset=utf-8')
      same((await target.fields('plain')).value, 'by HTTP', 'the value by CDMI')
      await target.make('typed', { value: 'by CDMI' })
      same(await target.value('typed'), 'by CDMI', 'the value by plain HTTP')
      answers(await target.plain('PUT', 'c/'), 201)
      same((await target.fields('c/')).objectType, cdmi.container, 'objectType of a container made by plain HTTP')
    }
  },
  {
    id: 'GEN-06',
    text: 'A Content-Type that is not of CDMI is stored as a value, even when it is JSON.',
    async run (target) {
      const json = '{"value":"not taken apart","metadata":{}}'
      await target.store('o', json, 'application/json')
      same([await target.value('o'), (await target.fields('o')).mimetype], [json, 'application/json'], 'value and mimetype')
    }
  },
  {
    id: 'GEN-07',
    text: 'Every CDMI media type is accepted with the suffix +json, in Content-Type and in Accept.',
    async run (target) {
      answers(await target.put('o', { value: 'x' }, { 'content-type': `${cdmi.object}+json` }), 201)
      answers(await target.put('c/', {}, { 'content-type': `${cdmi.container}+json` }), 201)
      answers(await target.patch('o', { value: 'y' }, { 'content-type': `${cdmi.object}+json` }), 204)
      for (const [name, type] of [['o', cdmi.object], ['c/', cdmi.container], ['/cdmi_capabilities/', cdmi.capability]] as const) {
        const answer = answers(await target.get(name, `${type}+json`), 200)
        same(answer.fields.objectType, type, `objectType of ${name}`)
        matches(answer.type, /^application\/cdmi-[a-z]+(\+json)?$/, 'Content-Type')
      }
    }
  },
  {
    id: 'GEN-08, CLI-03',
    text: 'Parameters and capitals of a CDMI media type do not change it.',
    async run (target) {
      answers(await target.put('o', { value: 'x' }, { 'content-type': 'Application/CDMI-Object; charset=utf-8' }), 201)
      same(await target.value('o'), 'x', 'the value')
      answers(await target.put('c/', {}, { 'content-type': `${cdmi.container};charset=UTF-8` }), 201)
      same((await target.fields('c/')).children, [], 'children')
    }
  },
  {
    id: 'GEN-08',
    text: 'The order of the fields in a request is free.',
    async run (target) {
      await target.make('o', '{"value":"dmFsdWU=","metadata":{"a":"1"},"valuetransferencoding":"base64","mimetype":"text/x"}')
      same(await target.value('o'), 'value', 'the value')
      same([(await target.fields('o')).mimetype, fieldsIn(await target.fields('o'), 'metadata').a], ['text/x', '1'], 'mimetype and metadata')
    }
  },
  {
    id: 'GEN-08, DOC-07',
    text: 'CDMI bodies are UTF-8: other bytes are refused, every character comes back as it was.',
    async run (target) {
      const value = 'Grüße, 日本語, 𝄞, " \\ / \u0001'
      await target.make('o', { value, metadata: { 'naïve €': '𝄞' } })
      const fields = await target.fields('o')
      same([fields.value, fieldsIn(fields, 'metadata')['naïve €']], [value, '𝄞'], 'value and metadata')
      answers(await target.plain('PUT', 'bad', Buffer.from('{"value":"\xff\xfe"}', 'latin1'), { 'content-type': cdmi.object }), 400)
      await target.missing('bad')
    }
  },
  {
    id: 'GEN-09, HDO-20, AMB-03',
    text: 'A data object answers with its value without Accept and to */*, and in the CDMI form when Accept names that.',
    async run (target) {
      await target.store('o', 'value', 'text/x')
      for (const accept of [undefined, '*/*', 'text/html, */*;q=0.1']) {
        const answer = answers(await target.plain('GET', 'o', undefined, accept === undefined ? {} : { accept }), 200)
        same([answer.text, answer.type], ['value', 'text/x'], `value and type for ${String(accept)}`)
      }
      for (const accept of [cdmi.object, `text/html;q=0.3, ${cdmi.object}`, `${cdmi.object}, */*;q=0.1`]) same(answers(await target.get('o', accept), 200).type, cdmi.object, `Content-Type for ${accept}`)
    }
  },
  {
    id: 'GEN-10, DOC-60',
    text: 'A CDMI type that the resource is not of is answered with 406.',
    async run (target) {
      await target.make('o')
      for (const accept of [cdmi.queue, cdmi.container, cdmi.domain]) answers(await target.get('o', accept), 406, accept)
      for (const accept of [cdmi.object, cdmi.queue]) answers(await target.get('', accept), 406, accept)
    }
  },
  {
    id: 'GEN-11, AMB-15',
    text: 'A CDMI request with a body but without Content-Type is refused, and nothing is created.',
    async run (target) {
      answers(await target.plain('PUT', 'o', '{}', { accept: cdmi.object }), 400)
      await target.missing('o')
    }
  },
  {
    id: 'GEN-11, DOC-83, COC-59',
    text: 'A Content-Type of another CDMI type than the resource is refused, and nothing is changed.',
    async run (target) {
      await target.make('o', { value: 'before' })
      for (const type of [cdmi.container, cdmi.queue, cdmi.domain, cdmi.capability]) answers(await target.patch('o', { value: 'after' }, { 'content-type': type }), 400, type)
      same(await target.value('o'), 'before', 'the value')
      for (const type of [cdmi.object, cdmi.queue]) answers(await target.patch('', { metadata: { a: '1' } }, { 'content-type': type }), 400, type)
      hasNot(fieldsIn(await target.fields(''), 'metadata'), 'a')
    }
  },
  {
    id: 'GEN-12',
    text: 'Every answer with a body has a Content-Type, errors too.',
    async run (target) {
      await target.make('o', { value: 'x' })
      const seen = [
        await target.get('o'), await target.plain('GET', 'o'), await target.get(''), await target.plain('GET', ''), await target.get('missing'), await target.plain('GET', 'missing'),
        await target.put('bad', '{'), await target.put('no/parent', {}), await target.get('o', cdmi.queue)
      ]
      for (const answer of seen.slice(4)) refuses(answer)
      for (const answer of seen) holds(answer.text === '' || answer.headers['content-type'] !== undefined, `${answer.request} answered ${answer.status} with a body without Content-Type`)
    }
  },
  {
    id: 'GEN-13, DOC-41, DOC-60, DOC-84, COC-58, COC-70',
    text: 'What does not exist is 404, and a broken body 400, for every method and both types.',
    async run (target) {
      for (const name of ['missing', 'missing/', 'missing/below', 'missing/below/']) {
        answers(await target.get(name), 404)
        answers(await target.patch(name, {}), 404)
        answers(await target.delete(name), 404)
      }
      for (const name of ['no/parent', 'no/parent/']) answers(await target.put(name), 404)
      for (const name of ['bad', 'bad/']) answers(await target.put(name, '{"metadata":'), 400)
    }
  },
  {
    id: 'GEN-15, COC-50',
    text: 'Ranges in fields are first and last, inclusive, counted from zero, without unit or total.',
    async run (target) {
      await target.make('o', { value: 'This is the Value of this Data Object' })
      same((await target.fields('o')).valuerange, '0-36', 'valuerange')
      await target.make('p')
      same((await target.fields('')).childrenrange, '0-1', 'childrenrange')
    }
  },
  {
    id: 'GEN-16, AMB-18, DOC-55',
    needs: { dataobject: ['cdmi_read_value_range'] },
    text: 'A CDMI query takes one byte range; several without multipart are refused.',
    async run (target) {
      await target.make('o', { value: '0123456789' })
      same(answers(await target.get('o?value=2-4'), 200).fields.value, base64('234'), 'value')
      answers(await target.get('o?value=0-1&value=4-5'), 400)
    }
  },
  {
    id: 'GEN-17, GEN-18, COC-10, CLI-07',
    text: 'Percent-escapes belong to URIs: names are decoded before use and stand unescaped in fields.',
    async run (target) {
      for (const name of ['with blank', '@at', 'ü 日本', '100%', 'semi;colon:&=+', '[brackets]', "quote'\"<>"]) {
        await target.make(encodeURIComponent(name), { value: name })
        const fields = await target.fields(encodeURIComponent(name))
        same([fields.objectName, fields.value], [name, name], 'objectName and value')
        holds(listIn(await target.fields(''), 'children').includes(name), `children lack ${name}`)
      }
    }
  },
  {
    id: 'GEN-18, GEN-26',
    text: 'Names of metadata are escaped in a query only.',
    async run (target) {
      await target.make('%40MyContainer/', { metadata: { '@user': 'test', other: 'x' } })
      same(answers(await target.get('%40MyContainer/?objectName&metadata=%40user'), 200).fields, { objectName: '@MyContainer/', metadata: { '@user': 'test' } }, 'the answer')
    }
  },
  {
    id: 'GEN-19',
    text: 'The root URI ends in a slash and is the root container.',
    async run (target) {
      same((await target.fields('/')).objectType, cdmi.container, 'objectType')
      same((await target.fields('')).parentID, await target.objectID('/'), 'parentID of a container in it')
    }
  },
  {
    id: 'GEN-20, COC-12, DOC-40',
    text: 'URIs in fields are relative to the root URI and lead to the objects that they name.',
    async run (target) {
      await target.make('c/')
      const fields = await target.make('c/o')
      same([fields.parentURI, fields.objectName], [target.at('c/'), 'o'], 'parentURI and objectName')
      same(await target.objectID(textIn(fields, 'parentURI')), fields.parentID, 'objectID at parentURI')
      same(await target.objectID(textIn(fields, 'parentURI') + textIn(fields, 'objectName')), fields.objectID, 'objectID at parentURI and objectName')
      same((await target.fields(textIn(fields, 'capabilitiesURI'))).objectType, cdmi.capability, 'objectType at capabilitiesURI')
      same((await target.fields('')).parentURI, '/', 'parentURI of a container below the root')
    }
  },
  {
    id: 'GEN-21, COC-11',
    text: 'The root container says what is above it: nothing, or the URI of the path above and no parentID unless that is a container.',
    async run (target) {
      const fields = await target.fields('/')
      const above = target.server.rootPath.replace(/[^/]*\/$/, '')
      if (target.server.rootPath === '/') {
        hasNot(fields, 'parentID')
        same(fields.parentURI, '', 'parentURI')
      } else if ('parentID' in fields) matches(fields.parentID, /^[0-9A-F]+$/i, 'parentID')
      else holds(fields.parentURI === '' || fields.parentURI === above || fields.parentURI === target.server.origin + above, `parentURI is ${JSON.stringify(fields.parentURI)} instead of ${above}`)
    }
  },
  {
    id: 'GEN-22, COC-10',
    text: 'No name holds a slash or a question mark, also not percent-encoded.',
    async run (target) {
      for (const name of ['a%2Fb', 'a%2fb', 'a%3Fb']) {
        answers(await target.put(name), 400)
        answers(await target.plain('PUT', name, 'x'), 400)
        answers(await target.put(`${name}/`), 400)
      }
      same((await target.fields('')).children, [], 'children')
    }
  },
  {
    id: 'GEN-34, DOC-25',
    text: 'User metadata is strings, arrays and objects, nested freely.',
    async run (target) {
      const metadata = { text: 'x', list: ['a', ['b', { c: 'd' }]], object: { deep: { deeper: ['e'] } }, empty: {}, none: [], 'with blank': '1' }
      await target.make('o', { metadata })
      await target.make('c/', { metadata })
      for (const name of ['o', 'c/']) {
        const found = fieldsIn(await target.fields(name), 'metadata')
        for (const [key, value] of Object.entries(metadata)) same(found[key], value, `metadata ${JSON.stringify(key)} of ${name}`)
      }
    }
  },
  {
    id: 'GEN-32, GEN-35, CLI-07',
    needs: { dataobject: ['cdmi_size', 'cdmi_ctime', 'cdmi_mtime'] },
    text: 'The server makes cdmi_size and times with six fraction digits, whatever the client sends under these names.',
    async run (target) {
      await target.make('o', { value: 'Größe', metadata: { cdmi_size: '999', cdmi_ctime: '1999-01-01T00:00:00.000000Z', own: 'x' } })
      const metadata = fieldsIn(await target.fields('o'), 'metadata')
      same([metadata.cdmi_size, metadata.own], ['7', 'x'], 'cdmi_size and a user item')
      for (const name of ['cdmi_ctime', 'cdmi_mtime']) matches(metadata[name], instant, name)
      holds(!String(metadata.cdmi_ctime).startsWith('1999'), 'cdmi_ctime is the client\'s')
    }
  },
  {
    id: 'GEN-36, COC-07',
    needs: { dataobject: ['cdmi_data_redundancy'] },
    text: 'Data system metadata is inherited from the container, unless the object has its own.',
    async run (target) {
      await target.make('c/', { metadata: { cdmi_data_redundancy: '1' } })
      await target.make('c/heir')
      await target.make('c/own', { metadata: { cdmi_data_redundancy: '2' } })
      await target.make('c/d/')
      await target.make('c/d/deep')
      await target.change('', { metadata: { colour: 'blue' } })
      hasNot(fieldsIn(await target.fields('c/heir'), 'metadata'), 'colour')
      for (const [name, value] of [['c/heir', '1'], ['c/own', '2'], ['c/d/', '1'], ['c/d/deep', '1']] as const) same(fieldsIn(await target.fields(name), 'metadata').cdmi_data_redundancy, value, `cdmi_data_redundancy of ${name}`)
    }
  },
  {
    id: 'GEN-39, GEN-40, CLI-08',
    credentials: true,
    text: 'Without credentials, or with wrong ones, every request is 401 with the challenge of one scheme.',
    async run (target) {
      await target.make('o', { value: 'secret' })
      const challenge = /^(?!.*(basic.*digest|digest.*basic))(basic|digest|bearer|negotiate)\b/i
      const stranger = target.withCredentials()
      for (const answer of [await stranger.get('o'), await stranger.plain('GET', 'o'), await stranger.put('new'), await stranger.delete('o'), await stranger.get('missing')]) {
        matches(answers(answer, 401).header('www-authenticate'), challenge, 'WWW-Authenticate')
      }
      // Few attempts: servers count them.
      const wrong = target.withCredentials(`Basic ${base64(`${target.server.user ?? ''}:not the password ${Math.random()}`)}`)
      for (const answer of [await wrong.get('o'), await wrong.put('new')]) matches(answers(answer, 401).header('www-authenticate'), challenge, 'WWW-Authenticate')
      same(await target.value('o'), 'secret', 'the value')
    }
  },
  {
    id: 'GEN-43, V1-12',
    text: 'Answers to requests without a version header have none, errors above all.',
    async run (target) {
      await target.make('o')
      const seen = [await target.get('o'), await target.get('missing'), await target.put('bad', '{'), await target.get('o', cdmi.queue), await target.delete('o')]
      same(seen.map(({ status }) => status), [200, 404, 400, 406, 204], 'the statuses')
      for (const answer of seen) hasNot(answer.headers, 'x-cdmi-specification-version')
    }
  },
  {
    id: 'GEN-44',
    text: 'The version header never makes the server fail, whatever is in it.',
    async run (target) {
      await target.make('o')
      for (const version of ['1.0.2', '1.1.1', '2.0.0', '9', ',', 'nonsense', '1.'.repeat(500)]) {
        for (const name of ['o', '']) answers(await target.as1x(version).get(name), [200, 400], version.slice(0, 20))
        answers(await target.as1x(version).get('missing'), [400, 404], version.slice(0, 20))
      }
    }
  },
  {
    id: 'GEN-01',
    needs: byID,
    text: 'What is wrong in a request is never answered as a failure of the server.',
    async run (target) {
      await target.make('o')
      for (const query of ['?', '?&&', '?value=', '?value=x', '?metadata=', '?=', '?children=[', '?%zz', '?value=99999999999999999999-']) {
        const answer = await target.get(`o${query}`)
        if (answer.status !== 200) refuses(answer)
      }
      for (const body of ['[]', 'null', '"text"', '1', '{"value":{}}', '{"metadata":[]}', '\u0000']) refuses(await target.put('p', body), body)
      for (const body of ['', '{}']) answers(await target.put('p', body), [201, 204], body)
    }
  }
]
