/** What may be counted, for quotas: a part of the contract. */
import type { ObjectID } from './contract-ids.js'

/** Whose objects are counted together: those of an owner, the children of a container, or a container with all that is below it. */
export type Account = `owner:${string}` | `children:${ObjectID}` | `tree:${ObjectID}`

/** What may be counted: see `beginCounting`. */
export type CountedKind = 'owners' | 'children' | 'trees'

/** Bytes of values, as long as they are, whatever they share; and objects. Of children only the objects are counted. */
export interface Amount {
  readonly bytes: number
  readonly objects: number
}

export interface AccountLimit extends Partial<Amount> {
  readonly account: Account
}

export interface Usage extends Amount {
  /** False while what was there before the counting began is still being counted: it is more than this. */
  readonly whole: boolean
}

/** An account for which something else is noted than there is. */
export interface Miscount {
  readonly account: Account
  /** NaN: it cannot be read. */
  readonly noted: Amount
  readonly found: Amount
}
