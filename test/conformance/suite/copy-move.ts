/** CMV, COC, DOC: copies and moves. */
import { needing, type Case } from './case.js'
import { answers, fieldsIn, hasNot, holds, same, textIn, type Fields } from './expect.js'
import type { Target } from './target.js'

/** A data object with all that a copy may take over. */
async function source (target: Target, name = 's'): Promise<string> {
  return textIn(await target.make(name, { value: 'AAH/', valuetransferencoding: 'base64', mimetype: 'image/x', metadata: { colour: 'blue', shape: 'round' }, own: ['x'] }), 'objectID')
}

/** Copies of the metadata alone, which is named in the URI of the source, then in that of the copy: their fields. `slash`: of containers. */
async function * copiesOfMetadata (target: Target, from: string, slash: '' | '/'): AsyncGenerator<Fields> {
  for (const [name, query, sourceQuery] of [['a', '', '?metadata'], ['b', '?metadata', '']] as const) {
    answers(await target.put(name + slash + query, { copy: target.at(from) + sourceQuery }), 201)
    yield await target.fields(name + slash)
  }
}

const copies = needing({ system: ['cdmi_object_copy_from_local'], container: ['cdmi_copy_dataobject'] }, [
  {
    id: 'CMV-21, DOC-31, CMV-02, CMV-10, CMV-11',
    text: 'A copy has value, encoding, type, metadata and further fields of its source, an ID and a place of its own, and no memory of where it came from.',
    async run (target) {
      const id = await source(target)
      const created = await target.make('d', { copy: target.at('s') })
      const fields = await target.fields('d')
      same([fields.value, fields.valuetransferencoding, fields.mimetype, fields.own, fields.objectName], ['AAH/', 'base64', 'image/x', ['x'], 'd'], 'value, encoding, mimetype, field, objectName')
      const { colour, shape } = fieldsIn(fields, 'metadata')
      same([colour, shape], ['blue', 'round'], 'metadata')
      holds(created.objectID !== id, 'the copy has the ID of its source')
      hasNot(fields, 'copy')
      hasNot(created, 'value', 'copy')
      await target.change('s', { metadata: {} })
      same(fieldsIn(await target.fields('d'), 'metadata').colour, 'blue', 'metadata of the copy after a change of the source')
    }
  },
  {
    id: 'CMV-03, CMV-04, DOC-25',
    text: 'mimetype and metadata beside copy replace those of the source as a whole.',
    async run (target) {
      await source(target)
      const fields = await target.make('d', { copy: target.at('s'), mimetype: 'Text/Y', metadata: { size: '3' } })
      const { colour, shape, size } = fieldsIn(fields, 'metadata')
      same([fields.mimetype, size, colour, shape], ['text/y', '3', undefined, undefined], 'mimetype and metadata')
      same((await target.bytes('d')).toString('hex'), '0001ff', 'the value')
    }
  },
  {
    id: 'CMV-22, CMV-23, DOC-31',
    text: 'Fields named on the source or on the destination are taken alone, the others get their defaults; fields on both are refused.',
    async run (target) {
      await source(target)
      for await (const fields of copiesOfMetadata(target, 's', '')) {
        same([fields.value, fields.mimetype, fields.valuetransferencoding, fieldsIn(fields, 'metadata').colour], ['', 'text/plain', 'utf-8', 'blue'], 'value, mimetype, encoding, metadata')
      }
      await target.make('c', { copy: `${target.at('s')}?value&mimetype` })
      const chosen = await target.fields('c')
      same([chosen.value, chosen.mimetype], ['AAH/', 'image/x'], 'value and mimetype')
      hasNot(fieldsIn(chosen, 'metadata'), 'colour')
      answers(await target.put('both?value', { copy: `${target.at('s')}?value` }), 400)
      await target.missing('both')
    }
  },
  {
    id: 'CMV-24',
    needs: { dataobject: ['cdmi_read_value_range'] },
    text: 'A copy of a range takes these bytes alone.',
    async run (target) {
      await target.make('s', { value: '0123456789' })
      await target.make('d', { copy: `${target.at('s')}?value=2-4` })
      same(await target.value('d'), '234', 'the value')
    }
  },
  {
    id: 'CMV-06, AMB-07',
    text: 'valuetransferencoding beside copy is refused.',
    async run (target) {
      await source(target)
      answers(await target.put('d', { copy: target.at('s'), valuetransferencoding: 'utf-8' }), 400)
      await target.missing('d')
    }
  },
  {
    id: 'CMV-07, DOC-33, AMB-24',
    text: 'A copy or move whose source is missing is 400, and nothing is created.',
    async run (target) {
      for (const uri of [target.at('missing'), target.at('no/missing'), '/cdmi_objectid/00007ED90010D891022876A8DE0BC0FD', 'no uri at all', '']) {
        answers(await target.put('d', { copy: uri }), 400, `copy of ${uri}`)
        answers(await target.put('d', { move: uri }), 400, `move of ${uri}`)
      }
      await target.missing('d')
    }
  },
  {
    id: 'CMV-08, GEN-20, AMB-01',
    needs: { system: ['cdmi_object_access_by_ID'] },
    text: 'A source is named by path, by ID, or by an absolute URI.',
    async run (target) {
      const id = await source(target)
      const uris = [target.at('s'), `/cdmi_objectid/${id}`, target.uri('s'), target.uri(`/cdmi_objectid/${id}`)]
      for (const [index, uri] of uris.entries()) {
        await target.make(`d${index}`, { copy: uri })
        same((await target.fields(`d${index}`)).value, 'AAH/', `value of the copy of ${uri}`)
      }
    }
  },
  {
    id: 'CMV-20',
    text: 'An object that is Processing cannot be copied.',
    async run (target) {
      answers(await target.put('s', { value: 'half' }, { 'x-cdmi-partial': 'true' }), [201, 202])
      answers(await target.put('d', { copy: target.at('s') }), 400)
      await target.missing('d')
    }
  },
  {
    id: 'CMV-26, DOC-78',
    needs: { dataobject: ['cdmi_modify_value', 'cdmi_modify_metadata'] },
    text: 'An update by copy makes an object like its source, and leaves its ID, name and place; named fields are taken alone.',
    async run (target) {
      await source(target)
      const { objectID } = await target.make('d', { value: 'old', metadata: { own: '1' } })
      await target.change('d', { copy: `${target.at('s')}?mimetype` })
      const named = await target.fields('d')
      same([named.value, named.mimetype, fieldsIn(named, 'metadata').own], ['old', 'image/x', '1'], 'value, mimetype, metadata')
      answers(await target.patch('d?value', { copy: `${target.at('s')}?value` }), 400)
      await target.change('d', { copy: target.at('s') })
      const whole = await target.fields('d')
      same([whole.value, whole.objectID, whole.objectName, fieldsIn(whole, 'metadata').colour, fieldsIn(whole, 'metadata').own], ['AAH/', objectID, 'd', 'blue', undefined], 'value, objectID, objectName, metadata')
      answers(await target.patch('d', { copy: target.at('missing') }), 400)
      same((await target.fields('d')).value, 'AAH/', 'value after a copy that failed')
    }
  },
  {
    id: 'COC-84, CMV-21',
    needs: { container: ['cdmi_post_dataobject'] },
    text: 'A copy by POST is named by its ID.',
    async run (target) {
      await source(target)
      const { objectName, objectID } = answers(await target.post('', { copy: target.at('s') }), 201).fields
      same(objectName, objectID, 'objectName')
      same((await target.fields(String(objectID))).value, 'AAH/', 'value')
      answers(await target.post('', { copy: target.at('missing') }), 400)
    }
  },
  {
    id: 'COC-84, CMV-21',
    needs: { system: ['cdmi_copy_dataobject_by_ID', 'cdmi_post_dataobject_by_ID'] },
    text: 'A copy to /cdmi_objectid/ has no path.',
    async run (target) {
      await source(target)
      const answer = answers(await target.post('/cdmi_objectid/', { copy: target.at('s') }), 201)
      hasNot(answer.fields, 'objectName', 'parentURI')
      same((await target.fields(answer.header('location'))).value, 'AAH/', 'value')
    }
  }
])

const containerCopies = needing({ system: ['cdmi_object_copy_from_local'], container: ['cdmi_copy_container'] }, [
  {
    id: 'CMV-28, COC-26, COC-50, COC-28',
    text: 'A copy of a container has all that is below it, under new IDs; the answer lists no children.',
    async run (target) {
      await target.make('s/', { metadata: { colour: 'blue' } })
      await target.make('s/d/')
      const id = await source(target, 's/d/o')
      const created = await target.make('t/', { copy: target.at('s/') })
      hasNot(created, 'children', 'childrenrange', 'exports')
      const copied = await target.fields('t/d/o')
      same([fieldsIn(await target.fields('t/'), 'metadata').colour, copied.value, fieldsIn(copied, 'metadata').shape, copied.parentURI], ['blue', 'AAH/', 'round', target.at('t/d/')], 'metadata, value, metadata and parentURI of the copies')
      holds(copied.objectID !== id, 'a copied descendant has the ID of its source')
      answers(await target.delete('s/'), 204)
      same((await target.fields('t/d/o')).value, 'AAH/', 'value after the source is gone')
    }
  },
  {
    id: 'COC-27, CMV-28, COC-23, CMV-23',
    text: 'A copy of named fields of a container takes no children; metadata in the request replaces; fields on both sides are refused.',
    async run (target) {
      await target.make('s/', { metadata: { colour: 'blue' } })
      await target.make('s/o')
      for await (const fields of copiesOfMetadata(target, 's/', '/')) {
        same([fields.children, fieldsIn(fields, 'metadata').colour], [[], 'blue'], 'children and metadata')
      }
      const { colour, shape } = fieldsIn(await target.make('c/', { copy: target.at('s/'), metadata: { shape: 'round' } }), 'metadata')
      same([colour, shape], [undefined, 'round'], 'metadata')
      answers(await target.put('d/?metadata', { copy: `${target.at('s/')}?metadata` }), 400)
    }
  },
  {
    id: 'CMV-31, COC-29, CMV-07',
    text: 'A container is not copied from what is missing, from a data object, or into itself; nor a data object from a container.',
    async run (target) {
      await target.make('s/')
      await target.make('o')
      for (const [name, uri] of [['t/', 'missing/'], ['t/', 'o'], ['s/t/', 's/'], ['t', 's/']] as const) {
        answers(await target.put(name, { copy: target.at(uri) }), 400, `${uri} to ${name}`)
        await target.missing(name)
      }
    }
  },
  {
    id: 'CMV-30, COC-66',
    text: 'An update by copy makes a container like its source, children too, and keeps its ID.',
    async run (target) {
      await target.make('s/', { metadata: { colour: 'blue' } })
      await target.make('s/new')
      const { objectID } = await target.make('t/')
      await target.make('t/old')
      await target.change('t/', { copy: `${target.at('s/')}?metadata` })
      same((await target.fields('t/')).children, ['old'], 'children after a copy of metadata')
      await target.change('t/', { copy: target.at('s/') })
      const fields = await target.fields('t/')
      same([fields.children, fields.objectID, fieldsIn(fields, 'metadata').colour], [['new'], objectID, 'blue'], 'children, objectID, metadata')
      answers(await target.patch('t/', { copy: target.at('missing/') }), 400)
      same((await target.fields('t/')).children, ['new'], 'children after a copy that failed')
    }
  }
])

const moves = needing({ system: ['cdmi_object_move_from_local'], container: ['cdmi_move_dataobject'] }, [
  {
    id: 'CMV-32, CMV-33, DOC-34, COC-03',
    text: 'A moved object keeps ID, value and metadata, has its new name and parent, and is gone from its old path.',
    async run (target) {
      const id = await source(target)
      await target.make('c/')
      const created = await target.make('c/d', { move: target.at('s') })
      same([created.objectID, created.objectName, created.parentURI, created.parentID], [id, 'd', target.at('c/'), await target.objectID('c/')], 'objectID, objectName, parentURI, parentID')
      const fields = await target.fields('c/d')
      same([fields.value, fields.mimetype, fieldsIn(fields, 'metadata').colour], ['AAH/', 'image/x', 'blue'], 'value, mimetype, metadata')
      hasNot(fields, 'move')
      await target.missing('s')
      same((await target.fields('')).children, ['c/'], 'children')
    }
  },
  {
    id: 'CMV-33, GEN-23',
    needs: { system: ['cdmi_object_access_by_ID'] },
    text: 'After a move the ID leads to the object at its new place.',
    async run (target) {
      const id = await source(target)
      await target.make('d', { move: target.at('s') })
      same((await target.fields(`/cdmi_objectid/${id}`)).objectName, 'd', 'objectName')
    }
  },
  {
    id: 'CMV-34, COC-85, GEN-25',
    needs: { system: ['cdmi_object_move_from_ID', 'cdmi_post_dataobject_by_ID'] },
    text: 'A move from /cdmi_objectid/ gives an object a path.',
    async run (target) {
      const id = textIn(answers(await target.post('/cdmi_objectid/', { value: 'flat' }), 201).fields, 'objectID')
      same((await target.make('d', { move: `/cdmi_objectid/${id}` })).objectID, id, 'objectID')
      same((await target.fields(`/cdmi_objectid/${id}`)).objectName, 'd', 'objectName by ID')
    }
  },
  {
    id: 'CMV-35, COC-85, GEN-25',
    needs: { system: ['cdmi_object_move_to_ID', 'cdmi_object_access_by_ID'] },
    text: 'A move to /cdmi_objectid/ takes the path away.',
    async run (target) {
      const id = await source(target)
      const answer = answers(await target.post('/cdmi_objectid/', { move: target.at('s') }), 201)
      same(answer.header('location'), target.uri(`/cdmi_objectid/${id}`), 'Location')
      const fields = await target.fields(`/cdmi_objectid/${id}`)
      hasNot(fields, 'objectName', 'parentURI', 'parentID')
      same(fields.value, 'AAH/', 'value')
      await target.missing('s')
    }
  },
  {
    id: 'CMV-36, COC-85',
    needs: { container: ['cdmi_post_dataobject'] },
    text: 'A move by POST names the object by its ID.',
    async run (target) {
      const id = await source(target)
      await target.make('c/')
      same(answers(await target.post('c/', { move: target.at('s') }), 201).header('location'), target.uri(`c/${id}`), 'Location')
      await target.missing('s')
    }
  },
  {
    id: 'CMV-32, CMV-07',
    text: 'A move that fails leaves both sides as they were.',
    async run (target) {
      await source(target)
      answers(await target.put('no/d', { move: target.at('s') }), 404)
      answers(await target.put('d', { move: target.at('s'), copy: target.at('s') }), 400)
      answers(await target.patch('s', { move: target.at('s') }), 400)
      same((await target.fields('')).children, ['s'], 'children')
    }
  }
])

const containerMoves = needing({ system: ['cdmi_object_move_from_local'], container: ['cdmi_move_container'] }, [
  {
    id: 'COC-30, CMV-32, CMV-33',
    text: 'A moved container takes all below it along, under the same IDs; the answer lists no children.',
    async run (target) {
      const { objectID } = await target.make('s/')
      await target.make('s/d/')
      const id = await source(target, 's/d/o')
      const created = await target.make('t/', { move: target.at('s/') })
      same([created.objectID, created.objectName], [objectID, 't/'], 'objectID and objectName')
      hasNot(created, 'children', 'childrenrange')
      const moved = await target.fields('t/d/o')
      same([moved.objectID, moved.parentURI, moved.value], [id, target.at('t/d/'), 'AAH/'], 'objectID, parentURI, value of a descendant')
      await target.missing('s/')
      await target.missing('s/d/o')
    }
  },
  {
    id: 'COC-31, CMV-38',
    text: 'A container moves neither into itself nor into what is below it; reserved containers do not move at all.',
    async run (target) {
      await target.make('s/')
      await target.make('s/d/')
      for (const [name, uri] of [['s/t/', target.at('s/')], ['s/d/t/', target.at('s/')], ['t/', target.at('missing/')], ['t/', '/cdmi_capabilities/'], ['t/', '/cdmi_capabilities/container/'], ['t/', '/']] as const) answers(await target.put(name, { move: uri }), 400, `${uri} to ${name}`)
      same((await target.fields('s/')).children, ['d/'], 'children')
      await target.missing('t/')
    }
  }
])

export const copyMove: readonly Case[] = [...copies, ...containerCopies, ...moves, ...containerMoves]
