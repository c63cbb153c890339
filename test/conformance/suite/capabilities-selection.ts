/** CSE: data system metadata taken from a capability object that is named in a request. */
import { needing, type Case } from './case.js'
import { answers, fieldsIn, holds, listIn, refuses, same, type Fields } from './expect.js'
import { cdmi, type Target } from './target.js'

interface Template { readonly uri: string, readonly metadata: Fields }

/** The first template below the capability object of a type, which must be there. */
async function template (target: Target, kind: 'dataobject' | 'container'): Promise<Template> {
  const base = `/cdmi_capabilities/${kind}/`
  for (const child of listIn(await target.fields(base), 'children')) {
    const uri = base + String(child)
    const metadata = fieldsIn(await target.fields(uri), 'metadata')
    if (Object.keys(metadata).length > 0) return { uri, metadata }
  }
  holds(false, `there is no template with metadata below ${base}`)
}

async function metadataOf (target: Target, name: string): Promise<Fields> {
  return fieldsIn(await target.fields(name), 'metadata')
}

const [object, container] = [['o', 'dataobject'], ['c/', 'container']] as const

export const capabilitiesSelection: readonly Case[] = needing({ system: ['cdmi_capabilities_templates'] }, [
  {
    id: 'CSE-09, CAP-06',
    text: 'Every capability object has metadata, before its children.',
    async run (target) {
      for (const name of ['', 'dataobject/', 'container/']) {
        const fields = await target.fields(`/cdmi_capabilities/${name}`)
        fieldsIn(fields, 'metadata')
        same(Object.keys(fields).slice(-2), ['childrenrange', 'children'], 'the last fields')
      }
    }
  },
  {
    id: 'CSE-10, CSE-01, CSE-02, CSE-07',
    text: 'A new object takes the data system metadata of the template that it names, and names it as its own.',
    async run (target) {
      for (const [name, kind] of [object, container]) {
        const { uri, metadata } = await template(target, kind)
        same((await target.make(name, { capabilitiesURI: uri })).capabilitiesURI, uri, 'capabilitiesURI')
        const found = await metadataOf(target, name)
        for (const [key, value] of Object.entries(metadata)) same(found[key], value, `${key} of ${name}`)
      }
    }
  },
  {
    id: 'CSE-01, CSE-02',
    needs: { container: ['cdmi_post_dataobject'] },
    text: 'POST takes a template, too.',
    async run (target) {
      const { uri, metadata } = await template(target, 'dataobject')
      const found = fieldsIn(answers(await target.post('', { capabilitiesURI: uri, value: 'x' }), 201).fields, 'metadata')
      for (const [key, value] of Object.entries(metadata)) same(found[key], value, key)
    }
  },
  {
    id: 'CSE-03, CSE-04',
    text: 'Items in the metadata of the request win over the template\'s, on create and on update; user metadata is kept.',
    async run (target) {
      const { uri, metadata } = await template(target, 'dataobject')
      const [key = ''] = Object.keys(metadata)
      await target.make('o', { capabilitiesURI: uri, metadata: { colour: 'blue' } })
      const beside = await metadataOf(target, 'o')
      same([beside[key], beside.colour], [metadata[key], 'blue'], 'an item of the template, and user metadata')
      // Another value can only be made up where it is a number.
      const own = /^\d+$/.test(String(metadata[key])) ? String(Number(metadata[key]) + 1) : metadata[key]
      await target.make('q', { capabilitiesURI: uri, metadata: { [key]: own } })
      same((await metadataOf(target, 'q'))[key], own, 'an item of the request')
      await target.make('p', { metadata: { colour: 'blue' } })
      await target.change('p', { capabilitiesURI: uri })
      const found = await metadataOf(target, 'p')
      same([found[key], found.colour], [metadata[key], 'blue'], 'an item of the template, and user metadata')
    }
  },
  {
    id: 'CSE-05',
    needs: { system: ['cdmi_capabilities_exact_inherit'] },
    text: 'With exact inheritance old data system metadata goes when a template is chosen, but for what the request says again; user metadata stays.',
    async run (target) {
      const { uri, metadata } = await template(target, 'dataobject')
      const [gone = '', again = ''] = ['cdmi_data_redundancy', 'cdmi_throughput', 'cdmi_latency', 'cdmi_RPO', 'cdmi_RTO'].filter(name => !(name in metadata))
      for (const name of ['o', 'p']) await target.make(name, { metadata: { [gone]: '1', [again]: '1', colour: 'blue' } })
      same((await metadataOf(target, 'o'))[gone], '1', gone)
      await target.change('o', { capabilitiesURI: uri })
      await target.change('p', { capabilitiesURI: uri, metadata: { [again]: '1' } })
      const [o, p] = [await metadataOf(target, 'o'), await metadataOf(target, 'p')]
      same([o[gone], o[again], o.colour, p[gone], p[again]], [undefined, undefined, 'blue', undefined, '1'], `${gone}, ${again} and user metadata`)
      for (const [key, value] of Object.entries(metadata)) same([o[key], p[key]], [value, value], key)
    }
  },
  {
    id: 'CSE-08, CSE-07, CAP-11',
    text: 'The template that an object names is one whose items it has: no more once one of them has been changed.',
    async run (target) {
      const { uri, metadata } = await template(target, 'dataobject')
      const [key = ''] = Object.keys(metadata)
      await target.make('o', { capabilitiesURI: uri })
      await target.change('o', { metadata: { ...metadata, [key]: 'another' } })
      const { capabilitiesURI, metadata: own } = await target.fields('o')
      holds(capabilitiesURI !== uri, 'the object still names the template')
      const named = await target.fields(String(capabilitiesURI))
      for (const [name, value] of Object.entries(fieldsIn(named, 'metadata'))) same(fieldsIn({ own }, 'own')[name], value, `${name}, which ${String(capabilitiesURI)} has`)
    }
  },
  {
    id: 'CSE-06',
    text: 'What is no capability object, or one of another class, is refused, and nothing is changed.',
    async run (target) {
      await target.make('o', { metadata: { a: '1' } })
      const wrong = ['/cdmi_capabilities/none/', '/cdmi_capabilities/dataobject/none/', '/cdmi_capabilities/container/', target.at('o'), target.at(''), 'no uri', '']
      for (const capabilitiesURI of wrong) {
        answers(await target.patch('o', { capabilitiesURI, metadata: { a: '2' } }), 400, capabilitiesURI)
        answers(await target.put('p', { capabilitiesURI }), 400, capabilitiesURI)
      }
      answers(await target.put('c/', { capabilitiesURI: '/cdmi_capabilities/dataobject/' }), 400)
      answers(await target.put('p', { capabilitiesURI: 1 }), 400)
      same([(await metadataOf(target, 'o')).a, (await target.fields('')).children], ['1', ['o']], 'metadata and children')
    }
  },
  {
    id: 'CSE-10, CAP-08',
    text: 'Clients make no templates.',
    async run (target) {
      await template(target, 'dataobject')
      refuses(await target.put('/cdmi_capabilities/dataobject/conformance-own/', {}, { 'content-type': cdmi.capability }))
      answers(await target.get('/cdmi_capabilities/dataobject/conformance-own/', cdmi.capability), 404)
    }
  }
])
