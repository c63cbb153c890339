/** What is about domains: where there are none, no request may name one. */
import type { Answer } from './answer.js'
import { needing, without, type Case } from './case.js'
import { answers, fieldsIn, has, hasNot, holds, listIn, refuses, same, textIn } from './expect.js'
import { base64, cdmi, type Target } from './target.js'

/** A domain that no server has. */
const unknown = '/cdmi_domains/conformance-no-such-domain/'
const inline = (fields: object): string => base64(JSON.stringify(fields))

/** A data object and a container with a child are there as they were, and nothing else. */
async function untouched (target: Target): Promise<void> {
  const [object, container] = [await target.fields('o'), await target.fields('c/')]
  same([object.value, fieldsIn(object, 'metadata').a, fieldsIn(container, 'metadata').a, container.children, [...listIn(await target.fields(''), 'children')].sort()], ['x', '1', '1', ['p'], ['c/', 'o']], 'value, metadata, children')
}

async function furnish (target: Target): Promise<void> {
  await target.make('o', { value: 'x', metadata: { a: '1' } })
  await target.make('c/', { metadata: { a: '1' } })
  await target.make('c/p')
}

/** The same rules hold with domains and without, for a domain that is not there; without, the answer is 400. */
function refusals (none: boolean): Case[] {
  const where = none ? 'Without domains' : 'With domains'
  const refused = (answer: Answer, why = ''): void => { if (none) answers(answer, 400, why); else refuses(answer, why) }
  const cases: Case[] = [
    {
      id: 'DOC-26, COC-24, COC-79',
      text: `${where} nothing is made in one that is not there.`,
      async run (target) {
        await furnish(target)
        for (const name of ['n', 'n/']) refused(await target.put(name, { domainURI: unknown }), name)
        for (const name of ['', '/cdmi_objectid/']) refused(await target.post(name, { domainURI: unknown, value: 'x' }), name)
        await untouched(target)
      }
    },
    {
      id: 'DOC-74, COC-62',
      text: `${where} nothing is changed to one that is not there, nor is anything else that the same request asks for.`,
      async run (target) {
        await furnish(target)
        for (const name of ['o', 'c/', 'o?domainURI', 'c/?domainURI']) refused(await target.patch(name, { domainURI: unknown, metadata: { a: '2' } }), name)
        await untouched(target)
      }
    },
    {
      id: 'CMV-05',
      text: `${where} nothing is copied, moved or serialized into one that is not there.`,
      async run (target) {
        await furnish(target)
        const [o, c] = [target.at('o'), target.at('c/')]
        for (const body of [{ copy: o }, { move: o }, { serialize: o }]) refused(await target.put('n', { ...body, domainURI: unknown }), JSON.stringify(body))
        for (const body of [{ copy: c }, { move: c }]) refused(await target.put('n/', { ...body, domainURI: unknown }), JSON.stringify(body))
        refused(await target.patch('o', { copy: target.at('c/p'), domainURI: unknown }), 'copy on update')
        await untouched(target)
      }
    }
  ]
  const capability = { system: ['cdmi_domains'] }
  return cases.map(each => none ? { ...each, lacks: capability } : { ...each, needs: capability })
}

const deserializations = needing({ system: ['cdmi_serialization_json'], container: ['cdmi_deserialize_dataobject'] }, [
  {
    id: 'SER-23, SER-25',
    text: 'An object that says of itself that it is of a domain that is not there is not deserialized.',
    async run (target) {
      const fields = { ...await target.make('o', { value: 'x' }), valuetransferencoding: 'utf-8', value: 'x' }
      answers(await target.delete('o'), 204)
      answers(await target.put('n', { deserializevalue: inline({ ...fields, domainURI: unknown }) }), 400)
      same((await target.fields('')).children, [], 'children')
    }
  },
  {
    id: 'SER-24, SER-26',
    text: 'No object is deserialized into a domain that the request names and that is not there.',
    async run (target) {
      const fields = { ...await target.make('o', { value: 'x' }), valuetransferencoding: 'utf-8', value: 'x' }
      answers(await target.delete('o'), 204)
      answers(await target.put('n', { deserializevalue: inline(fields), domainURI: unknown }), 400)
      same((await target.fields('')).children, [], 'children')
    }
  },
  {
    id: 'SER-23, SER-25',
    needs: { container: ['cdmi_deserialize_container'] },
    text: 'Where one object below a container is of a domain that is not there nothing of the container is deserialized.',
    async run (target) {
      const container = await target.make('c/')
      const child = { ...await target.make('c/o', { value: 'x' }), valuetransferencoding: 'utf-8', value: 'x' }
      answers(await target.delete('c/'), 204)
      answers(await target.put('n/', { deserializevalue: inline({ ...container, children: [{ ...child, domainURI: unknown }] }) }), 400)
      same((await target.fields('')).children, [], 'children')
    }
  }
])

const withoutDomains: readonly Case[] = without({ system: ['cdmi_domains'] }, [
  {
    id: 'GEN-41',
    text: 'Without domains nothing maps users: no object is of one, and nothing is offered that would say how its users log in.',
    async run (target) {
      same((await target.fields('/cdmi_capabilities/domain/')).capabilities, {}, 'capabilities of domains')
      for (const name of ['o', 'c/']) {
        const fields = await target.make(name)
        has(fields, 'objectID')
        hasNot(fields, 'domainURI')
      }
      hasNot(await target.fields('/'), 'domainURI')
    }
  },
  {
    id: 'SER-04',
    text: 'Without domains none is serialized and none deserialized.',
    async run (target) {
      answers(await target.put('s', { serialize: '/cdmi_domains/' }), 400)
      const form = inline({ objectType: cdmi.domain, objectID: '00007ED90010D891022876A8DE0BC0FD', objectName: 'd/', metadata: { cdmi_domain_enabled: 'true' }, childrenrange: '', children: [] })
      for (const name of ['d', 'd/']) answers(await target.put(name, { deserializevalue: form }), 400)
      answers(await target.put('/cdmi_domains/conformance-own/', {}, { 'content-type': cdmi.domain }), [400, 404])
      same((await target.fields('')).children, [], 'children')
    }
  }
])

const withDomains = needing({ system: ['cdmi_domains'] }, [
  {
    id: 'GEN-41, DOC-26, COC-24, DOC-74, COC-62',
    text: 'Every object is of a domain that can be read, and may be told that it is of the domain that it is of.',
    async run (target) {
      for (const name of ['o', 'c/']) {
        const domainURI = textIn(await target.make(name), 'domainURI')
        answers(await target.get(domainURI, cdmi.domain), 200)
        await target.change(name, { domainURI, metadata: { a: '1' } })
        const fields = await target.fields(name)
        same([fields.domainURI, fieldsIn(fields, 'metadata').a], [domainURI, '1'], 'domainURI and metadata')
      }
    }
  },
  {
    id: 'CMV-05',
    needs: { system: ['cdmi_object_copy_from_local'], container: ['cdmi_copy_dataobject'] },
    text: 'A copy is of the domain of its new container unless the request says so, too.',
    async run (target) {
      const domainURI = textIn(await target.make('o'), 'domainURI')
      same([(await target.make('a', { copy: target.at('o') })).domainURI, (await target.make('b', { copy: target.at('o'), domainURI })).domainURI], [domainURI, domainURI], 'domainURI')
    }
  },
  {
    id: 'SER-04',
    needs: { system: ['cdmi_serialization_json'], container: ['cdmi_serialize_domain'] },
    text: 'The serialization of a domain is one of a domain, with its children.',
    async run (target) {
      await target.make('s', { serialize: textIn(await target.fields(''), 'domainURI') })
      const text = await target.value('s')
      holds(text.includes(`"${cdmi.domain}"`) && text.includes('"children"'), `the serialization is ${text.slice(0, 200)}`)
    }
  }
])

export const domains: readonly Case[] = [...refusals(true), ...refusals(false), ...deserializations, ...withoutDomains, ...withDomains]
