/** Trees in an embedded store: where a walk up finds its containers, and what is kept of those that were removed. */
import type { ObjectID } from '../contract.js'
import { idKey, idText, maxIDLength } from '../object-key.js'
import { type Member, TreeWalk } from '../trees.js'
import type { Counted } from '../usage.js'
import type { Counting } from './counting.js'
import { ownerKey } from './keys.js'
import { entryKeyOf, sizeOf, treesOf, typeOf } from './record-codec.js'
import { readOrphan } from './orphan-rows.js'
import type { Tables } from './tables.js'

/** The ID of the container that a record hangs in; undefined also when a damaged one names none. */
export function parentIn (record: Uint8Array): ObjectID | undefined {
  const entry = entryKeyOf(record)
  const length = entry[0] ?? 0
  return length === 0 || length > maxIDLength || entry.length <= length ? undefined : idText(Buffer.from(entry.subarray(1, 1 + length)))
}

/** `changed`: parents of containers that a change puts, where they differ from what is stored. */
export function walkIn ({ records, orphans }: Tables, counting: () => Counting, changed?: ReadonlyMap<ObjectID, ObjectID | undefined>): TreeWalk {
  return new TreeWalk({
    isTree: id => counting().trees?.[id] !== undefined,
    parentOf: id => {
      if (changed?.has(id) === true) return changed.get(id)
      const record = records.getBinaryFast(idKey(id))
      return record === undefined ? undefined : parentIn(record)
    },
    leftOf: id => {
      const key = ownerKey(idKey(id))
      const row = orphans.getBinary(key)
      return row === undefined ? undefined : readOrphan(key, row)
    }
  })
}

/** A record as it is counted. */
export function countedOf (record: Uint8Array): Counted {
  return { type: String.fromCharCode(typeOf(record)), size: sizeOf(record), parentID: parentIn(record) }
}

/** A record as it is counted in trees. It is not read again, but for those that a helper names. */
export function memberOf (id: ObjectID, record: Uint8Array): Member {
  return { id, ...countedOf(record), within: () => treesOf(record) }
}
