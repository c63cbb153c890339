/** Records, by their IDs and by their names, in the snapshot of this turn of the event loop. */
import type { Accesses, ObjectID, Segment, StoredRecord } from '../contract.js'
import { idKey, idText, maxNameLength } from '../object-key.js'
import { openAccesses } from './access-rows.js'
import { openEntry } from './entry-rows.js'
import { entryKey } from './keys.js'
import { checkRecord, EmbeddedRecord, keyOf, recordGone, versionOf } from './record-codec.js'
import { overlapping } from './segment-writer.js'
import type { Table, Tables } from './tables.js'
import { checkCovered, segmentsOf } from './whole-reads.js'

/** From `from` down, as far as there is something. `start`: the key of `from`. */
export function resolveIn (tables: Tables, start: Buffer, from: ObjectID, names: readonly string[]): StoredRecord[] {
  let record = recordAt(tables.records, start, from)
  const found: StoredRecord[] = []
  for (const name of names) {
    if (record === undefined) return found
    found.push(record)
    record = childOf(tables, keyOf(record), record.id, name)
  }
  if (record !== undefined) found.push(record)
  return found
}

/** From the top down; empty where there is none. `start`: the key of `id`. */
export function lineageIn (records: Table, start: Buffer, id: ObjectID): StoredRecord[] {
  const chain: StoredRecord[] = []
  const passed = new Set<ObjectID>()
  let record = recordAt(records, start, id)
  // Containers that are each other's ancestors, of a store that is damaged, have no top.
  while (record !== undefined && !passed.has(record.id)) {
    chain.push(record)
    passed.add(record.id)
    if (record.parentID === undefined) return chain.reverse()
    record = recordAt(records, idKey(record.parentID), record.parentID)
  }
  return []
}

/** Those that overlap a range, and the version of their record. */
export function segmentsIn ({ records, segments }: Tables, key: Buffer, id: ObjectID, offset: number, length: number): { version: number, segments: Segment[] } | undefined {
  const record = copyOf(records.getBinaryFast(key))
  if (record === undefined) return undefined
  checkRecord(key, record, id)
  const found = overlapping(segments, key, offset, length)
  checkCovered(id, record, found, offset, offset + length)
  return { version: versionOf(record), segments: segmentsOf(found) }
}

export function accessesAt (accesses: Table, key: Buffer): Accesses | undefined {
  const row = accesses.getBinary(key)
  return row === undefined ? undefined : openAccesses(key, row)
}

export function childOf ({ records, entries }: Tables, parentKey: Buffer, parentID: ObjectID, name: string): StoredRecord | undefined {
  if (name.length > maxNameLength) return undefined
  const entry = entryKey(parentKey, name)
  const row = copyOf(entries.getBinaryFast(entry))
  if (row === undefined) return undefined
  const key = openEntry(entry, row).id
  const id = idText(key)
  const record = recordAt(records, key, id, parentID)
  if (record === undefined) throw recordGone(id)
  return record
}

export function recordAt (records: Table, key: Buffer, id: ObjectID, parentID?: ObjectID): StoredRecord | undefined {
  const bytes = copyOf(records.getBinaryFast(key))
  if (bytes === undefined) return undefined
  checkRecord(key, bytes, id)
  return new EmbeddedRecord(id, bytes, parentID)
}

/** What lies in LMDB's own buffer, or in its memory map, until the next read. LMDB's way to copy it takes several times as long. */
function copyOf (bytes: Uint8Array | undefined): Buffer | undefined {
  if (bytes === undefined) return undefined
  const copy = Buffer.allocUnsafe(bytes.length)
  copy.set(bytes.subarray(0, bytes.length))
  return copy
}
