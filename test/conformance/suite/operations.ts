/** GEN-01, CAP-10: what is advertised works, what is not is refused; capability by capability. */
import type { Answer } from './answer.js'
import type { Capabilities, Case } from './case.js'
import { answers, fieldsIn, holds, isFields, listIn, same, textIn } from './expect.js'
import { withJson } from './multipart.js'
import { base64, cdmi, type Target } from './target.js'

interface Operation {
  readonly scope: keyof Capabilities
  readonly capability: string
  /** What must be advertised, too, for the operation to work. */
  readonly beside?: Capabilities
  /** Asked only where it is not advertised: with it, more than this server would be needed. */
  readonly alone?: true
  /** The objects of the case cannot be made where it is not advertised. */
  readonly bare?: true
  /** What the answer is when it is not advertised: 400 by the rule, or what the standard says for this one; none where it says nothing. */
  readonly otherwise?: readonly number[]
  /** What is to be there first, beside `o`, `c/` and `c/in`; the text that the operation needs of it. */
  readonly prepare?: (target: Target) => Promise<string>
  /** `o` is a data object with the value `x`, `c/` a container with the data object `in`; both have the item `a` with the value 1. */
  readonly operate: (target: Target, prepared: string) => Promise<Answer>
  /** Throws when nothing has come of it. */
  readonly effect: Effect
}

type Effect = (target: Target, answer: Answer, prepared: string) => Promise<void>
type Line = Omit<Operation, 'scope'>

/** The value is there. */
const valueAt = (name: string, value: string): Effect => async target => { same(await target.value(name), value, `the value of ${name}`) }
/** The value is at Location. */
const valueAtLocation = (value: string): Effect => async (target, answer) => { same(await target.value(answer.header('location')), value, 'the value at Location') }
/** An object of the type is there. */
const isAt = (name: string, type: string): Effect => async target => { same(answers(await target.get(name, type), 200).fields.objectType, type, `objectType of ${name}`) }
/** The one is there and the other no more. */
const movedTo = (name: string, from: string): Effect => async target => {
  await target.fields(name)
  await target.missing(from)
}
const gone = (name: string): Effect => async target => { await target.missing(name) }
const item = (name: string, key: string, value: string): Effect => async target => { same(fieldsIn(await target.fields(name), 'metadata')[key], value, `${key} of ${name}`) }
/** The answer has this in its field. */
const shows = (name: string, value: unknown): Effect => async (_target, answer) => { same(answer.fields[name], value, name) }
/** The object at Location, or with the name, has the ID that was prepared. */
const hasID = (name?: string): Effect => async (target, answer, id) => { same((await target.fields(name ?? answer.header('location'))).objectID, id, 'objectID') }
/** The value there is a serialization of the object with the ID that was prepared. */
const serializes = (name?: string): Effect => async (target, answer, id) => {
  const form: unknown = JSON.parse(await target.value(name ?? answer.header('location')))
  holds(isFields(form), 'the value is no JSON object')
  same(form.objectID, id, 'objectID in the serialization')
}
const sendsOn = (name?: string): Effect => async (target, answer) => { same(answers(await target.get(name ?? answer.header('location')), 302).header('location'), target.uri('o'), 'Location of the reference') }

/** The serialized form of the data object. */
async function serialized (target: Target): Promise<string> {
  return JSON.stringify(await target.fields('o'))
}

/** The ID of an object that is no more, and its serialized form, with a blank between them. */
async function takenOut (target: Target, name: string, more: object = {}): Promise<string> {
  const fields = await target.fields(name)
  answers(await target.delete(name), 204)
  return `${textIn(fields, 'objectID')} ${base64(JSON.stringify({ ...fields, ...more }))}`
}
const idOf = (prepared: string): string => prepared.split(' ')[0] ?? ''
const formOf = (prepared: string): string => prepared.split(' ')[1] ?? ''
const cameBack = (name?: string): Effect => async (target, answer, prepared) => { await hasID(name)(target, answer, idOf(prepared)) }

const queue = { 'content-type': cdmi.queue, accept: cdmi.queue }

/** The URI of a queue, where there are queues. */
async function withQueue (target: Target): Promise<string> {
  await target.put('q', {}, queue)
  return target.at('q')
}

/** The serialized form of a queue that is not there. */
const serializedQueue = base64(JSON.stringify({ objectType: cdmi.queue, objectID: '00007ED90010D891022876A8DE0BC0FD', objectName: 'q', completionStatus: 'Complete', metadata: {}, queueValues: '' }))

const elsewhere = 'https://conformance.invalid/cdmi/2.0.0/o'
const byID = '/cdmi_objectid/'
const queues: Capabilities = { system: ['cdmi_queues'] }
const json: Capabilities = { system: ['cdmi_serialization_json'] }
const jsonOfQueues: Capabilities = { system: ['cdmi_serialization_json', 'cdmi_queues'] }
const jsonOfDomains: Capabilities = { system: ['cdmi_serialization_json', 'cdmi_domains'] }
const copying: Capabilities = { system: ['cdmi_object_copy_from_local'] }
const moving: Capabilities = { system: ['cdmi_object_move_from_local'] }
const ofObject = async (target: Target): Promise<string> => await target.objectID('o')
const ofContainer = async (target: Target): Promise<string> => await target.objectID('c/')
const never: Effect = async () => { holds(false, 'this is asked only where it is refused') }
const queueAtLocation: Effect = async (target, answer) => { await isAt(answer.header('location'), cdmi.queue)(target, answer, '') }

const dataobject: readonly Line[] = [
  { capability: 'cdmi_read_value', operate: async target => await target.plain('GET', 'o'), effect: async (_target, { text }) => { same(text, 'x', 'the body') } },
  { capability: 'cdmi_read_value_range', operate: async target => await target.get('o?value=0-0'), effect: shows('value', base64('x')) },
  { capability: 'cdmi_read_metadata', operate: async target => await target.get('o?metadata=a'), effect: shows('metadata', { a: '1' }) },
  { capability: 'cdmi_modify_value', operate: async target => await target.patch('o', { value: 'y' }), effect: valueAt('o', 'y') },
  { capability: 'cdmi_modify_value_range', operate: async target => await target.patch('o?value=0-0', { value: base64('y') }), effect: valueAt('o', 'y') },
  { capability: 'cdmi_modify_metadata', operate: async target => await target.patch('o', { metadata: { a: '2' } }), effect: item('o', 'a', '2') },
  { capability: 'cdmi_modify_deserialize_dataobject', prepare: serialized, operate: async (target, form) => await target.patch('o', { deserializevalue: base64(form.replace('"x"', '"y"')) }), beside: json, effect: valueAt('o', 'y') },
  { capability: 'cdmi_delete_dataobject', operate: async target => await target.delete('o'), effect: gone('o') }
]

const container: readonly Line[] = [
  { capability: 'cdmi_list_children', operate: async target => await target.get('c/?children'), effect: shows('children', ['in']) },
  { capability: 'cdmi_list_children_range', operate: async target => await target.get('c/?children=0-0'), effect: shows('children', ['in']) },
  { capability: 'cdmi_list_children_extended', operate: async target => await target.get('c/?children=[objectName]'), effect: shows('children', [['in']]) },
  { capability: 'cdmi_list_children_recursive', operate: async target => await target.get('c/?children=!'), effect: shows('children', ['in']) },
  { capability: 'cdmi_read_metadata', operate: async target => await target.get('c/?metadata=a'), effect: shows('metadata', { a: '1' }) },
  { capability: 'cdmi_modify_metadata', operate: async target => await target.patch('c/', { metadata: { a: '2' } }), effect: item('c/', 'a', '2') },
  {
    capability: 'cdmi_modify_deserialize_container',
    prepare: async target => {
      const { children: _children, childrenrange: _range, ...alone } = await target.fields('c/')
      return base64(JSON.stringify({ ...alone, metadata: { a: '2' } }))
    },
    operate: async (target, form) => await target.patch('c/', { deserializevalue: form }),
    beside: json,
    effect: item('c/', 'a', '2')
  },
  { capability: 'cdmi_snapshot', operate: async target => await target.patch('c/', { snapshot: 's' }), beside: { system: ['cdmi_snapshots'] }, effect: isAt('c/cdmi_snapshots/s/', cdmi.container) },
  { capability: 'cdmi_create_dataobject', operate: async target => await target.put('c/p', { value: 'y' }), bare: true, effect: valueAt('c/p', 'y') },
  { capability: 'cdmi_create_container', operate: async target => await target.put('c/d/'), bare: true, effect: isAt('c/d/', cdmi.container) },
  { capability: 'cdmi_serialize_dataobject', prepare: ofObject, operate: async target => await target.put('p', { serialize: target.at('o') }), beside: json, effect: serializes('p') },
  { capability: 'cdmi_serialize_container', prepare: ofContainer, operate: async target => await target.put('p', { serialize: target.at('c/') }), beside: json, effect: serializes('p') },
  { capability: 'cdmi_deserialize_dataobject', prepare: async target => await takenOut(target, 'o'), operate: async (target, prepared) => await target.put('p', { deserializevalue: formOf(prepared) }), beside: json, effect: cameBack('p') },
  { capability: 'cdmi_post_dataobject', operate: async target => await target.post('c/', { value: 'y' }), effect: valueAtLocation('y') },
  { capability: 'cdmi_deserialize_container', prepare: async target => await takenOut(target, 'c/', { childrenrange: '', children: [] }), operate: async (target, prepared) => await target.put('d/', { deserializevalue: formOf(prepared) }), beside: json, effect: cameBack('d/') },
  { capability: 'cdmi_deserialize_queue', operate: async target => await target.put('p', { deserializevalue: serializedQueue }, queue), beside: jsonOfQueues, effect: isAt('p', cdmi.queue) },
  { capability: 'cdmi_serialize_queue', prepare: withQueue, operate: async (target, uri) => await target.put('p', { serialize: uri }), beside: jsonOfQueues, effect: async target => { holds((await target.value('p')).includes(cdmi.queue), 'the value is no serialization of a queue') } },
  { capability: 'cdmi_serialize_domain', operate: async target => await target.put('p', { serialize: '/cdmi_domains/' }), beside: jsonOfDomains, effect: async target => { holds((await target.value('p')).includes('cdmi_domains'), 'the value is no serialization of the domains') } },
  { capability: 'cdmi_copy_queue', prepare: withQueue, operate: async (target, uri) => await target.put('p', { copy: uri }, queue), beside: queues, effect: isAt('p', cdmi.queue) },
  { capability: 'cdmi_move_queue', prepare: withQueue, operate: async (target, uri) => await target.put('p', { move: uri }, queue), beside: queues, effect: isAt('p', cdmi.queue) },
  { capability: 'cdmi_create_queue', operate: async target => await target.put('q', {}, queue), beside: queues, effect: isAt('q', cdmi.queue) },
  { capability: 'cdmi_post_queue', operate: async target => await target.post('c/', {}, queue), beside: queues, effect: queueAtLocation },
  { capability: 'cdmi_create_reference', operate: async target => await target.put('r', { reference: target.at('o') }), beside: { system: ['cdmi_references'] }, effect: sendsOn('r') },
  { capability: 'cdmi_create_value_range', operate: async target => await target.plain('PUT', 'p', 'xyz', { 'content-range': 'bytes 2-4/5' }), effect: valueAt('p', '\0\0xyz') },
  { capability: 'cdmi_delete_container', operate: async target => await target.delete('c/'), effect: gone('c/in') },
  { capability: 'cdmi_move_container', operate: async target => await target.put('d/', { move: target.at('c/') }), beside: moving, effect: movedTo('d/', 'c/') },
  { capability: 'cdmi_copy_container', operate: async target => await target.put('d/', { copy: target.at('c/') }), beside: copying, effect: valueAt('d/in', 'z') },
  { capability: 'cdmi_move_dataobject', operate: async target => await target.put('p', { move: target.at('o') }), beside: moving, effect: movedTo('p', 'o') },
  { capability: 'cdmi_copy_dataobject', operate: async target => await target.put('p', { copy: target.at('o') }), beside: copying, effect: valueAt('p', 'x') }
]

const system: readonly Line[] = [
  { capability: 'cdmi_dataobjects', operate: async target => await target.put('p', { value: 'y' }), bare: true, effect: valueAt('p', 'y') },
  { capability: 'cdmi_queues', operate: async target => await target.put('q', {}, queue), beside: { container: ['cdmi_create_queue'] }, effect: isAt('q', cdmi.queue) },
  { capability: 'cdmi_domains', operate: async target => await target.get('/cdmi_domains/', cdmi.domain), otherwise: [400, 404], effect: async (_target, { fields }) => { listIn(fields, 'children') } },
  { capability: 'cdmi_snapshots', operate: async target => await target.patch('c/', { snapshot: 's' }), beside: { container: ['cdmi_snapshot'] }, effect: isAt('c/cdmi_snapshots/s/', cdmi.container) },
  { capability: 'cdmi_references', operate: async target => await target.put('r', { reference: target.at('o') }), beside: { container: ['cdmi_create_reference'] }, effect: sendsOn('r') },
  { capability: 'cdmi_serialization_json', prepare: ofObject, operate: async target => await target.put('p', { serialize: target.at('o') }), beside: { container: ['cdmi_serialize_dataobject'] }, effect: serializes('p') },
  { capability: 'cdmi_object_copy_from_local', operate: async target => await target.put('p', { copy: target.at('o') }), beside: { container: ['cdmi_copy_dataobject'] }, effect: valueAt('p', 'x') },
  { capability: 'cdmi_object_move_from_local', operate: async target => await target.put('p', { move: target.at('o') }), beside: { container: ['cdmi_move_dataobject'] }, effect: movedTo('p', 'o') },
  { capability: 'cdmi_object_copy_from_remote', operate: async target => await target.put('p', { copy: elsewhere }), alone: true, effect: never },
  { capability: 'cdmi_object_move_from_remote', operate: async target => await target.put('p', { move: elsewhere }), alone: true, effect: never },
  { capability: 'cdmi_object_move_from_ID', prepare: async target => textIn(answers(await target.post(byID, { value: 'x' }), 201).fields, 'objectID'), operate: async (target, id) => await target.put('p', { move: byID + id }), beside: { system: ['cdmi_post_dataobject_by_ID'], container: ['cdmi_move_dataobject'] }, effect: hasID('p') },
  { capability: 'cdmi_copy_dataobject_from_queue', prepare: withQueue, operate: async (target, uri) => await target.put('p', { copy: `${uri}?values=1` }), beside: queues, effect: isAt('p', cdmi.object) },
  { capability: 'cdmi_copy_queue_by_ID', prepare: withQueue, operate: async (target, uri) => await target.post(byID, { copy: uri }, queue), beside: queues, effect: queueAtLocation },
  { capability: 'cdmi_deserialize_queue_by_ID', operate: async target => await target.post(byID, { deserializevalue: serializedQueue }, queue), beside: jsonOfQueues, effect: queueAtLocation },
  { capability: 'cdmi_serialize_queue_to_ID', prepare: withQueue, operate: async (target, uri) => await target.post(byID, { serialize: uri }), beside: jsonOfQueues, effect: async (target, answer) => { holds((await target.value(answer.header('location'))).includes(cdmi.queue), 'the value is no serialization of a queue') } },
  { capability: 'cdmi_serialize_domain_to_ID', operate: async target => await target.post(byID, { serialize: '/cdmi_domains/' }), beside: jsonOfDomains, effect: async (target, answer) => { holds((await target.value(answer.header('location'))).includes('cdmi_domains'), 'the value is no serialization of the domains') } },
  { capability: 'cdmi_object_access_by_ID', prepare: ofObject, operate: async (target, id) => await target.get(byID + id), effect: shows('value', 'x') },
  { capability: 'cdmi_post_dataobject_by_ID', operate: async target => await target.post(byID, { value: 'y' }), effect: valueAtLocation('y') },
  { capability: 'cdmi_post_queue_by_ID', operate: async target => await target.post(byID, {}, queue), beside: queues, effect: queueAtLocation },
  { capability: 'cdmi_object_move_to_ID', prepare: ofObject, operate: async target => await target.post(byID, { move: target.at('o') }), effect: hasID() },
  { capability: 'cdmi_copy_dataobject_by_ID', operate: async target => await target.post(byID, { copy: target.at('o') }), beside: copying, effect: valueAtLocation('x') },
  { capability: 'cdmi_serialize_dataobject_to_ID', prepare: ofObject, operate: async target => await target.post(byID, { serialize: target.at('o') }), beside: json, effect: serializes() },
  { capability: 'cdmi_serialize_container_to_ID', prepare: ofContainer, operate: async target => await target.post(byID, { serialize: target.at('c/') }), beside: json, effect: serializes() },
  { capability: 'cdmi_deserialize_dataobject_by_ID', prepare: async target => await takenOut(target, 'o'), operate: async (target, prepared) => await target.post(byID, { deserializevalue: formOf(prepared) }), beside: json, effect: cameBack() },
  { capability: 'cdmi_create_reference_by_ID', operate: async target => await target.post(byID, { reference: target.at('o') }), beside: { system: ['cdmi_references'] }, effect: sendsOn() },
  { capability: 'cdmi_create_value_range_by_ID', operate: async target => await target.plain('POST', byID, 'xyz', { 'content-range': 'bytes 2-4/5' }), effect: valueAtLocation('\0\0xyz') },
  { capability: 'cdmi_multipart_mime', operate: async target => await target.parts('PUT', 'p', withJson({}, [{ headers: { 'Content-Type': 'text/plain' }, body: 'y' }]), { accept: cdmi.object }), effect: valueAt('p', 'y') },
  { capability: 'cdmi_valuetransferencoding_json', operate: async target => await target.put('p', { value: { a: 1 }, valuetransferencoding: 'json' }), effect: async target => { same((await target.fields('p')).value, { a: 1 }, 'value') } },
  { capability: 'cdmi_partial', operate: async target => await target.plain('PUT', 'p', 'x', { 'x-cdmi-partial': 'true' }), otherwise: [], effect: async target => { same((await target.fields('p')).completionStatus, 'Processing', 'completionStatus') } }
]

const table: readonly Operation[] = [
  ...dataobject.map((each): Operation => ({ ...each, scope: 'dataobject' })),
  ...container.map((each): Operation => ({ ...each, scope: 'container' })),
  ...system.map((each): Operation => ({ ...each, scope: 'system' }))
]

async function prepared (target: Target, { prepare }: Operation): Promise<string> {
  const body = { metadata: { a: '1' } }
  await target.make('o', { value: 'x', ...body })
  await target.make('c/', body)
  await target.make('c/in', { value: 'z' })
  return await prepare?.(target) ?? ''
}

/** What is refused without a capability, for tests of how it is refused. */
export function refusals (): ReadonlyArray<{ readonly name: string, readonly operate: (target: Target) => Promise<Answer> }> {
  return table.filter(({ otherwise = [400] }) => otherwise.length > 0).map(operation => ({
    name: `${operation.scope}: ${operation.capability}`,
    operate: async target => await operation.operate(target, await prepared(target, operation))
  }))
}

/** What is in the scratch container, as far as the server lets it be read. */
async function state (target: Target): Promise<unknown> {
  const [all, o, c] = [await target.get('?children'), await target.get('o?value'), await target.get('c/?children')]
  return [all, o, c].map(({ status, text }) => [status, status === 200 ? text : ''])
}

export const operations: readonly Case[] = table.flatMap((operation): Case[] => {
  const { scope, capability, beside = {}, alone = false, bare = false, otherwise = [400] } = operation
  return [
    ...alone
      ? []
      : [{
          id: 'GEN-01, CAP-20, CAP-23, CAP-24',
          text: `${capability} (${scope}) is advertised, and what it stands for works.`,
          needs: { ...beside, [scope]: [capability, ...beside[scope] ?? []] },
          async run (target: Target) {
            const given = await prepared(target, operation)
            const answer = await operation.operate(target, given)
            holds(answer.status < 300, `${capability} is advertised, yet ${answer.request} answered ${answer.status}: ${answer.text.slice(0, 200)}`)
            await operation.effect(target, answer, given)
          }
        }],
    ...otherwise.length === 0
      ? []
      : [{
          id: 'CAP-10, GEN-01',
          text: `${capability} (${scope}) is not advertised, and what it stands for is answered with ${otherwise.join(' or ')}; nothing is changed.`,
          lacks: { [scope]: [capability] },
          async run (target: Target) {
            const given = bare ? '' : await prepared(target, operation)
            const before = await state(target)
            answers(await operation.operate(target, given), otherwise)
            same(await state(target), before, 'what is in the container')
          }
        }]
  ]
})
