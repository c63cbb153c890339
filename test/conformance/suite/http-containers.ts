/** HCO: containers over plain HTTP. */
import { needing, type Case } from './case.js'
import { answers, hasNot, holds, listIn, matches, same } from './expect.js'
import { multipart } from './multipart.js'
import { cdmi } from './target.js'

const containers = needing({ container: ['cdmi_create_container'] }, [
  {
    id: 'HCO-01, CLI-20, AMB-22',
    text: 'A bare PUT with a slash makes a container; again it changes nothing.',
    async run (target) {
      answers(await target.plain('PUT', 'c/'), 201)
      const id = await target.objectID('c/')
      await target.store('c/o', 'x')
      answers(await target.plain('PUT', 'c/'), [200, 204])
      same([await target.objectID('c/'), (await target.fields('c/')).children], [id, ['o']], 'objectID and children')
    }
  },
  {
    id: 'HCO-01',
    text: 'A container needs its parent, and no body.',
    async run (target) {
      answers(await target.plain('PUT', 'no/c/'), 404)
      answers(await target.plain('PUT', 'c/', 'a body', { 'content-type': 'text/plain' }), 400)
      same((await target.fields('')).children, [], 'children')
    }
  },
  {
    id: 'HCO-02, COC-04, CLI-06',
    text: 'A container without its slash is a redirect to the URI with it, query and all, and nothing is changed.',
    async run (target) {
      await target.make('c/')
      await target.make('c/o', { value: 'x' })
      for (const [method, body] of [['GET'], ['HEAD'], ['PATCH', '{}'], ['DELETE']] as const) {
        for (const query of ['', '?children=0-1&metadata']) {
          const location = answers(await target.plain(method, `c${query}`, body, body === undefined ? {} : { 'content-type': cdmi.container }), 301).header('location')
          same(new URL(location, target.uri('c')).href, target.uri(`c/${query}`), 'Location')
        }
      }
      same((await target.fields('c/')).children, ['o'], 'children')
    }
  },
  {
    id: 'HCO-03',
    text: 'A plain GET of a container is answered in some way that is no failure, and changes nothing.',
    async run (target) {
      const { objectID } = await target.make('c/')
      await target.make('c/o')
      const answer = await target.plain('GET', 'c/')
      holds(answer.status < 500 && (answer.text === '' || answer.type !== ''), `${answer.request} answered ${answer.status} with the Content-Type ${answer.type}`)
      const head = await target.plain('HEAD', 'c/')
      same([head.status, head.text], [answer.status, ''], 'status and body after HEAD')
      const fields = await target.fields('c/')
      same([fields.objectID, fields.children], [objectID, ['o']], 'objectID and children')
    }
  },
  {
    id: 'HCO-04, COC-71',
    needs: { container: ['cdmi_delete_container'] },
    text: 'DELETE of a container removes all that is in it, by path and by ID.',
    async run (target) {
      const ids: unknown[] = []
      for (const name of ['c/', 'c/o', 'c/d/', 'c/d/p']) ids.push((await target.make(name)).objectID)
      answers(await target.delete('c/'), 204)
      for (const name of ['c/', 'c/o', 'c/d/', 'c/d/p']) await target.missing(name)
      for (const id of ids) answers(await target.get(`/cdmi_objectid/${String(id)}`), 404)
      answers(await target.delete('c/'), 404)
    }
  },
  {
    id: 'HCO-04, COC-71, AMB-14',
    needs: { system: ['cdmi_object_access_by_ID'], container: ['cdmi_delete_container'] },
    text: 'A container is deleted by its ID, without a slash, too.',
    async run (target) {
      for (const slash of ['', '/']) {
        const { objectID } = await target.make('c/')
        await target.make('c/o')
        answers(await target.delete(`/cdmi_objectid/${String(objectID)}${slash}`), 204)
        await target.missing('c/o')
        await target.missing('c/')
      }
    }
  }
])

const posts = needing({ container: ['cdmi_create_dataobject', 'cdmi_post_dataobject'] }, [
  {
    id: 'HCO-10, HCO-11, HCO-12, CLI-32',
    text: 'POST makes a data object named by its ID, at the absolute URI in Location; its type becomes mimetype.',
    async run (target) {
      await target.make('c/')
      const location = answers(await target.plain('POST', 'c/', 'value', { 'content-type': 'Text/X; charset=utf-8' }), 201).header('location')
      const fields = await target.fields(location)
      same(location, target.uri(`c/${String(fields.objectID)}`), 'Location')
      same([fields.objectName, fields.mimetype, fields.valuetransferencoding, fields.value], [fields.objectID, 'text/x', 'utf-8', 'value'], 'objectName, mimetype, encoding, value')
      same((await target.fields('c/')).children, [fields.objectID], 'children')
      same((await target.fields(answers(await target.plain('POST', 'c/', 'v'), 201).header('location'))).mimetype, 'application/octet-stream', 'mimetype without a type')
    }
  },
  {
    id: 'HCO-13',
    text: 'X-CDMI-Partial on a POST leaves the object Processing.',
    async run (target) {
      const location = answers(await target.plain('POST', '', 'part', { 'x-cdmi-partial': 'true' }), [201, 202]).header('location')
      const fields = await target.fields(location)
      same(fields.completionStatus, 'Processing', 'completionStatus')
      hasNot(fields, 'value')
      answers(await target.plain('PATCH', location, 'whole'), 204)
      same((await target.fields(location)).completionStatus, 'Complete', 'completionStatus')
      // Behind the part where parts are gathered (PUP-03), in its place elsewhere.
      matches(await target.value(location), /^(part)?whole$/, 'the value')
    }
  },
  {
    id: 'HCO-14',
    needs: { system: ['cdmi_multipart_mime'] },
    text: 'The file of a form becomes the value, the type of its part the mimetype.',
    async run (target) {
      const form = multipart([
        { headers: { 'Content-Disposition': 'form-data; name="note"' }, body: 'not the value' },
        { headers: { 'Content-Disposition': 'form-data; name="file"; filename="cat.x"', 'Content-Type': 'image/x' }, body: Buffer.from([0, 255, 13, 10]) }
      ], undefined, 'form-data')
      const location = answers(await target.parts('POST', '', form), [201, 303]).header('location')
      const name = listIn(await target.fields(''), 'children')[0]
      same([(await target.bytes(String(name))).toString('hex'), (await target.fields(String(name))).mimetype], ['00ff0d0a', 'image/x'], 'value and mimetype')
      matches(location, /^https?:\/\//, 'Location')
    }
  },
  {
    id: 'HCO-16',
    needs: { container: ['cdmi_create_value_range'] },
    text: 'Content-Range on a POST places the bytes.',
    async run (target) {
      const location = answers(await target.plain('POST', '', 'abc', { 'content-range': 'bytes 2-4/5' }), 201).header('location')
      same(await target.value(location), '\0\0abc', 'the value')
      answers(await target.plain('POST', '', 'abc', { 'content-range': 'bytes 2-9/10' }), 400)
    }
  },
  {
    id: 'HCO-16, HCO-15',
    needs: { system: ['cdmi_create_value_range_by_ID', 'cdmi_post_dataobject_by_ID'] },
    text: 'Content-Range on a POST to /cdmi_objectid/ places the bytes.',
    async run (target) {
      const location = answers(await target.plain('POST', '/cdmi_objectid/', 'abc', { 'content-range': 'bytes 2-4/5' }), 201).header('location')
      same(await target.value(location), '\0\0abc', 'the value')
    }
  },
  {
    id: 'HCO-17',
    text: 'POST to a container that is missing is 404.',
    async run (target) {
      answers(await target.plain('POST', 'missing/', 'x'), 404)
      answers(await target.plain('POST', 'no/missing/', 'x'), 404)
      same((await target.fields('')).children, [], 'children')
    }
  }
])

export const httpContainers: readonly Case[] = [...containers, ...posts]
