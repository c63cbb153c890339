/** COC-89 to COC-93, and what else is about queues: that they work where they are offered, and are refused where they are not. */
import type { Answer } from './answer.js'
import { needing, without, type Case } from './case.js'
import { answers, fieldsIn, has, hasNot, holds, isFields, listIn, same, textIn, type Fields } from './expect.js'
import { base64, cdmi, type Target } from './target.js'

const typed = { 'content-type': cdmi.queue, accept: cdmi.queue }
const byID = '/cdmi_objectid/'
const madeUpID = '00007ED90010D891022876A8DE0BC0FD'

/** A serialized queue with two values. */
const form = {
  objectType: cdmi.queue,
  objectID: madeUpID,
  objectName: 'q',
  completionStatus: 'Complete',
  metadata: { colour: 'blue' },
  queueValues: '0-1',
  mimetype: ['text/plain', 'text/plain'],
  valuetransferencoding: ['utf-8', 'utf-8'],
  valuerange: ['0-2', '0-2'],
  value: ['one', 'two']
}
const inline = (fields: object): string => base64(JSON.stringify(fields))

async function put (target: Target, name: string, body: object = {}): Promise<Answer> {
  return await target.put(name, body, typed)
}

async function read (target: Target, name: string): Promise<Fields> {
  return answers(await target.get(name, cdmi.queue), 200).fields
}

/** A queue `q` with metadata and the values `one` and `two`. */
async function filled (target: Target): Promise<Fields> {
  const { fields } = answers(await put(target, 'q', { metadata: { colour: 'blue' } }), 201)
  answers(await target.post('q', { mimetype: ['text/plain', 'text/plain'], value: ['one', 'two'] }, { 'content-type': cdmi.queue }), 204)
  return fields
}

const unoffered: readonly Case[] = without({ system: ['cdmi_queues'] }, [
  {
    id: 'COC-89',
    text: 'Without queues none is made in a container, neither by POST nor by PUT.',
    async run (target) {
      answers(await target.post('', { metadata: { a: '1' } }, typed), 400)
      answers(await put(target, 'q'), 400)
      same((await target.fields('')).children, [], 'children')
    }
  },
  {
    id: 'COC-90',
    text: 'Without queues none is made by its ID alone.',
    async run (target) {
      hasNot(answers(await target.post(byID, {}, typed), 400).headers, 'location')
    }
  },
  {
    id: 'COC-91',
    text: 'Without queues none is made of anything else, and what it would have been made of stays.',
    async run (target) {
      await target.make('o', { value: 'x' })
      for (const body of [{ copy: target.at('o') }, { move: target.at('o') }, { reference: target.at('o') }, { deserialize: target.at('o') }, { deserializevalue: inline(form) }, { copy: target.at('o'), move: target.at('o') }]) {
        for (const name of ['', byID]) answers(await target.post(name, body, typed), 400, JSON.stringify(body))
        answers(await put(target, 'q', body), 400, JSON.stringify(body))
      }
      same([(await target.fields('')).children, await target.value('o')], [['o'], 'x'], 'children and the value')
    }
  },
  {
    id: 'COC-92',
    text: 'Without queues their capability object offers nothing, and no object is read as one.',
    async run (target) {
      same((await target.fields('/cdmi_capabilities/queue/')).capabilities, {}, 'capabilities of queues')
      await target.make('o')
      answers(await target.get('o', cdmi.queue), 406)
    }
  },
  {
    id: 'COC-93',
    text: 'Without queues a data object neither takes values as a queue does nor gives them away one by one.',
    async run (target) {
      await target.make('o', { value: 'x', metadata: { colour: 'blue' } })
      answers(await target.post('o', { value: ['y'] }, { 'content-type': cdmi.queue }), [400, 405])
      answers(await target.patch('o', { metadata: { colour: 'red' } }, typed), 400)
      answers(await target.delete('o?value'), [400, 404, 405])
      const fields = await target.fields('o')
      same([fields.value, fieldsIn(fields, 'metadata').colour], ['x', 'blue'], 'value and metadata')
    }
  }
])

const copiesUnoffered: readonly Case[] = [
  {
    id: 'DOC-32, CMV-25, COC-84',
    lacks: { system: ['cdmi_copy_dataobject_from_queue'] },
    text: 'Where no data object is made of values of a queue, a copy that asks for some is refused, and nothing is created.',
    async run (target) {
      await target.make('o', { value: 'x' })
      for (const uri of [`${target.at('o')}?values=2`, `${target.at('q')}?values=1`, target.at('q')]) {
        answers(await target.put('d', { copy: uri }), 400, uri)
        answers(await target.post('', { copy: uri }), [400, 404, 405], uri)
        answers(await target.patch('o', { copy: uri }), 400, uri)
      }
      same([(await target.fields('')).children, await target.value('o')], [['o'], 'x'], 'children and the value')
    }
  },
  {
    id: 'SER-03',
    lacks: { container: ['cdmi_deserialize_queue'] },
    text: 'Where no queue is deserialized, neither one alone nor one in a container is, and nothing of either is made.',
    async run (target) {
      answers(await target.put('q', { deserializevalue: inline(form) }), 400)
      answers(await put(target, 'q', { deserializevalue: inline(form) }), 400)
      const container = { ...await target.make('c/'), objectName: 'c/', childrenrange: '0-0', children: [form] }
      answers(await target.delete('c/'), 204)
      answers(await target.put('c/', { deserializevalue: inline(container) }), 400)
      same((await target.fields('')).children, [], 'children')
    }
  }
]

const posted = needing({ system: ['cdmi_queues'], container: ['cdmi_create_queue', 'cdmi_post_queue'] }, [
  {
    id: 'COC-89, COC-92',
    text: 'A queue by POST is named by its ID and empty, and the answer has all of its fields.',
    async run (target) {
      const answer = answers(await target.post('', { metadata: { colour: 'blue' } }, typed), 201)
      const { fields } = answer
      const id = textIn(fields, 'objectID')
      same([answer.type, answer.header('location')], [cdmi.queue, target.uri(id)], 'Content-Type and Location')
      same([fields.objectType, fields.objectName, fields.parentURI, fields.parentID, fields.capabilitiesURI, fields.completionStatus, fields.queueValues], [cdmi.queue, id, target.at(''), await target.objectID(''), '/cdmi_capabilities/queue/', 'Complete', ''], 'the fields')
      same([fieldsIn(fields, 'metadata').colour, (await target.fields('')).children], ['blue', [id]], 'metadata, and the children of the container')
      hasNot(fields, 'value', 'mimetype')
    }
  },
  {
    id: 'COC-91',
    text: 'At most one field says what a queue is made of; a reference stands alone.',
    async run (target) {
      await filled(target)
      const uri = target.at('q')
      for (const body of [{ copy: uri, move: uri }, { copy: uri, deserializevalue: inline(form) }, { reference: uri, metadata: {} }]) answers(await target.post('', body, typed), 400, JSON.stringify(body))
      same((await target.fields('')).children, ['q'], 'children')
    }
  },
  {
    id: 'COC-93',
    needs: { container: ['cdmi_copy_queue'], system: ['cdmi_object_copy_from_local'] },
    text: 'A copy of a queue has its values and its metadata, or the metadata of the request.',
    async run (target) {
      await filled(target)
      answers(await put(target, 'a', { copy: target.at('q') }), 201)
      answers(await put(target, 'b', { copy: target.at('q'), metadata: { shape: 'round' } }), 201)
      const [a, b] = [await read(target, 'a?metadata&value&values=2'), await read(target, 'b')]
      same([fieldsIn(a, 'metadata').colour, fieldsIn(b, 'metadata').colour, fieldsIn(b, 'metadata').shape, listIn(b, 'value')[0]], ['blue', undefined, 'round', 'one'], 'metadata and the oldest value')
      same((await read(target, 'q')).queueValues, '0-1', 'queueValues of the source')
    }
  },
  {
    id: 'DOC-32, CMV-25',
    needs: { system: ['cdmi_copy_dataobject_from_queue', 'cdmi_object_copy_from_local'], container: ['cdmi_copy_dataobject'] },
    text: 'A data object that is a copy of a queue has its values one behind the other, and the queue keeps them.',
    async run (target) {
      await filled(target)
      await target.make('all', { copy: target.at('q') })
      await target.make('first', { copy: `${target.at('q')}?values=1` })
      same([await target.value('all'), await target.value('first'), (await read(target, 'q')).queueValues], ['onetwo', 'one', '0-1'], 'the values, and queueValues')
    }
  },
  {
    id: 'SER-03',
    needs: { system: ['cdmi_serialization_json'], container: ['cdmi_serialize_queue'] },
    text: 'The serialization of a queue has all of its values, with what belongs to each.',
    async run (target) {
      await filled(target)
      await target.make('s', { serialize: target.at('q') })
      const written: unknown = JSON.parse(await target.value('s'))
      holds(isFields(written), 'the serialization is no JSON object')
      const { objectType, queueValues, value, valuerange, mimetype, valuetransferencoding } = written
      same([objectType, queueValues, value, valuerange, mimetype, valuetransferencoding], [cdmi.queue, '0-1', form.value, form.valuerange, form.mimetype, form.valuetransferencoding], 'the serialization')
    }
  }
])

const flat = needing({ system: ['cdmi_queues', 'cdmi_post_queue_by_ID'] }, [
  {
    id: 'COC-90, COC-92',
    text: 'A queue by POST to /cdmi_objectid/ has no path.',
    async run (target) {
      const answer = answers(await target.post(byID, {}, typed), 201)
      same(answer.header('location'), target.uri(byID + textIn(answer.fields, 'objectID')), 'Location')
      hasNot(answer.fields, 'objectName', 'parentURI', 'parentID')
      has(answer.fields, 'objectType', 'capabilitiesURI', 'completionStatus', 'metadata', 'queueValues')
    }
  }
])

export const queues: readonly Case[] = [...unoffered, ...copiesUnoffered, ...posted, ...flat]
