/** PUP: values written in parts. */
import { needing, type Case } from './case.js'
import { answers, hasNot, same } from './expect.js'
import type { Answer } from './answer.js'
import { cdmi, type Target } from './target.js'

/** One part by plain HTTP. `where`: its Content-Range. */
async function part (target: Target, name: string, body: string, partial?: string, where?: string, method = 'PUT'): Promise<Answer> {
  return await target.plain(method, name, body, { 'content-type': 'text/plain', ...partial !== undefined && { 'x-cdmi-partial': partial }, ...where !== undefined && { 'content-range': `bytes ${where}` } })
}

const processing = async (target: Target, name: string): Promise<void> => {
  const { fields } = answers(await target.get(name), [200, 202])
  same(fields.completionStatus, 'Processing', 'completionStatus')
  hasNot(fields, 'value')
}

const complete = async (target: Target, name: string, value: string): Promise<void> => {
  same([(await target.fields(name)).completionStatus, await target.value(name)], ['Complete', value], 'completionStatus and value')
}

const unnamed = needing({ system: ['cdmi_partial'] }, [
  {
    id: 'PUP-01, PUP-02, PUP-03, PUP-13',
    text: 'Parts with X-CDMI-Partial: true are gathered, each after the last, until one with false, or without the header.',
    async run (target) {
      for (const [name, last] of [['o', 'false'], ['p', undefined]] as const) {
        answers(await part(target, name, 'one ', 'true'), 202)
        await processing(target, name)
        answers(await part(target, name, 'two ', 'true'), 202)
        answers(await part(target, name, 'three', last), [200, 201, 204])
        await complete(target, name, 'one two three')
      }
    }
  },
  {
    id: 'PUP-03',
    text: 'Parts with Content-Range go where it says; an empty one with false completes.',
    async run (target) {
      answers(await part(target, 'o', 'world', 'true', '6-10/11'), 202)
      answers(await part(target, 'o', 'Hello ', 'true', '0-5/11'), 202)
      await processing(target, 'o')
      answers(await part(target, 'o', '', 'false'), [200, 201, 204])
      await complete(target, 'o', 'Hello world')
    }
  },
  {
    id: 'PUP-01',
    text: 'false with no parts before is an ordinary write.',
    async run (target) {
      answers(await part(target, 'o', 'whole', 'false'), 201)
      await complete(target, 'o', 'whole')
    }
  },
  {
    id: 'PUP-15',
    text: 'Parts may come by plain HTTP and by CDMI, on create, update and POST.',
    async run (target) {
      answers(await target.put('o', { metadata: { a: '1' } }, { 'x-cdmi-partial': 'true' }), [201, 202])
      answers(await part(target, 'o', 'value', 'true'), 202)
      answers(await target.patch('o', {}, { 'x-cdmi-partial': 'false' }), 204)
      await complete(target, 'o', 'value')
      const location = answers(await target.plain('POST', '', 'posted', { 'x-cdmi-partial': 'true' }), [201, 202]).header('location')
      answers(await target.patch(location, {}), 204)
      await complete(target, location, 'posted')
    }
  },
  {
    id: 'PUP-16',
    text: 'A header that means nothing is refused, and nothing is created.',
    async run (target) {
      for (const header of ['yes', '', 'true; false', 'upload-id=', 'count=2', 'upload-id=a;count=0', 'upload-id=a;count=x', 'upload-id=a;count=-1', 'upload-id=a;count=1;range=0-1', 'upload-id=a;range=5-1', 'upload-id=a;replace=maybe', 'upload-id=a;color=red']) {
        answers(await part(target, 'o', 'x', header), 400, header)
      }
      await target.missing('o')
    }
  }
])

const named = needing({ system: ['cdmi_partial', 'cdmi_partial_uploadid'] }, [
  {
    id: 'PUP-04, PUP-05',
    text: 'Parts with one upload-id are one set; an empty request with it completes the object.',
    async run (target) {
      answers(await part(target, 'o', 'one ', 'upload-id=a'), 202)
      answers(await part(target, 'o', 'two', 'upload-id=a'), 202)
      await processing(target, 'o')
      answers(await part(target, 'o', '', 'upload-id=a'), 201)
      await complete(target, 'o', 'one two')
    }
  },
  {
    id: 'PUP-04, PUP-14',
    text: 'Sets of different IDs do not mix, and an existing object stays readable as it was until one is complete.',
    async run (target) {
      await target.make('o', { value: 'before' })
      answers(await part(target, 'o', 'from a', 'upload-id=a', undefined, 'PATCH'), 202)
      answers(await part(target, 'o', 'from b', 'upload-id=b', undefined, 'PATCH'), 202)
      await complete(target, 'o', 'before')
      answers(await part(target, 'o', '', 'upload-id=b', undefined, 'PATCH'), [200, 201, 204])
      await complete(target, 'o', 'from b')
    }
  },
  {
    id: 'PUP-06',
    needs: { system: ['cdmi_partial_count'] },
    text: 'count=<n> completes the set with its n-th part, and takes no more.',
    async run (target) {
      answers(await part(target, 'o', 'one ', 'upload-id=a;count=3'), 202)
      answers(await part(target, 'o', 'two ', 'upload-id=a;count=3'), 202)
      await processing(target, 'o')
      answers(await part(target, 'o', 'three', 'upload-id=a; count=3'), 201)
      await complete(target, 'o', 'one two three')
      answers(await part(target, 'o', 'four', 'upload-id=a;count=3'), 400)
      await complete(target, 'o', 'one two three')
    }
  },
  {
    id: 'PUP-07, PUP-09',
    needs: { system: ['cdmi_partial_range'] },
    text: 'range=<range> completes the set when all of the range is there, in whatever order; any part may say it.',
    async run (target) {
      answers(await part(target, 'o', 'world', 'upload-id=a', '6-10/11'), 202)
      answers(await part(target, 'o', 'Hel', 'upload-id=a;range=0-10', '0-2/11'), 202)
      await processing(target, 'o')
      answers(await part(target, 'o', 'lo ', 'upload-id=a', '3-5/11'), 201)
      await complete(target, 'o', 'Hello world')
    }
  },
  {
    id: 'PUP-08',
    needs: { system: ['cdmi_partial_count', 'cdmi_partial_replace'] },
    text: 'replace=true makes an existing value of the parts alone, gaps as zeros; replace=false puts them into it.',
    async run (target) {
      for (const [name, replace, value] of [['o', 'true', '\0\0xy'], ['p', 'false', '01xy456789']] as const) {
        await target.make(name, { value: '0123456789' })
        answers(await part(target, name, 'xy', `upload-id=a;count=1;replace=${replace}`, '2-3/10', 'PATCH'), [200, 201, 204])
        await complete(target, name, value)
      }
    }
  },
  {
    id: 'PUP-09',
    needs: { system: ['cdmi_partial_count', 'cdmi_partial_replace'] },
    text: 'A condition or flag that differs from an earlier one of its set is refused.',
    async run (target) {
      answers(await part(target, 'o', 'one ', 'upload-id=a;count=2;replace=true'), 202)
      for (const header of ['upload-id=a;count=3', 'upload-id=a;range=0-9', 'upload-id=a;count=2;replace=false']) answers(await part(target, 'o', 'x', header), 400, header)
      answers(await part(target, 'o', 'two', 'upload-id=a;count=2'), 201)
      await complete(target, 'o', 'one two')
    }
  },
  {
    id: 'PUP-10, PUP-11',
    needs: { system: ['cdmi_partial_count'] },
    text: 'The same Content-Range again replaces its part and is not counted; one that overlaps another is refused.',
    async run (target) {
      const header = 'upload-id=a;count=2'
      answers(await part(target, 'o', 'wrong ', header, '0-5/11'), 202)
      answers(await part(target, 'o', 'Hello ', header, '0-5/11'), 202)
      for (const where of ['3-7/11', '0-4/11', '5-5/11']) answers(await part(target, 'o', 'x'.repeat(Number(where[2]) - Number(where[0]) + 1), header, where), 400, where)
      answers(await part(target, 'o', 'world', header, '6-10/11'), 201)
      await complete(target, 'o', 'Hello world')
    }
  },
  {
    id: 'PUP-15, PUP-04',
    needs: { system: ['cdmi_partial_count'] },
    text: 'A set may be of CDMI and plain HTTP parts.',
    async run (target) {
      answers(await target.plain('PUT', 'o', JSON.stringify({ value: 'one ' }), { 'content-type': cdmi.object, 'x-cdmi-partial': 'upload-id=a;count=2' }), [201, 202])
      await processing(target, 'o')
      answers(await part(target, 'o', 'two', 'upload-id=a;count=2', undefined, 'PATCH'), [200, 201, 204])
      await complete(target, 'o', 'one two')
    }
  }
])

const unoffered: readonly Case[] = [
  ['cdmi_partial_uploadid', 'upload-id=a'], ['cdmi_partial_count', 'upload-id=a;count=2'], ['cdmi_partial_range', 'upload-id=a;range=0-9'], ['cdmi_partial_replace', 'upload-id=a;replace=true']
].map(([capability = '', header = '']): Case => ({
  id: 'PUP-16, CAP-10',
  lacks: { system: [capability] },
  text: `Without ${capability} the header that it stands for is refused.`,
  async run (target) {
    answers(await part(target, 'o', 'x', header), 400)
    await target.missing('o')
  }
}))

export const partialUpload: readonly Case[] = [...unnamed, ...named, ...unoffered]
