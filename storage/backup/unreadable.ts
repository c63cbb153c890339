/** What of a store has other bytes than were written, and who is told of it. */
import { type BlobID, type ObjectID, StorageError } from '../contract.js'

/** Something of the store that has other bytes than were written: an object, what is noted of a blob, or an entry of the change log. */
export interface Unreadable {
  /** A sentence without a dot, which says of what. */
  readonly problem: string
  readonly objectID?: ObjectID
  readonly blob?: BlobID
}

/** Is told of what is passed over, once or several times. */
export type PassOver = (unreadable: Unreadable) => void

/** What can be read of these, in their order. `about`: names what one is about for who is told. */
export function readableOf<T, R> (items: readonly T[], read: (item: T) => R, passOver: PassOver | undefined, about: (item: T) => Omit<Unreadable, 'problem'>): R[] {
  if (passOver === undefined) return items.map(read)
  return items.flatMap(item => {
    try {
      return [read(item)]
    } catch (error) {
      if (!isDamage(error)) throw error
      passOver({ ...about(item), problem: error.message })
      return []
    }
  })
}

/** Whether this is said of what is stored, and not of the way to it. */
export function isDamage (error: unknown): error is StorageError {
  return error instanceof StorageError && (error.reason === 'corrupt' || error.reason === 'missing')
}
