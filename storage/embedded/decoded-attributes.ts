/**
 * Attributes of objects that are read again and again. To decode them costs more than to look a record up, and most of the time they are the bytes that
 * they were: so the bytes are compared, which needs no word of any change.
 */
import { LRUCache } from 'lru-cache'
import type { Json, JsonObject, ObjectID } from '../contract.js'
import { decodeJson } from './json-codec.js'
import { SecondSight } from './second-sight.js'

interface Decoded {
  readonly bytes: Uint8Array
  readonly attributes: JsonObject
}

/** Objects whose attributes are kept, and the longest that are, in bytes: some 20 MB at most. */
const most = 4096
const longest = 1024

const known = new LRUCache<ObjectID, Decoded>({ max: most })
const sight = new SecondSight()

/** The attributes that these bytes say. Frozen where others may have them, too. */
export function decodeAttributes (id: ObjectID, bytes: Buffer): JsonObject {
  if (bytes.length > longest) return decodeJson(bytes)
  const before = known.get(id)
  if (before !== undefined) {
    if (bytes.equals(before.bytes)) return before.attributes
    known.delete(id)
  }
  const attributes = decodeJson(bytes)
  // What changes more often than it is read is not worth a place.
  if (!sight.again(id, bytes)) return attributes
  // A copy of its own: these bytes are a part of the record's, with a value behind them.
  known.set(id, { bytes: new Uint8Array(bytes), attributes: frozen(attributes) })
  return attributes
}

function frozen<T extends Json> (value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const item of Object.values(value)) frozen(item as Json)
  return Object.freeze(value)
}
