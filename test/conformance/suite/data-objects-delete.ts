/** DOC: data objects, deleted. */
import { needing, type Case } from './case.js'
import { answers, same, textIn } from './expect.js'
import { cdmi } from './target.js'

export const dataObjectsDelete: readonly Case[] = needing({ dataobject: ['cdmi_delete_dataobject'] }, [
  {
    id: 'DOC-90',
    text: 'DELETE answers 204, whatever type the request names; the object is gone from both namespaces.',
    async run (target) {
      for (const headers of [{}, { accept: cdmi.object }, { 'content-type': cdmi.object }, { accept: '*/*', 'content-type': 'text/plain' }]) {
        const id = textIn(await target.make('o', { value: 'x' }), 'objectID')
        answers(await target.plain('DELETE', 'o', undefined, headers), 204)
        for (const name of ['o', `/cdmi_objectid/${id}`]) {
          await target.missing(name)
          answers(await target.plain('GET', name), 404)
          answers(await target.patch(name, {}), 404)
        }
      }
      same((await target.fields('')).children, [], 'children')
    }
  },
  {
    id: 'DOC-90',
    needs: { system: ['cdmi_object_access_by_ID'] },
    text: 'DELETE by ID removes the path, too; what is missing is 404.',
    async run (target) {
      const id = textIn(await target.make('o'), 'objectID')
      answers(await target.delete(`/cdmi_objectid/${id}`), 204)
      await target.missing('o')
      answers(await target.delete(`/cdmi_objectid/${id}`), 404)
      answers(await target.delete('o'), 404)
    }
  },
  {
    id: 'DOC-90',
    text: 'DELETE of a data object with a slash behind its name removes nothing.',
    async run (target) {
      await target.make('o', { value: 'x' })
      answers(await target.delete('o/'), [404, 400, 409])
      same(await target.value('o'), 'x', 'the value')
    }
  }
])
