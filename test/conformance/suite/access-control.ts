/** Access control lists: they hold where they are offered, and shut nobody out where they are not. */
import type { Case } from './case.js'
import { answers, fieldsIn, hasNot, holds, isFields, listIn, same } from './expect.js'
import { cdmi, type Target } from './target.js'

const everybody = (acetype: string, acemask: string): object => ({ acetype, identifier: 'EVERYONE@', aceflags: 'NO_FLAGS', acemask })
const nothing = [everybody('DENY', 'ALL_PERMS')]
/** All but the value (of a container: the list of its children), and the right to undo it. */
const allButValue = [everybody('DENY', 'READ_OBJECT, WRITE_OBJECT'), everybody('ALLOW', 'ALL_PERMS')]

/** The list is kept as it is, and the object is there for its reader in spite of it. */
async function ineffective (target: Target, name: string): Promise<void> {
  same(fieldsIn(await target.fields(name), 'metadata').cdmi_acl, nothing, `cdmi_acl of ${name}`)
}

const without: readonly Case[] = [
  {
    id: 'DOC-08',
    lacks: { dataobject: ['cdmi_acl'] },
    text: 'Without access control lists one is kept on a data object as any item is, and forbids nothing.',
    async run (target) {
      await target.make('o', { value: 'x', metadata: { cdmi_acl: nothing } })
      await ineffective(target, 'o')
      same(await target.value('o'), 'x', 'the value')
      await target.change('o', { value: 'y' })
      same(answers(await target.get('o?value'), 200).fields, { value: 'y' }, 'the answer')
      answers(await target.delete('o'), 204)
    }
  },
  {
    id: 'COC-17',
    lacks: { container: ['cdmi_acl'] },
    text: 'Without access control lists one is kept on a container as any item is, and forbids nothing.',
    async run (target) {
      await target.make('c/', { metadata: { cdmi_acl: nothing } })
      await ineffective(target, 'c/')
      await target.make('c/o', { value: 'x' })
      same(answers(await target.get('c/?children'), 200).fields, { children: ['o'] }, 'the answer')
      hasNot(fieldsIn(await target.fields('c/o'), 'metadata'), 'cdmi_acl')
      answers(await target.patch('c/?metadata=a', { metadata: { a: '1' } }), 204)
      answers(await target.delete('c/'), 204)
    }
  },
  {
    id: 'ECL-08',
    lacks: { dataobject: ['cdmi_acl'] },
    needs: { container: ['cdmi_list_children_extended'] },
    text: 'Without access control lists no child hides its fields in a listing.',
    async run (target) {
      await target.make('o', { value: 'x', metadata: { cdmi_acl: nothing, colour: 'blue' } })
      same(answers(await target.get('?children=[objectName,metadata/colour]'), 200).fields.children, [['o', 'blue']], 'children')
    }
  },
  {
    id: 'SER-10',
    lacks: { dataobject: ['cdmi_acl'] },
    needs: { system: ['cdmi_serialization_json'], container: ['cdmi_serialize_container'] },
    text: 'Without access control lists a serialization leaves nothing out.',
    async run (target) {
      await target.make('c/')
      await target.make('c/o', { value: 'x', metadata: { cdmi_acl: nothing } })
      await target.make('s', { serialize: target.at('c/') })
      same(await written(target, 's'), [['o', 'x', nothing]], 'names, values and lists of the children')
    }
  }
]

/** Names, values and access control lists of the children in the serialization of a container. */
async function written (target: Target, name: string): Promise<unknown[][]> {
  const form: unknown = JSON.parse(await target.value(name))
  holds(isFields(form), 'the serialization is no JSON object')
  return listIn(form, 'children').map(child => {
    holds(isFields(child), 'a child is no JSON object')
    return [child.objectName, child.value, fieldsIn(child, 'metadata').cdmi_acl]
  })
}

const lists: readonly Case[] = [
  {
    id: 'DOC-08',
    needs: { dataobject: ['cdmi_acl'] },
    text: 'Fields of a data object that may not be read are left out, alone they are 403; one that may not be written keeps all from being written.',
    async run (target) {
      await target.make('o', { value: 'x', metadata: { colour: 'blue', cdmi_acl: allButValue } })
      hasNot(await target.fields('o'), 'value')
      answers(await target.get('o?value'), 403)
      answers(await target.plain('GET', 'o'), 403)
      answers(await target.patch('o?value&metadata=colour', { value: 'y', metadata: { colour: 'red' } }), 403)
      same(fieldsIn(await target.fields('o'), 'metadata').colour, 'blue', 'colour')
    }
  },
  {
    id: 'COC-17, COC-39',
    needs: { container: ['cdmi_acl'] },
    text: 'Children that may not be listed are left out, alone they are 403; nothing is made where nothing may be.',
    async run (target) {
      await target.make('c/', { metadata: { cdmi_acl: [everybody('DENY', 'LIST_CONTAINER, ADD_OBJECT, ADD_SUBCONTAINER'), everybody('ALLOW', 'ALL_PERMS')] } })
      hasNot(await target.fields('c/'), 'children')
      answers(await target.get('c/?children'), 403)
      for (const name of ['c/o', 'c/d/']) {
        answers(await target.put(name), 403)
        await target.missing(name)
      }
    }
  },
  {
    id: 'ECL-08',
    needs: { dataobject: ['cdmi_acl'], container: ['cdmi_list_children_extended'] },
    text: 'What may not be read of a child is null in a listing.',
    async run (target) {
      await target.make('o', { value: 'x', metadata: { cdmi_acl: allButValue } })
      same(answers(await target.get('?children=[objectName,value]'), 200).fields.children, [['o', null]], 'children')
    }
  },
  {
    id: 'SER-10',
    needs: { dataobject: ['cdmi_acl'], system: ['cdmi_serialization_json'], container: ['cdmi_serialize_container'] },
    text: 'A serialization leaves out what may not be read.',
    async run (target) {
      await target.make('c/')
      await target.make('c/open', { value: 'x' })
      await target.make('c/shut', { value: 'x', metadata: { cdmi_acl: [everybody('DENY', 'READ_OBJECT, READ_METADATA, READ_ATTRIBUTES'), everybody('ALLOW', 'ALL_PERMS')] } })
      await target.make('s', { serialize: target.at('c/') })
      same((await written(target, 's')).map(([name]) => name), ['open'], 'names of the children')
    }
  }
]

const always: readonly Case[] = [
  {
    id: 'CAP-09',
    text: 'Capability objects are readable, by path and by ID, and no access control list is about them.',
    async run (target) {
      const names = ['/cdmi_capabilities/', ...listIn(await target.fields('/cdmi_capabilities/'), 'children').map(child => `/cdmi_capabilities/${String(child)}`)]
      for (const name of names) {
        const fields = await target.fields(name)
        same(answers(await target.get(`/cdmi_objectid/${String(fields.objectID)}/`, cdmi.capability), [200, 400]).status === 200, true, `${name} by its ID is there`)
        for (const list of [fieldsIn(fields, 'capabilities'), isFields(fields.metadata) ? fields.metadata : {}]) holds(!Array.isArray(list.cdmi_acl), `${name} has an access control list`)
      }
    }
  },
  {
    id: 'COC-39',
    credentials: true,
    text: 'A container is neither made nor changed nor deleted without credentials: 401.',
    async run (target) {
      await target.make('c/', { metadata: { a: '1' } })
      const stranger = target.withCredentials()
      for (const answer of [await stranger.put('d/'), await stranger.plain('PUT', 'd/'), await stranger.patch('c/', { metadata: {} }), await stranger.delete('c/')]) answers(answer, 401)
      same([(await target.fields('')).children, fieldsIn(await target.fields('c/'), 'metadata').a], [['c/'], '1'], 'children and metadata')
    }
  },
  {
    id: 'COC-39',
    text: 'A container is not made where something of another class has its name: 409.',
    async run (target) {
      await target.make('o', { value: 'x' })
      for (const answer of [await target.put('o/'), await target.plain('PUT', 'o/')]) answers(answer, 409)
      same([(await target.fields('')).children, await target.value('o')], [['o'], 'x'], 'children and the value')
    }
  }
]

export const accessControl: readonly Case[] = [...without, ...lists, ...always]
