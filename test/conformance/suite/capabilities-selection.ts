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
    id: 'CSE-05, CSE-08',
    needs: { system: ['cdmi_capabilities_exact_inherit'], dataobject: ['cdmi_latency', 'cdmi_throughput'] },
    text: 'With exact inheritance old data system metadata goes when a template is chosen.',
    async run (target) {
      const { uri, metadata } = await template(target, 'dataobject')
      const own = ['cdmi_latency', 'cdmi_throughput'].find(name => !(name in metadata))
      if (own === undefined) return
      await target.make('o', { metadata: { [own]: '100', colour: 'blue' } })
      await target.change('o', { capabilitiesURI: uri })
      const found = await metadataOf(target, 'o')
      same([found[own], found.colour], [undefined, 'blue'], `${own} and user metadata`)
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
      refuses(await target.put('/cdmi_capabilities/dataobject/conformance-own/', {}, { 'content-type': cdmi.capability }))
      answers(await target.get('/cdmi_capabilities/dataobject/conformance-own/', cdmi.capability), 404)
    }
  }
])
