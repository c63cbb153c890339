/** What the server keeps for itself (parts of a value that is being written), damaged in more than one way. */
import t from 'tap'
import { ownerKey } from '../../storage/embedded/keys.js'
import { hasSegments, typeOf } from '../../storage/embedded/record-codec.js'
import { successor } from '../../storage/embedded/bytes.js'
import type { Table, Tables } from '../../storage/embedded/tables.js'
import { filledStore, harmed, repaired, verified } from './verify-store.js'

const filled = await filledStore(t)

function flip (table: Table, key: Buffer, bits: readonly number[]): void {
  const copy = Buffer.from(table.getBinary(key) ?? '')
  for (const bit of bits) copy[copy.length - 1 - (bit >> 3)] = (copy[copy.length - 1 - (bit >> 3)] ?? 0) ^ (1 << (bit & 7))
  table.putSync(key, copy)
}

function partsIn ({ records }: Tables): Buffer {
  for (const { key, value } of records.getRange({ start: Buffer.from([0]) })) if (!'cdrk'.includes(String.fromCharCode(typeOf(value))) && hasSegments(value)) return Buffer.from(key)
  throw new Error('there are none')
}

t.test('parts whose record and whose map have other bytes than were written are set apart, and do not keep the store from being mended', async t => {
  const directory = await harmed(t, filled, tables => {
    const { records, segments } = tables
    const id = partsIn(tables)
    // In the checksum: what is behind it can be read.
    flip(records, id, [0, 9])
    const [segment] = Array.from(segments.getKeys({ start: ownerKey(id), end: successor(ownerKey(id)) }))
    flip(segments, Buffer.from(segment ?? ''), [70, 81])
  })
  const repairs = await repaired(directory)
  t.match(repairs.find(({ kind }) => kind === 'record'), { problem: /^Object FF\w+ has/, done: /it is \/lost%2Bfound\/\w+ now/ })
  t.equal(repairs.filter(({ done }) => done === undefined).length, 0)
  t.same((await verified(directory)).news, [])
})
