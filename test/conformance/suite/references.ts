/** GEN, CMV, COC: references. */
import { needing, type Case } from './case.js'
import { answers, holds, listIn, matches, same } from './expect.js'
import { base64, cdmi } from './target.js'

export const references: readonly Case[] = needing({ system: ['cdmi_references'], container: ['cdmi_create_reference'] }, [
  {
    id: 'GEN-46, DOC-35, CMV-39, GEN-48, CMV-41, HDO-23, DOC-59, HDO-45',
    text: 'A reference is made by a PUT; from then on every request but a delete is sent on to exactly the URI that it names.',
    async run (target) {
      const away = 'https://elsewhere.example/cdmi/2.0.0/c/o?value=0-3'
      for (const [name, uri, location] of [['far', away, away], ['near', target.at('o'), target.uri('o')], ['dangling', target.at('no/such'), target.uri('no/such')]] as const) {
        await target.make(name, { reference: uri })
        const seen = [
          await target.get(name), await target.plain('GET', name), await target.plain('HEAD', name), await target.patch(name, { value: 'x' }), await target.plain('PATCH', name, 'x'),
          await target.plain('POST', name, 'x'), await target.get(`${name}?value=0-1`), await target.plain('GET', name, undefined, { range: 'bytes=0-1' })
        ]
        for (const answer of seen) same(answers(answer, 302).header('location'), location, `Location of ${answer.request}`)
      }
    }
  },
  {
    id: 'GEN-47, COC-32, CMV-40',
    text: 'reference stands alone: with any other field it is refused, and nothing is created.',
    async run (target) {
      for (const body of [{ metadata: {} }, { mimetype: 'text/x' }, { value: 'x' }, { own: 1 }, { valuetransferencoding: 'utf-8' }]) answers(await target.put('r', { reference: target.at('o'), ...body }), 400)
      for (const body of [{ metadata: {} }, { exports: {} }]) answers(await target.put('r/', { reference: target.at('c/'), ...body }), 400)
      same((await target.fields('')).children, [], 'children')
    }
  },
  {
    id: 'GEN-49, CMV-43, COC-73, GEN-50',
    text: 'DELETE removes the reference, never the target; a new one may be made then.',
    async run (target) {
      await target.make('o', { value: 'x' })
      await target.make('r', { reference: target.at('o') })
      answers(await target.delete('r'), 204)
      answers(await target.get('r'), 404)
      same(await target.value('o'), 'x', 'the target')
      await target.make('r', { reference: target.at('other') })
      same(answers(await target.get('r'), 302).header('location'), target.uri('other'), 'Location')
    }
  },
  {
    id: 'GEN-51, CMV-42, COC-51',
    text: 'References are listed with a question mark behind their names.',
    async run (target) {
      await target.make('r', { reference: target.at('o') })
      same((await target.fields('')).children, ['r?'], 'children')
    }
  },
  {
    id: 'COC-32, COC-57, CMV-39, CMV-42, COC-59',
    text: 'A reference to a container is made at a URI with a slash, and is sent on and listed as others are.',
    async run (target) {
      await target.make('c/')
      await target.make('r/', { reference: target.at('c/') })
      for (const answer of [await target.get('r/'), await target.patch('r/', { metadata: {} }), await target.plain('GET', 'r/')]) same(answers(answer, 302).header('location'), target.uri('c/'), 'Location')
      const listed = listIn(await target.fields(''), 'children')
      holds(listed.includes('r/?') || listed.includes('r?'), `children are ${JSON.stringify(listed)}`)
      answers(await target.delete('r/'), 204)
      await target.fields('c/')
    }
  },
  {
    id: 'GEN-46, COC-86',
    needs: { container: ['cdmi_post_dataobject'] },
    text: 'A reference by POST has a name of the server\'s and a Location.',
    async run (target) {
      const location = answers(await target.post('', { reference: target.at('o') }), 201).header('location')
      matches(location, /^https?:\/\//, 'Location')
      same(answers(await target.get(location), 302).header('location'), target.uri('o'), 'Location of the reference')
      answers(await target.post('', { reference: target.at('o'), value: base64('x') }), 400)
    }
  },
  {
    id: 'CMV-44, GEN-52, AMB-05, COC-86',
    needs: { system: ['cdmi_create_reference_by_ID', 'cdmi_object_access_by_ID'] },
    text: 'A reference without a path has an ID of its own, and sends on from there.',
    async run (target) {
      await target.make('o')
      const location = answers(await target.post('/cdmi_objectid/', { reference: target.at('o') }), 201).header('location')
      matches(location, /\/cdmi_objectid\/[0-9A-F]+$/, 'Location')
      for (const accept of [cdmi.object, '*/*']) same(answers(await target.get(location, accept), 302).header('location'), target.uri('o'), 'Location of the reference')
    }
  }
])
