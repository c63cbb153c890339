/** DOC: data objects, changed over CDMI. */
import { needing, type Case } from './case.js'
import { answers, fieldsIn, hasNot, holds, matches, pairs, same } from './expect.js'
import { withJson } from './multipart.js'
import { base64, cdmi } from './target.js'

const value = 'This is the Value of this Data Object'

const metadata = needing({ dataobject: ['cdmi_modify_metadata'] }, [
  {
    id: 'DOC-70, DOC-84',
    text: 'An update answers 204 without a body, and fields that it does not name keep their values.',
    async run (target) {
      const { objectID } = await target.make('o', { value, metadata: { colour: 'blue' }, mimetype: 'text/x' })
      same(answers(await target.patch('o', { metadata: { shape: 'round' } }), 204).text, '', 'the body')
      const fields = await target.fields('o')
      same([fields.value, fields.mimetype, fields.objectID, fields.objectName, fieldsIn(fields, 'metadata').shape], [value, 'text/x', objectID, 'o', 'round'], 'value, mimetype, objectID, objectName, metadata')
      answers(await target.patch('o', {}), 204)
      same((await target.fields('o')).value, value, 'value')
    }
  },
  {
    id: 'DOC-72',
    text: 'metadata replaces all user metadata, and nothing of the server\'s.',
    async run (target) {
      await target.make('o', { value, metadata: { colour: 'blue', shape: 'round' } })
      await target.change('o', { metadata: { colour: 'red', cdmi_size: '0' } })
      const found = fieldsIn(await target.fields('o'), 'metadata')
      same(found.colour, 'red', 'colour')
      hasNot(found, 'shape')
      if ('cdmi_size' in found) same(found.cdmi_size, '37', 'cdmi_size')
      await target.change('o', { metadata: {} })
      hasNot(fieldsIn(await target.fields('o'), 'metadata'), 'colour')
    }
  },
  {
    id: 'DOC-73',
    text: '?metadata=<name> changes the items named: added, replaced, or removed when the body lacks them; all others stay.',
    async run (target) {
      await target.make('o', { metadata: { keep: '1', replace: '1', remove: '1' } })
      answers(await target.patch('o?metadata=replace&metadata=remove&metadata=add', { metadata: { replace: '2', add: '2', ignore: '2', keep: '2' } }), 204)
      const { keep, replace, add, remove, ignore } = fieldsIn(await target.fields('o'), 'metadata')
      same([keep, replace, add, remove, ignore], ['1', '2', '2', undefined, undefined], 'keep, replace, add, remove, ignore')
    }
  },
  {
    id: 'DOC-71, DOC-24',
    text: 'mimetype replaces the old one, in lower case.',
    async run (target) {
      await target.make('o', { value })
      await target.change('o', { mimetype: 'Image/X' })
      const fields = await target.fields('o')
      same([fields.mimetype, fields.value], ['image/x', value], 'mimetype and value')
    }
  },
  {
    id: 'DOC-70, GEN-32',
    needs: { dataobject: ['cdmi_mtime', 'cdmi_ctime'] },
    text: 'A change moves cdmi_mtime forward and leaves cdmi_ctime.',
    async run (target) {
      const before = fieldsIn(await target.make('o', { value }), 'metadata')
      await target.change('o', { value: 'new' })
      const after = fieldsIn(await target.fields('o'), 'metadata')
      same(after.cdmi_ctime, before.cdmi_ctime, 'cdmi_ctime')
      holds(String(after.cdmi_mtime) > String(before.cdmi_mtime), `cdmi_mtime went from ${String(before.cdmi_mtime)} to ${String(after.cdmi_mtime)}`)
    }
  },
  {
    id: 'DOC-83, DOC-84',
    text: 'PATCH never creates, needs its Content-Type, and refuses a broken body; nothing is changed.',
    async run (target) {
      answers(await target.patch('missing', { value: 'x' }), 404)
      await target.missing('missing')
      await target.make('o', { value, metadata: { a: '1' } })
      answers(await target.plain('PATCH', 'o', '{"metadata":{"a":"2"}}', { accept: cdmi.object }), 400, 'no Content-Type')
      for (const body of ['{', '[]', '{"metadata":1}', '{"mimetype":{}}', '{"value":{"a":1}}', '{"metadata":{"a":"2"},"value":7}']) answers(await target.patch('o', body), 400, body)
      const fields = await target.fields('o')
      same([fields.value, fieldsIn(fields, 'metadata').a], [value, '1'], 'value and metadata')
    }
  },
  {
    id: 'DOC-70, AMB-20',
    text: '?<field> changes this field alone, whatever else the body has.',
    async run (target) {
      await target.make('o', { value, mimetype: 'text/x' })
      answers(await target.patch('o?mimetype', { mimetype: 'text/y', value: 'ignored' }), 204)
      const fields = await target.fields('o')
      same([fields.mimetype, fields.value], ['text/y', value], 'mimetype and value')
    }
  }
])

const values = needing({ dataobject: ['cdmi_modify_value'] }, [
  {
    id: 'DOC-75, DOC-76',
    text: 'value is in the transfer encoding of the object, unless the body sets another.',
    async run (target) {
      await target.make('text', { value })
      await target.change('text', { value: 'AAH/' })
      same((await target.fields('text')).value, 'AAH/', 'a text that looks like Base64')
      await target.make('bytes', { value: 'AAH/', valuetransferencoding: 'base64' })
      answers(await target.patch('bytes', { value: 'no base64!' }), 400)
      await target.change('bytes', { value: '/w==' })
      same((await target.bytes('bytes')).toString('hex'), 'ff', 'the bytes')
      await target.change('bytes', { value: 'text!', valuetransferencoding: 'utf-8' })
      const fields = await target.fields('bytes')
      same([fields.value, fields.valuetransferencoding], ['text!', 'utf-8'], 'value and encoding')
    }
  },
  {
    id: 'DOC-76',
    text: 'A transfer encoding that the value contradicts is refused, and nothing is changed.',
    async run (target) {
      await target.make('o', { value })
      for (const body of [{ value: 'no base64!', valuetransferencoding: 'base64' }, { value: 'x', valuetransferencoding: 'unknown' }, { value: {}, valuetransferencoding: 'utf-8' }]) answers(await target.patch('o', body), 400)
      const fields = await target.fields('o')
      same([fields.value, fields.valuetransferencoding], [value, 'utf-8'], 'value and encoding')
    }
  },
  {
    id: 'DOC-76, DOC-04',
    text: 'Other transfer encodings of the same bytes are refused or true: bytes that are no UTF-8 are never shown as text.',
    async run (target) {
      await target.make('o', { value: '/w==', valuetransferencoding: 'base64' })
      answers(await target.patch('o', { valuetransferencoding: 'utf-8' }), 400)
      same((await target.fields('o')).value, '/w==', 'value')
    }
  },
  {
    id: 'DOC-80, CMV-01',
    text: 'At most one field of an update says where the value comes from.',
    async run (target) {
      await target.make('o', { value })
      await target.make('source', { value: 'x' })
      const uri = target.at('source')
      for (const body of pairs({ value: 'x', copy: uri, deserialize: uri, deserializevalue: base64('{}') })) answers(await target.patch('o', body), 400, JSON.stringify(body))
      same(await target.value('o'), value, 'the value')
    }
  },
  {
    id: 'DOC-82, CMV-20',
    text: 'X-CDMI-Partial: true on an update, then one without it: Complete again.',
    async run (target) {
      answers(await target.put('o', { value: 'half' }, { 'x-cdmi-partial': 'true' }), [201, 202])
      answers(await target.patch('o', { metadata: { a: '1' } }, { 'x-cdmi-partial': 'true' }), [202, 204])
      same((await target.fields('o')).completionStatus, 'Processing', 'completionStatus')
      answers(await target.patch('o', { metadata: { a: '2' } }), 204)
      same((await target.fields('o')).completionStatus, 'Complete', 'completionStatus')
    }
  }
])

const ranges = needing({ dataobject: ['cdmi_modify_value_range'] }, [
  {
    id: 'DOC-77, DOC-05, GEN-16',
    text: '?value=<range> overwrites these bytes with Base64, and makes the transfer encoding base64.',
    async run (target) {
      await target.make('o', { value })
      answers(await target.patch('o?value=21-24', { value: base64('that') }), 204)
      const fields = await target.fields('o')
      same([await target.value('o'), fields.valuetransferencoding, fields.value], ['This is the Value of that Data Object', 'base64', base64('This is the Value of that Data Object')], 'bytes, encoding, value')
      answers(await target.patch('o?value=39-40', { value: base64('ab') }), 204)
      same(await target.value('o'), 'This is the Value of that Data Object\0\0ab', 'the value past the old end')
    }
  },
  {
    id: 'DOC-77, AMB-17',
    text: 'A range whose length is not that of the data, or that is none, is refused, and nothing is changed.',
    async run (target) {
      await target.make('o', { value })
      for (const [range, data] of [['0-9', base64('short')], ['9-0', base64('x')], ['x', base64('x')], ['0-3', 'no base64!']] as const) answers(await target.patch(`o?value=${range}`, { value: data }), 400, range)
      same(await target.value('o'), value, 'the value')
    }
  },
  {
    id: 'DOC-81, DOC-06',
    needs: { system: ['cdmi_multipart_mime'] },
    text: 'Multipart updates write several ranges at once, beside single items of metadata.',
    async run (target) {
      await target.make('o', { value, metadata: { keep: '1' } })
      const part = (range: string, body: string): { headers: Record<string, string>, body: string } => ({ headers: { 'Content-Type': 'application/octet-stream', 'Content-Range': range }, body })
      answers(await target.parts('PATCH', 'o?metadata=add', withJson({ metadata: { add: '2', other: '2' } }, [part('bytes 0-3/37', 'That'), part('bytes 21-24/37', 'that')])), 204)
      const { keep, add, other } = fieldsIn(await target.fields('o'), 'metadata')
      same([await target.value('o'), keep, add, other], ['That is the Value of that Data Object', '1', '2', undefined], 'value and metadata')
      answers(await target.parts('PATCH', 'o', withJson({}, [part('bytes 0-3/37', 'XXXX'), part('bytes 2-5/37', 'XXXX')])), 400, 'ranges that overlap')
      same(await target.value('o'), 'That is the Value of that Data Object', 'the value after ranges that overlap')
    }
  },
  {
    id: 'DOC-81, DOC-76',
    needs: { system: ['cdmi_multipart_mime'] },
    text: 'A multipart update without ranges replaces the value and says its encoding by charset.',
    async run (target) {
      await target.make('o', { value, valuetransferencoding: 'utf-8' })
      answers(await target.parts('PATCH', 'o', withJson({}, [{ headers: { 'Content-Type': 'image/x' }, body: Buffer.from([255]) }])), 204)
      same((await target.fields('o')).valuetransferencoding, 'base64', 'encoding')
      answers(await target.parts('PATCH', 'o', withJson({ mimetype: 'text/y' }, [{ headers: { 'Content-Type': 'text/x; charset=utf-8' }, body: 'ü' }])), 204)
      const fields = await target.fields('o')
      same([fields.value, fields.valuetransferencoding], ['ü', 'utf-8'], 'value and encoding')
      matches(fields.mimetype, /^text\/y$/, 'mimetype')
    }
  }
])

export const dataObjectsUpdate: readonly Case[] = [...metadata, ...values, ...ranges]
