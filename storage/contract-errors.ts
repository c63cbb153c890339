/** What drivers throw: a part of the contract. */

export type StorageReason =
  /** No space left for data: nothing was changed. */
  | 'full'
  /** The engine is away, broken or closing; nothing is known to have changed. */
  | 'unavailable'
  /** The operating system refuses access. */
  | 'permission'
  /** Bytes that were acknowledged are not there. */
  | 'missing'
  /** Bytes are there but not those that were written. */
  | 'corrupt'
  /** Another server owns the store. */
  | 'locked'
  /** Written by a newer build, or not a store at all. */
  | 'format'

/** The attributes of a tree are longer than was asked for. */
export class TreeTooLarge extends Error {
  override readonly name = 'TreeTooLarge'
}

/** What a driver throws. `message` is for the operator and may name paths: doors never show it. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  /** The half of the store that it is about, where that was asked. */
  readonly part: 'records' | 'values' | undefined

  constructor (readonly reason: StorageReason, message: string, options?: ErrorOptions & { readonly part?: 'records' | 'values' | undefined }) {
    super(message, options)
    this.part = options?.part
  }
}

/** The store was closed before this, or in the middle of it: nothing has failed that anybody has to look after. */
export class StoreClosedError extends StorageError {
  constructor () { super('unavailable', 'The store is closed') }
}
