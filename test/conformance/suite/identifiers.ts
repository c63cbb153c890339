/** GEN: object IDs, and the two namespaces. */
import { needing, type Case } from './case.js'
import { answers, hasNot, holds, listIn, matches, same, textIn } from './expect.js'
import { cdmi } from './target.js'

/** CRC-16/ARC over all bytes, those of the checksum itself taken as zeros. */
function checksum (id: Buffer): number {
  let crc = 0
  for (const [index, byte] of id.entries()) {
    crc ^= index === 6 || index === 7 ? 0 : byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1
  }
  return crc
}

const layout: readonly Case[] = [
  {
    id: 'GEN-27, COC-03, CLI-04',
    text: 'No two objects have one ID, and no change of an object changes its ID.',
    async run (target) {
      const ids = await Promise.all(Array.from({ length: 20 }, async (_, index) => textIn(await target.make(`o${index}`), 'objectID')))
      same(new Set(ids).size, 20, 'the number of different IDs')
      await target.change('o0', { value: 'new', metadata: { a: '1' }, mimetype: 'text/x' })
      answers(await target.plain('PUT', 'o0', 'replaced'), 204)
      same(await target.objectID('o0'), ids[0], 'objectID after changes')
    }
  },
  {
    id: 'GEN-28, GEN-29, GEN-30',
    text: 'An ID is Base16 of zero, an enterprise number, zero, its length, a checksum that fits, and at least eight bytes of its own.',
    async run (target) {
      await target.make('o')
      for (const name of ['o', '', '/', '/cdmi_capabilities/']) {
        const text = matches((await target.fields(name)).objectID, /^([0-9A-F]{2}){16,40}$/, `objectID of ${name}`)
        const id = Buffer.from(text, 'hex')
        same([id[0], id[4], id[5]], [0, 0, id.length], `the fixed bytes and the length of ${text}`)
        holds(id.readUIntBE(1, 3) !== 0, `${text} has no enterprise number`)
        same(id.readUInt16BE(6), checksum(id), `the checksum of ${text}`)
      }
    }
  }
]

const namespaces = needing({ system: ['cdmi_object_access_by_ID'] }, [
  {
    id: 'GEN-23, HDO-05, DOC-20, GEN-30',
    text: 'A data object answers at its path and at its ID, in capitals or not, and is one object.',
    async run (target) {
      const id = textIn(await target.make('o', { value: 'x' }), 'objectID')
      const first = await target.fields('o')
      for (const name of [`/cdmi_objectid/${id}`, `/cdmi_objectid/${id.toLowerCase()}`]) {
        const { value, objectID, objectName, parentID } = await target.fields(name)
        same([value, objectID, objectName, parentID], ['x', id, 'o', first.parentID], `what is at ${name}`)
        same(await target.value(name), 'x', 'the value by plain HTTP')
      }
      await target.change(`/cdmi_objectid/${id}`, { value: 'y' })
      same(await target.value('o'), 'y', 'the value at the path')
      answers(await target.delete(`/cdmi_objectid/${id}`), 204)
      await target.missing('o')
    }
  },
  {
    id: 'GEN-24, COC-02, COC-13, HCO-01',
    text: 'A container answers at its ID, and what is below it, at any depth, below that.',
    async run (target) {
      const id = textIn(await target.make('c/'), 'objectID')
      const base = `/cdmi_objectid/${id}/`
      await target.make(`${base}o`, { value: 'x' })
      await target.make(`${base}d/`)
      await target.make('c/d/deep', { value: 'y' })
      const [named, found] = [await target.fields('c/'), await target.fields(base)]
      for (const name of ['objectID', 'objectName', 'parentURI', 'parentID', 'childrenrange', 'children']) same(found[name], named[name], `${name} by ID`)
      same([await target.value('c/o'), await target.value(`${base}d/deep`)], ['x', 'y'], 'the values')
      same((await target.fields(`${base}o`)).parentURI, target.at('c/'), 'parentURI')
      answers(await target.delete(`${base}d/deep`), 204)
      await target.missing('c/d/deep')
    }
  },
  {
    id: 'GEN-31',
    text: 'An unknown ID is 404, a malformed one 404 or 400.',
    async run (target) {
      const id = textIn(await target.make('o'), 'objectID')
      const unknown = '00007ED90010D891022876A8DE0BC0FD'
      for (const method of ['GET', 'DELETE']) answers(await target.plain(method, `/cdmi_objectid/${unknown}`), 404)
      const spoilt = id.slice(0, -1) + (id.endsWith('0') ? '1' : '0')
      for (const bad of [spoilt, id.slice(0, -2), `${id}00`, 'ZZ', '00', '00007ED90010D891022876A8DE0BC0FE']) answers(await target.get(`/cdmi_objectid/${bad}`), [404, 400])
      answers(await target.get('/cdmi_objectid/missing/below'), [404, 400])
    }
  }
])

const withoutPath = needing({ system: ['cdmi_object_access_by_ID', 'cdmi_post_dataobject_by_ID'] }, [
  {
    id: 'GEN-25, DOC-52, COC-75',
    text: 'POST to /cdmi_objectid/ makes an object that has an ID and no path.',
    async run (target) {
      const answer = answers(await target.post('/cdmi_objectid/', { value: 'flat' }), 201)
      const id = textIn(answer.fields, 'objectID')
      same(answer.header('location'), target.uri(`/cdmi_objectid/${id}`), 'Location')
      hasNot(answer.fields, 'objectName', 'parentURI', 'parentID')
      const fields = await target.fields(`/cdmi_objectid/${id}`)
      hasNot(fields, 'objectName', 'parentURI', 'parentID')
      same(fields.value, 'flat', 'value')
      same((await target.fields('')).children, [], 'children')
    }
  },
  {
    id: 'HCO-15, GEN-25',
    text: 'A plain POST to /cdmi_objectid/ makes such an object, too.',
    async run (target) {
      const answer = answers(await target.plain('POST', '/cdmi_objectid/', 'flat', { 'content-type': 'text/x' }), 201)
      const location = answer.header('location')
      matches(location, /\/cdmi_objectid\/[0-9A-F]+$/, 'Location')
      same([await target.value(location), (await target.get(location, cdmi.object)).fields.mimetype], ['flat', 'text/x'], 'value and mimetype')
    }
  },
  {
    id: 'DOC-90, GEN-23',
    text: 'An object without a path is changed and deleted by its ID.',
    async run (target) {
      const location = answers(await target.post('/cdmi_objectid/', { value: 'flat' }), 201).header('location')
      await target.change(location, { value: 'changed' })
      same(await target.value(location), 'changed', 'the value')
      answers(await target.delete(location), 204)
      answers(await target.get(location), 404)
    }
  },
  {
    id: 'DOC-52, GEN-23',
    text: 'An object in a container has its name and parent, however it is addressed.',
    async run (target) {
      const { objectID } = await target.make('o')
      const { objectName, parentURI, parentID } = await target.fields(`/cdmi_objectid/${String(objectID)}`)
      same([objectName, parentURI, parentID], ['o', target.at(''), await target.objectID('')], 'objectName, parentURI, parentID')
      holds(listIn(await target.fields(''), 'children').includes('o'), 'the container lacks it')
    }
  }
])

export const identifiers: readonly Case[] = [...layout, ...namespaces, ...withoutPath]
