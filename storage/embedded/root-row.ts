/** Which container is the root: its ID, which has a checksum of its own. */
import { type ObjectID, StorageError } from '../contract.js'
import { isObjectID } from '../object-id.js'
import { idKey, idText } from '../object-key.js'

/** Undefined: it has other bytes than were written. */
export function readRoot (row: Buffer): ObjectID | undefined {
  const id = row.toString('latin1')
  return isObjectID(id) && idText(idKey(id)) === id ? id : undefined
}

/** Throws a StorageError: 'format' where nothing is noted, 'corrupt' when it has other bytes than were written. */
export function openRoot (row: Buffer | undefined, directory: string): ObjectID {
  if (row === undefined) throw new StorageError('format', `The store in ${directory} has no root container`)
  const id = readRoot(row)
  if (id === undefined) throw new StorageError('corrupt', `The note which container is the root of the store in ${directory} has other bytes than were written; fastify-cdmi repair may put it right`)
  return id
}
