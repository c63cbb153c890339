/** CMV, COC, DOC: operations that a server may answer before they are done. Those that are done at once are as good. */
import { setTimeout } from 'node:timers/promises'
import type { Answer } from './answer.js'
import { needing, type Case } from './case.js'
import { answers, type Fields, holds, listIn, matches, same, textIn } from './expect.js'
import type { Target } from './target.js'

/** RFC 7240: the client would rather not wait. */
const preferred = { prefer: 'respond-async' }

/** Looks at a container until it is complete, and at what it shows before that. */
async function completed (target: Target, name: string): Promise<Fields> {
  for (let looks = 0; looks < 1200; looks++) {
    const fields = await target.fields(name)
    const status = textIn(fields, 'completionStatus')
    if (fields['percentComplete'] !== undefined) matches(fields['percentComplete'], /^(?:\d|[1-9]\d|100)$/, 'percentComplete')
    if (status === 'Complete') return fields
    holds(status === 'Processing', `completionStatus is ${status}`)
    same(fields['children'] ?? [], [], 'children of a container that is Processing')
    await setTimeout(50)
  }
  throw new Error(`${name} is still Processing after a minute`)
}

/** A container with so many objects in it. */
async function filled (target: Target, name: string, count: number): Promise<void> {
  await target.make(name)
  for (let n = 0; n < count; n++) await target.make(`${name}${n}`, { value: String(n) })
}

/** A new object was answered for: done, or not yet and with its URI. */
function begun (target: Target, name: string, answer: Answer): void {
  answers(answer, [201, 202])
  same(new URL(String(answer.headers.location)).pathname, target.path(name), 'the path of Location')
  if (answer.status === 202) matches(answer.headers.location, /^https?:\/\//, 'Location')
}

export const delayed: readonly Case[] = needing({ container: ['cdmi_create_container', 'cdmi_create_dataobject'] }, [
  {
    id: 'CMV-14, CMV-16, CMV-17, COC-36, COC-37',
    needs: { system: ['cdmi_object_copy_from_local'], container: ['cdmi_copy_container'] },
    text: 'A copy of a container that is not waited for is answered with 202 and its URI, or 201; it shows no children before it is complete, and then all.',
    async run (target) {
      await filled(target, 's/', 20)
      begun(target, 'd/', await target.put('d/', { copy: target.at('s/') }, preferred))
      same(listIn(await completed(target, 'd/'), 'children').length, 20, 'the number of children')
      same(await target.value('d/7'), '7', 'the value of a copied object')
    }
  },
  {
    id: 'COC-36, COC-37, SER-13',
    needs: { system: ['cdmi_serialization_json'], container: ['cdmi_serialize_container', 'cdmi_deserialize_container'] },
    text: 'A container that is made of a serialization and not waited for is answered with 202 and its URI, or 201, and is complete in the end.',
    async run (target) {
      await filled(target, 's/', 5)
      answers(await target.put('text', { serialize: target.at('s/') }), 201)
      const id = await target.objectID('s/')
      answers(await target.delete('s/'), 204)
      begun(target, 'd/', await target.put('d/', { deserialize: target.at('text') }, preferred))
      const fields = await completed(target, 'd/')
      same([fields['objectID'], listIn(fields, 'children').length], [id, 5], 'objectID and the number of children')
    }
  },
  {
    id: 'CMV-19, COC-66',
    needs: { system: ['cdmi_object_copy_from_local'], container: ['cdmi_copy_container'] },
    text: 'A container that is made like another one and not waited for is answered with 202 or 204, and has its ID and the children of the other one in the end.',
    async run (target) {
      await filled(target, 's/', 5)
      await target.make('d/')
      await target.make('d/old', { value: 'old' })
      const id = await target.objectID('d/')
      answers(await target.patch('d/', { copy: target.at('s/') }, preferred), [202, 204])
      const fields = await completed(target, 'd/')
      same([fields['objectID'], listIn(fields, 'children').length], [id, 5], 'objectID and the number of children')
      await target.missing('d/old')
    }
  },
  {
    id: 'CMV-15, COC-36',
    needs: { system: ['cdmi_object_copy_from_local'], container: ['cdmi_copy_container'] },
    text: 'What can be refused is refused, whether it is waited for or not: 400 for a source that is missing, 404 for a missing parent.',
    async run (target) {
      await target.make('s/')
      answers(await target.put('d/', { copy: target.at('missing/') }, preferred), 400)
      await target.missing('d/')
      answers(await target.put('no/d/', { copy: target.at('s/') }, preferred), 404)
    }
  }
])
