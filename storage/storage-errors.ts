/** From what the operating system and LMDB say to what the contract says. */
import { StorageError, type StorageReason } from './contract.js'

/** LMDB gives error numbers, Node names. */
const reasons = new Map<unknown, StorageReason>([
  ['ENOSPC', 'full'], [28, 'full'], ['EDQUOT', 'full'], [122, 'full'], ['EFBIG', 'full'], [27, 'full'], [-30792, 'full'],
  // LMDB: a page that there is none of, a page of another kind than it should be, no file of LMDB at all.
  [-30797, 'corrupt'], [-30796, 'corrupt'], [-30793, 'corrupt'],
  ['EACCES', 'permission'], [13, 'permission'], ['EPERM', 'permission'], [1, 'permission'], ['EROFS', 'permission'], [30, 'permission']
])

const nameOf = new Map<unknown, string>([[5, 'EIO: input/output error'], [22, 'the engine refuses to work after a failed write'], [-30795, 'the engine refuses to work after a commit whose last write failed']])

/** The StorageError for an error of the engine or the file system; a StorageError is passed on. `doing` is half a sentence: "writing x". */
export function toStorageError (error: unknown, doing: string): StorageError {
  if (error instanceof StorageError) return error
  const code = (error as { code?: unknown } | null)?.code
  const said = nameOf.get(code) ?? (error instanceof Error ? error.message : String(error))
  return new StorageError(reasons.get(code) ?? 'unavailable', `${doing}: ${said}`, { cause: error })
}

export function hasCode (error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(String((error as { code?: unknown } | null)?.code))
}
