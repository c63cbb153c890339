/** Changes on their way to the writer: few things are packed at once, many in turns of the event loop, and both say the same. */
import t from 'tap'
import type { Change, JsonObject, RecordPut } from '../../storage/contract.js'
import { decodeChange, encodeChange } from '../../storage/embedded/change-frame.js'
import { decodeJson } from '../../storage/embedded/json-codec.js'
import { EmbeddedRecord, encodeRecord, isSoundRecord } from '../../storage/embedded/record-codec.js'
import { decodeItem } from '../../storage/embedded/wire.js'
import { mintObjectID } from '../../storage/object-id.js'
import { idKey, idText } from '../../storage/object-key.js'
import { aValue } from './driver.js'

const ids = (count: number): string[] => Array.from({ length: count }, () => mintObjectID(32473))

t.test('a change of very many objects is what all its parts are, each packed as one of its own', async t => {
  for (const count of [0, 1, 15, 16, 199, 200, 201, 415]) {
    const change: Change = {
      expect: ids(count).map((id, version) => ({ id, version })),
      put: Array.from({ length: count }, (_, n) => aValue(`value ${n}`)),
      remove: ids(count).map((id, version) => ({ id, version, subtree: version % 2 === 0 })),
      events: Array.from({ length: count }, (_, n) => ({ operation: 'create', n })),
      limits: [{ account: 'owner:ann', bytes: 7 }],
      trees: ids(1)
    }
    const whole = decodeChange(await encodeChange(change))
    const parts = await Promise.all([...change.expect.keys()].map(async n => decodeChange(await encodeChange({
      expect: change.expect.slice(n, n + 1),
      put: change.put?.slice(n, n + 1) ?? [],
      remove: change.remove?.slice(n, n + 1) ?? [],
      events: change.events.slice(n, n + 1)
    }))))
    for (const list of ['expect', 'put', 'remove', 'events'] as const) t.strictSame(whole[list], parts.flatMap(part => [...part[list]]), `${count}: ${list}`)
    t.strictSame([whole.limits, whole.trees, whole.lease, whole.births], [change.limits, change.trees, null, []])
  }
})

t.test('all that a change may have comes out as it went in', async t => {
  const blobs = ['one', 'two'].map(name => `${name}-${'b'.repeat(30)}`)
  const [one = '', two = ''] = blobs
  const segments = [{ offset: 0, length: 5, blob: one, blobOffset: 2 }, { offset: 5, length: 2 ** 40, blob: two, blobOffset: 2 ** 33 + 1 }]
  const attributes = { metadata: { lone: '\ud800', ...JSON.parse('{"ours":{"__proto__":5}}') as JsonObject }, text: 'é'.repeat(40_000) }
  const put = (change: RecordPut['segments'], more: Partial<RecordPut> = {}): RecordPut => ({ id: mintObjectID(), version: 3, type: 'd', size: 7, attributes, segments: change, ...more })
  const from = mintObjectID()
  const puts = [
    put({ kind: 'keep' }, { attributes: { owner: 'Jürgen' } }),
    put({ kind: 'replace', segments: [] }, { inline: Buffer.alloc(70_000, 1), parentID: from, name: 'ü'.repeat(500) }),
    put({ kind: 'replace', segments }),
    put({ kind: 'splice', segments, offset: 2 ** 41, length: 9 }),
    put({ kind: 'copy', from, version: 2 ** 45 })
  ]
  const whole = decodeChange(await encodeChange({
    lease: 'a-lease',
    births: blobs.map((blob, n) => ({ blob, size: 2 ** 40 + n, hash: `${n}`.repeat(64) })),
    expect: [{ id: from, version: 2 ** 50 }],
    put: puts,
    remove: [{ id: from, version: 4, subtree: true }, { id: from, version: 5, subtree: false }],
    events: [{ n: 1 }, { long: 'x'.repeat(100_000) }],
    limits: [{ account: 'owner:Jürgen', bytes: 5 }],
    trees: [from]
  }))
  const wire = segments.map(({ offset, length, blob, blobOffset }) => [offset, length, blob, blobOffset])
  t.strictSame(whole.lease, 'a-lease')
  t.strictSame(whole.births, blobs.map((blob, n) => [blob, 2 ** 40 + n, `${n}`.repeat(64)]))
  t.strictSame(whole.expect, [[idKey(from), 2 ** 50]])
  t.strictSame(whole.put.map(([id]) => idText(id)), puts.map(({ id }) => id))
  t.strictSame(whole.put.map(([, , change]) => change), [['keep'], ['replace', []], ['replace', wire], ['splice', wire, 2 ** 41, 9], ['copy', idKey(from), 2 ** 45]])
  t.strictSame(whole.put.map(([, , , owner]) => owner), ['Jürgen', null, null, null, null])
  for (const [n, [id, record]] of whole.put.entries()) {
    const given = puts[n]
    t.ok(isSoundRecord(id, record))
    t.strictSame(record, encodeRecord(given ?? put({ kind: 'keep' })), 'as it would be alone')
    const { version, size, type, parentID, name, inline, attributes } = new EmbeddedRecord(idText(id), record)
    t.strictSame({ version, size, type, parentID, name, attributes }, { version: 3, size: 7, type: 'd', parentID: given?.parentID, name: given?.name, attributes: given?.attributes })
    t.strictSame(inline, given?.inline)
  }
  t.strictSame(whole.remove, [[idKey(from), 4, true], [idKey(from), 5, false]])
  t.strictSame(whole.events.map(decodeJson), [{ n: 1 }, { long: 'x'.repeat(100_000) }])
  t.strictSame(whole.limits, [{ account: 'owner:Jürgen', bytes: 5 }])
  t.strictSame(whole.trees, [from])
})

t.test('after a change that cannot be stored the next one is as if there had been none', async t => {
  const good = (): Change => ({ expect: [], put: [{ id: mintObjectID(), version: 1, type: 'd', size: 0, attributes: {}, segments: { kind: 'keep' } }], events: [{ n: 1 }] })
  for (const id of ['', 'xyz', '00'.repeat(41), '0'.repeat(15), '0x'.repeat(8)]) {
    t.throws(() => encodeChange({ ...good(), expect: [{ id, version: 1 }] }), { message: `"${id}" is not an object ID` })
    const change = good()
    const { expect, put, events } = decodeChange(await encodeChange(change))
    t.strictSame([expect, put.map(([id]) => idText(id)), events.map(decodeJson)], [[], change.put?.map(({ id }) => id), [{ n: 1 }]])
  }
})

t.test('a frame that is cut off anywhere, and one of another build, is refused', async t => {
  const whole = await encodeChange({ expect: [{ id: mintObjectID(), version: 1 }], put: [aValue('x')], remove: [{ id: mintObjectID(), version: 1, subtree: false }], events: [{ n: 1 }] })
  t.equal(decodeChange(whole).events.length, 1)
  let refused = 0
  for (let end = 1; end < whole.length; end++) {
    try {
      decodeChange(whole.subarray(0, end))
    } catch (error) {
      if (error instanceof RangeError) refused++
    }
  }
  // Counts that are missing are zeros.
  t.ok(refused >= whole.length - 25, `${refused} of ${whole.length}`)
  t.throws(() => decodeItem(Buffer.from([0xc1, ...whole.subarray(1)])))
  for (const version of [Number.NaN, -1, 1.5, 2 ** 53, Infinity]) t.throws(() => encodeChange({ expect: [{ id: mintObjectID(), version }], events: [] }), RangeError, `${version}`)
})
