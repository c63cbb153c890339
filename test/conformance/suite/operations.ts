/** GEN-01, CAP-10: what is advertised works, what is not is refused; capability by capability. */
import type { Answer } from './answer.js'
import type { Capabilities, Case } from './case.js'
import { answers, holds, textIn } from './expect.js'
import { withJson } from './multipart.js'
import { base64, cdmi, type Target } from './target.js'

interface Operation {
  readonly scope: keyof Capabilities
  readonly capability: string
  /** What must be advertised, too, for the operation to work. */
  readonly beside?: Capabilities
  /** Asked only where it is not advertised: with it, more than this server would be needed. */
  readonly alone?: true
  /** What the answer is when it is not advertised: 400 by the rule, or what the standard says for this one; none where it says nothing. */
  readonly otherwise?: readonly number[]
  /** `o` is a data object and `c/` a container of the case. */
  readonly operate: (target: Target) => Promise<Answer>
}

/** The serialized form of `o`. */
async function serialized (target: Target): Promise<string> {
  return base64(JSON.stringify(await target.fields('o')))
}

/** The same, and `o` is gone, so that its ID is free. */
async function serializedAndGone (target: Target): Promise<string> {
  const form = await serialized(target)
  await target.delete('o')
  return form
}

/** `c/` in its serialized form, and it is gone. */
async function containerAndGone (target: Target): Promise<string> {
  const form = base64(JSON.stringify({ ...await target.fields('c/'), childrenrange: '', children: [] }))
  await target.delete('c/')
  return form
}

const queue = { 'content-type': cdmi.queue, accept: cdmi.queue }

/** A queue `q`, where there are queues. */
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

const dataobject: readonly Omit<Operation, 'scope'>[] = [
  { capability: 'cdmi_read_value', operate: async target => await target.plain('GET', 'o') },
  { capability: 'cdmi_read_value_range', operate: async target => await target.get('o?value=0-0') },
  { capability: 'cdmi_read_metadata', operate: async target => await target.get('o?metadata') },
  { capability: 'cdmi_modify_value', operate: async target => await target.patch('o', { value: 'y' }) },
  { capability: 'cdmi_modify_value_range', operate: async target => await target.patch('o?value=0-0', { value: base64('y') }) },
  { capability: 'cdmi_modify_metadata', operate: async target => await target.patch('o', { metadata: { a: '1' } }) },
  { capability: 'cdmi_modify_deserialize_dataobject', operate: async target => await target.patch('o', { deserializevalue: await serialized(target) }), beside: json },
  { capability: 'cdmi_delete_dataobject', operate: async target => await target.delete('o') }
]

const container: readonly Omit<Operation, 'scope'>[] = [
  { capability: 'cdmi_list_children', operate: async target => await target.get('c/?children') },
  { capability: 'cdmi_list_children_range', operate: async target => await target.get('c/?children=0-0') },
  { capability: 'cdmi_list_children_extended', operate: async target => await target.get('c/?children=[objectName]') },
  { capability: 'cdmi_list_children_recursive', operate: async target => await target.get('c/?children=!') },
  { capability: 'cdmi_read_metadata', operate: async target => await target.get('c/?metadata') },
  { capability: 'cdmi_modify_metadata', operate: async target => await target.patch('c/', { metadata: { a: '1' } }) },
  { capability: 'cdmi_modify_deserialize_container', operate: async target => await target.patch('c/', { deserializevalue: base64(JSON.stringify(await target.fields('c/'))) }), beside: json },
  { capability: 'cdmi_snapshot', operate: async target => await target.patch('c/', { snapshot: 's' }), beside: { system: ['cdmi_snapshots'] } },
  { capability: 'cdmi_create_dataobject', operate: async target => await target.put('c/o', { value: 'x' }) },
  { capability: 'cdmi_create_container', operate: async target => await target.put('c/d/') },
  { capability: 'cdmi_serialize_dataobject', operate: async target => await target.put('p', { serialize: target.at('o') }), beside: json },
  { capability: 'cdmi_serialize_container', operate: async target => await target.put('p', { serialize: target.at('c/') }), beside: json },
  { capability: 'cdmi_deserialize_dataobject', operate: async target => await target.put('p', { deserializevalue: await serializedAndGone(target) }), beside: json },
  { capability: 'cdmi_post_dataobject', operate: async target => await target.post('c/', { value: 'x' }) },
  { capability: 'cdmi_deserialize_container', operate: async target => await target.put('d/', { deserializevalue: await containerAndGone(target) }), beside: json },
  { capability: 'cdmi_deserialize_queue', operate: async target => await target.put('p', { deserializevalue: serializedQueue }, queue), beside: { system: ['cdmi_serialization_json', 'cdmi_queues'] } },
  { capability: 'cdmi_serialize_queue', operate: async target => await target.put('p', { serialize: await withQueue(target) }), beside: { system: ['cdmi_serialization_json', 'cdmi_queues'] } },
  { capability: 'cdmi_serialize_domain', operate: async target => await target.put('p', { serialize: '/cdmi_domains/' }), beside: { system: ['cdmi_serialization_json', 'cdmi_domains'] } },
  { capability: 'cdmi_copy_queue', operate: async target => await target.put('p', { copy: await withQueue(target) }, queue), beside: queues },
  { capability: 'cdmi_move_queue', operate: async target => await target.put('p', { move: await withQueue(target) }, queue), beside: queues },
  { capability: 'cdmi_create_queue', operate: async target => await target.put('q', {}, { 'content-type': cdmi.queue }), beside: { system: ['cdmi_queues'] } },
  { capability: 'cdmi_post_queue', operate: async target => await target.post('c/', {}, { 'content-type': cdmi.queue }), beside: { system: ['cdmi_queues'] } },
  { capability: 'cdmi_create_reference', operate: async target => await target.put('r', { reference: target.at('o') }), beside: { system: ['cdmi_references'] } },
  { capability: 'cdmi_create_value_range', operate: async target => await target.plain('PUT', 'p', 'xyz', { 'content-range': 'bytes 2-4/5' }) },
  { capability: 'cdmi_delete_container', operate: async target => await target.delete('c/') },
  { capability: 'cdmi_move_container', operate: async target => await target.put('d/', { move: target.at('c/') }), beside: { system: ['cdmi_object_move_from_local'] } },
  { capability: 'cdmi_copy_container', operate: async target => await target.put('d/', { copy: target.at('c/') }), beside: { system: ['cdmi_object_copy_from_local'] } },
  { capability: 'cdmi_move_dataobject', operate: async target => await target.put('p', { move: target.at('o') }), beside: { system: ['cdmi_object_move_from_local'] } },
  { capability: 'cdmi_copy_dataobject', operate: async target => await target.put('p', { copy: target.at('o') }), beside: { system: ['cdmi_object_copy_from_local'] } }
]

const system: readonly Omit<Operation, 'scope'>[] = [
  { capability: 'cdmi_dataobjects', operate: async target => await target.put('p', { value: 'x' }) },
  { capability: 'cdmi_queues', operate: async target => await target.put('q', {}, { 'content-type': cdmi.queue }), beside: { container: ['cdmi_create_queue'] } },
  { capability: 'cdmi_domains', operate: async target => await target.get('/cdmi_domains/', cdmi.domain), otherwise: [400, 404] },
  { capability: 'cdmi_snapshots', operate: async target => await target.patch('c/', { snapshot: 's' }), beside: { container: ['cdmi_snapshot'] } },
  { capability: 'cdmi_references', operate: async target => await target.put('r', { reference: target.at('o') }), beside: { container: ['cdmi_create_reference'] } },
  { capability: 'cdmi_serialization_json', operate: async target => await target.put('p', { serialize: target.at('o') }), beside: { container: ['cdmi_serialize_dataobject'] } },
  { capability: 'cdmi_object_copy_from_local', operate: async target => await target.put('p', { copy: target.at('o') }), beside: { container: ['cdmi_copy_dataobject'] } },
  { capability: 'cdmi_object_move_from_local', operate: async target => await target.put('p', { move: target.at('o') }), beside: { container: ['cdmi_move_dataobject'] } },
  { capability: 'cdmi_object_copy_from_remote', operate: async target => await target.put('p', { copy: elsewhere }), alone: true },
  { capability: 'cdmi_object_move_from_remote', operate: async target => await target.put('p', { move: elsewhere }), alone: true },
  { capability: 'cdmi_object_move_from_ID', operate: async target => await target.put('p', { move: byID + String((await target.post(byID, { value: 'x' })).fields.objectID) }), beside: { system: ['cdmi_post_dataobject_by_ID'], container: ['cdmi_move_dataobject'] } },
  { capability: 'cdmi_copy_dataobject_from_queue', operate: async target => await target.put('p', { copy: `${await withQueue(target)}?values=1` }), beside: queues },
  { capability: 'cdmi_copy_queue_by_ID', operate: async target => await target.post(byID, { copy: await withQueue(target) }, queue), beside: queues },
  { capability: 'cdmi_deserialize_queue_by_ID', operate: async target => await target.post(byID, { deserializevalue: serializedQueue }, queue), beside: { system: ['cdmi_serialization_json', 'cdmi_queues'] } },
  { capability: 'cdmi_serialize_queue_to_ID', operate: async target => await target.post(byID, { serialize: await withQueue(target) }), beside: { system: ['cdmi_serialization_json', 'cdmi_queues'] } },
  { capability: 'cdmi_serialize_domain_to_ID', operate: async target => await target.post(byID, { serialize: '/cdmi_domains/' }), beside: { system: ['cdmi_serialization_json', 'cdmi_domains'] } },
  { capability: 'cdmi_object_access_by_ID', operate: async target => await target.get(byID + await target.objectID('o')) },
  { capability: 'cdmi_post_dataobject_by_ID', operate: async target => await target.post(byID, { value: 'x' }) },
  { capability: 'cdmi_post_queue_by_ID', operate: async target => await target.post(byID, {}, { 'content-type': cdmi.queue }), beside: { system: ['cdmi_queues'] } },
  { capability: 'cdmi_object_move_to_ID', operate: async target => await target.post(byID, { move: target.at('o') }) },
  { capability: 'cdmi_copy_dataobject_by_ID', operate: async target => await target.post(byID, { copy: target.at('o') }), beside: { system: ['cdmi_object_copy_from_local'] } },
  { capability: 'cdmi_serialize_dataobject_to_ID', operate: async target => await target.post(byID, { serialize: target.at('o') }), beside: json },
  { capability: 'cdmi_serialize_container_to_ID', operate: async target => await target.post(byID, { serialize: target.at('c/') }), beside: json },
  { capability: 'cdmi_deserialize_dataobject_by_ID', operate: async target => await target.post(byID, { deserializevalue: await serializedAndGone(target) }), beside: json },
  { capability: 'cdmi_create_reference_by_ID', operate: async target => await target.post(byID, { reference: target.at('o') }), beside: { system: ['cdmi_references'] } },
  { capability: 'cdmi_create_value_range_by_ID', operate: async target => await target.plain('POST', byID, 'xyz', { 'content-range': 'bytes 2-4/5' }) },
  { capability: 'cdmi_multipart_mime', operate: async target => await target.parts('PUT', 'p', withJson({}, [{ headers: { 'Content-Type': 'text/plain' }, body: 'x' }]), { accept: cdmi.object }) },
  { capability: 'cdmi_valuetransferencoding_json', operate: async target => await target.put('p', { value: {}, valuetransferencoding: 'json' }) },
  { capability: 'cdmi_capabilities_templates', operate: async target => await target.put('p', { capabilitiesURI: textIn(await target.fields('o'), 'capabilitiesURI') }), otherwise: [] },
  { capability: 'cdmi_partial', operate: async target => await target.plain('PUT', 'p', 'x', { 'x-cdmi-partial': 'true' }), otherwise: [] }
]

const table: readonly Operation[] = [
  ...dataobject.map((each): Operation => ({ ...each, scope: 'dataobject' })),
  ...container.map((each): Operation => ({ ...each, scope: 'container' })),
  ...system.map((each): Operation => ({ ...each, scope: 'system' }))
]

/** What is refused without a capability, for tests of how it is refused. */
export function refusals (): readonly { readonly name: string, readonly operate: (target: Target) => Promise<Answer> }[] {
  return table.filter(({ otherwise = [400] }) => otherwise.length > 0).map(operation => ({ name: `${operation.scope}: ${operation.capability}`, operate: async target => await prepared(target, operation) }))
}

async function prepared (target: Target, { operate }: Operation): Promise<Answer> {
  // A server that cannot make one of them may still be asked for the other.
  await target.put('o', { value: 'x' })
  await target.put('c/')
  return await operate(target)
}

export const operations: readonly Case[] = table.flatMap((operation): Case[] => {
  const { scope, capability, beside = {}, alone = false, otherwise = [400] } = operation
  return [
    ...alone
      ? []
      : [{
          id: 'GEN-01, CAP-20, CAP-23, CAP-24',
          text: `${capability} (${scope}) is advertised, and what it stands for works.`,
          needs: { ...beside, [scope]: [capability, ...beside[scope] ?? []] },
          async run (target: Target) {
            const { request, status, text } = await prepared(target, operation)
            holds(status < 300, `${capability} is advertised, yet ${request} answered ${status}: ${text.slice(0, 200)}`)
          }
        }],
    ...otherwise.length === 0
      ? []
      : [{
          id: 'CAP-10, GEN-01',
          text: `${capability} (${scope}) is not advertised, and what it stands for is answered with ${otherwise.join(' or ')}.`,
          lacks: { [scope]: [capability] },
          async run (target: Target) {
            answers(await prepared(target, operation), otherwise)
          }
        }]
  ]
})
