/** HDO: data objects over plain HTTP. */
import { needing, type Case } from './case.js'
import { answers, fieldsIn, hasNot, matches, same } from './expect.js'
import { cdmi } from './target.js'

const octets = 'application/octet-stream'
const value = 'This is the Value of this Data Object'
const zeros = (count: number): string => '\0'.repeat(count)

const create = needing({ container: ['cdmi_create_dataobject'] }, [
  {
    id: 'HDO-01, HDO-08, HDO-20',
    text: 'The body of a PUT becomes the value, byte for byte.',
    async run (target) {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
      await target.store('o', bytes)
      same(await target.bytes('o'), bytes, 'the value')
      await target.store('empty', '')
      same((await target.bytes('empty')).length, 0, 'the length of an empty value')
    }
  },
  {
    id: 'HDO-02',
    text: 'The containers on the way to a new data object must exist.',
    async run (target) {
      await target.store('o', 'x')
      for (const name of ['no/o', 'no/c/o', 'o/below']) answers(await target.plain('PUT', name, 'x'), 404)
      await target.missing('no/')
    }
  },
  {
    id: 'HDO-03, HDO-04, AMB-09',
    text: 'Content-Type becomes mimetype in lower case; charset=utf-8 makes the transfer encoding utf-8, anything else base64.',
    async run (target) {
      const cases = [
        [undefined, octets, 'base64'], ['Text/PLAIN', 'text/plain', 'base64'], ['text/plain; charset=utf-8', 'text/plain', 'utf-8'],
        ['text/plain;charset=UTF-8', 'text/plain', 'utf-8'], ['application/json', 'application/json', 'base64']
      ] as const
      for (const [index, [sent, mimetype, encoding]] of cases.entries()) {
        await target.store(`o${index}`, value, sent)
        const fields = await target.fields(`o${index}`)
        same([String(fields.mimetype).replace(/; *charset=utf-8$/, ''), fields.valuetransferencoding], [mimetype, encoding], `mimetype and encoding of ${String(sent)}`)
        same(fields.value, encoding === 'utf-8' ? value : Buffer.from(value).toString('base64'), 'value')
      }
    }
  },
  {
    id: 'HDO-04, AMB-11',
    text: 'Bytes that are not UTF-8 under charset=utf-8 are refused, and nothing is stored.',
    async run (target) {
      answers(await target.plain('PUT', 'o', Buffer.from([0xff, 0xfe]), { 'content-type': 'text/plain; charset=utf-8' }), 400)
      await target.missing('o')
    }
  },
  {
    id: 'HDO-06, HDO-43, CMV-20, COC-77, AMB-16',
    text: 'X-CDMI-Partial: true leaves an object Processing and its value withheld, until an update without it.',
    async run (target) {
      const partial = { 'x-cdmi-partial': 'true' }
      answers(await target.plain('PUT', 'o', 'one ', partial), [201, 202])
      const fields = await target.fields('o')
      same(fields.completionStatus, 'Processing', 'completionStatus')
      hasNot(fields, 'value')
      answers(await target.plain('PATCH', 'o', 'whole'), 204)
      same((await target.fields('o')).completionStatus, 'Complete', 'completionStatus')
    }
  },
  {
    id: 'HDO-05, GEN-06',
    needs: { system: ['cdmi_object_access_by_ID'] },
    text: 'An object made by plain HTTP is readable by its ID, plainly and by CDMI.',
    async run (target) {
      await target.store('o', value, 'text/x')
      const name = `/cdmi_objectid/${await target.objectID('o')}`
      const answer = answers(await target.plain('GET', name), 200)
      same([answer.text, answer.type, (await target.fields(name)).objectName], [value, 'text/x', 'o'], 'value, type, objectName')
    }
  },
  {
    id: 'HDO-07, HDO-22, CLI-23',
    needs: { container: ['cdmi_create_value_range'] },
    text: 'Content-Range places the body of a PUT; what lies before reads as zeros.',
    async run (target) {
      for (const range of ['bytes 4-7/8', 'bytes 4-7/*']) {
        const name = range.endsWith('*') ? 'open' : 'closed'
        answers(await target.plain('PUT', name, 'tail', { 'content-range': range }), 201)
        same(await target.value(name), `${zeros(4)}tail`, `the value after ${range}`)
      }
    }
  },
  {
    id: 'HDO-08, CLI-23',
    text: 'A Content-Range that is broken, or not as long as the body, is refused and changes nothing.',
    async run (target) {
      await target.store('o', value)
      for (const range of ['bytes 3-1/5', 'bytes 0-9/10', 'bytes 0-1/x', 'nonsense']) {
        answers(await target.plain('PUT', 'o', 'xyz', { 'content-range': range }), 400, range)
        answers(await target.plain('PUT', 'new', 'xyz', { 'content-range': range }), 400, range)
      }
      same(await target.value('o'), value, 'the value')
      await target.missing('new')
    }
  },
  {
    id: 'HDO-09',
    text: 'CMS and JOSE bodies are stored as they are.',
    async run (target) {
      for (const [name, type] of [['cms', 'application/cms'], ['jose', 'application/jose+json']] as const) {
        await target.store(name, '{"ciphertext":"x"}', type)
        const answer = answers(await target.plain('GET', name, undefined, { accept: type }), 200)
        same([answer.text, answer.type], ['{"ciphertext":"x"}', type], 'value and type')
      }
    }
  },
  {
    id: 'HDO-10, COC-06',
    text: 'Without a slash at its end a PUT makes a data object, with one a container.',
    async run (target) {
      answers(await target.plain('PUT', 'o', ''), 201)
      answers(await target.plain('PUT', 'c/'), 201)
      same([(await target.fields('o')).objectType, (await target.fields('c/')).objectType], [cdmi.object, cdmi.container], 'objectTypes')
      answers(await target.plain('PUT', 'o/'), 409, 'a data object has the name')
    }
  },
  {
    id: 'HDO-40, CLI-21, AMB-02, V1-05',
    text: 'A PUT on an existing data object replaces its value and keeps its ID and user metadata.',
    async run (target) {
      const { objectID } = await target.make('o', { value, metadata: { colour: 'blue' } })
      answers(await target.plain('PUT', 'o', 'new', { 'content-type': 'text/x' }), 204)
      const fields = await target.fields('o')
      same([await target.value('o'), fields.objectID, fields.mimetype, fieldsIn(fields, 'metadata').colour], ['new', objectID, 'text/x', 'blue'], 'value, objectID, mimetype, metadata')
    }
  }
])

const read = needing({ dataobject: ['cdmi_read_value'] }, [
  {
    id: 'HDO-20, CLI-07',
    text: 'GET gives the value decoded, its type, and its exact length, whatever the transfer encoding.',
    async run (target) {
      await target.make('utf8', { value: 'ü', mimetype: 'text/x' })
      await target.make('base64', { value: 'AP8=', valuetransferencoding: 'base64', mimetype: 'image/x' })
      for (const [name, hex, type] of [['utf8', 'c3bc', 'text/x'], ['base64', '00ff', 'image/x']] as const) {
        const answer = answers(await target.plain('GET', name), 200)
        same([answer.bytes.toString('hex'), answer.type, answer.header('content-length')], [hex, type, '2'], 'bytes, type and length')
      }
    }
  },
  {
    id: 'HDO-28, HDO-45, HDO-61',
    text: 'GET, PATCH and DELETE of what is missing are 404; none of them creates.',
    async run (target) {
      for (const method of ['GET', 'HEAD', 'DELETE']) answers(await target.plain(method, 'missing'), 404)
      answers(await target.plain('PATCH', 'missing', 'x'), 404)
      same((await target.fields('')).children, [], 'children')
    }
  },
  {
    id: 'HDO-21, GEN-14',
    needs: { dataobject: ['cdmi_read_value_range'] },
    text: 'A Range is answered with 206 and those bytes, clipped at the end; none within the value with 416; a broken one is ignored.',
    async run (target) {
      await target.store('o', value)
      for (const [range, content, text] of [['0-3', '0-3', 'This'], ['33-', '33-36', 'ject'], ['-4', '33-36', 'ject'], ['33-99', '33-36', 'ject'], ['-99', '0-36', value], ['36-36', '36-36', 't']] as const) {
        const answer = answers(await target.plain('GET', 'o', undefined, { range: `bytes=${range}` }), 206, range)
        same([answer.header('content-range'), answer.text], [`bytes ${content}/37`, text], `Content-Range and body for ${range}`)
      }
      for (const range of ['bytes=37-', 'bytes=99-100', 'bytes=-0']) same(answers(await target.plain('GET', 'o', undefined, { range }), 416, range).header('content-range'), 'bytes */37', 'Content-Range')
      for (const range of ['bytes=5-2', 'bytes=x-', 'nonsense', 'lines=0-1']) same(answers(await target.plain('GET', 'o', undefined, { range }), 200, range).text, value, 'the body')
    }
  },
  {
    id: 'HDO-22, DOC-56',
    needs: { dataobject: ['cdmi_modify_value_range', 'cdmi_read_value_range'] },
    text: 'Bytes that were never written read as zeros.',
    async run (target) {
      await target.store('o', 'head')
      answers(await target.plain('PATCH', 'o', 'tail', { 'content-range': 'bytes 8-11/12' }), 204)
      same(await target.value('o'), `head${zeros(4)}tail`, 'the value')
      same(answers(await target.plain('GET', 'o', undefined, { range: 'bytes=3-8' }), 206).text, `d${zeros(4)}t`, 'a range across the gap')
    }
  }
])

const update = needing({ dataobject: ['cdmi_modify_value'] }, [
  {
    id: 'HDO-40',
    text: 'PATCH replaces the whole value; user metadata and ID stay.',
    async run (target) {
      const { objectID } = await target.make('o', { value, metadata: { colour: 'blue' } })
      answers(await target.plain('PATCH', 'o', 'short'), 204)
      const fields = await target.fields('o')
      same([await target.value('o'), fields.objectID, fieldsIn(fields, 'metadata').colour], ['short', objectID, 'blue'], 'value, objectID, metadata')
    }
  },
  {
    id: 'HDO-41',
    needs: { dataobject: ['cdmi_modify_value_range'] },
    text: 'PATCH with Content-Range overwrites these bytes only, also beyond the end.',
    async run (target) {
      await target.store('o', value)
      answers(await target.plain('PATCH', 'o', 'that', { 'content-range': 'bytes 21-24/37' }), 204)
      same(await target.value('o'), 'This is the Value of that Data Object', 'the value')
      answers(await target.plain('PATCH', 'o', 'ab', { 'content-range': 'bytes 38-39/40' }), 204)
      same(await target.value('o'), 'This is the Value of that Data Object\0ab', 'the value')
    }
  },
  {
    id: 'HDO-42, AMB-10',
    text: 'The type of a PATCH becomes mimetype and transfer encoding; without one mimetype stays.',
    async run (target) {
      await target.store('o', 'text', 'text/plain; charset=utf-8')
      for (const [type, mimetype, encoding] of [['Text/HTML; charset=utf-8', 'text/html', 'utf-8'], [undefined, 'text/html', 'utf-8'], ['image/x', 'image/x', 'base64']] as const) {
        answers(await target.plain('PATCH', 'o', 'other', type === undefined ? {} : { 'content-type': type }), 204)
        const fields = await target.fields('o')
        same([String(fields.mimetype).replace(/;.*/, ''), fields.valuetransferencoding], [mimetype, encoding], `mimetype and encoding after ${String(type)}`)
      }
    }
  },
  {
    id: 'HDO-43, DOC-82',
    text: 'X-CDMI-Partial works on a PATCH, and across both protocols.',
    async run (target) {
      await target.make('o', { value })
      answers(await target.plain('PATCH', 'o', 'new', { 'x-cdmi-partial': 'true' }), [202, 204])
      const during = await target.fields('o')
      same(during.completionStatus, 'Processing', 'completionStatus')
      hasNot(during, 'value')
      answers(await target.patch('o', { metadata: { a: '1' } }), 204)
      const after = await target.fields('o')
      same([after.completionStatus, await target.value('o'), fieldsIn(after, 'metadata').a], ['Complete', 'new', '1'], 'completionStatus, value, metadata')
    }
  },
  {
    id: 'HDO-44',
    text: 'PATCH never creates.',
    async run (target) {
      answers(await target.plain('PATCH', 'o', 'x', { 'content-type': 'text/x' }), 404)
      await target.missing('o')
      await target.store('o', 'x')
      answers(await target.plain('PATCH', 'o', 'y'), 204)
    }
  },
  {
    id: 'HDO-45',
    text: 'A PATCH that is refused changes nothing.',
    async run (target) {
      await target.store('o', value, 'text/plain; charset=utf-8')
      answers(await target.plain('PATCH', 'o', 'xyz', { 'content-range': 'bytes 0-9/37' }), 400)
      answers(await target.plain('PATCH', 'o', 'xyz', { 'content-range': 'bytes 5-3/37' }), 400)
      answers(await target.plain('PATCH', 'o', Buffer.from([0xff]), { 'content-type': 'text/plain; charset=utf-8' }), 400)
      same(await target.value('o'), value, 'the value')
    }
  }
])

const remove = needing({ dataobject: ['cdmi_delete_dataobject'] }, [
  {
    id: 'HDO-60, CLI-03',
    text: 'DELETE removes the object from its path, its ID and its container; a body is ignored.',
    async run (target) {
      const { objectID } = await target.make('o')
      answers(await target.plain('DELETE', 'o', 'ignored', { 'content-type': cdmi.object }), 204)
      await target.missing('o')
      await target.missing(`/cdmi_objectid/${String(objectID)}`)
      same((await target.fields('')).children, [], 'children')
    }
  },
  {
    id: 'HDO-61',
    text: 'A second DELETE is 404, and the name is free again.',
    async run (target) {
      const { objectID } = await target.make('o')
      answers(await target.delete('o'), 204)
      answers(await target.delete('o'), 404)
      await target.store('o', 'again')
      matches(await target.objectID('o'), new RegExp(`^(?!${String(objectID)}$)`), 'objectID of the new object')
    }
  }
])

export const httpDataObjects: readonly Case[] = [...create, ...read, ...update, ...remove]
