/** SER: serialization and deserialization. */
import { needing, type Case } from './case.js'
import { answers, fieldsIn, has, hasNot, holds, isFields, listIn, same, textIn, type Fields } from './expect.js'
import { multipart, withJson } from './multipart.js'
import { base64, cdmi, type Target } from './target.js'

/** The value of a data object as a JSON object. */
async function form (target: Target, name: string): Promise<Fields> {
  const value: unknown = JSON.parse(await target.value(name))
  holds(isFields(value), `the value of ${name} is no JSON object`)
  return value
}

/** A data object with all that a serialization carries. */
async function source (target: Target, name = 's'): Promise<Fields> {
  await target.make(name, { value: 'AAH/', valuetransferencoding: 'base64', mimetype: 'image/x', metadata: { colour: 'blue' }, own: ['x'] })
  const fields = await target.fields(name)
  textIn(fields, 'objectID')
  return fields
}

const inline = (fields: object): string => base64(JSON.stringify(fields))

const serialize = needing({ system: ['cdmi_serialization_json'], container: ['cdmi_serialize_dataobject'] }, [
  {
    id: 'SER-01, SER-05, SER-07, SER-08, DOC-36',
    text: 'The serialization of a data object is its CDMI form, with the value last, as the value of a new object.',
    async run (target) {
      const fields = await source(target)
      await target.make('d', { serialize: target.at('s') })
      const written = await form(target, 'd')
      for (const name of ['objectType', 'objectID', 'objectName', 'parentURI', 'parentID', 'capabilitiesURI', 'completionStatus', 'mimetype', 'valuerange', 'valuetransferencoding', 'value', 'own']) same(written[name], fields[name], name)
      same([fieldsIn(written, 'metadata').colour, Object.keys(written).at(-1)], ['blue', 'value'], 'the metadata, and the last field')
    }
  },
  {
    id: 'SER-12, CMV-03, CMV-04, CMV-02, CMV-06',
    text: 'A serialization is text/plain in utf-8 unless the request says another type, with the metadata of its source unless the request has some.',
    async run (target) {
      await source(target)
      const plain = await target.make('d', { serialize: target.at('s') })
      same([plain.mimetype, (await target.fields('d')).valuetransferencoding, fieldsIn(plain, 'metadata').colour], ['text/plain', 'utf-8', 'blue'], 'mimetype, encoding, metadata')
      const own = await target.make('e', { serialize: target.at('s'), mimetype: 'Application/JSON', metadata: { shape: 'round' } })
      const { colour, shape } = fieldsIn(own, 'metadata')
      same([own.mimetype, colour, shape], ['application/json', undefined, 'round'], 'mimetype and metadata')
      hasNot(await target.fields('d'), 'serialize')
      answers(await target.put('f', { serialize: target.at('s'), valuetransferencoding: 'utf-8' }), 400)
    }
  },
  {
    id: 'SER-02, SER-05, SER-08',
    needs: { container: ['cdmi_serialize_container'] },
    text: 'The serialization of a container has its children as serializations, at any depth, and children last.',
    async run (target) {
      await target.make('c/', { metadata: { colour: 'blue' } })
      await target.make('c/d/')
      const { objectID } = await source(target, 'c/d/o')
      await target.make('s', { serialize: target.at('c/') })
      const written = await form(target, 's')
      same([written.objectType, written.childrenrange, fieldsIn(written, 'metadata').colour, Object.keys(written).at(-1)], [cdmi.container, '0-0', 'blue', 'children'], 'objectType, childrenrange, metadata, and the last field')
      const [below] = listIn(written, 'children')
      holds(isFields(below) && below.objectName === 'd/', `the child is ${JSON.stringify(below)}`)
      const [deepest] = listIn(below, 'children')
      holds(isFields(deepest), `the child of the child is ${JSON.stringify(deepest)}`)
      same([deepest.objectID, deepest.value], [objectID, 'AAH/'], 'objectID and value of the deepest')
    }
  },
  {
    id: 'SER-07',
    needs: { system: ['cdmi_valuetransferencoding_json'] },
    text: 'A json value is serialized as JSON.',
    async run (target) {
      await target.make('s', { value: { a: [1] }, valuetransferencoding: 'json' })
      await target.make('d', { serialize: target.at('s') })
      same((await form(target, 'd')).value, { a: [1] }, 'value')
    }
  },
  {
    id: 'SER-09, CMV-07',
    text: 'Nothing is made of a source that is missing.',
    async run (target) {
      for (const uri of ['missing', 'missing/', 'no/missing']) answers(await target.put('d', { serialize: target.at(uri) }), 400)
      await target.missing('d')
    }
  },
  {
    id: 'SER-22, SER-08, COC-83',
    needs: { system: ['cdmi_serialize_dataobject_to_ID'] },
    text: 'A serialization may be made by POST to /cdmi_objectid/, too.',
    async run (target) {
      const { objectID } = await source(target)
      const location = answers(await target.post('/cdmi_objectid/', { serialize: target.at('s') }), 201).header('location')
      same((await form(target, location)).objectID, objectID, 'objectID in the serialization')
    }
  },
  {
    id: 'COC-83, SER-08',
    needs: { container: ['cdmi_post_dataobject'] },
    text: 'A serialization may be made by POST to a container, too; nothing comes of a source that is missing.',
    async run (target) {
      const { objectID } = await source(target)
      answers(await target.post('', { serialize: target.at('missing') }), 400)
      same((await target.fields('')).children, ['s'], 'children')
      same((await form(target, answers(await target.post('', { serialize: target.at('s') }), 201).header('location'))).objectID, objectID, 'objectID in the serialization')
    }
  },
  {
    id: 'SER-06',
    text: 'The top object of a serialization has the data system metadata that it inherits, but for what it has itself.',
    async run (target) {
      await target.make('c/', { metadata: { cdmi_latency: '10', cdmi_throughput: '10', colour: 'blue' } })
      await target.make('c/d/', { metadata: { cdmi_RPO: '10' } })
      await target.make('c/d/o', { metadata: { cdmi_latency: '20' } })
      await target.make('s', { serialize: target.at('c/d/o') })
      const { cdmi_latency: latency, cdmi_throughput: throughput, cdmi_RPO: rpo, colour } = fieldsIn(await form(target, 's'), 'metadata')
      same([latency, throughput, rpo, colour], ['20', '10', '10', undefined], 'cdmi_latency, cdmi_throughput, cdmi_RPO, and an item of the container')
    }
  }
])

const create = needing({ system: ['cdmi_serialization_json'], container: ['cdmi_deserialize_dataobject'] }, [
  {
    id: 'SER-13, SER-14, DOC-37, CMV-10',
    text: 'deserializevalue makes the object again: its ID, value, encoding, type and metadata; name and parent are those of the request.',
    async run (target) {
      const fields = await source(target)
      answers(await target.delete('s'), 204)
      const created = await target.make('d', { deserializevalue: inline(fields) })
      same([created.objectID, created.objectName], [fields.objectID, 'd'], 'objectID and objectName')
      hasNot(created, 'value', 'deserializevalue')
      const made = await target.fields('d')
      same([made.value, made.valuetransferencoding, made.mimetype, made.own, fieldsIn(made, 'metadata').colour, made.parentURI], ['AAH/', 'base64', 'image/x', ['x'], 'blue', target.at('')], 'value, encoding, mimetype, field, metadata, parentURI')
    }
  },
  {
    id: 'SER-13, DOC-37, CMV-03, CMV-04',
    needs: { container: ['cdmi_serialize_dataobject'] },
    text: 'deserialize takes the serialization from a data object; type and metadata of the request win.',
    async run (target) {
      const { objectID } = await source(target)
      await target.make('backup', { serialize: target.at('s') })
      answers(await target.delete('s'), 204)
      const created = await target.make('d', { deserialize: target.at('backup'), mimetype: 'text/y', metadata: { shape: 'round' } })
      const { colour, shape } = fieldsIn(created, 'metadata')
      same([created.objectID, created.mimetype, colour, shape, (await target.fields('d')).value], [objectID, 'text/y', undefined, 'round', 'AAH/'], 'objectID, mimetype, metadata, value')
    }
  },
  {
    id: 'SER-19, SER-13, DOC-37, COC-34',
    text: 'What is no serialization, or one of another type, is refused, and nothing is created.',
    async run (target) {
      const fields = await source(target)
      answers(await target.delete('s'), 204)
      for (const value of ['no base64!', base64('no JSON'), base64('[]'), base64('{}'), inline({ ...fields, objectType: 'application/unknown' }), inline({ ...fields, objectType: cdmi.container }), inline({ ...fields, metadata: 'x' }), inline({ ...fields, value: 7 })]) {
        answers(await target.put('d', { deserializevalue: value }), 400, value)
      }
      answers(await target.put('c/', { deserializevalue: inline(fields) }), 400)
      answers(await target.put('d', { deserialize: target.at('missing') }), 400)
      same((await target.fields('')).children, [], 'children')
    }
  },
  {
    id: 'SER-14',
    text: 'No second object comes to life under an ID that is in use.',
    async run (target) {
      const fields = await source(target)
      answers(await target.put('d', { deserializevalue: inline(fields) }), [400, 409])
      await target.missing('d')
      same((await target.fields('s')).objectID, fields.objectID, 'objectID')
    }
  },
  {
    id: 'SER-20, DOC-37, COC-82',
    needs: { system: ['cdmi_multipart_mime'] },
    text: 'In multipart, deserializevalue may be the boundary: the second part is the serialization, the third its value where it has none.',
    async run (target) {
      const { value: _value, valuerange: _valuerange, ...rest } = await source(target)
      answers(await target.delete('s'), 204)
      const body = withJson({ deserializevalue: 'the-boundary' }, [{ headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(rest) }, { headers: { 'Content-Type': 'image/x' }, body: Buffer.from([1, 2]) }], 'the-boundary')
      same(answers(await target.parts('PUT', 'd', body), 201).fields.objectID, rest.objectID, 'objectID')
      same((await target.bytes('d')).toString('hex'), '0102', 'the value')
      answers(await target.parts('PUT', 'e', multipart([{ headers: { 'Content-Type': cdmi.object }, body: '{"deserializevalue":"the-boundary"}' }], 'the-boundary')), 400)
    }
  },
  {
    id: 'SER-22, COC-82, SER-14',
    needs: { system: ['cdmi_deserialize_dataobject_by_ID'] },
    text: 'A POST to /cdmi_objectid/ deserializes an object without a path.',
    async run (target) {
      const fields = await source(target)
      answers(await target.delete('s'), 204)
      const answer = answers(await target.post('/cdmi_objectid/', { deserializevalue: inline(fields) }), 201)
      same(answer.header('location'), target.uri(`/cdmi_objectid/${textIn(fields, 'objectID')}`), 'Location')
      same((await target.fields(answer.header('location'))).value, 'AAH/', 'value')
    }
  }
])

const containerForms = needing({ system: ['cdmi_serialization_json'], container: ['cdmi_serialize_container', 'cdmi_deserialize_container'] }, [
  {
    id: 'SER-14, COC-33, COC-34, COC-50, SER-15',
    text: 'A container is made again with all below it, every object under its old ID.',
    async run (target) {
      const { objectID } = await target.make('c/', { metadata: { colour: 'blue' } })
      await target.make('c/d/')
      const deep = await source(target, 'c/d/o')
      await target.make('backup', { serialize: target.at('c/') })
      answers(await target.delete('c/'), 204)
      const created = await target.make('again/', { deserialize: target.at('backup') })
      same([created.objectID, fieldsIn(created, 'metadata').colour], [objectID, 'blue'], 'objectID and metadata')
      hasNot(created, 'children', 'exports')
      const [parent, child] = [await target.fields('again/'), listIn(await target.fields('again/'), 'children')]
      same([parent.objectName, child], ['again/', ['d/']], 'objectName and children')
      const { objectID: id, value, parentURI } = await target.fields('again/d/o')
      same([id, value, parentURI], [deep.objectID, 'AAH/', target.at('again/d/')], 'objectID, value and parentURI of a descendant')
    }
  },
  {
    id: 'SER-15',
    text: 'Exports in a serialization are not applied.',
    async run (target) {
      await target.make('c/')
      await target.make('backup', { serialize: target.at('c/') })
      answers(await target.delete('c/'), 204)
      const exports = { share: { type: 'NFS', protocol: 'NFSv4', path: '/conformance', usermap: [['*', '<-->', '*']], groupmap: [['*', '<-->', '*']] } }
      const { children, childrenrange, ...rest } = await form(target, 'backup')
      await target.make('again/', { deserializevalue: inline({ ...rest, exports, childrenrange, children }) })
      const again = await target.fields('again/')
      same(again.objectID, textIn(rest, 'objectID'), 'objectID')
      hasNot(again, 'exports')
    }
  },
  {
    id: 'SER-16',
    needs: { dataobject: ['cdmi_size'] },
    text: 'What a serialization says of the size of a value is not taken over.',
    async run (target) {
      const fields = await source(target)
      answers(await target.delete('s'), 204)
      const made = await target.make('d', { deserializevalue: inline({ ...fields, metadata: { ...fieldsIn(fields, 'metadata'), cdmi_size: '999' } }) })
      same(fieldsIn(made, 'metadata').cdmi_size, '3', 'cdmi_size')
    }
  },
  {
    id: 'SER-19, CMV-12',
    text: 'Where one of its children is broken nothing of a container is made.',
    async run (target) {
      await target.make('c/')
      await target.make('c/o', { value: 'x' })
      await target.make('backup', { serialize: target.at('c/') })
      answers(await target.delete('c/'), 204)
      const [child] = listIn(await form(target, 'backup'), 'children')
      holds(isFields(child), 'the serialization has no child')
      const broken = { ...await form(target, 'backup'), children: [child, { ...child, objectName: 'p', objectID: undefined, value: 7 }] }
      answers(await target.put('again/', { deserializevalue: inline(broken) }), 400)
      await target.missing('again/')
    }
  }
])

const update: readonly Case[] = [
  {
    id: 'SER-17, DOC-79',
    needs: { system: ['cdmi_serialization_json'], dataobject: ['cdmi_modify_deserialize_dataobject'] },
    text: 'An update by a serialization takes that of the same object alone.',
    async run (target) {
      const fields = await source(target)
      await target.change('s', { value: 'bmV3', metadata: { colour: 'red' } })
      await target.change('s', { deserializevalue: inline(fields) })
      const restored = await target.fields('s')
      same([restored.value, fieldsIn(restored, 'metadata').colour, restored.objectID], ['AAH/', 'blue', fields.objectID], 'value, metadata, objectID')
      await target.make('other', { value: 'x' })
      for (const value of [inline(fields), base64('{}'), 'no base64!']) answers(await target.patch('other', { deserializevalue: value }), 400)
      same(await target.value('other'), 'x', 'the value of another object')
    }
  },
  {
    id: 'SER-18, SER-17, COC-65',
    needs: { system: ['cdmi_serialization_json'], container: ['cdmi_modify_deserialize_container', 'cdmi_serialize_container'] },
    text: 'A container is brought back to its serialization: children made, changed and removed; without children it alone is changed.',
    async run (target) {
      await target.make('c/', { metadata: { colour: 'blue' } })
      await target.make('c/kept', { value: 'old' })
      await target.make('c/lost', { value: 'lost' })
      await target.make('backup', { serialize: target.at('c/') })
      const { children: _children, childrenrange: _childrenrange, ...alone } = await form(target, 'backup')
      await target.change('c/', { metadata: {} })
      await target.change('c/kept', { value: 'new' })
      answers(await target.delete('c/lost'), 204)
      await target.make('c/added')
      await target.change('c/', { deserializevalue: inline(alone) })
      same([fieldsIn(await target.fields('c/'), 'metadata').colour, await target.value('c/kept')], ['blue', 'new'], 'metadata and the value of a child')
      await target.change('c/', { deserialize: target.at('backup') })
      same([...listIn(await target.fields('c/'), 'children')].sort(), ['kept', 'lost'], 'children')
      same([await target.value('c/kept'), await target.value('c/lost')], ['old', 'lost'], 'values of the children')
    }
  },
  {
    id: 'SER-01, SER-02',
    needs: { system: ['cdmi_serialization_json'], container: ['cdmi_serialize_container'] },
    text: 'Every object in a serialization has what a read of it gives.',
    async run (target) {
      await target.make('c/')
      await target.make('c/o', { value: 'x' })
      await target.make('backup', { serialize: target.at('c/') })
      const written = await form(target, 'backup')
      has(written, 'objectType', 'objectID', 'capabilitiesURI', 'completionStatus', 'metadata', 'childrenrange', 'children')
      const [child] = listIn(written, 'children')
      holds(isFields(child), 'the child is no object')
      has(child, 'objectType', 'objectID', 'objectName', 'completionStatus', 'mimetype', 'metadata', 'valuerange', 'valuetransferencoding', 'value')
    }
  }
]

export const serialization: readonly Case[] = [...serialize, ...create, ...containerForms, ...update]
