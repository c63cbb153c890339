/** COC: containers over CDMI. */
import { needing, type Case } from './case.js'
import { answers, fieldsIn, has, hasNot, holds, listIn, pairs, refuses, same, textIn } from './expect.js'
import { base64, cdmi } from './target.js'
import type { Target } from './target.js'

const reserved = ['cdmi_objectid', 'cdmi_domains', 'cdmi_capabilities', 'cdmi_snapshots', 'cdmi_versions']

const create = needing({ container: ['cdmi_create_container'] }, [
  {
    id: 'COC-21, COC-01, COC-20, COC-40, COC-41, COC-42, COC-43, COC-45, COC-46, COC-48',
    text: 'A CDMI PUT answers 201 with the fields of the new container, which its parent then lists.',
    async run (target) {
      const answer = answers(await target.put('c/', { metadata: { colour: 'blue' } }), 201)
      same(answer.type, cdmi.container, 'Content-Type')
      const { fields } = answer
      same([fields.objectType, fields.objectName, fields.parentURI, fields.parentID, fields.completionStatus], [cdmi.container, 'c/', target.at(''), await target.objectID(''), 'Complete'], 'objectType, objectName, parentURI, parentID, completionStatus')
      same(fieldsIn(fields, 'metadata').colour, 'blue', 'the metadata')
      has(fields, 'objectID', 'capabilitiesURI')
      same((await target.fields('')).children, ['c/'], 'children of the parent')
      same((await target.fields(textIn(fields, 'capabilitiesURI'))).objectType, cdmi.capability, 'objectType at capabilitiesURI')
    }
  },
  {
    id: 'COC-44, CAP-15',
    lacks: { system: ['cdmi_domains'] },
    text: 'Without domains no object has a domainURI, and there is no /cdmi_domains/.',
    async run (target) {
      await target.make('o')
      for (const name of ['o', '', '/']) hasNot(await target.fields(name), 'domainURI')
      refuses(await target.get('/cdmi_domains/', cdmi.domain))
    }
  },
  {
    id: 'COC-47',
    text: 'percentComplete is the text of an integer, 100 once the container is complete, wherever it is given.',
    async run (target) {
      await target.make('o')
      for (const name of ['', 'o']) {
        const fields = await target.fields(name)
        same(fields.completionStatus, 'Complete', `completionStatus of ${name}`)
        if ('percentComplete' in fields) same(fields.percentComplete, '100', 'percentComplete')
      }
    }
  },
  {
    id: 'COC-05, CLI-06, COC-06',
    text: 'A new container without its slash is refused; nothing is made, least of all a data object.',
    async run (target) {
      answers(await target.plain('PUT', 'c', '{}', { 'content-type': cdmi.container }), 400)
      same((await target.fields('')).children, [], 'children')
    }
  },
  {
    id: 'COC-08, COC-09',
    text: 'Reserved names, and all that begin with cdmi_, can neither be made nor removed, at any depth.',
    async run (target) {
      await target.make('c/')
      for (const name of [...reserved, 'cdmi_own']) for (const place of ['', 'c/']) answers(await target.put(`${place}${name}/`), 400)
      for (const name of reserved.slice(0, 3)) {
        answers(await target.delete(`/${name}/`), 400)
        for (const answer of [await target.put(`/${name}/`, {}, { 'content-type': cdmi.container }), await target.plain('PUT', `/${name}/`)]) answers(answer, 400)
      }
      same((await target.fields('c/')).children, [], 'children')
    }
  },
  {
    id: 'COC-19, CMV-09',
    text: 'The container above must exist.',
    async run (target) {
      answers(await target.put('no/c/'), 404)
      await target.missing('no/')
      await target.make('no/')
      await target.make('no/c/')
    }
  },
  {
    id: 'COC-20, GEN-11',
    text: 'A container takes no CDMI type of another class.',
    async run (target) {
      for (const type of [cdmi.object, cdmi.queue, cdmi.domain, cdmi.capability]) answers(await target.put('c/', {}, { 'content-type': type }), 400, type)
      answers(await target.put('c/', {}, { accept: cdmi.object }), 406)
      answers(await target.plain('PUT', 'c/', '{}', { accept: cdmi.container }), 400, 'no Content-Type')
      await target.missing('c/')
      for (const [name, accept] of [['c/', '*/*'], ['d/', `text/html, ${cdmi.container};q=0.5`]] as const) answers(await target.put(name, {}, { accept }), 201, accept)
    }
  },
  {
    id: 'COC-22',
    text: 'What is not JSON, no object, or has fields of wrong types is refused, and nothing is created.',
    async run (target) {
      for (const body of ['{', '[]', 'null', '"x"', '{"metadata":1}', '{"metadata":["a"]}', '{"exports":"x"}', '{"copy":{}}', '{"deserializevalue":1}', '{"metadata":{}} x']) answers(await target.put('c/', body), 400, body)
      await target.missing('c/')
    }
  },
  {
    id: 'COC-23',
    text: 'metadata becomes the user metadata of the container; without it there is none.',
    async run (target) {
      await target.make('with/', { metadata: { colour: 'blue', list: ['a', { b: 'c' }] } })
      const { colour, list } = fieldsIn(await target.fields('with/'), 'metadata')
      same([colour, list], ['blue', ['a', { b: 'c' }]], 'metadata')
      await target.make('without/')
      hasNot(fieldsIn(await target.fields('without/'), 'metadata'), 'colour')
    }
  },
  {
    id: 'COC-35, CMV-01',
    text: 'At most one field says where a container comes from.',
    async run (target) {
      await target.make('s/')
      const uri = target.at('s/')
      const origins = { copy: uri, move: uri, reference: uri, deserialize: uri, deserializevalue: base64('{}') }
      for (const body of pairs(origins)) answers(await target.put('c/', body), 400, JSON.stringify(body))
      await target.missing('c/')
      await target.fields('s/')
    }
  },
  {
    id: 'COC-10, HDO-10',
    text: 'A container and a data object of one name cannot both be.',
    async run (target) {
      await target.make('o')
      answers(await target.put('o/'), 409)
      same((await target.fields('')).children, ['o'], 'children')
    }
  },
  {
    id: 'COC-21, CLI-04, V1-04',
    text: 'A CDMI PUT on an existing container keeps its ID and its children.',
    async run (target) {
      const { objectID } = await target.make('c/')
      await target.make('c/o')
      answers(await target.put('c/', { metadata: { a: '1' } }), [200, 204])
      const fields = await target.fields('c/')
      same([fields.objectID, fields.children, fieldsIn(fields, 'metadata').a], [objectID, ['o'], '1'], 'objectID, children, metadata')
    }
  }
])

/** o0 … o4, made one after the other, in the scratch container. */
async function five (target: Target): Promise<string[]> {
  const names = ['o0', 'o1', 'o2', 'o3', 'o4']
  for (const name of names) await target.make(name)
  return names
}

const read: readonly Case[] = [
  {
    id: 'COC-52, COC-40, COC-50, COC-51, COC-58',
    text: 'A CDMI read gives all fields of a container.',
    async run (target) {
      has(await target.fields(''), 'objectType', 'objectID', 'objectName', 'parentURI', 'parentID', 'capabilitiesURI', 'completionStatus', 'metadata', 'childrenrange', 'children')
      answers(await target.get('missing/'), 404)
    }
  },
  {
    id: 'COC-14',
    text: 'childrenrange and children are the last two fields, in this order.',
    async run (target) {
      await target.make('o')
      same(Object.keys(await target.fields('')).slice(-2), ['childrenrange', 'children'], 'the last fields')
      same(Object.keys(answers(await target.get('?children&childrenrange&objectName'), 200).fields).slice(-2), ['childrenrange', 'children'], 'the last fields of those asked for')
    }
  },
  {
    id: 'COC-50, COC-51, COC-42',
    text: 'children are names as they are, those of containers with a slash; an empty container has none and the range is empty.',
    async run (target) {
      await target.make('c/')
      await target.make('o%20%25')
      same([...listIn(await target.fields(''), 'children')].sort(), ['c/', 'o %'], 'children')
      const empty = await target.fields('c/')
      same([empty.children, empty.childrenrange], [[], ''], 'children and childrenrange of an empty container')
    }
  },
  {
    id: 'COC-15, GEN-26, COC-52',
    text: 'A query of fields gives exactly these, and leaves out what does not exist.',
    async run (target) {
      const name = target.at('').replace(/^\//, '')
      for (const [query, fields] of [['objectName', { objectName: name }], ['objectName&parentURI', { objectName: name, parentURI: '/' }], ['no_such_field', {}], ['exports&objectType', { objectType: cdmi.container }]] as const) {
        same(answers(await target.get(`?${query}`), 200).fields, fields, `the answer to ?${query}`)
      }
    }
  },
  {
    id: 'COC-53, COC-55',
    needs: { container: ['cdmi_list_children'] },
    text: '?children gives the names alone, ?childrenrange how many there are.',
    async run (target) {
      const names = await five(target)
      const { fields } = answers(await target.get('?children'), 200)
      same([Object.keys(fields), [...listIn(fields, 'children')].sort()], [['children'], names], 'the fields and the names')
      same(answers(await target.get('?childrenrange'), 200).fields, { childrenrange: '0-4' }, 'the range')
    }
  },
  {
    id: 'COC-54, GEN-15',
    needs: { container: ['cdmi_list_children_range'] },
    text: '?children=<range> gives these children, childrenrange says which; pages fit together.',
    async run (target) {
      await five(target)
      const all = listIn(await target.fields(''), 'children')
      for (const [range, from, to] of [['0-1', 0, 1], ['2-3', 2, 3], ['4-9', 4, 4], ['3-', 3, 4], ['-2', 3, 4], ['0-0', 0, 0]] as const) {
        const { fields } = answers(await target.get(`?childrenrange&children=${range}`), 200)
        same([fields.childrenrange, fields.children], [`${from}-${to}`, all.slice(from, to + 1)], `childrenrange and children of ${range}`)
        same(answers(await target.get(`?children=${range}`), 200).fields, { children: all.slice(from, to + 1) }, `the answer to ?children=${range}`)
      }
    }
  },
  {
    id: 'COC-54',
    needs: { container: ['cdmi_list_children_range'] },
    text: 'A range of children that is none is 400; one beyond the end has none in it.',
    async run (target) {
      await five(target)
      for (const range of ['x', '3-1', '1-2-3', '-']) answers(await target.get(`?children=${range}`), 400, range)
      const { fields } = answers(await target.get('?childrenrange&children=50-60'), 200)
      same([fields.childrenrange, fields.children], ['', []], 'childrenrange and children')
    }
  },
  {
    id: 'COC-56',
    needs: { container: ['cdmi_read_metadata'] },
    text: '?metadata=<prefix> gives the items whose names begin with it, beside other fields.',
    async run (target) {
      await target.make('c/', { metadata: { colour: 'blue', column: '2', shape: 'round' } })
      for (const [query, fields] of [
        ['metadata=col', { metadata: { colour: 'blue', column: '2' } }], ['metadata=none', { metadata: {} }], ['objectName&metadata=shape', { objectName: 'c/', metadata: { shape: 'round' } }]
      ] as const) same(answers(await target.get(`c/?${query}`), 200).fields, fields, `the answer to ?${query}`)
    }
  },
  {
    id: 'COC-04, AMB-14',
    needs: { system: ['cdmi_object_access_by_ID'] },
    text: 'A container by its ID without the slash is a redirect, too, for reads and changes.',
    async run (target) {
      const id = textIn(await target.make('c/'), 'objectID')
      for (const answer of [await target.get(`/cdmi_objectid/${id}?children`, cdmi.container), await target.patch(`/cdmi_objectid/${id}?children`, {}, { 'content-type': cdmi.container })]) {
        same(new URL(answers(answer, 301).header('location'), target.uri('/')).href, target.uri(`/cdmi_objectid/${id}/?children`), 'Location')
      }
    }
  }
]

const update = needing({ container: ['cdmi_modify_metadata'] }, [
  {
    id: 'COC-59, COC-69, COC-70',
    text: 'An update answers 204 and leaves children, ID, name and parent as they are.',
    async run (target) {
      const before = await target.make('c/')
      await target.make('c/o')
      same(answers(await target.patch('c/', { metadata: { a: '1' } }), 204).text, '', 'the body')
      const after = await target.fields('c/')
      for (const name of ['objectID', 'objectName', 'parentURI', 'parentID']) same(after[name], before[name], name)
      same(after.children, ['o'], 'children')
      answers(await target.patch('missing/', {}), 404)
    }
  },
  {
    id: 'COC-59',
    text: 'An update needs its Content-Type; a broken body changes nothing.',
    async run (target) {
      await target.make('c/', { metadata: { a: '1' } })
      answers(await target.plain('PATCH', 'c/', '{"metadata":{}}', { accept: cdmi.container }), 400)
      for (const body of ['{', '[]', '{"metadata":"x"}', '{"metadata":{"a":"2"},"copy":1}']) answers(await target.patch('c/', body), 400, body)
      same(fieldsIn(await target.fields('c/'), 'metadata').a, '1', 'metadata')
    }
  },
  {
    id: 'COC-60',
    text: 'metadata replaces all user metadata; without the field nothing of it changes.',
    async run (target) {
      await target.make('c/', { metadata: { a: '1', b: '1' } })
      await target.change('c/', {})
      same(fieldsIn(await target.fields('c/'), 'metadata').b, '1', 'metadata after an empty update')
      await target.change('c/', { metadata: { a: '2' } })
      const metadata = fieldsIn(await target.fields('c/'), 'metadata')
      same(metadata.a, '2', 'a')
      hasNot(metadata, 'b')
    }
  },
  {
    id: 'COC-61',
    text: '?metadata=<name> changes the items named alone.',
    async run (target) {
      await target.make('c/', { metadata: { keep: '1', replace: '1', remove: '1' } })
      answers(await target.patch('c/?metadata=replace&metadata=remove&metadata=add', { metadata: { replace: '2', add: '2', ignore: '2' } }), 204)
      const { keep, replace, add, remove, ignore } = fieldsIn(await target.fields('c/'), 'metadata')
      same([keep, replace, add, remove, ignore], ['1', '2', '2', undefined, undefined], 'keep, replace, add, remove, ignore')
    }
  },
  {
    id: 'COC-67, CMV-01',
    text: 'At most one field of an update says what the container becomes.',
    async run (target) {
      await target.make('c/')
      await target.make('c/o')
      await target.make('s/')
      for (const body of pairs({ copy: target.at('s/'), deserialize: target.at('s/'), deserializevalue: base64('{}') })) answers(await target.patch('c/', body), 400, JSON.stringify(body))
      same((await target.fields('c/')).children, ['o'], 'children')
    }
  }
])

const remove = needing({ container: ['cdmi_delete_container'] }, [
  {
    id: 'COC-71, COC-72',
    text: 'DELETE removes a container and all below it, whatever type the request names; its parent lists it no more.',
    async run (target) {
      for (const headers of [{}, { accept: cdmi.container, 'content-type': cdmi.container }]) {
        await target.make('c/')
        const id = textIn(await target.make('c/d/'), 'objectID')
        await target.make('c/d/o')
        answers(await target.plain('DELETE', 'c/', 'ignored', headers), 204)
        for (const name of ['c/', 'c/d/', 'c/d/o', `/cdmi_objectid/${id}/`, `/cdmi_objectid/${id}/o`]) await target.missing(name)
        same((await target.fields('')).children, [], 'children')
      }
      answers(await target.delete('c/'), 404)
    }
  },
  {
    id: 'COC-71, GEN-27',
    text: 'A container made anew under an old name is empty and another object.',
    async run (target) {
      const { objectID } = await target.make('c/')
      await target.make('c/o')
      answers(await target.delete('c/'), 204)
      const fresh = await target.make('c/')
      holds(fresh.objectID !== objectID, 'the new container has the ID of the old one')
      same((await target.fields('c/')).children, [], 'children')
    }
  }
])

export const containers: readonly Case[] = [...create, ...read, ...update, ...remove]
