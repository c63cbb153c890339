/** All that is below a container, in one snapshot: step by step, for there may be very many, and others want their turn. */
import type { Transaction } from 'lmdb'
import type { ObjectID, RecordHead, TreeQuery } from '../contract.js'
import { idKey, idText } from '../object-key.js'
import { successor } from './bytes.js'
import { openEntry } from './entry-rows.js'
import { ownerKey } from './keys.js'
import { checkRecord, EmbeddedRecord, recordGone, withoutInline } from './record-codec.js'
import { rowsIn, rowsOf, type Tables } from './tables.js'
import { pastKey } from './whole-reads.js'

/** Rows that are read in one step. */
const atOnce = 500

/** Yields between two steps; undefined: it has more bytes than were wanted. */
export function * treeIn (tables: Tables, transaction: Transaction, id: ObjectID, { types, depth = Infinity, limit, size = Infinity }: TreeQuery): Generator<undefined, RecordHead[] | undefined> {
  const entries = rowsIn(tables.entries, transaction)
  const found: RecordHead[] = []
  let read = 0
  let level: Buffer[] = [idKey(id)]
  for (let below = 0; level.length > 0; below++) {
    const next: Buffer[] = []
    for (const key of level) {
      const bytes = tables.records.get(key, { transaction })
      const text = idText(key)
      if (bytes === undefined) {
        if (below === 0) return found
        // A record goes together with its name: who was not told would take what is left for the whole.
        throw recordGone(text)
      }
      if (found.length === limit) return found
      checkRecord(key, bytes, text)
      const head = withoutInline(bytes)
      read += head.length
      if (read > size) return undefined
      const record = new EmbeddedRecord(text, head)
      if (found.push(record) % atOnce === 0) yield
      if (below === depth || !types.includes(record.type)) continue
      // There may be many more than are wanted.
      yield * childKeys(entries, key, limit - found.length, next)
    }
    level = next
  }
  return found
}

/** Adds the IDs of the children of a container, until there are so many. */
function * childKeys (entries: ReturnType<typeof rowsIn>, parent: Buffer, most: number, keys: Buffer[]): Generator<undefined, void> {
  const owner = ownerKey(parent)
  const end = successor(owner)
  let start = owner
  while (keys.length < most) {
    const limit = Math.min(atOnce, most - keys.length)
    const rows = rowsOf('the names', entries, { start, end, limit })
    for (const { key, value } of rows) keys.push(openEntry(key, value).id)
    const last = rows.at(-1)
    if (last === undefined || rows.length < limit) return
    yield
    start = pastKey(last.key)
  }
}
