/** What the parts of the model share. One per store that an application registers. */
import type { Store } from '../storage/contract.js'
import type { MutationGate } from './mutation-gate.js'
import type { Namespace } from './namespace.js'

export interface Limits {
  /** Longest value, in bytes. */
  readonly value: number
  /** Longest JSON text that is parsed whole (keyed records), in bytes. */
  readonly json: number
}

export interface ModelContext {
  readonly store: Store
  readonly namespace: Namespace
  readonly gate: MutationGate
  readonly limits: Limits
}
