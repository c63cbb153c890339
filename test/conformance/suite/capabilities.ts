/** CAP: capability objects. */
import type { Case } from './case.js'
import { catalogue } from './catalogue.js'
import { answers, fieldsIn, has, hasNot, holds, listIn, matches, refuses, same, textIn, type Fields } from './expect.js'
import { cdmi, type Target } from './target.js'

/** The names of the whole tree of capability objects. */
async function tree (target: Target, name = '/cdmi_capabilities/'): Promise<string[]> {
  const children = listIn(await target.fields(name), 'children').map(child => String(child))
  return [name, ...(await Promise.all(children.map(async child => await tree(target, name + child)))).flat()]
}

async function lists (target: Target): Promise<{ system: Fields, container: Fields, dataobject: Fields }> {
  const of = async (name: string): Promise<Fields> => fieldsIn(await target.fields(`/cdmi_capabilities/${name}`), 'capabilities')
  return { system: await of(''), container: await of('container/'), dataobject: await of('dataobject/') }
}

export const capabilities: readonly Case[] = [
  {
    id: 'CAP-01',
    text: 'There is a capability object for the system, with one below it for each type of object.',
    async run (target) {
      const children = listIn(await target.fields('/cdmi_capabilities/'), 'children')
      for (const name of ['domain/', 'container/', 'dataobject/', 'queue/']) holds(children.includes(name), `the children lack ${name}: ${JSON.stringify(children)}`)
    }
  },
  {
    id: 'CAP-02, CAP-04, CAP-05',
    text: 'Every capability object has all mandatory fields, its last two last, and is where its parent says.',
    async run (target) {
      for (const name of await tree(target)) {
        const fields = await target.fields(name)
        has(fields, 'objectType', 'objectID', 'objectName', 'parentURI', 'parentID', 'capabilities', 'childrenrange', 'children')
        same(Object.keys(fields).slice(-2), ['childrenrange', 'children'], `the last fields of ${name}`)
        same([textIn(fields, 'parentURI') + textIn(fields, 'objectName'), fields.objectType], [name, cdmi.capability], 'parentURI with objectName, and objectType')
        same(await target.objectID(textIn(fields, 'parentURI')), fields.parentID, `parentID of ${name}`)
      }
    }
  },
  {
    id: 'CAP-02',
    text: 'Capability objects answer to any consistent Accept, with 404 where there is none, and with 406 to another type.',
    async run (target) {
      for (const accept of ['*/*', `text/html;q=0.1, ${cdmi.capability}`]) same(answers(await target.get('/cdmi_capabilities/', accept), 200).type, cdmi.capability, `Content-Type for ${accept}`)
      same(answers(await target.plain('GET', '/cdmi_capabilities/'), 200).type, cdmi.capability, 'Content-Type without Accept')
      answers(await target.get('/cdmi_capabilities/none/'), 404)
      answers(await target.get('/cdmi_capabilities/', cdmi.object), 406)
    }
  },
  {
    id: 'CAP-02, CAP-04',
    needs: { system: ['cdmi_object_access_by_ID'] },
    text: 'Capability objects answer at their IDs, which do not change.',
    async run (target) {
      for (const name of await tree(target)) {
        const id = await target.objectID(name)
        same(answers(await target.get(`/cdmi_objectid/${id}/`, cdmi.capability), 200).fields, await target.fields(name), `${name} by its ID`)
      }
    }
  },
  {
    id: 'CAP-03',
    text: 'A capability object without its slash is a redirect.',
    async run (target) {
      for (const name of ['/cdmi_capabilities', '/cdmi_capabilities/container']) {
        const location = answers(await target.get(name, cdmi.capability), 301).header('location')
        same(new URL(location, target.uri('/')).href, target.uri(`${name}/`), 'Location')
      }
    }
  },
  {
    id: 'CAP-06',
    text: 'A capability object has no capabilitiesURI, domainURI or completionStatus.',
    async run (target) {
      for (const name of await tree(target)) hasNot(await target.fields(name), 'capabilitiesURI', 'domainURI', 'completionStatus')
    }
  },
  {
    id: 'CAP-06',
    lacks: { system: ['cdmi_capabilities_templates'] },
    text: 'Without templates a capability object has no metadata.',
    async run (target) {
      for (const name of await tree(target)) hasNot(await target.fields(name), 'metadata')
    }
  },
  {
    id: 'CAP-07',
    text: 'Fields and ranges of children are selected as those of containers.',
    async run (target) {
      const all = await target.fields('/cdmi_capabilities/')
      same(answers(await target.get('/cdmi_capabilities/?childrenrange&children=0-1'), 200).fields, { childrenrange: '0-1', children: listIn(all, 'children').slice(0, 2) }, 'the answer')
      same(Object.keys(answers(await target.get('/cdmi_capabilities/?capabilities'), 200).fields), ['capabilities'], 'the fields')
      const leaf = await target.fields((await tree(target)).at(-1) ?? '')
      same([leaf.childrenrange, leaf.children], ['', []], 'childrenrange and children of a leaf')
    }
  },
  {
    id: 'CAP-08',
    text: 'Clients can neither make, change nor remove capability objects.',
    async run (target) {
      const before = await target.fields('/cdmi_capabilities/container/')
      for (const name of ['/cdmi_capabilities/own/', '/cdmi_capabilities/container/', '/cdmi_capabilities/']) {
        for (const type of [cdmi.capability, cdmi.container]) {
          refuses(await target.put(name, { capabilities: { own: 'true' } }, { 'content-type': type }))
          refuses(await target.patch(name, { capabilities: {} }, { 'content-type': type }))
        }
        refuses(await target.delete(name))
        refuses(await target.plain('POST', name, 'x'))
      }
      same(await target.fields('/cdmi_capabilities/container/'), before, 'the capability object')
    }
  },
  {
    id: 'CAP-11, CAP-05',
    text: 'Data objects and containers name a capability object that describes them.',
    async run (target) {
      await target.make('o')
      for (const [name, kind] of [['o', 'dataobject'], ['', 'container'], ['/', 'container']] as const) {
        const uri = textIn(await target.fields(name), 'capabilitiesURI')
        matches(uri, new RegExp(`^/cdmi_capabilities/${kind}/`), `capabilitiesURI of ${name}`)
        fieldsIn(await target.fields(uri), 'capabilities')
      }
    }
  },
  {
    id: 'CAP-12, CAP-20, CAP-21, CAP-22, CAP-23, CAP-24, CAP-25, CAP-26, CAP-27',
    text: 'Capabilities are strings, or arrays of strings; never booleans or numbers.',
    async run (target) {
      for (const name of await tree(target)) {
        for (const [key, value] of Object.entries(fieldsIn(await target.fields(name), 'capabilities'))) {
          holds(typeof value === 'string' || (Array.isArray(value) && value.every(item => typeof item === 'string')), `${key} of ${name} is ${JSON.stringify(value)}`)
          if (/^cdmi_(metadata_max|partial_timeout|versions_(count|size)|version_age|(data|immediate|infrastructure)_redundancy$)/.test(key)) matches(value, /^\d+$/, `${key} of ${name}`)
        }
      }
    }
  },
  {
    id: 'CAP-16',
    text: 'What belongs together is advertised together.',
    async run (target) {
      const { system, container, dataobject } = await lists(target)
      const has = (list: Fields, name: string): boolean => name in list && list[name] !== 'false' && !(Array.isArray(list[name]) && list[name].length === 0)
      for (const [name, implied] of [
        ['cdmi_acl', 'cdmi_security_access_control'], ['cdmi_data_holds', 'cdmi_security_immutability'], ['cdmi_data_retention', 'cdmi_security_immutability'],
        ['cdmi_encryption', 'cdmi_security_encryption'], ['cdmi_sanitization_method', 'cdmi_security_sanitization'], ['cdmi_value_hash', 'cdmi_security_data_integrity']
      ] as const) holds(!(has(dataobject, name) || has(container, name)) || has(system, implied), `${name} is advertised without ${implied}`)
      if (has(dataobject, 'cdmi_versioning')) for (const name of ['object', 'current', 'oldest', 'parent', 'children']) holds(has(dataobject, `cdmi_version_${name}`), `cdmi_versioning is advertised without cdmi_version_${name}`)
      if (has(system, 'cdmi_dac')) holds(Array.isArray(system.cdmi_dac_methods) && system.cdmi_dac_methods.includes('https'), 'cdmi_dac is advertised without https in cdmi_dac_methods')
    }
  },
  {
    id: 'CAP-13',
    text: 'Only capabilities of the standard begin with cdmi_.',
    async run (target) {
      for (const name of await tree(target)) {
        for (const key of Object.keys(fieldsIn(await target.fields(name), 'capabilities'))) holds(!key.startsWith('cdmi_') || catalogue.has(key), `${key} of ${name} is not in the standard`)
      }
    }
  },
  {
    id: 'CAP-14',
    text: 'Capability objects read twice are the same.',
    async run (target) {
      for (const name of await tree(target)) same(await target.fields(name), await target.fields(name), name)
    }
  }
]
