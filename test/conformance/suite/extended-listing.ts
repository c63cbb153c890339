/** ECL: children listed with their fields, and recursively. */
import { needing, type Case } from './case.js'
import { answers, refuses, same } from './expect.js'
import type { Target } from './target.js'

/** A data object `a`, then a container `c/` with a data object `o` and an empty container `e/` in it. */
async function family (target: Target): Promise<void> {
  await target.make('a', { value: 'x', metadata: { colour: 'blue', 'with/slash': '1' } })
  await target.make('c/')
  await target.make('c/e/')
  await target.make('c/o', { mimetype: 'text/x' })
}

async function children (target: Target, query: string): Promise<unknown> {
  return answers(await target.get(`?children=${query}`), 200).fields.children
}

const extended = needing({ container: ['cdmi_list_children_extended'] }, [
  {
    id: 'ECL-01, ECL-03',
    text: 'children=[…] gives each child as an array of the fields asked for, in their order, null where it lacks one.',
    async run (target) {
      await family(target)
      const rows = [['a', 'text/plain'], ['c/', null]]
      same(await children(target, '[objectName,mimetype]'), rows, 'children')
      same(await children(target, '%5BobjectName%2Cmimetype%5D'), rows, 'children by an escaped query')
      same(await children(target, '[mimetype,objectName]'), rows.map(row => row.toReversed()), 'children in another order')
    }
  },
  {
    id: 'ECL-01',
    needs: { system: ['cdmi_object_access_by_ID'] },
    text: 'The same is given by the ID of the container.',
    async run (target) {
      await family(target)
      same(answers(await target.get(`/cdmi_objectid/${await target.objectID('')}/?children=[objectName]`), 200).fields.children, [['a'], ['c/']], 'children')
    }
  },
  {
    id: 'ECL-02, ECL-03',
    text: 'A slash leads into a field; a slash of a name is escaped.',
    async run (target) {
      await family(target)
      same(await children(target, '[objectName,metadata/colour,metadata/with%5C/slash,value/no]'), [['a', 'blue', '1', null], ['c/', null, null, null]], 'children')
    }
  },
  {
    id: 'ECL-07',
    text: 'Other fields may be asked for beside; childrenrange only comes when it is.',
    async run (target) {
      await family(target)
      same(answers(await target.get('?parentURI&children=[objectName]'), 200).fields, { parentURI: '/', children: [['a'], ['c/']] }, 'the answer')
      same(answers(await target.get('?childrenrange&children=[objectName]'), 200).fields, { childrenrange: '0-1', children: [['a'], ['c/']] }, 'the answer')
    }
  },
  {
    id: 'ECL-09',
    text: 'A list that is broken is refused.',
    async run (target) {
      await family(target)
      for (const query of ['[', '[objectName', '[]', '[objectName,,mimetype]', '[,]', 'objectName]']) answers(await target.get(`?children=${query}`), 400, query)
      refuses(await target.get('missing/?children=[objectName]'))
    }
  }
])

const recursive = needing({ container: ['cdmi_list_children_recursive'] }, [
  {
    id: 'ECL-04',
    text: 'children=! puts behind each container the array of its children, at any depth.',
    async run (target) {
      await family(target)
      same(await children(target, '!'), ['a', 'c/', ['e/', [], 'o']], 'children')
      same(await children(target, '%21'), ['a', 'c/', ['e/', [], 'o']], 'children by an escaped query')
    }
  },
  {
    id: 'ECL-05',
    needs: { container: ['cdmi_list_children_range'] },
    text: 'children=!<range> does so for the children in the range.',
    async run (target) {
      await family(target)
      same([await children(target, '!0-0'), await children(target, '!1-1')], [['a'], ['c/', ['e/', [], 'o']]], 'children of both ranges')
    }
  },
  {
    id: 'ECL-06',
    needs: { container: ['cdmi_list_children_extended'] },
    text: 'children=![…] does both.',
    async run (target) {
      await family(target)
      same(await children(target, '![objectName,mimetype]'), [['a', 'text/plain'], ['c/', null], [['e/', null], [], ['o', 'text/x']]], 'children')
    }
  },
  {
    id: 'ECL-07, ECL-09',
    text: 'What follows the mark must be a range or a list.',
    async run (target) {
      await family(target)
      for (const query of ['!x', '![', '!!', '!2-1']) answers(await target.get(`?children=${query}`), 400, query)
      same(Object.keys(answers(await target.get('?objectName&children=!'), 200).fields).sort(), ['children', 'objectName'], 'the fields')
    }
  }
])

export const extendedListing: readonly Case[] = [...extended, ...recursive]
