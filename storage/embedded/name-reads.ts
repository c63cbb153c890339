/** Which rows of the entries a listing needs. */
import type { ChildrenQuery, NamePage, ObjectID } from '../contract.js'
import { idKey, maxNameLength } from '../object-key.js'
import { successor } from './bytes.js'
import { entryKey, ownerKey } from './keys.js'
import type { EntryRange } from './name-scan.js'
import { pastKey } from './whole-reads.js'

/** The entries that are asked for; undefined when there can be none. */
export function rangeOf (id: ObjectID, { after, prefix, limit }: ChildrenQuery): EntryRange | undefined {
  const parent = idKey(id)
  const owner = ownerKey(parent)
  const names = prefix === undefined ? owner : entryKey(parent, prefix)
  if (names.length > owner.length + maxNameLength) return undefined
  // A name cut one byte past the longest possible one sorts among real names just like the whole.
  const past = after === undefined ? undefined : pastKey(entryKey(parent, after).subarray(0, owner.length + maxNameLength + 1))
  const start = past !== undefined && past.compare(names) > 0 ? past : names
  const end = successor(names)
  return limit <= 0 || start.compare(end) >= 0 ? undefined : { start, end, limit }
}

/** The key of the last name of a page. */
export function lastOf ({ count, bytes, ends }: NamePage, owner: Buffer): Buffer | undefined {
  return count === 0 ? undefined : Buffer.concat([owner, bytes.subarray(count === 1 ? 0 : ends[count - 2], ends[count - 1])])
}
