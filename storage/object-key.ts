/** IDs and names as drivers keep them: their bytes, and how long they may be. */
import type { ObjectID, RecordPut } from './contract.js'

export const maxIDLength = 40
/** Longest name, in bytes of UTF-8. */
export const maxNameLength = 1024

/** The bytes of an ID. Throws a RangeError for what is none. */
export function idKey (id: ObjectID): Buffer {
  const key = Buffer.from(id, 'hex')
  if (key.length * 2 !== id.length || key.length === 0 || key.length > maxIDLength) throw new RangeError(`"${id}" is not an object ID`)
  return key
}

export function idText (bytes: Buffer, start = 0, end = bytes.length): ObjectID {
  return bytes.toString('hex', start, end).toUpperCase()
}

/** Throws when a record could not hang where its put says: half a place, or a name that is too long. */
export function checkPlace ({ id, parentID, name }: RecordPut): void {
  if ((parentID === undefined) !== (name === undefined)) throw new TypeError(`Record ${id} has a parent without a name, or a name without a parent`)
  const length = name === undefined ? 0 : Buffer.byteLength(name)
  if (length > maxNameLength) throw new RangeError(`A name has ${length} bytes; at most ${maxNameLength} are possible`)
}
