/** Which container is the root, where the note of it is gone or has other bytes than were written: only what can be nothing else. */
import { idKey, idText } from '../../object-key.js'
import { readEntry } from '../entry-rows.js'
import { ownerKey } from '../keys.js'
import { entryKeyOf, typeOf } from '../record-codec.js'
import { readRoot } from '../root-row.js'
import type { Tables } from '../tables.js'
import { placeOf, readRecord } from './raw-record.js'
import { neighbours } from './single-bits.js'

const container = 0x63
/** How IDs of parents begin that never have a record. */
const hidden = 0xff
/** Containers without a readable record that are looked at: where there are more nothing is certain. */
const mostLost = 1000

/** What the note was; undefined where nobody can say. `note`: what is there. */
export function findRoot (tables: Tables, note: Buffer | undefined): { readonly row: Buffer, readonly done: string } | undefined {
  for (const row of note === undefined ? [] : neighbours(note)) {
    const id = readRoot(row)
    if (id !== undefined && tables.records.doesExist(idKey(id))) return { row, done: 'one bit of it was wrong, and is right again' }
  }
  const top = onlyOne(topContainers(tables))
  if (top !== undefined) return { row: top, done: 'it is noted anew: one container is in no other' }
  const lost = onlyOne(lostTops(tables))
  return lost === undefined ? undefined : { row: lost, done: 'it is noted anew: all that is there is in one container which is in no other' }
}

/** The note of a root with this ID; undefined where an ID is none. */
function rowOf (id: Buffer): Buffer | undefined {
  const row = Buffer.from(idText(id))
  return readRoot(row) === undefined ? undefined : row
}

function onlyOne (ids: Iterable<Buffer>): Buffer | undefined {
  let found: Buffer | undefined
  for (const id of ids) {
    if (found !== undefined) return undefined
    found = id
  }
  return found && rowOf(found)
}

/** Containers whose records say that they are in none: everything but the root is in one. */
function * topContainers ({ records }: Tables): Generator<Buffer> {
  for (const { key, value } of records.getRange({ start: Buffer.from([0]) })) {
    if (typeOf(value) === container && entryKeyOf(value).length === 0 && readRecord(key, value).problem === undefined) yield Buffer.from(key)
  }
}

/** Containers that have something in them, and neither a record that can be read nor a name: a damaged one may be the root as well as one that is gone. */
function lostTops ({ records, entries, orphans }: Tables): Buffer[] {
  const lost = new Map<string, Buffer>()
  let before: Buffer | undefined
  for (const { key } of entries.getRange({ start: Buffer.from([0]) })) {
    const parent = placeOf(key)?.parent
    if (parent === undefined || before?.equals(parent) === true) continue
    before = parent
    const record = records.getBinary(parent)
    if (parent[0] === hidden || (record !== undefined && readRecord(parent, record).problem === undefined) || orphans.doesExist(ownerKey(parent))) continue
    lost.set(idText(parent), parent)
    if (lost.size > mostLost) return []
  }
  if (lost.size > 0) {
    for (const { key, value } of entries.getRange({ start: Buffer.from([0]) })) {
      const id = readEntry(key, value)?.id
      if (id !== undefined && id.length > 0) lost.delete(idText(id))
    }
  }
  return [...lost.values()]
}
