/** What a worker process and the primary say to each other over the channel of node:cluster. */
import type { LeaseID } from '../contract.js'
import type { WireResult } from './wire.js'

/** All messages carry this, so that they can be told from those of the application, and of a build that says other things: a package may be replaced under a server that runs. */
export const protocol = 'fastify-cdmi store 2'

interface Envelope {
  readonly protocol: typeof protocol
  /** Absolute path of the store. */
  readonly store: string
}

export type ToPrimary = Envelope & (
  /** Asks whether the primary serves this store. The bytes show whether binary messages arrive. */
  | { readonly kind: 'hello', readonly bytes: Uint8Array }
  /** Comes before the lease is opened: the primary closes it when the worker dies. */
  | { readonly kind: 'lease', readonly lease: LeaseID }
  | { readonly kind: 'batch', readonly batch: Uint8Array }
)

export type ToWorker = Envelope & (
  | { readonly kind: 'welcome', readonly binary: boolean }
  /** Of the oldest batch that has no answer yet. */
  | { readonly kind: 'results', readonly results: WireResult[] }
)

export function isToPrimary (message: unknown): message is ToPrimary {
  return (message as { protocol?: unknown } | null)?.protocol === protocol
}

export function isToWorker (message: unknown): message is ToWorker {
  return (message as { protocol?: unknown } | null)?.protocol === protocol
}
