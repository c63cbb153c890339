/** Records along paths, from what is known of them and, as far as that does not go, from the tables. */
import type { ObjectID, StoredRecord } from '../contract.js'
import { idKey } from '../object-key.js'
import type { Chain, Paths } from './known-paths.js'
import { keyOf } from './record-codec.js'
import { childOf, resolveIn } from './record-reads.js'
import type { Tables } from './tables.js'

/** Runs a read in a snapshot that has all that was acknowledged. */
export type Read = <T>(read: (tables: Tables) => T) => T

/** As `resolveIn`. `again`: the object at the end may be asked for once more as it is now, and not be written. All that `read` is given must be of one snapshot. */
export function followKnown (paths: Paths, from: ObjectID, names: readonly string[], again: boolean, read: Read): Chain {
  const known = paths.find(from, names)
  if (known !== undefined) return known
  const below = childOfKnown(paths, from, names, read)
  const chain = below ?? read(tables => resolveIn(tables, idKey(from), from, names))
  if (again) paths.keep(from, names, chain)
  // Where something is made there will be more.
  if (below === undefined && names.length > 0) paths.keep(from, names.slice(0, -1), chain.slice(0, names.length))
  return chain
}

/** Where the parent is known only the last step is to be done. */
function childOfKnown (paths: Paths, from: ObjectID, names: readonly string[], read: Read): StoredRecord[] | undefined {
  const name = names.at(-1)
  const above = name === undefined ? undefined : paths.find(from, names.slice(0, -1))
  const parent = above?.at(-1)
  if (name === undefined || above === undefined || parent === undefined) return undefined
  const child = read(tables => childOf(tables, keyOf(parent), parent.id, name))
  return child === undefined ? [...above] : [...above, child]
}
